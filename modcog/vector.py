"""Thousands of environments side by side, stepped by array operations.

Lane i of `TaskVectorEnv` is what `modcog.make` of the same tasks does alone when it is seeded with
the seed of that lane: the same observations, rewards and ends of trials, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from modcog.autoreset import AUTORESET_MODE, FINAL_OBSERVATION, final_info, masked
from modcog.configure import tasks_of
from modcog.draws import rule_of, trial_keys
from modcog.env import TaskEnv
from modcog.errors import InvalidArgument, whole_number
from modcog.limits import LANES
from modcog.renderers import RENDERERS
from modcog.rendering import channels
from modcog.spec import TaskSpec
from modcog.trials import Trials, place, sample_mixed

QUEUED_TRIALS = 32
"""Trials that are planned ahead for each lane, so that planning is done for all lanes at once."""

_Selection = tuple[Trials | None, NDArray[np.int64], NDArray[np.int64]]
"""Trials, rows of them, and the lanes that these are in."""

_NO_TRIALS: _Selection = (None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class TaskVectorEnv(gym.vector.VectorEnv):
    """A task, or several tasks of which each trial draws one, in many lanes.

    Observations, actions, rewards and trials are those of `modcog.TaskEnv`, one a lane. `infos` has
    ``new_trial`` (bool ``[lanes]``), ``gt`` (int64 ``[lanes]``) and, where a trial ended,
    ``performance`` (float64 ``[lanes]``, valid where ``_performance``); the trials that ended are
    in `ended`.

    With `max_episode_steps` a lane is truncated after so many steps and reset in the same step: its
    observation is then the first of the next episode, and ``infos`` has the last of the old one
    (``final_observation`` in gymnasium 0.29, ``final_obs`` in 1.x) and ``final_info``.

    Args:
        specs: The tasks; with several, each is a rule slot.
        num_envs: Number of lanes.
        rewards: Replacements for some of `modcog.env.REWARDS`.
        max_episode_steps: Steps after which a lane is truncated; None for no end.

    Attributes:
        performance: float64 ``[len(ended)]``, performance of the trials that ended, 0 to 1.

    Raises:
        InvalidArgument: A number is not a whole number of at least 1.
        UnknownName: There is no such reward.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - gymnasium's own declaration
    if AUTORESET_MODE:
        metadata["autoreset_mode"] = AUTORESET_MODE.SAME_STEP

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        num_envs: int,
        rewards: Mapping[str, float] | None = None,
        max_episode_steps: int | None = None,
    ) -> None:
        # One environment says what the spaces and rewards are, and checks the arguments.
        single = TaskEnv(specs, rewards)
        self.specs = single.specs
        self.n_rules = single.n_rules
        self.rewards = single.rewards
        self.num_envs = whole_number("num_envs", num_envs, "lanes", most=LANES)
        self.max_episode_steps = None
        if max_episode_steps is not None:
            self.max_episode_steps = whole_number("max_episode_steps", max_episode_steps, "steps")
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, self.num_envs)
        self.action_space = batch_space(single.action_space, self.num_envs)
        self.is_vector_env = True
        self.closed = False
        self.spec = None
        self.render_mode = None
        self._lanes = np.arange(self.num_envs)
        self._rngs = [seeding.np_random(None)[0] for _ in range(self.num_envs)]
        self._keys = np.empty((self.num_envs, QUEUED_TRIALS), dtype=np.uint64)
        self._used = np.full(self.num_envs, QUEUED_TRIALS)
        self._queue: Trials | None = None
        self._ended = _NO_TRIALS
        n_channels = channels(self.specs[0].dim_ring, self.n_rules)["rule"].stop
        # Each lane has two places: one holds the trial that is running, the other the next one.
        self._ob = np.zeros((2 * self.num_envs, 0, n_channels), dtype=np.float32)
        self._gt = np.zeros((2 * self.num_envs, 0), dtype=np.int64)
        self._place = self._lanes.copy()
        self._ready = np.zeros(self.num_envs, dtype=np.bool_)
        # What `step` needs to know of the current trials; `_begin` fills it in.
        self._row = np.zeros(self.num_envs, dtype=np.int64)
        self._length, self._decision_start, self._n_decision = np.ones(
            (3, self.num_envs), dtype=np.int64
        )
        self._tracks = np.zeros(self.num_envs, dtype=np.bool_)
        # The same of all trials in the queue; `_refill` fills it in.
        self._planned_length, self._planned_decision = self._length, self._n_decision
        self._planned_tracks = self._tracks
        self._t = np.zeros(self.num_envs, dtype=np.int64)
        self._broken = np.zeros(self.num_envs, dtype=np.bool_)
        self._score = np.zeros(self.num_envs)
        self._elapsed = np.zeros(self.num_envs, dtype=np.int64)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a first trial in every lane.

        Args:
            seed: Lane i gets ``seed + i``, or ``seed[i]`` of a list; None goes on with the streams.
            options: Not used.

        Returns:
            float32 ``[lanes, channels]``, the first observations, and an empty dictionary.

        Raises:
            InvalidArgument: `seed` is a list of another length than there are lanes.
        """
        del options
        if seed is not None:
            seeds = self._seeds(seed)
            given = [(lane, number) for lane, number in enumerate(seeds) if number is not None]
            for lane, number in given:
                self._rngs[lane] = seeding.np_random(number)[0]
                self._used[lane] = QUEUED_TRIALS
                self._ready[lane] = False
        self._elapsed[:] = 0
        self._begin(self._lanes)
        self._ended = self._selection(self._lanes[:0])
        self.performance = np.zeros(0)
        return self._observations(), {}

    def step(
        self, actions: ArrayLike
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Judge one action a lane and return the next observations.

        Args:
            actions: Whole numbers ``[lanes]``: 0 for fixation, 1 + k for direction k.

        Returns:
            Observations float32 ``[lanes, channels]``, rewards float64 ``[lanes]``, terminated and
            truncated bool ``[lanes]``, infos.

        Raises:
            InvalidArgument: The actions are not so many whole numbers of the action space.
        """
        action = self._checked(actions)
        label = self._gt[self._place, self._t]
        right = action == label
        acted = action != 0
        last = self._t == self._length - 1
        before = self._t < self._decision_start
        tracks = ~before & self._tracks
        decides = ~before & ~self._tracks & (acted | last)
        aborts = before & acted
        share = np.where(tracks & right, 1 / self._n_decision, 0.0)
        reward = np.where(aborts, self.rewards["abort"], share * self.rewards["correct"])
        verdict = np.where(right, self.rewards["correct"], self.rewards["fail"])
        reward = np.where(decides, verdict, reward)
        self._broken |= aborts
        self._score = np.where(decides, right, self._score + share)
        done = decides | last
        infos: dict[str, Any] = {
            "new_trial": done,
            "_new_trial": np.ones_like(done),
            "gt": label,
            "_gt": np.ones_like(done),
        }
        over = np.flatnonzero(done)
        self._ended = self._selection(over)
        scores = np.where(self._broken[over], 0.0, self._score[over]).tolist()
        self.performance = np.array([round(score, 12) for score in scores])
        if over.size:
            infos["performance"] = np.zeros(self.num_envs)
            infos["performance"][over] = self.performance
            infos["_performance"] = done.copy()
        self._t += 1
        if over.size:
            self._begin(over)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        if self.max_episode_steps is not None:
            self._elapsed += 1
            truncated = self._elapsed >= self.max_episode_steps
            if truncated.any():
                infos = self._autoreset(truncated, infos)
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        return self._observations(), reward, terminated, truncated, infos

    def close(self, **kwargs: Any) -> None:
        """Nothing is held open; here for gymnasium's interface."""
        del kwargs
        self.closed = True

    @property
    def trials(self) -> Trials:
        """The current trial of each lane."""
        return _selected(self._selection(self._lanes))

    @property
    def ended(self) -> Trials:
        """The trials that ended in the last step; `Trials.lane` is their lane."""
        return _selected(self._ended)

    def _seeds(self, seed: int | Sequence[int | None]) -> Sequence[int | None]:
        if isinstance(seed, int | np.integer):
            first = whole_number("seed", seed, least=0)
            return range(first, first + self.num_envs)
        if len(seed) != self.num_envs:
            allowed = f"one seed, or a list of {self.num_envs}, one a lane"
            raise InvalidArgument("seed", f"a list of {len(seed)}", allowed)
        return seed

    def _checked(self, actions: ArrayLike) -> NDArray[np.int64]:
        if self._queue is None:
            raise InvalidArgument("actions", "a first step", "given after reset()")
        action = np.asarray(actions)
        highest = self.specs[0].dim_ring
        if action.dtype.kind not in "iu" or action.shape != (self.num_envs,):
            found = f"{action.dtype} {list(action.shape)}"
            allowed = f"{self.num_envs} whole numbers in [0, {highest}], one a lane"
            raise InvalidArgument("actions", found, allowed)
        if action.min() < 0 or action.max() > highest:
            found = f"numbers from {action.min()} to {action.max()}"
            raise InvalidArgument("actions", found, f"whole numbers in [0, {highest}]")
        return action.astype(np.int64, copy=False)

    def _observations(self) -> NDArray[np.float32]:
        return self._ob[self._place, self._t]

    def _selection(self, lanes: NDArray[np.int64]) -> _Selection:
        """The current trials of some lanes, not copied yet: few users look at them each step."""
        assert self._queue is not None  # every public way here comes after `reset`
        return self._queue, self._row[lanes], lanes

    def _autoreset(self, truncated: NDArray[np.bool_], infos: dict[str, Any]) -> dict[str, Any]:
        """Reset the truncated lanes; what they would have shown goes into the infos."""
        lanes = np.flatnonzero(truncated)
        final: NDArray[Any] = np.full(self.num_envs, None, dtype=object)
        for lane, observation in zip(lanes, self._observations()[lanes], strict=True):
            final[lane] = observation
        self._elapsed[lanes] = 0
        self._begin(lanes)
        # A lane that was reset has the info of its reset, which is empty.
        return {
            **masked(infos, ~truncated),
            FINAL_OBSERVATION: final,
            f"_{FINAL_OBSERVATION}": truncated.copy(),
            "final_info": final_info(masked(infos, truncated), lanes),
            "_final_info": truncated.copy(),
        }

    def _begin(self, lanes: NDArray[np.int64]) -> None:
        """Start the next trial of some lanes."""
        if not self._ready[lanes].all():
            self._prepare(np.flatnonzero(~self._ready))
        self._place[lanes] = self._other_place(lanes)
        self._ready[lanes] = False
        self._row[lanes] = rows = lanes * QUEUED_TRIALS + self._used[lanes]
        self._used[lanes] += 1
        self._length[lanes] = self._planned_length[rows]
        self._n_decision[lanes] = self._planned_decision[rows]
        self._decision_start[lanes] = self._length[lanes] - self._n_decision[lanes]
        self._tracks[lanes] = self._planned_tracks[rows]
        self._t[lanes], self._broken[lanes], self._score[lanes] = 0, False, 0.0

    def _other_place(self, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        return (self._place[lanes] + self.num_envs) % (2 * self.num_envs)

    def _prepare(self, lanes: NDArray[np.int64]) -> None:
        """Render the next trial of some lanes, beside the one that is running.

        Done for many lanes at once, as rendering a few costs nearly as much.
        """
        if self._queue is None or (self._used[lanes] == QUEUED_TRIALS).any():
            self._refill()
        assert self._queue is not None  # `_refill` has just made it
        rows = lanes * QUEUED_TRIALS + self._used[lanes]
        trials = _selected((self._queue, rows, self._lanes[: lanes.size]))
        longest = int(self._planned_length[rows].max())
        rendered = RENDERERS["auto"]()(
            trials, n_rules=self.n_rules, seq_len=longest, n_lanes=lanes.size
        )
        missing = longest - self._ob.shape[1]
        if missing > 0:
            self._ob = np.pad(self._ob, ((0, 0), (0, missing), (0, 0)))
            self._gt = np.pad(self._gt, ((0, 0), (0, missing)))
        places = self._other_place(lanes)
        self._ob[places, :longest] = rendered.observations.swapaxes(0, 1)
        self._gt[places, :longest] = rendered.targets.T
        self._ready[lanes] = True

    def _refill(self) -> None:
        """Plan the next trials of all lanes; those planned and not yet begun stay in order.

        The trials that are running stay in the queue, in the rows before those.
        """
        running = np.zeros((self.num_envs, 1), dtype=np.uint64)
        if self._queue is not None:
            running = self._keys[self._lanes, np.maximum(self._row % QUEUED_TRIALS, 0)][:, None]
        keys = np.empty_like(self._keys)
        keys[:, :1] = running
        for lane, used in enumerate(self._used.tolist()):
            left = QUEUED_TRIALS - used
            keys[lane, 1 : 1 + left] = self._keys[lane, used:]
            keys[lane, 1 + left :] = trial_keys(self._rngs[lane], used - 1)
        self._keys = keys
        flat = keys.ravel()
        rules = rule_of(flat, len(self.specs))
        self._queue = sample_mixed(self.specs, flat, rules)
        self._planned_length = self._queue.length
        self._planned_decision = self._queue.decision_steps
        tracks = np.array([bool(spec.tracks) for spec in self._queue.tasks])
        self._planned_tracks = tracks[self._queue.task_index]
        self._row = self._lanes * QUEUED_TRIALS
        self._used[:] = 1


def _selected(selection: _Selection) -> Trials:
    """The trials of a selection, each in its lane."""
    trials, rows, lanes = selection
    assert trials is not None  # nothing is selected before `reset`
    return place(trials[rows], lanes.copy(), np.zeros(lanes.size, dtype=np.int64))


def make_vec(
    task: object,
    num_envs: int = 1,
    *,
    rewards: Mapping[str, float] | None = None,
    max_episode_steps: int | None = None,
    **settings: Any,
) -> TaskVectorEnv:
    """Make a vector environment of a task, or of all tasks of a suite.

    Args:
        task: Name of a task or of a suite, a `TaskSpec`, or a list of tasks; see `modcog.make`.
        num_envs: Number of lanes.
        rewards: Replacements for some of the default rewards.
        max_episode_steps: Steps after which a lane is truncated and reset; None for no end.
        **settings: Task settings, as for `modcog.task`: ``dt``, ``dim_ring``, ``noise``, ...

    Raises:
        UnknownName: A name is not known; the message offers the nearest.
        InvalidArgument: A setting is out of range.

    Example:
        >>> envs = make_vec("cog-20", num_envs=8)
        >>> observations, infos = envs.reset(seed=0)
        >>> observations.shape, envs.step([0] * 8)[1].shape
        ((8, 53), (8,))
    """
    return TaskVectorEnv(tasks_of(task, **settings), num_envs, rewards, max_episode_steps)


def __getattr__(name: str) -> Any:
    """Give the vector entry point of a task, which is named as the task.

    Gymnasium 0.29 does not hand the arguments of an id to its vector entry point, so each id has an
    entry point that knows them.
    """
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        tasks_of(name)
    except InvalidArgument as error:
        raise AttributeError(str(error)) from error
    return functools.partial(make_vec, task=name)
