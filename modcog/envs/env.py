"""Tasks as neurogym and gymnasium environments: one rendered trial at a time.

This room alone imports gymnasium and neurogym; `modcog.envs.compat` says which is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence as SequenceOf
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from modcog.catalog.rules import rule_input_of
from modcog.envs.compat import ResetNeeded, TrialInfo, reset_options
from modcog.envs.rewards import REWARDS as REWARDS, check_rewards
from modcog.envs.screen import RENDER_MODES, Screen, frames_per_second
from modcog.envs.views import TrialView
from modcog.errors import InvalidArgument, truth_value, whole_number
from modcog.hashing import Purpose, derive
from modcog.rendering.reference import channels, reference
from modcog.trials.draws import trial_keys
from modcog.trials.given import from_keys, with_answer
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec


class TaskEnv(TrialView):
    """A task, or several tasks of which each trial draws one, as an environment.

    The observation is float32 ``[1 + 2 dim_ring + n_rules]`` with the channels fixation, ring 1,
    ring 2 and, where there are any, the rule channels. The action is 0 for fixation and
    ``1 + k`` for direction k. `step` judges the action against the label of the observation that
    was returned last:

    - Before the decision every action but 0 breaks fixation: reward "abort", performance 0.
    - In the decision the first action other than 0 decides and ends the trial: reward "correct" or
      "fail". A trial that asks to withhold is correct when its end is reached with action 0.
    - Where the answer drifts (Seq) the trial runs to its end, and each decision step is worth its
      share of "correct".

    Trials follow each other without end: the step that ends one returns the first observation of
    the next, ``info["new_trial"]`` is True, and ``info["performance"]`` (0 to 1) and
    ``info["trial"]``, which is read like a mapping, describe the trial that ended. `terminated` and
    `truncated` stay False.

    With `terminate` each trial is an episode: the step that ends one returns `terminated` True and
    the observation that it judged once more, and a step after it is refused until `reset` draws the
    next trial of the stream. The trials are the same in both ways.

    Args:
        specs: The tasks; with several, each is a rule slot.
        rewards: Replacements for some of `REWARDS`.
        rule_input: As for `modcog.make`.
        rules: As for `modcog.make`; a row is for a task with its modifiers.
        terminate: Whether the end of a trial is the end of an episode.
        render_mode: What `render` shows of the trial so far: "rgb_array" pixels, "ansi" text, and
            "human" a window of matplotlib that follows the steps; None: nothing.

    Raises:
        InvalidArgument: A reward is no finite number, `rule_input` or `terminate` is no truth
            value, or `rules` are none.
        UnknownName: There is no such reward, way to render or encoding of rules.

    Attributes:
        ob: float32 ``[steps, channels]``, observations of the current trial.
        gt: int64 ``[steps]``, labels of the current trial.
        trial: The current trial as a dictionary (`Trials.describe`).
        trials: The current trial as `Trials` of length 1.
        dt: Time step in ms.
        n_rules: Number of rule channels.
        rule_channels: What they show, as `modcog.rendering.rule_input.RuleInput`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - gymnasium's own declaration
        "render_modes": list(RENDER_MODES),
        "render_fps": frames_per_second(100),
        "paper_name": "Winning the lottery with neural connectivity constraints: faster learning "
        "across cognitive tasks with spatially constrained sparse RNNs",
        "paper_link": "https://doi.org/10.1162/neco_a_01613",
        "tags": ["supervised", "perceptual", "working memory", "timing"],
    }

    def __init__(
        self,
        specs: SequenceOf[TaskSpec],
        rewards: Mapping[str, float] | None = None,
        rule_input: bool | None = None,  # noqa: FBT001 - a truth value is what it is
        rules: object = None,
        *,
        terminate: bool = False,
        render_mode: str | None = None,
    ) -> None:
        # The base class's constructor is not called: it would seed a generator of its own.
        self.specs = tuple(specs)
        self.rewards = check_rewards(rewards)
        self.terminate = truth_value("terminate", terminate)
        first = self.specs[0]
        self.dt = first.dt
        fps = frames_per_second(self.dt)
        self.metadata = {**type(self).metadata, "render_fps": fps}
        self._screen = Screen(render_mode, fps)
        self.render_mode = self._screen.mode
        self._asked = rules, rule_input
        self.show_rules(self.specs)
        self.action_space = gym.spaces.Discrete(1 + first.dim_ring)
        choices = range(1, 1 + first.dim_ring)
        cast("Any", self.action_space).name = {"fixation": 0, "choice": choices}
        self.num_tr = 0
        self.t = 0.0
        self.t_ind = 0
        self.trial: dict[str, Any] | None = None
        self._rng: Any = None
        self._rng_seed: int | None = None
        self._actions: list[int] = []  # of the current trial
        self._over = True  # until a trial is there, and after the end of an episode
        self._showing = False  # the first observation, on its way through the wrappers
        self._top: Any = self  # whose `new_trial` starts the next trial
        self.modified_by: Any = self  # whose task the trials are of

    def show_rules(self, specs: SequenceOf[TaskSpec]) -> None:
        """Let the rule channels say which of these tasks it is (called where modifiers wrap it).

        Args:
            specs: The tasks with all modifiers, one per rule slot.

        Raises:
            InvalidArgument: What was asked for does not fit these tasks.
        """
        rules, rule_input = self._asked
        shown = rule_input_of(specs, rules, rule_input, default=len(specs) > 1)
        where = channels(specs[0].dim_ring, shown.n_channels)
        names: dict[str, Any] = {
            "fixation": 0,
            "stimulus_mod1": range(where["ring1"].start, where["ring1"].stop),
            "stimulus_mod2": range(where["ring2"].start, where["ring2"].stop),
        }
        if shown.n_channels:
            names["rule"] = range(where["rule"].start, where["rule"].stop)
        shape = (where["rule"].stop,)
        self.rule_channels, self.n_rules = shown, shown.n_channels
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, shape, np.float32)
        # neurogym's plots and wrappers find the channels by this attribute.
        cast("Any", self.observation_space).name = names

    @property
    def task_spec(self) -> TaskSpec:
        """The task.

        Raises:
            InvalidArgument: There are several; see `specs`.
        """
        n_tasks: int = len(self.specs)  # a checker takes the tuple for an empty one otherwise
        if n_tasks > 1:
            allowed = "an environment of one task"
            raise InvalidArgument("env", f"an environment of {n_tasks} tasks", allowed)
        return self.specs[0]

    @property
    def choices(self) -> NDArray[np.int64]:
        """The answers among which neurogym's wrappers choose: ring indices, int64 ``[dim_ring]``.

        One of them given as ``ground_truth`` to `new_trial` is the answer of that trial.

        Raises:
            AttributeError: Some trials ask to withhold, and that is no direction.
        """
        for spec in self.specs:
            if spec.p_response < 1:
                # neurogym's wrappers take the missing attribute for their own refusal.
                raise AttributeError(
                    f"{spec.name} has no choices: some of its trials ask to withhold, and who "
                    "chooses among directions would leave those out."
                )
        return np.arange(self.specs[0].dim_ring)

    @property
    def rng(self) -> Any:
        """The generator that neurogym's wrappers draw from; it changes nothing about the trials."""
        if self._rng is None:
            # neurogym's wrappers call methods that only the older kind of generator has.
            self._rng = np.random.RandomState(  # noqa: TID251 - see above
                np.random.MT19937(_wrappers_stream(self._rng_seed))
            )
        return self._rng

    def new_trial(self, **given: Any) -> dict[str, Any]:
        """Draw the next trial, with all modifiers that wrap this environment.

        Args:
            **given: Quantities to fix instead of drawing them (see `modcog.sample`); with several
                tasks also ``rule``, the rule slot. ``ground_truth`` is the answer at the first
                decision step, a ring index, as neurogym's wrappers choose it: the trial is drawn
                among those that have it. ``probs``, what it was chosen with, is noted in `trial`.

        Returns:
            The trial as a dictionary, also in `trial`; the arrays are in `ob` and `gt`.

        Raises:
            InvalidArgument: A given value is out of range; the current trial and the stream stay.
            UnknownName: The task draws no such quantity; the current trial and the stream stay.
        """
        noted = {name: given.pop(name) for name in ("ground_truth", "probs") if name in given}
        if "probs" in noted and "ground_truth" not in noted:
            raise InvalidArgument("probs", noted["probs"], "given with the ground_truth it led to")
        before = self.np_random.bit_generator.state
        try:
            if noted:
                answer = noted["ground_truth"]
                trials = with_answer(self._tasks, self.np_random, answer, given)
                noted["ground_truth"] = int(answer)
            else:
                trials = from_keys(self._tasks, trial_keys(self.np_random, 1), given)
        except InvalidArgument:
            self.np_random.bit_generator.state = before
            raise
        self._load(trials)
        if "probs" in noted:
            noted["probs"] = np.asarray(noted["probs"]).tolist()
        self.trial = {**(self.trial or {}), **noted}
        return self.trial

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a first trial and return its first observation, which no step consumes.

        The observation comes by way of `step` of the wrappers that neurogym knows of, as those that
        change observations do it there. They see action 0 and reward 0, and no time passes.

        Args:
            seed: Seed of everything this environment draws; None goes on with the stream.
            options: ``{"trial": {...}}`` fixes quantities of the first trial. ``"step_fn"`` is the
                `step` of the outermost wrapper, by which neurogym's wrappers ask for the first
                observation.

        Returns:
            The observation, and what the trial is: ``rule`` (its slot), ``task`` (its name) and
            ``trial``, which is read like a mapping.

        Raises:
            InvalidArgument: An option or the seed is not allowed; the current trial and the stream
                stay.
            UnknownName: There is no such option, or the task draws no such quantity.
        """
        chosen = reset_options(options, ("trial", "step_fn"))
        step: Callable[[int], Any] = chosen.get("step_fn") or self._top.step
        before = self._np_random, self._rng, self._rng_seed
        if seed is not None:
            self._seed(seed)
        try:
            self._top.new_trial(**chosen.get("trial", {}))
        except InvalidArgument:
            self._np_random, self._rng, self._rng_seed = before
            raise
        self.num_tr = 1
        self._showing = True
        try:
            observation: NDArray[np.float32] = step(0)[0]
        finally:
            self._showing = False
        self._follow()
        trial = TrialInfo(self.trial or {})
        return observation, {"rule": trial["rule"], "task": trial["task"], "trial": trial}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Judge an action and return the next observation.

        Raises:
            InvalidArgument: The action is not in the action space.
            ResetNeeded: There is no trial yet, or the episode is over.
        """
        if self._over:
            raise ResetNeeded("action", action, "given after reset()")
        if self._showing:
            return self.ob[0].copy(), 0.0, False, False, {"new_trial": False, "gt": int(self.gt[0])}
        if not self.action_space.contains(action):
            highest = self.specs[0].dim_ring
            raise InvalidArgument("action", action, f"a whole number in [0, {highest}]")
        action, label = int(action), int(self.gt[self.t_ind])
        self._actions.append(action)
        # By the clock, which neurogym's wrapper for reaction times moves.
        start = round(self.start_t["decision"] / self.dt)
        end = round(self.tmax / self.dt)
        last = self.t_ind >= end - 1
        reward, done = 0.0, last
        if self.t_ind < start:
            if action != 0:
                reward, self._broken = self.rewards["abort"], True
        elif self.trials.tasks[0].tracks:
            share = float(action == label) / (end - start)
            reward, self._score = share * self.rewards["correct"], self._score + share
        elif action != 0 or last:
            done, self._score = True, float(action == label)
            reward = self.rewards["correct" if action == label else "fail"]
        info: dict[str, Any] = {"new_trial": done, "gt": label}
        if done:
            info["performance"] = 0.0 if self._broken else round(self._score, 12)
            info["trial"] = TrialInfo(self.trial or {})
            self._over = self.terminate
            if not self._over:
                self._top.new_trial()
        else:
            self.t_ind += 1
            self.t = self.t_ind * self.dt
        self._follow()
        return self.ob[self.t_ind].copy(), float(reward), self._over, False, info

    def render(self) -> Any:
        """Show the trial so far: inputs, labels and actions of the steps that were shown.

        Returns:
            uint8 ``[640, 720, 3]`` for "rgb_array", text for "ansi", else None.

        Raises:
            ResetNeeded: There is no trial yet.
        """
        trials = None if self.trial is None else self.trials
        return self._screen.show(trials, self.t_ind + 1, self._actions)

    def close(self) -> None:
        """Close the window of `render`, if there is one."""
        self._screen.close()

    def seed(self, seed: int | None = None) -> list[int]:
        """Seed all generators as neurogym does: of the trials, of wrappers and of the action space.

        Args:
            seed: A whole number of at least 0; None for another one each time.

        Raises:
            InvalidArgument: It is no such number.
        """
        used = self._seed(seed)
        self.action_space.seed(used if seed is None else int(seed))
        return [used]

    def set_top(self, wrapper: Any) -> None:
        """Let a wrapper's `new_trial` start the trials (called by neurogym's trial wrappers)."""
        self._top = wrapper

    @property
    def _tasks(self) -> tuple[TaskSpec, ...]:
        """The tasks with the modifiers that wrap this environment, one per rule slot."""
        n_tasks: int = len(self.specs)
        return self.specs if n_tasks > 1 else (self.modified_by.task_spec,)

    def _follow(self) -> None:
        """Show the step in the window, where there is to be one."""
        if self.render_mode == "human":
            self.render()

    def _seed(self, seed: object) -> int:
        number = None if seed is None else whole_number("seed", seed, least=0)
        self._np_random, used = seeding.np_random(number)
        self._np_random_seed = used  # gymnasium 1.x shows it
        self._rng, self._rng_seed = None, used
        return used

    def _load(self, trials: Trials) -> None:
        """Make a drawn trial the current one."""
        rendered = reference(trials, rules=self.rule_channels, checked=True)
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
        self.t, self.t_ind, self._actions = 0.0, 0, []
        self.num_tr += 1
        self._over, self._broken, self._score = False, False, 0.0


def _wrappers_stream(seed: int | None) -> np.random.SeedSequence:
    """The stream of what neurogym's wrappers draw."""
    return np.random.SeedSequence() if seed is None else derive(seed, Purpose.WRAPPERS)
