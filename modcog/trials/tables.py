"""Trials as a table: what is made of the columns of `modcog.trials.plan.Trials`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, known_name, unknown_name
from modcog.trials.spec import TaskSpec

FRAMES: Mapping[str, str] = MappingProxyType(
    {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}
)
"""Libraries of data frames, and what makes a frame there of columns by name; in this order they are
looked for."""

_ABSENT = {"location": -1, "ring": -1, "strength": np.nan}
"""What a column says of a bump where there is no such bump."""

_DIGITS = 12
"""Decimal digits of a coherence: 0.5 + c / 2 and 0.5 - c / 2 differ by c but for its last bits."""


def period_names(tasks: Iterable[TaskSpec]) -> tuple[str, ...]:
    """Names of the periods of some tasks, each once, in the order in which they are met."""
    return tuple(dict.fromkeys(name for spec in tasks for name in spec.period_names))


def period_table(tasks: Sequence[TaskSpec], names: Sequence[str], width: int) -> NDArray[np.int64]:
    """Which name each period of each task has.

    Args:
        tasks: The tasks.
        names: Names of periods.
        width: Columns of the table, as many as the periods of a task at least.

    Returns:
        int64 ``[tasks, width]``, indices into `names`; 0 after the last period of a task.

    Raises:
        UnknownName: A period of a task is not among the names.
    """
    number = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(tasks), width), dtype=np.int64)
    for row, spec in enumerate(tasks):
        for column, name in enumerate(spec.period_names):
            if name not in number:
                raise unknown_name("period_names", names, [name], f"a period of {spec.name}")
            table[row, column] = number[name]
    return table


def is_bump(bumps: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which bumps a task has; bool ``[n, stimuli]``.

    Those that tasks with fewer of them than others lack are zero in all respects. A bump of
    strength 0 elsewhere is one, such as that of the weaker place at a coherence of 1.

    Args:
        bumps: ``period``, ``ring``, ``location`` and ``strength``, each ``[n, stimuli]``.
    """
    return np.any([column != 0 for column in bumps.values()], axis=0)


def bump_columns(
    bumps: Mapping[str, NDArray[Any]], name: NDArray[np.int64], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Place, ring and strength of the bumps, by the period in which they are shown.

    Args:
        bumps: As for `is_bump`.
        name: int64 ``[n, stimuli]``, index of the period among the names.
        names: Names of the periods.

    Returns:
        Columns such as ``sample_location``, ``sample_ring`` and ``sample_strength``, each ``[n]``;
        those of the second bump of a period end with ``_2``, and so on. Where a trial has no such
        bump, location and ring are -1 and the strength is NaN.
    """
    there = is_bump(bumps)
    n, n_slots = there.shape
    before = np.zeros((n, len(names)), dtype=np.int64)
    found: dict[tuple[int, int], dict[str, NDArray[Any]]] = {}
    for slot in range(n_slots):
        rows = np.flatnonzero(there[:, slot])
        period, place = name[rows, slot], before[rows, name[rows, slot]]
        for kind in set(zip(period.tolist(), place.tolist(), strict=True)):
            mine = rows[(period == kind[0]) & (place == kind[1])]
            columns = found.setdefault(
                kind, {what: np.full(n, none) for what, none in _ABSENT.items()}
            )
            for what, column in columns.items():
                column[mine] = bumps[what][mine, slot]
        before[rows, period] += 1
    return {
        f"{names[period]}_{what}{f'_{place + 1}' if place else ''}": column
        for (period, place), columns in sorted(found.items())
        for what, column in columns.items()
    }


def coherence(bumps: Mapping[str, NDArray[Any]], ring: int) -> NDArray[np.float64]:
    """Strength of the first minus that of the second bump of a ring that shows two at a time.

    Args:
        bumps: As for `is_bump`.
        ring: 0 or 1.

    Returns:
        float64 ``[n]``; NaN where the ring shows another number of bumps in the trial, or shows
        them in different periods.
    """
    here = is_bump(bumps) & (bumps["ring"] == ring)
    found = np.full(len(here), np.nan)
    pairs = np.flatnonzero(here.sum(axis=1) == 2)
    slots = np.nonzero(here[pairs])[1].reshape(-1, 2)
    period, strength = (bumps[what][pairs[:, None], slots] for what in ("period", "strength"))
    together = period[:, 0] == period[:, 1]
    found[pairs] = np.where(together, np.round(strength[:, 0] - strength[:, 1], _DIGITS), np.nan)
    return found


def frame(columns: Mapping[str, NDArray[Any]], backend: str | None) -> Any:
    """A data frame of columns.

    Args:
        columns: Arrays of one length.
        backend: A name of `FRAMES`; None takes the first that is installed.

    Raises:
        UnknownName: It is none of them.
        InvalidArgument: It is not installed, or none of them is.
    """
    if backend is None:
        backend = next(filter(find_spec, FRAMES), None)
        if backend is None:
            remedy = "Install pandas or polars, or use to_dict()."
            raise InvalidArgument("backend", None, f"one of {', '.join(FRAMES)}, installed", remedy)
    elif not find_spec(known_name("backend", backend, FRAMES, "a library of data frames")):
        remedy = f"It is not: python -m pip install {backend}"
        raise InvalidArgument("backend", backend, "a library that is installed", remedy)
    return getattr(importlib.import_module(backend), FRAMES[backend])(dict(columns))
