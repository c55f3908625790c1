"""Arrays of trials as a stream: `array_stream`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sparse_rnn.config.own import check_own
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.streams import Batch, Sharded
from sparse_rnn.evaluation.trials import Segments, score_trials
from sparse_rnn.seeding import Purpose, derive
from sparse_rnn.system import limits
from sparse_rnn.system.arguments import finite, real, whole


@dataclass(frozen=True, eq=False)
class _Trials:
    """What a stream draws from, in the layout of its batches; one trial a lane."""

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    mask: NDArray[np.float32]
    task: NDArray[np.str_]
    n_labels: int | None
    tolerance: float | None

    @cached_property
    def digest(self) -> str:
        found = hashlib.sha256()
        for array in (self.inputs, self.targets, self.mask, self.task):
            found.update(f"{array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        found.update(json.dumps([self.n_labels, self.tolerance]).encode())
        return found.hexdigest()

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        source = Segments.one_a_lane(self.inputs.shape[0], chosen.size, self.task[chosen])
        parts = (torch.from_numpy(a[:, chosen]) for a in (self.inputs, self.targets, self.mask))
        return Batch(*parts, source=source, n_labels=self.n_labels)


@dataclass(frozen=True, eq=False)
class ArrayStream(Sharded):
    """Batches of trials from arrays, each a pure function of the stream's arguments and its number.

    Each trial comes once before any comes again, in an order that is drawn anew each time.

    Attributes:
        name: What its run is called, and its task, where trials do not say theirs.
        batch_size: Number of lanes B, a trial each.
        seed: Where the order is drawn from, and which trials are held out.
    """

    name: str
    batch_size: int
    seed: int
    _all: _Trials
    _chosen: NDArray[np.int64]
    _others: NDArray[np.int64]

    @property
    def input_size(self) -> int:
        """Number of input channels I."""
        return self._all.inputs.shape[2]

    @property
    def output_size(self) -> int:
        """Number of outputs O."""
        return self._all.n_labels or self._all.targets.shape[2]

    @property
    def seq_len(self) -> int:
        """Number of time steps T."""
        return self._all.inputs.shape[0]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order in which they come first in the arrays."""
        return tuple(dict.fromkeys(self._all.task.tolist()))

    @property
    def identity(self) -> str:
        """SHA-256 of the arrays, and of which trials are trained."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        chosen = hashlib.sha256(self._chosen.tobytes()).hexdigest()
        return hashlib.sha256(f"{self._all.digest} {chosen}".encode()).hexdigest()

    def held_out(self) -> HeldOutArrays:
        """The trials that are never trained, once each."""
        return HeldOutArrays(self._all, self._others, self.batch_size, self.tasks)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1."""
        order: tuple[int, NDArray[np.int64]] = -1, self._chosen
        n = self._chosen.size
        for number in range(start, stop):
            begin = self._of_whole(number) * self.batch_size
            parts: list[NDArray[np.int64]] = []
            at, end = begin, begin + self.batch_size
            while at < end:
                if order[0] != at // n:
                    order = at // n, self._order(at // n)
                parts.append(order[1][at % n : at % n + end - at])
                at += parts[-1].size
            yield self._all.batch(np.concatenate(parts))

    def score(self, answers: Iterable[tuple[Tensor, Batch]]) -> TaskScores:
        """Score pairs of outputs and the batch that they answer; see `score_trials`."""
        return score_trials(answers, tolerance=self._all.tolerance, tasks=self.tasks)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng(derive(self.seed, Purpose.ARRAYS_ORDER, epoch))
        return rng.permutation(self._chosen)


