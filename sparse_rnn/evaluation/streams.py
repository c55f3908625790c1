"""What networks are trained on and scored with: batches, and streams of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.system.arguments import whole


@dataclass(frozen=True)
class Batch:
    """A batch of trials as tensors.

    Attributes:
        inputs: float32 ``[T, B, I]``.
        targets: int64 ``[T, B]``, labels 0..O-1; of the tasks of `modcog` 0 = fixate, 1 + k =
            direction k. Numbers for each output are float32 ``[T, B, O]``.
        mask: float32 ``[T, B]``, weight of each step in the loss; 0 on padding.
        source: What the stream that drew the batch needs to score answers to it. Of a `TaskStream`
            the `modcog.Batch`, whose arrays the tensors share and which holds the trials.
        n_labels: Number of labels O, where targets are labels and `source` is no `modcog.Batch`,
            which knows it.

    Example:
        >>> import torch
        >>> from sparse_rnn import Batch
        >>> labels = torch.tensor([[0, 0], [2, 1]])
        >>> Batch(torch.zeros(2, 2, 4), labels, torch.ones(2, 2), n_labels=3).n_outputs
        3
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    source: Any = None
    n_labels: int | None = None

    @property
    def n_outputs(self) -> int:
        """Number of outputs O of a network for these trials.

        Raises:
            InvalidArgument: Targets are labels, and nobody said how many there are.
        """
        if self.targets.is_floating_point():
            return self.targets.shape[-1]
        if self.n_labels is not None:
            return self.n_labels
        trials = getattr(self.source, "trials", None)
        if trials is None:
            raise InvalidArgument("n_labels", None, "given to a Batch whose targets are labels")
        return 1 + trials.dim_ring

    @property
    def steps_and_lanes(self) -> tuple[int, int]:
        """Number of time steps T and of lanes B."""
        return self.inputs.shape[0], self.inputs.shape[1]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with its tensors on a device; itself where they are there already."""
        if self.inputs.device == torch.device(device):
            return self
        return replace(
            self,
            inputs=self.inputs.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
            mask=self.mask.to(device, non_blocking=True),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Sharded:
    """A stream of which each of several processes trains on a part: every so many batches."""

    _first: int = 0
    _stride: int = 1

    def shard(self, rank: int, world_size: int) -> Self:
        """The part of the stream that one of several processes trains on.

        Batch i of the shard is batch ``i * world_size + rank`` here.

        Raises:
            InvalidArgument: `rank` is not below `world_size`, or one is not a whole number.
        """
        world_size = whole("world_size", world_size, 1)
        rank = whole("rank", rank, 0, world_size - 1)
        return replace(self, _first=self._of_whole(rank), _stride=self._stride * world_size)

    def _of_whole(self, number: int) -> int:
        """Number in the whole stream of a batch of this part."""
        return self._first + number * self._stride


class Batches(Protocol):
    """Where training batches come from; a `TaskStream` is one, and so is any object like this.

    Example:
        >>> from dataclasses import replace
        >>> from sparse_rnn.data import task_stream
        >>> class Halved:
        ...     def __init__(self, stream):
        ...         self.stream = stream
        ...
        ...     def batches(self, start, stop):
        ...         for batch in self.stream.batches(start, stop):
        ...             yield replace(batch, inputs=batch.inputs / 2)
        >>> stream = task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> next(Halved(stream).batches(3, 5)).inputs.shape
        torch.Size([100, 4, 53])
    """

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1, each a pure function of its number."""
        ...


class Scored(Batches, Protocol):
    """Batches that answers can be scored on."""

    def score(self, answers: Iterable[tuple[Tensor, Batch]]) -> TaskScores:
        """Score pairs of outputs ``[T, B, O]`` and the batch that they answer."""
        ...


class Examined(Scored, Protocol):
    """What evaluations are made of: on the way and, with other trials or the same, at the end."""

    def final(self) -> Scored:
        """The batches of the evaluation at the end of a run."""
        ...


class Stream(Scored, Protocol):
    """What `sparse_rnn.fit` trains on in place of a suite.

    `array_stream`, `environment_stream` and `task_stream` make such streams, and any object like
    this is one. It may also have a ``name``, the number ``batch_size`` of lanes, the ``seq_len`` of
    steps and the ``seed`` that its trials are drawn from, which the configuration of the run then
    repeats; and ``shard(rank, world_size)``, which several processes need.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> class Echo:
        ...     '''Says at each step which of two inputs is the larger one.'''
        ...
        ...     name, input_size, output_size, identity = "Echo", 2, 2, "1"
        ...
        ...     def __init__(self, seed=0):
        ...         self.seed = seed
        ...
        ...     def batches(self, start, stop):
        ...         for number in range(start, stop):
        ...             draws = torch.Generator().manual_seed(1_000_003 * self.seed + number)
        ...             inputs = torch.rand(5, 8, 2, generator=draws)
        ...             yield srnn.Batch(inputs, inputs.argmax(-1), torch.ones(5, 8), n_labels=2)
        ...
        ...     def held_out(self):
        ...         return Echo(self.seed + 1)
        ...
        ...     def final(self):
        ...         return Echo(self.seed + 2)
        ...
        ...     def score(self, answers):
        ...         return srnn.score_trials(answers, name="Echo")
        >>> net = srnn.Network(2, 2, srnn.masks.autapse(4), seed=0)
        >>> config = srnn.FitConfig(steps=2, eval_batches=1, final_batches=1)
        >>> srnn.fit(net, config, stream=Echo()).config.suite
        'own:Echo'
    """

    @property
    def input_size(self) -> int:
        """Number of input channels I."""
        ...

    @property
    def output_size(self) -> int:
        """Number of outputs O."""
        ...

    @property
    def identity(self) -> str:
        """A digest of the content: a run folder refuses a stream with another one."""
        ...

    def held_out(self) -> Examined:
        """Trials that this stream never has, for the evaluations."""
        ...


def digest(*batches: Batch) -> str:
    """SHA-256 of what batches hold, in hexadecimal digits."""
    found = hashlib.sha256()
    for batch in batches:
        for tensor in (batch.inputs, batch.targets, batch.mask):
            found.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
            found.update(tensor.contiguous().cpu().numpy().tobytes())
    return found.hexdigest()
