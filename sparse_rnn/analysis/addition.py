"""Vector addition: how far a network comes with the sum of its input vectors alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.analysis._subject import Source, Subject, Suite
from sparse_rnn.analysis._weights import as_array
from sparse_rnn.data import Batch, TaskStream
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.kernels import nonlinearity
from sparse_rnn.nn.cells import MaskedRNN
from sparse_rnn.nn.network import Network
from sparse_rnn.seeding import Seed
from sparse_rnn.system.arguments import finite, instance, whole


@dataclass(frozen=True)
class Copies:
    """How often each vector is added.

    Attributes:
        fixation: Vector of the fixation input, while it is on.
        stimulus: Vector of each stimulus.
        rule: Vector of the task's rule.
        bias: The bias of the units.

    Raises:
        InvalidArgument: One is no finite number.
    """

    fixation: float = 1.0
    stimulus: float = 1.0
    rule: float = 1.0
    bias: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no finite number."""
        for name, times in vars(self).items():
            finite(name, times, "a finite number")


@dataclass(frozen=True, eq=False)
class VectorAddition:
    """Outputs of a network for sums of its input vectors, without dynamics.

    Attributes:
        task: The task.
        location: int64 ``[n]``, ring index of the first stimulus of each trial.
        ring: int64 ``[n]``, its ring, 0 or 1.
        target: int64 ``[n]``, right label at the end of the trial: 0 = fixate, 1 + k = direction k.
        fixating: float64 ``[n, O]``, logits with the vector of the fixation input.
        responding: float64 ``[n, O]``, logits without it, as when it has gone off.
    """

    task: str
    location: NDArray[np.int64]
    ring: NDArray[np.int64]
    target: NDArray[np.int64]
    fixating: NDArray[np.float64]
    responding: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """Share of the trials whose most probable label without fixation is the target."""
        return float((self.responding.argmax(axis=1) == self.target).mean())

    @property
    def fixation_kept(self) -> float:
        """Share of the trials whose most probable label with fixation is to fixate."""
        return float((self.fixating.argmax(axis=1) == 0).mean())

    @property
    def distance(self) -> float:
        """Mean distance in rad of the answers from the targets, where both are directions.

        The answer is the most probable direction; random answers are pi / 2 off on average. NaN
        where no target is a direction.
        """
        due = self.target > 0
        n = self.responding.shape[1] - 1
        off = np.abs(self.responding[due, 1:].argmax(axis=1) + 1 - self.target[due])
        return float(2 * np.pi / n * np.minimum(off, n - off).mean()) if due.any() else np.nan


def vector_addition(
    network: Source,
    task: str,
    suite: Suite | None = None,
    copies: Copies = Copies(),
    trials: int = 64,
    seed: Seed = 0,
) -> VectorAddition:
    """Answer a task by adding input vectors by hand (Khona et al. 2023, section 2.4, Fig. 3h).

    Each input has a vector, its part of ``W_in u``. Here the vectors of the rule, of each stimulus
    that a trial shows, and of the fixation input while it is on, are added up with the bias, once
    each or as often as `copies` says; the nonlinearity and the readout follow. No state is carried
    from step to step: there are no recurrent weights in it. The paper does not say with which
    factors its vectors were added.

    Args:
        network: The network, a finished run, or the folder of one.
        task: Name of a task of the suite.
        suite: The network's tasks; None are those of its run.
        copies: How often each vector is added.
        trials: Number of trials that are drawn, for tasks that do not list their conditions. Of
            those that do (Go, DlyGo, RTGo, Anti, ...), each condition occurs once: each direction
            on each ring.
        seed: Where trials are drawn from.

    Returns:
        The outputs and what would be right.

    Raises:
        NotApplicable: The cell has gates.
        InvalidArgument: The suite has no such task, or does not fit the network; or a number is out
            of range.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import vector_addition
        >>> net = srnn.Network(35, 17, srnn.masks.autapse(10))
        >>> vector_addition(net, "Anti", ["Go", "Anti"]).responding.shape
        (32, 17)
    """
    instance("copies", copies, Copies)
    whole("trials", trials, 1)
    subject = Subject.of(network)
    net = subject.network
    if not isinstance(net.rnn, MaskedRNN):
        raise NotApplicable(f"The cell {net.rnn.CELL!r} multiplies its inputs by gates.")
    stream = subject.stream(suite, seed, 0.0)
    if task not in stream.tasks:
        raise InvalidArgument("task", task, "one of " + ", ".join(dict.fromkeys(stream.tasks)))
    slot = stream.tasks.index(task)
    batch = _conditions(stream, slot, trials, seed)
    columns = subject.columns(suite)
    without = copies.stimulus * shown(batch) @ columns.stimulus.T
    without += copies.rule * columns.rule[:, slot]
    if net.rnn.bias is not None:
        without += copies.bias * as_array(net.rnn.bias)
    drawn = batch.source.trials
    last = drawn.length - 1
    return VectorAddition(
        task=task,
        location=drawn.stimulus_location[:, 0],
        ring=drawn.stimulus_ring[:, 0],
        target=batch.source.targets[last, drawn.lane],
        fixating=_read(net, without + copies.fixation * columns.fixation),
        responding=_read(net, without),
    )


def shown(batch: Batch) -> NDArray[np.float64]:
    """What each trial shows on the rings: the sum over its periods of the mean input.

    Args:
        batch: Trials without noise, one a lane and each from step 0.

    Returns:
        float64 ``[n, 2 directions]``: every stimulus once, however long it is shown.
    """
    trials, inputs = batch.source.trials, batch.source.inputs
    n_rings = 2 * trials.dim_ring
    total = np.zeros((len(trials), n_rings))
    steps = np.arange(len(inputs))[:, np.newaxis]
    end = trials.period_steps.cumsum(axis=1)
    for period, duration in enumerate(trials.period_steps.T):
        during = (steps < end[:, period]) & (steps >= end[:, period] - duration)
        rings = inputs[:, :, 1 : 1 + n_rings] * during[..., np.newaxis]
        total += rings.sum(axis=0, dtype=np.float64) / np.maximum(duration, 1)[:, np.newaxis]
    return total


def _conditions(stream: TaskStream, slot: int, n: int, seed: Seed) -> Batch:
    given = stream.conditions(slot)
    return stream.trials_of(slot, len(next(iter(given.values()), range(n))), seed, given)


def _read(network: Network, summed: NDArray[np.float64]) -> NDArray[np.float64]:
    f = nonlinearity(str(getattr(network.rnn, "nonlinearity", "relu"))).apply
    states: Tensor = f(torch.from_numpy(summed))
    return as_array(states) @ as_array(network.readout.weight).T + as_array(network.readout.bias)