@dataclass(frozen=True, eq=False)
class HeldOutArrays:
    """The trials of arrays that are never trained, each once: the last batch ends them."""

    _all: _Trials
    _chosen: NDArray[np.int64]
    batch_size: int
    tasks: tuple[str, ...]

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1, as far as there are any."""
        for begin in range(start * self.batch_size, self._chosen.size, self.batch_size):
            if begin >= stop * self.batch_size:
                return
            yield self._all.batch(self._chosen[begin : begin + self.batch_size])

    def final(self) -> HeldOutArrays:
        """The same trials: there are no others."""
        return self

    def score(self, answers: Iterable[tuple[Tensor, Batch]]) -> TaskScores:
        """Score pairs of outputs and the batch that they answer; see `score_trials`."""
        return score_trials(answers, tolerance=self._all.tolerance, tasks=self.tasks)


def array_stream(  # noqa: PLR0913 - an option each, keyword-only past the third
    inputs: ArrayLike,
    targets: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    tasks: Sequence[str] | None = None,
    n_labels: int | None = None,
    tolerance: float | None = None,
    name: str = "arrays",
    batch_size: int = 20,
    seed: int = 0,
    held_out: float = 0.2,
) -> ArrayStream:
    """Make a stream for `sparse_rnn.fit` of trials in arrays; time comes first.

    A part of the trials, drawn by the seed from those of each task, is held out: it is never
    trained, and the evaluations are of it, each trial once. The others come in an order that is
    drawn anew each time through. Scores are those of `score_trials`.

    Args:
        inputs: ``[T, n, I]``, finite; kept as float32. Shorter trials end with padding.
        targets: Labels, whole numbers of at least 0 ``[T, n]``; or numbers, floats ``[T, n, O]``,
            for ``objective="squared_error"``. A step of no interest has any, and mask 0.
        mask: ``[T, n]``, weight of each step in the loss, at least 0 and not 0 throughout a trial;
            None: 1. Steps above 0 count in the scores.
        tasks: Name of the task of each of the n trials, which are scored for themselves; None: all
            are of one, called `name`.
        n_labels: Number of outputs, where targets are labels; None: one more than the largest.
        tolerance: How far a right number may be from its target; None where targets are labels.
        name: What the run is called: its suite is ``own:`` and this.
        batch_size: Trials a batch.
        seed: Where the order is drawn from, and which trials are held out.
        held_out: Fraction of the trials that is held out, between 0 and 1; of each task at least
            one trial is, and one is not.

    Returns:
        The stream. Each of its batches is a pure function of the arguments and its number.

    Raises:
        InvalidArgument: An array has another shape or kind, or a number that is not finite, or
            another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from sparse_rnn import array_stream
        >>> inputs = np.random.default_rng(0).normal(size=(10, 200, 3))
        >>> stream = array_stream(inputs, inputs.sum(0).argmax(-1) * np.ones((10, 1), int))
        >>> stream.input_size, stream.output_size, stream.seq_len
        (3, 3, 10)
        >>> sum(batch.inputs.shape[1] for batch in stream.held_out().batches(0, 50))
        40
    """
    x = _numbers("inputs", inputs, 3)
    n_steps, n, _ = x.shape
    y = np.asarray(targets)
    labels = y.dtype.kind in "iu"
    if labels:
        if y.shape != (n_steps, n):
            raise InvalidArgument("targets", list(y.shape), f"labels [{n_steps}, {n}], as inputs")
        if y.min() < 0:
            remedy = "A step without a target has mask 0."
            raise InvalidArgument("targets", int(y.min()), "labels of at least 0", remedy)
        most = int(y.max()) + 1
        n_labels = most if n_labels is None else whole("n_labels", n_labels, most)
        if tolerance is not None:
            raise InvalidArgument("tolerance", tolerance, "None where targets are labels")
        y = y.astype(np.int64)
    else:
        y = _numbers("targets", y, 3)
        if y.shape[:2] != (n_steps, n):
            allowed = f"numbers [{n_steps}, {n}, outputs], as inputs, or labels [{n_steps}, {n}]"
            raise InvalidArgument("targets", list(y.shape), allowed)
        if n_labels is not None:
            raise InvalidArgument("n_labels", n_labels, "None where targets are numbers")
        tolerance = real("tolerance", tolerance, 0)
    weights = np.ones((n_steps, n), np.float32) if mask is None else _numbers("mask", mask, 2)
    if weights.shape != (n_steps, n) or weights.min() < 0 or not weights.any(0).all():
        allowed = f"weights [{n_steps}, {n}] of at least 0, and above 0 at a step of each trial"
        raise InvalidArgument("mask", f"{list(weights.shape)} from {weights.min():g}", allowed)
    check_own("name", name)
    names = _tasks(tasks, name, n)
    batch_size = whole("batch_size", batch_size, 1, limits.BATCH_SIZE)
    seed = whole("seed", seed, 0, limits.SEED)
    allowed = "a fraction of the trials, above 0 and below 1"
    share = finite("held_out", held_out, allowed, above=0, most=1)
    if share == 1:
        raise InvalidArgument("held_out", held_out, allowed)
    trained, others = _split(names, share, seed)
    trials = _Trials(x, y, weights, names, n_labels, tolerance)
    return ArrayStream(name, batch_size, seed, trials, trained, others)


def _numbers(argument: str, given: ArrayLike, n_axes: int) -> NDArray[np.float32]:
    """An array of finite numbers as float32."""
    array: NDArray[Any] = np.asarray(given)
    axes = {2: "[time, trial]", 3: "[time, trial, channel]"}[n_axes]
    if array.dtype.kind not in "biuf" or array.ndim != n_axes or not array.size:
        found = f"{array.dtype} {list(array.shape)}"
        raise InvalidArgument(argument, found, f"numbers {axes}")
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise InvalidArgument(argument, "NaN, infinite or too large ones", "finite float32 numbers")
    return numbers


def _tasks(tasks: Sequence[str] | None, name: str, n: int) -> NDArray[np.str_]:
    if tasks is None:
        return np.full(n, name)
    names: list[Any] = list(tasks)  # of callers without a type checker
    if isinstance(tasks, str) or len(names) != n or not all(isinstance(t, str) for t in names):
        raise InvalidArgument(
            "tasks", tasks, f"None, or the name of the task of each of {n} trials"
        )
    return np.array(names)


def _split(
    names: NDArray[np.str_], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the trials that are trained, and of those that are not, in an order of chance."""
    rng = np.random.default_rng(derive(seed, Purpose.ARRAYS_SPLIT))
    aside = np.zeros(names.size, dtype=bool)
    for task in dict.fromkeys(names.tolist()):
        (trials,) = np.nonzero(names == task)
        if trials.size < 2:
            told = f"{task!r} with 1 trial"
            raise InvalidArgument("tasks", told, "tasks with 2 trials, of which one is held out")
        n_aside = min(max(round(share * trials.size), 1), trials.size - 1)
        aside[rng.permutation(trials)[:n_aside]] = True
    return np.nonzero(~aside)[0], rng.permutation(np.nonzero(aside)[0])
