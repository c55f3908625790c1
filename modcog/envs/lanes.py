"""The lanes of a vector environment: what they are given, checked, and the trials they play."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, whole_number
from modcog.trials.draws import rule_of, trial_keys
from modcog.trials.plan import Trials, interleave, place
from modcog.trials.sampling import sample_mixed
from modcog.trials.spec import TaskSpec

QUEUED_TRIALS = 32
"""Trials that are planned ahead for each lane, so that planning is done for all lanes at once."""

Selection = tuple[Trials | None, NDArray[np.int64], NDArray[np.int64]]
"""Trials, rows of them, and the lanes that these are in."""


def selected(selection: Selection) -> Trials:
    """The trials of a selection, each in its lane."""
    trials, rows, lanes = selection
    assert trials is not None  # nothing is selected before `reset`
    return place(trials[rows], lanes.copy(), np.zeros(lanes.size, dtype=np.int64))


class TrialQueue:
    """The running trial and the next ones of each lane, in the order of the lane's own stream.

    Row ``QUEUED_TRIALS * lane + i`` of `trials` is the i-th trial of a lane.

    Args:
        specs: The tasks, one per rule slot.
        n_lanes: Number of lanes.

    Attributes:
        trials: What is planned; None before the first trial is asked for.
        row: int64 ``[lanes]``, row of the trial that runs.
        length: int64 ``[len(trials)]``, steps of each trial.
        decision_steps: int64 ``[len(trials)]``, steps of its decision.
        tracks: bool ``[len(trials)]``, whether its answer drifts.
    """

    def __init__(self, specs: Sequence[TaskSpec], n_lanes: int) -> None:
        self._specs = specs
        self._first = np.arange(n_lanes) * QUEUED_TRIALS
        self._rngs = [np.random.default_rng() for _ in range(n_lanes)]
        self._keys = np.zeros((n_lanes, QUEUED_TRIALS), dtype=np.uint64)
        self._used = np.full(n_lanes, QUEUED_TRIALS)
        self.trials: Trials | None = None
        self.row = np.zeros(n_lanes, dtype=np.int64)
        self.length = self.decision_steps = np.zeros(0, dtype=np.int64)
        self.tracks = np.zeros(0, dtype=np.bool_)

    def seed(self, generators: Mapping[int, np.random.Generator]) -> None:
        """Give some lanes another stream; what was planned of them and does not run is dropped."""
        for lane, generator in generators.items():
            self._rngs[lane] = generator
            self._used[lane] = QUEUED_TRIALS

    def next_keys(
        self, lanes: NDArray[np.int64], generators: Mapping[int, np.random.Generator]
    ) -> NDArray[np.uint64]:
        """Keys of the next trials of some lanes, uint64 ``[len(lanes)]``; nothing moves on.

        Args:
            lanes: The lanes.
            generators: The streams that some of them are about to get.
        """

        def key(lane: int) -> np.uint64:
            stream = generators.get(lane)
            if stream is None and self._used[lane] < QUEUED_TRIALS:
                return self._keys[lane, self._used[lane]]
            return trial_keys(copy.deepcopy(stream or self._rngs[lane]), 1)[0]

        return np.array([key(lane) for lane in lanes.tolist()], dtype=np.uint64)

    def next_rows(self, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the next trials of some lanes, which are planned if need be."""
        if self.trials is None or (self._used[lanes] == QUEUED_TRIALS).any():
            self._refill()
        return self._first[lanes] + self._used[lanes]

    def take(self, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let the next trials of some lanes run, and return their rows."""
        self.row[lanes] = rows = self.next_rows(lanes)
        self._used[lanes] += 1
        return rows

    def running(self, lanes: NDArray[np.int64]) -> Selection:
        """The current trials of some lanes, not copied yet: few users look at them each step."""
        return self.trials, self.row[lanes], lanes

    def choose(self, trials: Trials, lanes: NDArray[np.int64]) -> None:
        """Put trials in the place of the next ones of some lanes."""
        rows = self.next_rows(lanes)
        assert self.trials is not None  # `next_rows` has planned them
        others = np.delete(np.arange(len(self.trials)), rows)
        self._plan(interleave([self.trials[others], trials], [others, rows]))

    def _refill(self) -> None:
        """Plan the next trials of all lanes; those planned and not yet begun stay in order.

        The trials that are running stay as they are, in the rows before those.
        """
        keys = np.zeros_like(self._keys)
        for lane, used in enumerate(self._used.tolist()):
            left = QUEUED_TRIALS - used
            keys[lane, 1 : 1 + left] = self._keys[lane, used:]
            keys[lane, 1 + left :] = trial_keys(self._rngs[lane], used - 1)
        self._keys = keys
        flat = keys[:, 1:].ravel()
        planned = sample_mixed(self._specs, flat, rule_of(flat, len(self._specs)))
        # Before the first reset no trial is running, and any will do.
        first = np.arange(self._first.size)
        running = planned[first] if self.trials is None else self.trials[self.row]
        rows = np.arange(keys.size).reshape(keys.shape)
        self._plan(interleave([running, planned], [rows[:, 0], rows[:, 1:].ravel()]))
        self.row = self._first.copy()
        self._used[:] = 1

    def _plan(self, trials: Trials) -> None:
        self.trials = trials
        self.length = trials.length
        self.decision_steps = trials.decision_steps
        self.tracks = np.array([bool(spec.tracks) for spec in trials.tasks])[trials.task_index]


def generators_of(
    seed: int | Sequence[int | None] | None, n_lanes: int
) -> dict[int, np.random.Generator]:
    """New generators of the lanes that get a seed.

    Raises:
        InvalidArgument: `seed` is neither a seed, nor a list of one a lane.
    """
    if seed is None:
        return {}
    seeds, given = seed, cast("object", seed)
    if isinstance(seeds, int | np.integer):
        first = whole_number("seed", seeds, least=0)
        seeds = range(first, first + n_lanes)
    elif not isinstance(given, Sequence | np.ndarray) or isinstance(given, str):
        raise InvalidArgument("seed", seed, f"a whole number, or a list of {n_lanes}, one a lane")
    elif len(seeds) != n_lanes:
        allowed = f"one seed, or a list of {n_lanes}, one a lane"
        raise InvalidArgument("seed", f"a list of {len(seeds)}", allowed)
    return {
        lane: seeding.np_random(whole_number("seed", number, least=0))[0]
        for lane, number in enumerate(seeds)
        if number is not None
    }


def lanes_of(mask: object, n_lanes: int) -> NDArray[np.int64]:
    """The lanes that a reset is asked for.

    Raises:
        InvalidArgument: `mask` is not so many truth values, or none of them is True.
    """
    lanes = np.asarray(mask)
    if lanes.dtype != np.bool_ or lanes.shape != (n_lanes,) or not lanes.any():
        allowed = f"{n_lanes} truth values, one a lane, and not all of them False"
        raise InvalidArgument("options['reset_mask']", mask, allowed)
    return np.flatnonzero(lanes)


def actions_of(actions: ArrayLike, n_lanes: int, highest: int) -> NDArray[np.int64]:
    """The actions of all lanes, int64 ``[lanes]``.

    Raises:
        InvalidArgument: They are not so many whole numbers from 0 to `highest`.
    """
    action = np.asarray(actions)
    if action.dtype.kind not in "iu" or action.shape != (n_lanes,):
        found = f"{action.dtype} {list(action.shape)}"
        allowed = f"{n_lanes} whole numbers in [0, {highest}], one a lane"
        raise InvalidArgument("actions", found, allowed)
    if action.min() < 0 or action.max() > highest:
        found = f"numbers from {action.min()} to {action.max()}"
        raise InvalidArgument("actions", found, f"whole numbers in [0, {highest}]")
    return action.astype(np.int64, copy=False)
