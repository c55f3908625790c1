"""Trials planned ahead for the lanes of a vector environment, many lanes at a time."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from modcog.trials.draws import rule_of, trial_keys
from modcog.trials.plan import Trials, interleave, place
from modcog.trials.sampling import sample_mixed
from modcog.trials.spec import TaskSpec

QUEUED_TRIALS = 32
"""Trials that are planned ahead for each lane, so that planning is done for all lanes at once."""

Selection = tuple[Trials | None, NDArray[np.int64], NDArray[np.int64]]
"""Trials, rows of them, and the lanes that these are in."""

NO_TRIALS: Selection = (None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


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
