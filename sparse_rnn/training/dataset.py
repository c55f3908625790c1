"""Batches for ``torch.utils.data.DataLoader``: a stream as an `IterableDataset`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from sparse_rnn.data import TaskStream
from sparse_rnn.errors import unknown_name
from sparse_rnn.system.arguments import instance, whole

RULES = ("one_hot", "index")


class Loaded(NamedTuple):
    """A batch of a `BatchDataset`; a tuple of tensors, so that a loader can pin its memory.

    Attributes:
        number: int64 ``[]``, number of the batch in the stream (or in its shard).
        inputs: float32 ``[T, B, I]``; with ``rule="index"`` without the rule channels.
        targets: int64 ``[T, B]``; 0 = fixate, 1 + k = direction k.
        mask: float32 ``[T, B]``, weight of each step in the loss; 0 on padding.
        rule: int64 ``[T, B]``, rule slot; the number of slots on padding, so that
            ``torch.nn.Embedding(n_rules + 1, N, padding_idx=n_rules)`` takes it.
    """

    number: Tensor
    inputs: Tensor
    targets: Tensor
    mask: Tensor
    rule: Tensor


class BatchDataset(IterableDataset[Loaded]):
    """A stream of whole batches; each is drawn once, whatever the number of workers.

    Worker w of k draws the batches w, w + k, ... of the stream. A `DataLoader` takes them from the
    workers in turn, so that the batches and their order are those of the stream itself.

    Args:
        stream: The stream; for one of several processes ``stream.shard(rank, world_size)``.
        n_batches: How many batches an epoch has; None is without end.
        rule: "one_hot": the inputs as the network of the paper sees them; "index": without the
            rule channels, for a table of rule vectors.

    Raises:
        InvalidArgument: `n_batches` is below 1.
        UnknownName: There is no such form of the rule.

    Example:
        >>> from sparse_rnn import BatchDataset
        >>> from torch.utils.data import DataLoader
        >>> from sparse_rnn.data import task_stream
        >>> stream = task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> loader = DataLoader(BatchDataset(stream, 3, rule="index"), batch_size=None)
        >>> [tuple(batch.inputs.shape) for batch in loader]
        [(100, 4, 33), (100, 4, 33), (100, 4, 33)]
    """

    def __init__(
        self,
        stream: TaskStream,
        n_batches: int | None = None,
        *,
        rule: Literal["one_hot", "index"] = "one_hot",
    ) -> None:
        super().__init__()
        instance("stream", stream, TaskStream)
        if n_batches is not None:
            whole("n_batches", n_batches, 1)
        if rule not in RULES:
            raise unknown_name("rule", rule, RULES, "a form of the rule input")
        self.stream = stream
        self.n_batches = n_batches
        self.rule = rule
        self._n_other = stream.input_size - stream.sampler.rules.shape[1]  # no rule channels

    def __iter__(self) -> Iterator[Loaded]:
        """Iterate over the batches of this worker, from the first one on."""
        worker = get_worker_info()
        first, stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in itertools.count(first, stride):
            if self.n_batches is not None and number >= self.n_batches:
                return
            yield self._load(number)

    def _load(self, number: int) -> Loaded:
        batch = self.stream.batch(number)
        rule = torch.from_numpy(self.stream.rules_of(batch))
        inputs = batch.inputs
        if self.rule == "index":
            inputs = inputs[..., : self._n_other].contiguous()
        return Loaded(torch.tensor(number), inputs, batch.targets, batch.mask, rule)
