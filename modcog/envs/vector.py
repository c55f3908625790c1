"""Thousands of environments side by side, stepped by array operations.

Lane i of `TaskVectorEnv` is what `modcog.make` of the same tasks does alone when it is seeded with
the seed of that lane: the same observations, rewards and ends of trials, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from modcog.catalog.settings import tasks_of
from modcog.envs.compat import (
    FromId,
    ResetNeeded,
    as_gymnasium,
    masked,
    reset_options,
)
from modcog.envs.env import TaskEnv
from modcog.envs.episodes import Episodes, last_infos, reset_infos, with_trials
from modcog.envs.lanes import TrialQueue, actions_of, generators_of, lanes_of, selected
from modcog.envs.screen import LANE_MODES, Screens, frames_per_second
from modcog.errors import InvalidArgument, whole_number
from modcog.rendering.renderers import RENDERERS
from modcog.system.limits import LANES
from modcog.trials.given import from_keys
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec


class TaskVectorEnv(FromId):
    """A task, or several tasks of which each trial draws one, in many lanes.

    Observations, actions, rewards and trials are those of `modcog.TaskEnv`, one a lane. `infos` has
    ``new_trial`` (bool ``[lanes]``), ``gt`` (int64 ``[lanes]``) and, where a trial ended,
    ``performance`` (float64 ``[lanes]``, valid where ``_performance``); the trials that ended are
    in `ended`.

    With `max_episode_steps` a lane is truncated after so many steps, and with `terminate` it is
    terminated with each trial: it is over. `autoreset_mode` says what then happens, in the words of
    gymnasium 1.1 and later, and in the same way in gymnasium 0.29:

    - "SameStep": it is reset in the same step. Its observation is then the first of the next
      episode, and ``infos`` has the last of the old one (``final_observation`` in gymnasium 0.29,
      ``final_obs`` in 1.x) and ``final_info``.
    - "NextStep": its observation is the last one of the episode, and the next step resets it, with
      reward 0 and whatever its action is. Gymnasium's own wrappers of vector observations ask for
      this one.
    - "Disabled": the caller resets it, with ``reset(options={"reset_mask": ...})``; a step before
      that is refused.

    Args:
        specs: The tasks; with several, each is a rule slot.
        num_envs: Number of lanes.
        rewards: Replacements for some of `modcog.envs.env.REWARDS`.
        max_episode_steps: Steps after which a lane is truncated; None for no end.
        autoreset_mode: One of the three, or a member of gymnasium's `AutoresetMode`.
        rule_input: As for `modcog.make`.
        rules: As for `modcog.make`.
        terminate: Whether the end of a trial is the end of an episode.
        render_mode: "rgb_array", "ansi" or None; see `render`.

    Attributes:
        performance: float64 ``[len(ended)]``, performance of the trials that ended, 0 to 1.
        autoreset_mode: Gymnasium's member, as in `metadata`; its value in gymnasium 0.29.

    Raises:
        InvalidArgument: A number is not a whole number of at least 1, a reward is no finite number,
            `rule_input` or `terminate` is no truth value, or `rules` are none.
        UnknownName: There is no such reward, mode, way to render or encoding of rules.
    """

    metadata: dict[str, Any] = {"render_modes": list(LANE_MODES)}  # noqa: RUF012 - gymnasium's own

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        specs: Sequence[TaskSpec],
        num_envs: int,
        rewards: Mapping[str, float] | None = None,
        max_episode_steps: int | None = None,
        autoreset_mode: object = "SameStep",
        rule_input: bool | None = None,  # noqa: FBT001 - a truth value is what it is
        rules: object = None,
        *,
        terminate: bool = False,
        render_mode: str | None = None,
    ) -> None:
        # One environment says what the spaces and rewards are, and checks the arguments.
        single = TaskEnv(specs, rewards, rule_input, rules)
        self.specs = single.specs
        self.n_rules = single.n_rules
        self.rule_channels = single.rule_channels
        self.rewards = single.rewards
        self.num_envs = whole_number("num_envs", num_envs, "lanes", most=LANES)
        self._episodes = Episodes(self.num_envs, max_episode_steps, autoreset_mode, terminate)
        self.max_episode_steps = self._episodes.max_steps
        self.autoreset_mode = as_gymnasium(self._episodes.mode)
        fps = frames_per_second(self.specs[0].dt)
        self.metadata = {
            **type(self).metadata,
            "render_fps": fps,
            "autoreset_mode": self.autoreset_mode,
        }
        self._screens = Screens(render_mode, fps)
        self.render_mode = self._screens.mode
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, self.num_envs)
        self.action_space = batch_space(single.action_space, self.num_envs)
        self.is_vector_env = True
        self.closed = False
        self.spec = None
        self._lanes = np.arange(self.num_envs)
        self._queue = TrialQueue(self.specs, self.num_envs)
        self._ended = self._queue.running(self._lanes[:0])
        n_channels = 1 + 2 * self.specs[0].dim_ring + self.n_rules
        # Each lane has two places: one holds the trial that is running, the other the next one.
        self._ob = np.zeros((2 * self.num_envs, 0, n_channels), dtype=np.float32)
        self._gt = np.zeros((2 * self.num_envs, 0), dtype=np.int64)
        self._place = self._lanes.copy()
        self._ready = np.zeros(self.num_envs, dtype=np.bool_)
        # What `step` needs to know of the current trials; `_begin` fills it in.
        self._length, self._decision_start, self._n_decision = np.ones(
            (3, self.num_envs), dtype=np.int64
        )
        self._tracks = np.zeros(self.num_envs, dtype=np.bool_)
        self._t = np.zeros(self.num_envs, dtype=np.int64)
        self._broken = np.zeros(self.num_envs, dtype=np.bool_)
        self._score = np.zeros(self.num_envs)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a first trial in every lane.

        Args:
            seed: Lane i gets ``seed + i``, or ``seed[i]`` of a list; None goes on with the streams.
            options: ``{"trial": {...}}`` fixes quantities of the first trial of each lane: one
                value for all, or one for each lane that is reset. ``{"reset_mask": ...}``, bool
                ``[lanes]``, resets those lanes and leaves the others as they are.

        Returns:
            float32 ``[lanes, channels]``, the observations of all lanes, and what the trials are of
            those that are reset: ``rule`` (int64 ``[lanes]``, the slot), ``task`` (the name) and
            ``trial``, which is read like a mapping, each valid where its mask is.

        Raises:
            InvalidArgument: A seed or an option is not allowed; nothing is reset then.
            UnknownName: There is no such option, or a task draws no such quantity.
        """
        chosen = reset_options(options, ("trial", "reset_mask"))
        lanes = self._lanes
        if "reset_mask" in chosen:
            lanes = lanes_of(chosen["reset_mask"], self.num_envs)
            if self._queue.trials is None and lanes.size < self.num_envs:
                allowed = "left out of the first reset"
                raise InvalidArgument("options['reset_mask']", chosen["reset_mask"], allowed)
        given = generators_of(seed, self.num_envs)
        fresh = {lane: generator for lane, generator in given.items() if lane in lanes}
        first: Trials | None = None
        if chosen.get("trial"):
            first = from_keys(self.specs, self._queue.next_keys(lanes, fresh), chosen["trial"])
        # From here on nothing can be refused.
        self._queue.seed(fresh)
        self._ready[list(fresh)] = False
        if first is not None:
            self._queue.choose(first, lanes)
            self._ready[lanes] = False
        infos = self._restart(lanes)
        self._ended = self._queue.running(self._lanes[:0])
        self.performance = np.zeros(0)
        return self._observations(), with_trials(infos, self._running(lanes), lanes)

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
            truncated bool ``[lanes]``, infos. Those of a lane that the step resets have ``rule``
            and ``task``, as those of `reset`.

        Raises:
            InvalidArgument: The actions are not so many whole numbers of the action space.
            ResetNeeded: There are no trials yet, or a lane is over and only the caller resets it.
        """
        if self._queue.trials is None:
            raise ResetNeeded("actions", "a first step", "given after reset()")
        action = actions_of(actions, self.num_envs, self.specs[0].dim_ring)
        resetting = self._episodes.waiting()
        label = self._gt[self._place, self._t]
        right = action == label
        acted = action != 0
        last = self._t == self._length - 1
        before = self._t < self._decision_start
        tracks = ~before & self._tracks
        decides = ~before & ~self._tracks & (acted | last)
        aborts = before & acted
        if resetting is not None:  # nothing of these is judged
            for judged in (last, tracks, decides, aborts):
                judged &= ~resetting
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
        self._ended = self._queue.running(over)
        scores = np.where(self._broken[over], 0.0, self._score[over]).tolist()
        self.performance = np.array([round(score, 12) for score in scores])
        if over.size:
            infos["performance"] = np.zeros(self.num_envs)
            infos["performance"][over] = self.performance
            infos["_performance"] = done.copy()
        self._t += 1
        if over.size and self._episodes.terminate:
            self._t[over] -= 1  # what was shown last stays
        elif over.size:
            self._begin(over)
        if resetting is not None:
            new = self._restart(np.flatnonzero(resetting))
            infos = {**masked(infos, ~resetting), **new}
        terminated, truncated = self._episodes.count(done, resetting)
        if self._episodes.mode == "SameStep" and (ending := terminated | truncated).any():
            lanes = np.flatnonzero(ending)
            infos = last_infos(infos, self._observations(), lanes, ending)
            infos |= self._restart(lanes)
        return self._observations(), reward, terminated, truncated, infos

    def render(self) -> tuple[Any, ...] | None:
        """Show the trials so far: pixels or text of each lane; see `TaskEnv.render`.

        Raises:
            ResetNeeded: There are no trials yet.
        """
        return self._screens.show(None if self._queue.trials is None else self.trials, self._t + 1)

    def close(self, **kwargs: Any) -> None:
        """Nothing is held open; here for gymnasium's interface."""
        del kwargs
        self.closed = True

    @property
    def trials(self) -> Trials:
        """The current trial of each lane."""
        return self._running(self._lanes)

    @property
    def ended(self) -> Trials:
        """The trials that ended in the last step; `Trials.lane` is their lane."""
        return selected(self._ended)

    def _observations(self) -> NDArray[np.float32]:
        return self._ob[self._place, self._t]

    def _running(self, lanes: NDArray[np.int64]) -> Trials:
        return selected(self._queue.running(lanes))

    def _restart(self, lanes: NDArray[np.int64]) -> dict[str, Any]:
        """Start the next episode of some lanes, and say what their trials are."""
        self._episodes.restart(lanes)
        self._begin(lanes)
        return reset_infos(self._running(lanes), lanes, self.num_envs)

    def _begin(self, lanes: NDArray[np.int64]) -> None:
        """Start the next trial of some lanes."""
        if not self._ready[lanes].all():
            self._prepare(np.flatnonzero(~self._ready))
        self._place[lanes] = self._other_place(lanes)
        self._ready[lanes] = False
        rows = self._queue.take(lanes)
        self._length[lanes] = self._queue.length[rows]
        self._n_decision[lanes] = self._queue.decision_steps[rows]
        self._decision_start[lanes] = self._length[lanes] - self._n_decision[lanes]
        self._tracks[lanes] = self._queue.tracks[rows]
        self._t[lanes], self._broken[lanes], self._score[lanes] = 0, False, 0.0

    def _other_place(self, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        return (self._place[lanes] + self.num_envs) % (2 * self.num_envs)

    def _prepare(self, lanes: NDArray[np.int64]) -> None:
        """Render the next trial of some lanes, beside the one that is running.

        Done for many lanes at once, as rendering a few costs nearly as much.
        """
        rows = self._queue.next_rows(lanes)
        trials = selected((self._queue.trials, rows, self._lanes[: lanes.size]))
        longest = int(self._queue.length[rows].max())
        rendered = RENDERERS["auto"]()(
            trials, rules=self.rule_channels, seq_len=longest, n_lanes=lanes.size, checked=True
        )
        missing = longest - self._ob.shape[1]
        if missing > 0:
            self._ob = np.pad(self._ob, ((0, 0), (0, missing), (0, 0)))
            self._gt = np.pad(self._gt, ((0, 0), (0, missing)))
        places = self._other_place(lanes)
        self._ob[places, :longest] = rendered.observations.swapaxes(0, 1)
        self._gt[places, :longest] = rendered.targets.T
        self._ready[lanes] = True


def make_vec(  # noqa: PLR0913 - the keywords that concern the environment, not the task
    task: object,
    num_envs: int = 1,
    *,
    rewards: Mapping[str, float] | None = None,
    max_episode_steps: int | None = None,
    autoreset_mode: object = "SameStep",
    rule_input: bool | None = None,
    rules: object = None,
    terminate: bool = False,
    render_mode: str | None = None,
    **settings: Any,
) -> TaskVectorEnv:
    """Make a vector environment of a task, or of all tasks of a suite.

    Args:
        task: Name of a task or of a suite, a `TaskSpec`, or a list of tasks; see `modcog.make`.
        num_envs: Number of lanes.
        rewards: Replacements for some of the default rewards.
        max_episode_steps: Steps after which a lane is truncated; None for no end.
        autoreset_mode: When a lane that is over is reset: "SameStep", "NextStep", "Disabled", or a
            member of gymnasium's `AutoresetMode`; see `TaskVectorEnv`.
        rule_input: Whether the observation ends with rule channels, as in `modcog.BatchSampler`;
            None: as `rules` say, and where they are not given, only where there are several tasks.
        rules: What the rule channels show, as for `modcog.BatchSampler`; None: one-hot, or as
            `rule_input` says.
        terminate: Whether the end of a trial is the end of an episode; see `modcog.TaskEnv`.
        render_mode: What ``envs.render()`` shows of the trials so far: "rgb_array" pixels, "ansi"
            text, one a lane; None: nothing.
        **settings: Task settings, as for `modcog.task`: ``dt``, ``dim_ring``, ``noise``, ...

    Raises:
        UnknownName: A name is not known; the message offers the nearest. Where it is the name of a
            keyword, the error is a `TypeError` as well.
        InvalidArgument: A setting is out of range.

    Example:
        >>> from modcog import make_vec
        >>> envs = make_vec("cog-20", num_envs=8)
        >>> observations, infos = envs.reset(seed=0)
        >>> observations.shape, envs.step([0] * 8)[1].shape
        ((8, 53), (8,))
    """
    specs = tasks_of(task, **settings)
    return TaskVectorEnv(
        specs,
        num_envs,
        rewards,
        max_episode_steps,
        autoreset_mode,
        rule_input,
        rules,
        terminate=terminate,
        render_mode=render_mode,
    )
