"""Tasks as neurogym and gymnasium environments: one rendered trial at a time.

The environment modules alone import gymnasium and neurogym. Where neurogym is not installed,
gymnasium's own classes take the place of its base classes: then everything but neurogym's tools
works.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, Sequence as SequenceOf
from typing import TYPE_CHECKING, Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from modcog.draws import rule_of, trial_keys
from modcog.errors import InvalidArgument, real_number, unknown_name
from modcog.lengths import lengths_of
from modcog.limits import LEVEL
from modcog.rendering import channels, render
from modcog.spec import TaskSpec
from modcog.trials import Trials, sample_keys

if TYPE_CHECKING:
    TrialEnv, TrialWrapper = gym.Env[NDArray[np.float32], Any], gym.Wrapper[Any, Any, Any, Any]
else:
    try:
        from neurogym.core import TrialEnv, TrialWrapper
    except ImportError:
        TrialEnv, TrialWrapper = gym.Env, gym.Wrapper

REWARDS: Mapping[str, float] = {"abort": -0.1, "correct": 1.0, "fail": 0.0}
"""Default rewards: breaking fixation, a correct trial, a wrong or missing response."""


def check_rewards(rewards: object) -> dict[str, float]:
    """All rewards as floats, with replacements for some of `REWARDS`.

    Raises:
        InvalidArgument: Not a mapping, or a reward is no finite number of a size that float32 adds
            up.
        UnknownName: There is no such reward.
    """
    if rewards is None:
        return dict(REWARDS)
    if not isinstance(rewards, Mapping):
        raise InvalidArgument("rewards", rewards, "a mapping of name -> number")
    checked = dict(REWARDS)
    for name, value in cast("Mapping[Any, object]", rewards).items():
        if name not in REWARDS:
            raise unknown_name("rewards", name, REWARDS, "a reward")
        allowed = f"a finite number of at most {LEVEL:g} in size"
        number = real_number(f"rewards[{name!r}]", value, allowed)
        if abs(number) > LEVEL:
            raise InvalidArgument(f"rewards[{name!r}]", value, allowed)
        checked[name] = number
    return checked


class TaskEnv(TrialEnv):
    """A task, or several tasks of which each trial draws one, as an environment.

    The observation is float32 ``[1 + 2 dim_ring + n_rules]`` with the channels fixation, ring 1,
    ring 2 and, where there are several tasks, a one-hot rule. The action is 0 for fixation and
    ``1 + k`` for direction k. `step` judges the action against the label of the observation that
    was returned last:

    - Before the decision every action but 0 breaks fixation: reward "abort", performance 0.
    - In the decision the first action other than 0 decides and ends the trial: reward "correct" or
      "fail". A trial that asks to withhold is correct when its end is reached with action 0.
    - Where the answer drifts (Seq) the trial runs to its end, and each decision step is worth its
      share of "correct".

    Trials follow each other without end: the step that ends one returns the first observation of
    the next, ``info["new_trial"]`` is True, and ``info["performance"]`` (0 to 1) and the mapping
    ``info["trial"]`` describe the trial that ended. `terminated` and `truncated` stay False.

    Args:
        specs: The tasks; with several, each is a rule slot.
        rewards: Replacements for some of `REWARDS`.

    Attributes:
        ob: float32 ``[steps, channels]``, observations of the current trial.
        gt: int64 ``[steps]``, labels of the current trial.
        trial: The current trial as a dictionary (`Trials.describe`).
        trials: The current trial as `Trials` of length 1.
        dt: Time step in ms.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  (gymnasium's own declaration)
        "render_modes": [],
        "paper_name": "Winning the lottery with neural connectivity constraints: faster learning "
        "across cognitive tasks with spatially constrained sparse RNNs",
        "paper_link": "https://doi.org/10.1162/neco_a_01613",
        "tags": ["supervised", "perceptual", "working memory", "timing"],
    }

    def __init__(
        self, specs: SequenceOf[TaskSpec], rewards: Mapping[str, float] | None = None
    ) -> None:
        # The base class's constructor is not called: it would seed a generator of its own.
        self.specs = tuple(specs)
        self.rewards = check_rewards(rewards)
        first = self.specs[0]
        self.dt = first.dt
        self.n_rules = len(self.specs) if len(self.specs) > 1 else 0
        where = channels(first.dim_ring, self.n_rules)
        n_channels = where["rule"].stop
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (n_channels,), np.float32)
        self.action_space = gym.spaces.Discrete(1 + first.dim_ring)
        names: dict[str, Any] = {
            "fixation": 0,
            "stimulus_mod1": range(where["ring1"].start, where["ring1"].stop),
            "stimulus_mod2": range(where["ring2"].start, where["ring2"].stop),
        }
        if self.n_rules:
            names["rule"] = range(where["rule"].start, where["rule"].stop)
        # neurogym's plots and wrappers find the channels by this attribute.
        cast("Any", self.observation_space).name = names
        choices = range(1, 1 + first.dim_ring)
        cast("Any", self.action_space).name = {"fixation": 0, "choice": choices}
        self.num_tr = 0
        self.t = 0.0
        self.t_ind = 0
        self.trial: dict[str, Any] | None = None
        self._top: Any = self  # whose `new_trial` starts the next trial
        self.modified_by: Any = self  # whose task the trials are of

    @property
    def task_spec(self) -> TaskSpec:
        """The task.

        Raises:
            InvalidArgument: There are several; see `specs`.
        """
        if self.n_rules:
            allowed = "an environment of one task"
            raise InvalidArgument("env", f"an environment of {self.n_rules} tasks", allowed)
        return self.specs[0]

    @property
    def timing(self) -> dict[str, Any]:
        """Duration of each period, modifiers applied; of the first task where there are several."""
        spec: TaskSpec = self.specs[0] if self.n_rules else self.modified_by.task_spec
        return {period.name: period.duration for period in spec.periods}

    def new_trial(self, **given: Any) -> dict[str, Any]:
        """Draw the next trial, with all modifiers that wrap this environment.

        Args:
            **given: Quantities to fix instead of drawing them (see `modcog.sample`); with several
                tasks also ``rule``, the rule slot.

        Returns:
            The trial as a dictionary, also in `trial`; the arrays are in `ob` and `gt`.

        Raises:
            InvalidArgument: A given value is out of range; the current trial stays.
            UnknownName: The task draws no such quantity; the current trial stays.
        """
        keys = trial_keys(self.np_random, 1)
        if self.n_rules:
            rule = given.pop("rule", int(rule_of(keys, self.n_rules)[0]))
            if rule not in range(self.n_rules):
                raise InvalidArgument("rule", rule, f"a rule slot in [0, {self.n_rules - 1}]")
            spec = self.specs[rule]
        else:
            rule, spec = 0, self.modified_by.task_spec
        trials = sample_keys(spec, keys, given)
        trials.rule[:] = rule
        self._load(trials)
        assert self.trial is not None  # `_load` has just set it
        return self.trial

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a first trial and return its first observation, which no step consumes.

        Args:
            seed: Seed of everything this environment draws; None goes on with the stream.
            options: ``{"trial": {...}}`` fixes quantities of the first trial.
        """
        gym.Env.reset(self, seed=seed)
        self.num_tr = 0
        self._top.new_trial(**(options or {}).get("trial", {}))
        return self.ob[0].copy(), {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Judge an action and return the next observation.

        Raises:
            InvalidArgument: The action is not in the action space.
        """
        if not self.action_space.contains(action):
            highest = self.specs[0].dim_ring
            raise InvalidArgument("action", action, f"a whole number in [0, {highest}]")
        action, label = int(action), int(self.gt[self.t_ind])
        n_decision = int(self.trials.decision_steps[0])
        last = self.t_ind == len(self.gt) - 1
        reward, done = 0.0, last
        if self.t_ind < len(self.gt) - n_decision:
            if action != 0:
                reward, self._broken = self.rewards["abort"], True
        elif self.trials.tasks[0].tracks:
            share = float(action == label) / n_decision
            reward, self._score = share * self.rewards["correct"], self._score + share
        elif action != 0 or last:
            done, self._score = True, float(action == label)
            reward = self.rewards["correct" if action == label else "fail"]
        info: dict[str, Any] = {"new_trial": done, "gt": label}
        if done:
            info["performance"] = 0.0 if self._broken else round(self._score, 12)
            # No `dict`: gymnasium 1.x makes arrays of a dict's numbers, lane by lane, and those can
            # hold neither None nor a key of 64 bits.
            info["trial"] = UserDict(self.trial or {})
            self._top.new_trial()
        else:
            self.t_ind += 1
            self.t = self.t_ind * self.dt
        return self.ob[self.t_ind].copy(), float(reward), False, False, info

    def seed(self, seed: int | None = None) -> list[int]:
        """Seed the environment's one generator, as neurogym's `Dataset` asks for it."""
        self._np_random, used = seeding.np_random(seed)
        return [used]

    def set_top(self, wrapper: Any) -> None:
        """Let a wrapper's `new_trial` start the trials (called by neurogym's trial wrappers)."""
        self._top = wrapper

    def in_period(self, period: str, t: float | None = None) -> bool:
        """Whether the current time, or time t in ms, lies in a period."""
        now = self.t if t is None else t
        return self.start_t[period] <= now < self.end_t[period]

    def view_ob(self, period: str | None = None) -> NDArray[np.float32]:
        """Observations of a period, or of the whole trial."""
        if period is None:
            return self.ob
        return self.ob[self.start_ind[period] : self.end_ind[period]]

    def view_groundtruth(self, period: str) -> NDArray[np.int64]:
        """Labels of a period."""
        return self.gt[self.start_ind[period] : self.end_ind[period]]

    @property
    def gt_now(self) -> np.int64:
        """Label of the current step."""
        return self.gt[self.t_ind]

    @property
    def ob_now(self) -> NDArray[np.float32]:
        """Observation of the current step."""
        return self.ob[self.t_ind]

    def trial_length_stats(self, num_trials: int = 0) -> dict[str, float]:
        """Exact statistics of the trial length in steps; `num_trials` is neurogym's and unused."""
        del num_trials
        specs = self.specs if self.n_rules else (self.modified_by.task_spec,)
        lengths = lengths_of(specs)
        return {
            "mean": lengths.mean,
            "std": lengths.std,
            "percentile_95": lengths.percentile_95,
            "max": lengths.longest,
        }

    def _load(self, trials: Trials) -> None:
        """Make a drawn trial the current one."""
        rendered = render(trials, n_rules=self.n_rules)
        self.trials = trials
        self.ob: NDArray[np.float32] = rendered.observations[:, 0]
        self.gt: NDArray[np.int64] = rendered.targets[:, 0]
        self.trial = trials.describe(0)
        names = trials.tasks[0].period_names
        end = trials.period_steps[0].cumsum()
        start = end - trials.period_steps[0]
        self.start_ind = dict(zip(names, start.tolist(), strict=True))
        self.end_ind = dict(zip(names, end.tolist(), strict=True))
        self.start_t = {name: step * self.dt for name, step in self.start_ind.items()}
        self.end_t = {name: step * self.dt for name, step in self.end_ind.items()}
        self.tmax = len(self.gt) * self.dt
        self.t, self.t_ind = 0.0, 0
        self.num_tr += 1
        self._broken, self._score = False, 0.0
