"""Trials: the plan of n trials as a struct of arrays, one row a trial.

Everything random about a trial is in its row; rendering it to observations and targets
(`modcog.rendering.reference`) is deterministic. Trials of several tasks may share one `Trials`; the
time step and the ring are then the same for all. Arrays that are rendered from trials have the axes
``[time, batch, channel]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog import ring
from modcog.errors import InvalidArgument
from modcog.trials.content import SameContent
from modcog.trials.spec import SHARED_TEXT, TaskSpec
from modcog.trials.tables import bump_columns, coherence, frame, period_names, period_table

NOISE_GROUPS = ("fixation", "ring1", "ring2", "rule")
"""Channel groups of the observation, in the order of the columns of `Trials.noise_std`."""

STIMULUS = ("stimulus_period", "stimulus_ring", "stimulus_location", "stimulus_strength")
"""Columns of `Trials` with one entry a bump."""


@dataclass(frozen=True, eq=False)
class Stimulus(SameContent):
    """One activity bump in each of n trials, as a task's plan function writes it.

    Attributes:
        period: Name of the period during which it is shown.
        ring: int64 ``[n]`` or a number, 0 or 1.
        location: int64 ``[n]``, ring index, taken modulo ``dim_ring``.
        strength: float64 ``[n]`` or a number; 0 shows nothing.
    """

    period: str
    ring: ArrayLike
    location: NDArray[np.int64]
    strength: ArrayLike = 1.0


@dataclass(frozen=True, eq=False)
class Trials(SameContent):
    """The plan of n trials.

    Attributes:
        tasks: The tasks that occur.
        task_index: int64 ``[n]``, index into `tasks`.
        period_steps: int64 ``[n, periods]``, duration of each period in steps; a task with
            fewer periods than another has zeros at the end.
        stimulus_period: int64 ``[n, stimuli]``, index of the period in which a bump is shown.
        stimulus_ring: int64 ``[n, stimuli]``, 0 or 1.
        stimulus_location: int64 ``[n, stimuli]``, ring index.
        stimulus_strength: float64 ``[n, stimuli]``; 0 where there is no such bump.
        noise_std: float64 ``[n, 4]``, noise per step in the noisy periods for each channel
            group (`NOISE_GROUPS`).
        noise_key: uint64 ``[n]``, key of the trial's noise stream.
        responds: bool ``[n]``, whether the correct behaviour is a response.
        base_response: int64 ``[n]``, ring index of the answer before any modifier; -1 where
            none is correct.
        response: int64 ``[n]``, ring index of the answer at the first decision step.
        drift: float64 ``[n]``, ring units per step by which the answer moves during the
            decision; negative to the left.
        angle: float64 ``[n]``, the unquantised answer at the first decision step in rad; NaN
            where none is correct.
        match: int64 ``[n]``, 1 for match, 0 for non-match, -1 where the question has no meaning.
        rule: int64 ``[n]``, rule slot.
        lane: int64 ``[n]``, batch element that holds the trial.
        start: int64 ``[n]``, first step of the trial in its lane.
    """

    tasks: tuple[TaskSpec, ...]
    task_index: NDArray[np.int64]
    period_steps: NDArray[np.int64]
    stimulus_period: NDArray[np.int64]
    stimulus_ring: NDArray[np.int64]
    stimulus_location: NDArray[np.int64]
    stimulus_strength: NDArray[np.float64]
    noise_std: NDArray[np.float64]
    noise_key: NDArray[np.uint64]
    responds: NDArray[np.bool_]
    base_response: NDArray[np.int64]
    response: NDArray[np.int64]
    drift: NDArray[np.float64]
    angle: NDArray[np.float64]
    match: NDArray[np.int64]
    rule: NDArray[np.int64]
    lane: NDArray[np.int64]
    start: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.task_index)

    def __getitem__(self, rows: Any) -> Trials:
        """Select trials by a slice, a boolean mask or an array of row numbers."""
        if isinstance(rows, slice):
            return Trials(self.tasks, *(getattr(self, name)[rows].copy() for name in COLUMNS))
        index = np.atleast_1d(np.arange(len(self))[rows])
        return Trials(self.tasks, *(getattr(self, name)[index] for name in COLUMNS))

    @property
    def dt(self) -> float:
        """Time step in ms, the same for all trials."""
        return self.tasks[0].dt

    @property
    def dim_ring(self) -> int:
        """Number of ring directions, the same for all trials."""
        return self.tasks[0].dim_ring

    @property
    def bumps(self) -> NDArray[np.float64]:
        """The activity bumps that are shown, one row a location (see `modcog.ring.bumps`)."""
        spec = self.tasks[0]
        return ring.bumps(spec.dim_ring, spec.bump_width, spec.bump_height)

    @property
    def task(self) -> NDArray[np.str_]:
        """Task name of each trial; str ``[n]``."""
        return np.array([spec.name for spec in self.tasks])[self.task_index]

    @property
    def length(self) -> NDArray[np.int64]:
        """Steps of each trial; int64 ``[n]``."""
        # Not `sum`, which takes four times as long over a short axis.
        return reduce(np.add, self.period_steps.T, np.zeros(len(self), dtype=np.int64))

    @property
    def decision_index(self) -> NDArray[np.int64]:
        """Position of the decision among the trial's periods; int64 ``[n]``."""
        return np.array([len(spec.periods) - 1 for spec in self.tasks])[self.task_index]

    @property
    def decision_steps(self) -> NDArray[np.int64]:
        """Steps of the decision period of each trial; int64 ``[n]``."""
        return self.period_steps[np.arange(len(self)), self.decision_index]

    @property
    def decision_start(self) -> NDArray[np.int64]:
        """Step of each trial, counted from its own start, at which the decision begins."""
        return self.length - self.decision_steps

    @property
    def drift_velocity(self) -> NDArray[np.float64]:
        """Angular velocity of the answer during the decision; float64 ``[n]`` in rad/s."""
        return self.drift * (2 * np.pi / self.dim_ring) * (1000 / self.dt)

    @property
    def displacement(self) -> NDArray[np.int64]:
        """Ring units by which the modifiers move the answer before the decision; int64 ``[n]``.

        Negative to the left; 0 where there is no answer. It may be more than a turn where a
        modifier says by how much it moves (see `modcog.trials.interfaces`), as Int does; of what
        other modifiers do, the shortest way counts.
        """
        moved = np.zeros(len(self), dtype=np.int64)
        for number, spec in enumerate(self.tasks):
            telling = [m for m in spec.modifiers if hasattr(m, "displacement")]
            if not telling:
                continue
            rows = np.flatnonzero(self.task_index == number)
            own = replace(self[rows], tasks=(spec,), task_index=np.zeros_like(rows))
            for modifier in telling:
                moved[rows] += modifier.displacement(own)
        half = self.dim_ring // 2
        rest = self.response - self.base_response - moved
        return np.where(self.responds, moved + (rest + half) % self.dim_ring - half, 0)

    def period_bounds(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First step and end of a period within each trial.

        Returns:
            Two int64 arrays ``[n]``; both are -1 for trials whose task has no such period.

        Raises:
            UnknownName: No task here has a period of that name.
        """
        has = np.array([name in spec.period_names for spec in self.tasks])
        if not has.any():
            self.tasks[0].period_index(name)
        column = np.array(
            [spec.period_index(name) if h else 0 for spec, h in zip(self.tasks, has, strict=True)]
        )[self.task_index]
        rows = np.arange(len(self))
        end = self.period_steps.cumsum(axis=1)[rows, column]
        start = end - self.period_steps[rows, column]
        present = has[self.task_index]
        return np.where(present, start, -1), np.where(present, end, -1)

    def duration_ms(self, name: str) -> NDArray[np.float64]:
        """Realised duration of a period in ms; float64 ``[n]``, NaN where a task has none."""
        start, end = self.period_bounds(name)
        return np.where(start >= 0, (end - start) * self.dt, np.nan)

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """The trials as a table: columns by name, each with an entry a trial; all are copies.

        Returns:
            ``task``, ``base``, ``family`` and ``modifiers`` (str); ``rule``, ``lane``, ``start``
            and ``length`` (int64, steps), ``dt`` (ms); for each period its realised duration, such
            as ``delay_ms`` (NaN where the task has none); for each stimulus, by its period, such as
            ``sample_location`` and ``sample_ring`` (int64, -1 where there is none) and
            ``sample_strength`` (NaN), further ones of a period with the endings ``_2``, ``_3``;
            ``coherence1`` and ``coherence2``, the strength of the first minus that of the second
            bump where ring 1 or 2 shows two at a time (else NaN); ``responds``, ``base_response``,
            `displacement`, ``response``, ``angle``, ``drift``, `drift_velocity` and ``match``, as
            they are here; ``noise_fixation``, ``noise_ring1``, ``noise_ring2`` and ``noise_rule``,
            the noise per step in the noisy periods; ``noise_key`` (uint64).

        Example:
            >>> import modcog, numpy as np
            >>> trials = modcog.conditions("DlyGo_IntL", np.random.default_rng(0), delay=[200, 700])
            >>> table = trials.to_dict()
            >>> table["delay_ms"], table["displacement"]
            (array([200., 700.]), array([-2, -7]))
        """
        names = period_names(self.tasks)
        number = period_table(self.tasks, names, self.period_steps.shape[1])
        bumps = {name.removeprefix("stimulus_"): getattr(self, name) for name in STIMULUS}
        shown_in = number[self.task_index[:, None], self.stimulus_period]

        def of_task(values: list[str]) -> NDArray[np.str_]:
            return np.array(values)[self.task_index]

        own = ("responds", "base_response", "displacement", "response", "angle", "drift")
        columns = {
            "task": self.task,
            "base": of_task([spec.base for spec in self.tasks]),
            "family": of_task([spec.family for spec in self.tasks]),
            "modifiers": of_task(
                ["_".join(m.label for m in spec.modifiers) for spec in self.tasks]
            ),
            **{name: getattr(self, name) for name in ("rule", "lane", "start", "length")},
            "dt": np.full(len(self), self.dt),
            **{f"{name}_ms": self.duration_ms(name) for name in names},
            **bump_columns(bumps, shown_in, names),
            **{f"coherence{ring + 1}": coherence(bumps, ring) for ring in (0, 1)},
            **{name: getattr(self, name) for name in (*own, "drift_velocity", "match")},
            **{f"noise_{group}": self.noise_std[:, i] for i, group in enumerate(NOISE_GROUPS)},
            "noise_key": self.noise_key,
        }
        return {name: column.copy() for name, column in columns.items()}

    def to_frame(self, backend: str | None = None) -> Any:
        """The table of `to_dict` as a data frame.

        Args:
            backend: "pandas", "polars" or "pyarrow"; None takes the first of them that is
                installed. None of them is needed for anything else.

        Returns:
            ``pandas.DataFrame``, ``polars.DataFrame`` or ``pyarrow.Table``.

        Raises:
            UnknownName: The library is not one of these.
            InvalidArgument: It is not installed.
        """
        return frame(self.to_dict(), backend)

    def describe(self, row: int) -> dict[str, Any]:
        """One trial as a dictionary of plain Python values, for people and for `env.trial`."""
        spec = self.tasks[int(self.task_index[row])]
        names, theta = spec.period_names, ring.directions(self.dim_ring)
        responds = bool(self.responds[row])
        slots = zip(*(getattr(self, name)[row].tolist() for name in STIMULUS), strict=True)
        stimuli = [
            {"period": names[p], "ring": r, "location": k, "angle": float(theta[k]), "strength": s}
            for p, r, k, s in slots
            if s > 0
        ]
        return {
            "task": spec.name,
            "rule": int(self.rule[row]),
            "period_ms": {
                name: float(steps * self.dt)
                for name, steps in zip(names, self.period_steps[row].tolist(), strict=False)
            },
            "stimuli": stimuli,
            "responds": responds,
            "base_response": int(self.base_response[row]) if responds else None,
            "response": int(self.response[row]) if responds else None,
            "angle": float(self.angle[row]) if responds else None,
            "drift_velocity": float(self.drift_velocity[row]),
            "match": None if self.match[row] < 0 else bool(self.match[row]),
            "noise_key": int(self.noise_key[row]),
        }


COLUMNS = tuple(f.name for f in fields(Trials) if f.name != "tasks")
"""Columns of `Trials`."""


def concatenate(parts: Sequence[Trials]) -> Trials:
    """Join trials of several tasks into one struct, in the given order.

    Raises:
        InvalidArgument: `parts` is empty, or time steps, rings or bumps differ.
    """
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    rows = [np.arange(end - len(part), end) for part, end in zip(parts, ends, strict=True)]
    return interleave(parts, rows)


def interleave(parts: Sequence[Trials], rows: Sequence[NDArray[np.int64]]) -> Trials:
    """Join trials of several tasks into one struct, each at a row of its own.

    Args:
        parts: The trials.
        rows: For each part int64 ``[len(part)]``, the rows its trials get; together every row
            from 0 up, once.

    Raises:
        InvalidArgument: `parts` is empty, or time steps, rings or bumps differ.
    """
    if not parts:
        raise InvalidArgument("parts", parts, "at least one Trials")
    shared = {part.tasks[0].shared for part in parts}
    if len(shared) > 1:
        raise InvalidArgument("parts", sorted(shared), f"trials with one {SHARED_TEXT}")
    tasks = tuple(dict.fromkeys(spec for part in parts for spec in part.tasks))
    position, n = {spec: i for i, spec in enumerate(tasks)}, sum(map(len, parts))
    columns: dict[str, NDArray[Any]] = {}
    for name in COLUMNS:
        values = [getattr(part, name) for part in parts]
        # Tasks with fewer periods or stimuli than others leave zeros at the end of their rows.
        widths = [column.shape[1] for column in values if column.ndim == 2]
        shape = (n, max(widths)) if widths else (n,)
        joined = np.zeros(shape, dtype=values[0].dtype)
        for part, column, own in zip(parts, values, rows, strict=True):
            if name == "task_index":
                joined[own] = np.array([position[spec] for spec in part.tasks])[column]
            elif column.ndim == 2:
                joined[own, : column.shape[1]] = column
            else:
                joined[own] = column
        columns[name] = joined
    return Trials(tasks=tasks, **columns)


def place(trials: Trials, lane: NDArray[np.int64], start: NDArray[np.int64]) -> Trials:
    """Return the trials with another place in a batch."""
    return replace(trials, lane=lane, start=start)
