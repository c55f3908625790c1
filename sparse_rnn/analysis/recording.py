"""Recordings: the states of a network in whole trials, with all that was drawn for each trial."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparse_rnn.analysis._subject import Source, Subject, Suite, numbered
from sparse_rnn.data import Batch, Trials, join_trials
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.nn.network import Network
from sparse_rnn.seeding import Seed
from sparse_rnn.system.arguments import whole
from sparse_rnn.system.hardware import device_of

_SERIES = ("hidden", "logits", "inputs", "targets", "mask")
"""Arrays of a recording with a column a trial."""


@dataclass(frozen=True, eq=False)
class Recording:
    """States of N units in whole trials; each trial begins at step 0 and is padded at its end.

    Attributes:
        hidden: float32 ``[time, trial, unit]``, the states after each step; 0 on padding.
        logits: float32 ``[time, trial, O]``; 0 on padding.
        inputs: float32 ``[time, trial, I]``.
        targets: int64 ``[time, trial]``; 0 = fixate, 1 + k = direction k.
        mask: bool ``[time, trial]``, True inside the trial.
        trials: What was drawn, a row a trial (`modcog.Trials`): ``rule`` and ``task``,
            ``response``, ``angle`` in rad, ``match``, stimuli, ``period_bounds(name)``, ...
        tasks: Names of the tasks, one per rule slot that was recorded.
        slots: int64 ``[tasks]``, their rule slots.
        dt: Time step in ms.
    """

    hidden: NDArray[np.float32]
    logits: NDArray[np.float32]
    inputs: NDArray[np.float32]
    targets: NDArray[np.int64]
    mask: NDArray[np.bool_]
    trials: Trials
    tasks: tuple[str, ...]
    slots: NDArray[np.int64]
    dt: float

    @property
    def task_index(self) -> NDArray[np.int64]:
        """Row of each trial's rule slot in `tasks`; int64 ``[trial]``."""
        return np.searchsorted(self.slots, self.trials.rule)

    def where(self, trials: NDArray[Any]) -> Recording:
        """Some of the trials.

        Args:
            trials: Their numbers, or bool ``[trial]``, such as ``rec.trials.match == 1``.

        Raises:
            InvalidArgument: There are no such trials.

        Example:
            >>> import sparse_rnn as srnn
            >>> from sparse_rnn.analysis import record
            >>> net = srnn.Network(35, 17, srnn.masks.autapse(5))
            >>> rec = record(net, ["DMS", "DNMS"], trials_per_task=8)
            >>> rec.where(rec.trials.match == 1).hidden.shape[1] < 16
            True
        """
        index = numbered("trials", trials, self.mask.shape[1])
        return replace(
            self,
            trials=self.trials[index],
            **{name: getattr(self, name)[:, index] for name in _SERIES},
        )

    def of_task(self, task: str) -> Recording:
        """The trials of one task.

        Raises:
            InvalidArgument: It was not recorded.
        """
        if task not in self.tasks:
            raise InvalidArgument("task", task, "one of " + ", ".join(dict.fromkeys(self.tasks)))
        return self.where(self.trials.task == task)


def record(
    network: Source,
    suite: Suite | None = None,
    trials_per_task: int = 64,
    seed: Seed = 0,
    noise: Any = 0.0,
    tasks: Sequence[str] | None = None,
) -> Recording:
    """Record the states of a network in trials of each of its tasks.

    The arrays take ``time * trials * units`` numbers: 2500 units on 84 tasks with 64 trials are
    about 2 GB. `recordings` makes one task after the other instead.

    Args:
        network: The network, a finished run, or the folder of one.
        suite: Its tasks, one per rule input: the name of a suite or a list; None are those of its
            run.
        trials_per_task: Trials of each rule slot.
        seed: Where they are drawn from; the trials of a slot do not depend on the others.
        noise: Input noise in sqrt(ms); the default is none, as Yang et al. 2019 analyse.
        tasks: Names of the tasks to record; None are all of the suite.

    Returns:
        The recording, ordered by rule slot.

    Raises:
        InvalidArgument: No suite is known, the network has not its inputs, or a number is out of
            range.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import record
        >>> net = srnn.Network(53, 17, srnn.masks.autapse(10))
        >>> rec = record(net, "cog-20", trials_per_task=4)
        >>> rec.hidden.shape, rec.tasks[:3], str(rec.trials.task[4])
        ((27, 80, 10), ('Go', 'RTGo', 'DlyGo'), 'RTGo')
    """
    parts = list(recordings(network, suite, trials_per_task, seed, noise, tasks))
    steps = max(len(part.mask) for part in parts)

    def joined(name: str) -> NDArray[Any]:
        arrays: list[NDArray[Any]] = [getattr(part, name) for part in parts]
        n = sum(array.shape[1] for array in arrays)
        whole = np.zeros((steps, n, *arrays[0].shape[2:]), dtype=arrays[0].dtype)
        first = 0
        for array in arrays:
            whole[: len(array), first : first + array.shape[1]] = array
            first += array.shape[1]
        return whole

    return Recording(
        **{name: joined(name) for name in _SERIES},
        trials=join_trials([part.trials for part in parts]),
        tasks=tuple(task for part in parts for task in part.tasks),
        slots=np.concatenate([part.slots for part in parts]),
        dt=parts[0].dt,
    )


