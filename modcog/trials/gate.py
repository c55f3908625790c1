"""The one gate that trials pass before anything is made of them.

Rendering indexes tables with the columns of `modcog.trials.plan.Trials`; compiled code does so
without looking. Trials come from a task's plan function, from a modifier, or from a caller who
edits columns, so they are checked where they are drawn and again where they are rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, instance
from modcog.system import limits
from modcog.trials.plan import STIMULUS, Trials
from modcog.trials.spec import SHARED_TEXT, TaskSpec

_PLAIN = (np.dtype(np.int64), 1)

_COLUMNS = {
    **dict.fromkeys(("period_steps", *STIMULUS), (np.dtype(np.int64), 2)),
    "stimulus_strength": (np.dtype(np.float64), 2),
    "noise_std": (np.dtype(np.float64), 2),
    "noise_key": (np.dtype(np.uint64), 1),
    "responds": (np.dtype(np.bool_), 1),
    "drift": (np.dtype(np.float64), 1),
    "angle": (np.dtype(np.float64), 1),
}
"""Type and number of axes of the columns that are not `_PLAIN`."""

_LEVEL = f"a finite number from 0 to {limits.LEVEL:g}"
_ANSWER = "a ring index where the trial asks for a response, else -1"

_FARTHEST = 2**31
"""Largest lane, step and rule slot, so that no product of two overflows."""

EXACT = 2.0**53
"""Ring units up to which a drift is a whole number in float64."""


class TaskTable(NamedTuple):
    """What rendering needs to know of tasks, one row a task.

    Attributes:
        n_periods: int64 ``[tasks]``.
        needed: bool ``[tasks, periods]``, whether the period must have a step.
        absent: bool ``[tasks, periods]``, whether the task has no such period.
        noisy: bool ``[tasks, periods]``, whether the period carries noise.
    """

    n_periods: NDArray[np.int64]
    needed: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    noisy: NDArray[np.bool_]


_known: dict[tuple[int, ...], tuple[tuple[TaskSpec, ...], TaskTable]] = {}
"""Tables by width and the identities of the tasks, which the entry keeps alive: to hash 84
specifications takes longer than to render them."""


def task_table(tasks: tuple[TaskSpec, ...], width: int) -> TaskTable:
    """The table of tasks, with `width` columns of periods.

    Raises:
        InvalidArgument: There is no task, a task has more periods than `width`, or time steps,
            rings or bumps differ.
    """
    key = (width, *map(id, tasks))
    if key in _known:
        return _known[key][1]
    if len({spec.shared for spec in tasks}) != 1:
        raise InvalidArgument("tasks", tasks, f"at least one task, all with one {SHARED_TEXT}")
    n_periods = np.array([len(spec.periods) for spec in tasks], dtype=np.int64)
    if int(n_periods.max()) > width:
        raise InvalidArgument("period_steps", f"{width} columns", f"at least {n_periods.max()}")
    needed, noisy = np.zeros((2, len(tasks), width), dtype=np.bool_)
    for row, spec in enumerate(tasks):
        for column, period in enumerate(spec.periods):
            needed[row, column] = not period.may_vanish
            noisy[row, column] = period.noisy or spec.noise == "yang"
    absent = np.arange(width) >= n_periods[:, None]
    table = TaskTable(n_periods, needed, absent, noisy)
    # Threads may share this: each step is atomic, and a table that is made twice is made equal.
    _known[key] = (tasks, table)
    for old in list(_known)[:-32]:
        _known.pop(old, None)
    return table


def check_trials(trials: Trials) -> None:
    """Refuse trials that cannot be rendered, or that could be rendered in two ways.

    Raises:
        InvalidArgument: A column has another type or shape than `modcog.trials.plan.Trials` says,
            or a value that is out of range: NaN, a ring other than 0 and 1, a negative strength, a
            needed period without steps, a response on a trial that asks for none, two trials in
            one place, and so on. The message names column, value and row.
    """
    _check_arrays(instance("trials", trials, Trials, "Trials"))
    if not len(trials):
        return
    check_tasks(trials)
    table = task_table(trials.tasks, trials.period_steps.shape[1])
    _check_periods(trials, table)
    _check_stimuli(trials, table)
    _check_response(trials)
    for column in ("rule", "lane", "start"):
        values: NDArray[np.int64] = getattr(trials, column)
        if np.count_nonzero(bad := _beyond(values, _FARTHEST)):
            _refuse(trials, column, bad, f"from 0 to {_FARTHEST}")
    _check_places(trials)


def check_tasks(trials: Trials) -> None:
    """Refuse trials that say to be of a task that is not there."""
    bad = _beyond(trials.task_index, len(trials.tasks) - 1)
    if np.count_nonzero(bad):
        allowed = f"from 0 to {len(trials.tasks) - 1}, the place of one of the tasks"
        raise InvalidArgument("task_index", int(trials.task_index[bad][0]), allowed)


def side_by_side(
    name: str, values: Sequence[ArrayLike], n: int, dtype: type[np.generic] = np.int64
) -> NDArray[Any]:
    """Columns from what a plan function gives: numbers, or arrays of one number a trial.

    Returns:
        ``[n, values]`` of the type.

    Raises:
        InvalidArgument: A value has another kind or shape.
    """
    kinds = "biuf" if dtype is np.float64 else "biu"
    table = np.empty((n, len(values)), dtype=dtype)
    for slot, value in enumerate(values):
        array = np.asarray(value)
        if array.dtype.kind not in kinds or array.shape not in ((), (n,)):
            found = f"{array.dtype} of shape {array.shape}"
            what = "numbers" if dtype is np.float64 else "whole numbers"
            raise InvalidArgument(name, found, f"{what}, a single one or one a trial ({n})")
        table[:, slot] = array
    return table


def rings_of(noisy: ArrayLike, n: int) -> NDArray[np.bool_]:
    """Which rings carry noise, as a plan function says it; bool ``[2]`` or ``[n, 2]``.

    Raises:
        InvalidArgument: It is something else.
    """
    rings = np.asarray(noisy)
    if rings.dtype != np.bool_ or rings.shape not in ((2,), (n, 2)):
        found = f"{rings.dtype} of shape {rings.shape}"
        raise InvalidArgument("noisy_rings", found, f"truth values, 2 or {n} times 2")
    return rings


def matches_of(match: ArrayLike, n: int) -> NDArray[np.int64]:
    """Whether trials match, as a plan function says it; int64 ``[n]``.

    Raises:
        InvalidArgument: It is something else than 1, 0 and -1.
    """
    column = side_by_side("match", [match], n)[:, 0]
    if np.count_nonzero(bad := _beyond(column + 1, 2)):
        raise InvalidArgument("match", int(column[bad][0]), "1, 0 or -1")
    return column


def check_bumps(trials: Trials) -> None:
    """Refuse a ring other than 0 and 1, and a strength that is negative, huge or not a number."""
    if np.count_nonzero(bad := _beyond(trials.stimulus_ring, 1)):
        _refuse(trials, "stimulus_ring", bad, "0 or 1")
    if np.count_nonzero(bad := _no_level(trials.stimulus_strength)):
        _refuse(trials, "stimulus_strength", bad, _LEVEL)


def _check_arrays(trials: Trials) -> None:
    n = len(trials.task_index)
    for name, column in vars(trials).items():
        if name == "tasks":
            continue
        dtype, axes = _COLUMNS.get(name, _PLAIN)
        # `type` and not `isinstance`, as it takes half the time, and subclasses index differently.
        if type(column) is not np.ndarray or column.dtype != dtype or column.ndim != axes:
            found = f"{column.dtype} with {column.ndim}" if hasattr(column, "ndim") else column
            raise InvalidArgument(name, found, f"a {dtype} array with {axes} axes")
        if len(column) != n:
            raise InvalidArgument(name, f"{len(column)} rows", f"one row a trial, {n} in all")
    slots = {getattr(trials, name).shape for name in STIMULUS}
    if len(slots) > 1 or trials.noise_std.shape[1:] != (4,):
        found = f"{sorted(slots)} and {trials.noise_std.shape}"
        raise InvalidArgument("stimulus columns and noise_std", found, "[n, stimuli] and [n, 4]")


def _check_periods(trials: Trials, table: TaskTable) -> None:
    steps = trials.period_steps
    if np.count_nonzero(bad := _beyond(steps, limits.PERIOD_STEPS)):
        _refuse(trials, "period_steps", bad, f"from 0 to {limits.PERIOD_STEPS}")
    few = steps.shape[1] * limits.PERIOD_STEPS <= limits.TRIAL_STEPS  # they cannot be too long
    if not few and (bad := trials.length > limits.TRIAL_STEPS).any():
        _refuse(trials, "period_steps", bad, f"at most {limits.TRIAL_STEPS} in all")
    vanished = steps == 0
    needed = table.needed.take(trials.task_index, axis=0)
    absent = table.absent.take(trials.task_index, axis=0)
    bad = np.where(vanished, needed, absent)
    if not np.count_nonzero(bad):
        return
    row, column = (int(i) for i in np.argwhere(bad)[0])
    spec = trials.tasks[int(trials.task_index[row])]
    if column >= len(spec.periods):
        _refuse(trials, "period_steps", bad, "0 after the last period of the task")
    allowed = "longer than 0 ms: the trial needs this period"
    remedy = f"It is a trial of {spec.name}."
    raise InvalidArgument(f"timing[{spec.period_names[column]!r}]", 0, allowed, remedy)


def _check_stimuli(trials: Trials, table: TaskTable) -> None:
    period = trials.stimulus_period
    if period.size:
        own = table.n_periods.take(trials.task_index)[:, None]
        if np.count_nonzero(bad := period.view(np.uint64) >= own.view(np.uint64)):
            _refuse(trials, "stimulus_period", bad, "the index of a period of the task")
        location, n = trials.stimulus_location, trials.dim_ring
        if np.count_nonzero(bad := _beyond(location, n - 1)):
            _refuse(trials, "stimulus_location", bad, f"from 0 to {n - 1}")
    check_bumps(trials)
    if np.count_nonzero(bad := _no_level(trials.noise_std)):
        _refuse(trials, "noise_std", bad, _LEVEL)


def _check_response(trials: Trials) -> None:
    responds, n = trials.responds, trials.dim_ring
    for column in ("base_response", "response"):
        values: NDArray[np.int64] = getattr(trials, column)
        if np.count_nonzero(bad := ((values >= 0) != responds) | _beyond(values + 1, n)):
            _refuse(trials, column, bad, _ANSWER)
    if np.count_nonzero(bad := np.isfinite(trials.angle) != responds):
        _refuse(trials, "angle", bad, "finite where the trial asks for a response, else NaN")
    speed = np.abs(trials.drift)
    bad = ~(speed * limits.PERIOD_STEPS < EXACT)  # NaN is among them
    if np.count_nonzero(bad) and (bad := ~(speed * trials.decision_steps < EXACT)).any():
        _refuse(trials, "drift", bad, "a finite number of ring units per step")
    if np.count_nonzero(bad := _beyond(trials.match + 1, 2)):
        _refuse(trials, "match", bad, "1, 0 or -1")


def _check_places(trials: Trials) -> None:
    """Refuse two trials in one place: which of them is written last would decide."""
    if len(trials) < 2:
        return
    length = trials.length
    longest = int(trials.start.max()) + int(length.max())
    first = trials.lane * longest + trials.start
    if not np.count_nonzero(first[1:] < first[:-1] + length[:-1]):
        return
    order = np.argsort(first, kind="stable")
    ordered = first[order]
    within = ordered[1:] < ordered[:-1] + length[order][:-1]
    if within.any():
        bad = np.zeros(len(trials), dtype=np.bool_)
        bad[order[1:][within]] = True
        _refuse(trials, "start", bad, "after the end of the trial before it in the same lane")


def _beyond(values: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Which values are not from 0 to `most`: as unsigned numbers, negative ones are huge."""
    return values.view(np.uint64) > most if most >= 0 else np.ones(values.shape, dtype=np.bool_)


def _no_level(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are no numbers from 0 to `limits.LEVEL`; NaN is among them."""
    return ~((values >= 0) & (values <= limits.LEVEL))


def _refuse(trials: Trials, column: str, bad: NDArray[np.bool_], allowed: str) -> NoReturn:
    row = int(np.argwhere(bad)[0][0])
    name = trials.tasks[int(trials.task_index[row])].name
    values: NDArray[Any] = getattr(trials, column)[row]
    raise InvalidArgument(column, values.tolist(), allowed, f"It is trial {row}, of {name}.")