def recordings(
    network: Source,
    suite: Suite | None = None,
    trials_per_task: int = 64,
    seed: Seed = 0,
    noise: Any = 0.0,
    tasks: Sequence[str] | None = None,
) -> Iterator[Recording]:
    """Record a network task after task, so that the states of one are in memory at a time.

    Args:
        network: As for `record`, and so are the others.
        suite: See there.
        trials_per_task: See there.
        seed: See there.
        noise: See there.
        tasks: See there.

    Returns:
        An iterator over a recording for each rule slot, with the trials that `record` has.

    Raises:
        InvalidArgument: As for `record`.
    """
    whole("trials_per_task", trials_per_task, 1)
    subject = Subject.of(network)
    stream = subject.stream(suite, seed, noise)
    if tasks is not None and (isinstance(tasks, str) or not len(tasks)):
        raise InvalidArgument("tasks", tasks, "a list of at least one task, or None for all")
    if tasks is not None and (unknown := sorted(set(tasks) - set(stream.tasks))):
        allowed = "among " + ", ".join(dict.fromkeys(stream.tasks))
        raise InvalidArgument("tasks", unknown, allowed)
    chosen = [slot for slot, name in enumerate(stream.tasks) if tasks is None or name in tasks]
    return (
        _recorded(subject, stream.trials_of(slot, trials_per_task, seed), stream.tasks[slot], slot)
        for slot in chosen
    )


def respond(network: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Run a network in evaluation mode, without gradients.

    Args:
        network: A network that returns logits and states; its `chunk` has no effect here.
        inputs: ``[T, B, I]``.

    Returns:
        Logits ``[T, B, O]`` and states ``[T, B, N]``, on the CPU.

    Raises:
        InvalidArgument: The network returns anything else.
    """
    like = next((p for p in network.parameters() if p.is_floating_point()), inputs)
    with evaluating(network), _whole(network), torch.no_grad():
        outputs: object = network(inputs.to(device_of(network), like.dtype))
    pair: tuple[Any, ...] = outputs if isinstance(outputs, tuple) else ()
    steps = tuple(inputs.shape[:2])
    for part in (*pair, None, None)[:2]:
        if not (isinstance(part, Tensor) and part.dim() == 3 and part.shape[:2] == steps):
            shapes = [list(one.shape) for one in pair if isinstance(one, Tensor)]
            found = f"{type(network).__name__} with outputs {shapes}"
            allowed = f"a network that returns logits and states of {list(steps)} steps and lanes"
            raise InvalidArgument("network", found, allowed)
    return pair[0].cpu(), pair[1].cpu()


@contextmanager
def _whole(network: nn.Module) -> Generator[None]:
    """Let a network return the states of all steps, which it does not in chunks."""
    if not isinstance(network, Network):
        yield
        return
    before, network.chunk = network.chunk, None
    try:
        yield
    finally:
        network.chunk = before


def _recorded(subject: Subject, batch: Batch, task: str, slot: int) -> Recording:
    logits, hidden = respond(subject.module, batch.inputs)
    return Recording(
        hidden=(hidden * batch.mask[..., None]).float().numpy(),
        logits=(logits * batch.mask[..., None]).float().numpy(),
        inputs=batch.inputs.numpy(),
        targets=batch.targets.numpy(),
        mask=batch.mask.numpy() > 0,
        trials=batch.source.trials,
        tasks=(task,),
        slots=np.array([slot]),
        dt=subject.dt,
    )
