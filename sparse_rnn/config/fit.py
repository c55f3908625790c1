"""`FitConfig`: what decides how a network is trained, whatever the network is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sparse_rnn.config import (
    continual as continual_methods,
    objectives,
    optimisers,
    sparsifiers,
    stages as staging,
)
from sparse_rnn.config.continual import CONTINUAL, ContinualOptions, Ewc, GradientProjection
from sparse_rnn.config.freeze import GROUPS, parse_freeze
from sparse_rnn.config.objectives import OBJECTIVES, Minimised
from sparse_rnn.config.optimisers import OPTIMISERS, OptimiserOptions
from sparse_rnn.config.own import check_name
from sparse_rnn.config.rates import Rates, RatesSetting
from sparse_rnn.config.refusal import refusal
from sparse_rnn.config.schedules import SCHEDULES, Course, factor
from sparse_rnn.config.sparsifiers import SparsifierOptions
from sparse_rnn.config.stages import (
    Criterion,
    Stage,
    StagePlan,
    Weighting,
    parse_stages,
    parse_weights,
)
from sparse_rnn.data import RULES, TARGET_KINDS, written_rules
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.system import limits
from sparse_rnn.system.arguments import whole
from sparse_rnn.system.hardware import PRECISIONS


def _as_tuple(value: object) -> object:
    names = tuple(cast("Sequence[object]", value)) if isinstance(value, list) else value
    if isinstance(names, str | tuple) and len(names) > limits.TASKS:
        what = "letters" if isinstance(names, str) else "names"
        raise InvalidArgument("suite", f"{len(names)} {what}", f"at most {limits.TASKS} {what}")
    return names


_Suite = Annotated[str | tuple[str, ...], BeforeValidator(_as_tuple)]
_Steps = Annotated[int, Field(ge=1, le=limits.STEPS)]
_Batches = Annotated[int, Field(ge=1, le=limits.BATCHES)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_OPTIONS = "optimiser_options"
_KEPT = "continual_options"
_CHOSEN = "sparsifier_options"
_SETTLED: tuple[tuple[str, str, Callable[[Any, Any], Any]], ...] = (
    ("optimiser", _OPTIONS, optimisers.settled),
    ("continual", _KEPT, continual_methods.settled),
    ("sparsifier", _CHOSEN, sparsifiers.settled),
)


class FitConfig(BaseModel):
    """Settings of a training run that concern no particular network; frozen.

    The same after a trip through JSON. `sparse_rnn.TrainConfig` adds the network to them.

    Raises:
        InvalidArgument: A setting is unknown, missing or out of range; the message names it, its
            value and what is allowed.

    Example:
        >>> from sparse_rnn import FitConfig
        >>> config = FitConfig(suite="cog-20", steps=300, schedule="cosine", warmup=10)
        >>> FitConfig.from_json(config.to_json()) == config
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    suite: _Suite = Field(default="cog-20", description="Suite of tasks, or task names.")
    steps: _Steps = Field(default=10_000, description="Gradient steps.")
    weights: Annotated[Weighting | None, BeforeValidator(parse_weights)] = Field(
        default=None,
        description="How often each task is trained, by name, or the tasks that are; None: all "
        "equally often.",
    )
    stages: Annotated[tuple[Stage, ...] | None, BeforeValidator(parse_stages)] = Field(
        default=None,
        description="One after another: pairs of tasks or weights, and a number of steps, or a "
        "measure and the score at which the stage ends (performance=0.9), judged every eval_every "
        "steps on its tasks, with the most steps of it (at_most=2000) and whether that is their "
        "mean or the least (over_tasks). The last stage stays.",
    )
    curriculum: str | None = Field(
        default=None,
        description="Name of the function that says from the scores what is trained next, as "
        "own:NAME; the function is given to the call.",
    )
    continual: str | None = Field(
        default=None,
        description="What keeps earlier stages: " + ", ".join(CONTINUAL) + ". None: nothing does.",
    )
    continual_options: ContinualOptions = Field(
        default=ContinualOptions(),
        description="Options of continual by name. " + continual_methods.told_options() + ".",
    )
    rules: Annotated[str, BeforeValidator(written_rules)] = Field(
        default="one_hot", description="What rule inputs show: " + ", ".join(RULES) + "."
    )
    sparsifier: str | None = Field(
        default=None,
        description="Method that chooses synapses of the network before training, or changes them "
        "during it (sparse-rnn info --sparsifiers lists them). None: the mask stays as it is.",
    )
    sparsifier_options: SparsifierOptions = Field(
        default=SparsifierOptions(), description="Options of the sparsifier by name: density, ..."
    )
    batch_size: Annotated[int, Field(ge=1, le=limits.BATCH_SIZE)] = Field(
        default=20, description="Sequences a batch (of each process)."
    )
    seq_len: Annotated[int, Field(ge=1, le=limits.SEQ_LEN)] | Literal["auto"] = Field(
        default=100, description='Time steps a sequence, or "auto" for the suite\'s own.'
    )
    targets: str = Field(
        default="labels", description="What outputs are held against: " + ", ".join(TARGET_KINDS)
    )
    objective: str = Field(
        default=objectives.DEFAULT,
        description="What is minimised: " + ", ".join(OBJECTIVES) + ".",
    )
    lr: _Positive = Field(default=1e-3, description="Learning rate.")
    optimiser: str = Field(
        default=optimisers.DEFAULT, description="How weights move: " + ", ".join(OPTIMISERS) + "."
    )
    optimiser_options: OptimiserOptions = Field(
        default=OptimiserOptions(),
        description="Options of the optimiser by name. " + optimisers.told_options(),
    )
    rates: RatesSetting = Field(
        default=Rates(), description="Factors of lr by group of weights, or in_degree."
    )
    freeze: Annotated[tuple[str, ...], BeforeValidator(parse_freeze)] = Field(
        default=(), description="Groups of weights that stay as they are: " + ", ".join(GROUPS)
    )
    new_rules: Annotated[int, Field(ge=1, le=limits.TASKS)] | None = Field(
        default=None,
        description="Trains the input weights of so many of the last rules alone; the rest stays.",
    )
    schedule: str = Field(
        default="constant", description="How the learning rate falls: " + ", ".join(SCHEDULES) + "."
    )
    warmup: Annotated[int, Field(ge=0, le=limits.STEPS)] = Field(
        default=0, description="Steps over which the learning rate rises at first."
    )
    decay: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1,
        description="Factor that the learning rate falls by: by the end, or at each step down.",
    )
    decay_every: _Steps | None = Field(
        default=None, description='Gradient steps between two steps down (schedule "step" only).'
    )
    clip: _Positive | None = Field(
        default=1.0,
        description="Largest gradient norm over all existing weights; None for no clipping.",
    )
    l1: _NotNegative = Field(
        default=0.0,
        description="Adds l1 * sum |w| over the recurrent weights to what is minimised.",
    )
    l2: _NotNegative = Field(
        default=0.0, description="Adds l2 / 2 * sum w^2 over all weights but the biases."
    )
    l1_proximal: _NotNegative = Field(
        default=0.0,
        description="Moves recurrent weights towards 0 by this times their learning rate after "
        "each step, and leaves those that get there at exactly 0.",
    )
    activity_l1: _NotNegative = Field(
        default=0.0, description="Adds activity_l1 * mean |h| over steps, lanes and units."
    )
    activity_l2: _NotNegative = Field(
        default=0.0, description="Adds activity_l2 * mean h^2 over steps, lanes and units."
    )
    rate_target: _Finite | None = Field(
        default=None,
        description="Adds rate_weight * mean over units of (mean state - rate_target)^2.",
    )
    rate_weight: _Positive = Field(
        default=1.0, description="Weight of what rate_target adds; left out without it."
    )
    truncate: Annotated[int, Field(ge=1, le=limits.SEQ_LEN)] | None = Field(
        default=None,
        description="Time steps over which gradients flow back (truncated BPTT); None is all.",
    )
    carry_states: bool = Field(
        default=False,
        description="Lets each lane of a batch go on from its state at the end of the batch "
        "before, without gradients; left out, all begin at 0.",
    )
    stop_at: _Positive | None = Field(
        default=None, description="Stop at the first evaluation whose mean over tasks is this good."
    )
    stop_measure: str = Field(
        default="performance", description="What stop_at is about: " + ", ".join(MEASURES) + "."
    )
    start: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="SHA-256 of the weights that the run starts from; start_from sets it.",
    )
    seed: Annotated[int, Field(ge=0, le=limits.SEED)] = Field(
        default=0, description="Decides the initial weights and all trials."
    )
    eval_every: _Steps = Field(
        default=100, description="Gradient steps between evaluations on held-out trials."
    )
    eval_batches: _Batches = Field(default=10, description="Batches an evaluation.")
    final_batches: _Batches = Field(default=50, description="Batches of the evaluation at the end.")
    precision: str = Field(
        default="fp32", description="Precision of products: " + ", ".join(PRECISIONS) + "."
    )
    dt: _Positive = Field(default=100.0, description="Time step in ms.")
    noise: _NotNegative | Literal["yang"] = Field(
        default=1.0, description='Input noise in sqrt(ms), or "yang".'
    )

    if not TYPE_CHECKING:  # A checker reads the fields; it would lose them to **settings.

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise refusal(error, type(self).model_fields) from None

    @model_validator(mode="before")
    @classmethod
    def _settle_options(cls, settings: Any) -> Any:
        """Write the options of a method in the one way that all equal ones share."""
        if not isinstance(settings, dict):
            return settings
        given = cast("dict[str, Any]", settings)
        for name, options, settled in _SETTLED:
            if given.keys() & {name, options}:
                default = cls.model_fields[name].default
                found = given.get(name, default)
                if isinstance(found, str) or found is default:
                    given = {**given, options: settled(found, given.get(options, {}))}
        return given

    @model_validator(mode="before")
    @classmethod
    def _count_stages(cls, settings: Any) -> Any:
        """Take the sum of the stages for `steps` where that was left open, and there is one."""
        if not isinstance(settings, dict):
            return settings
        given = cast("dict[str, Any]", settings)
        if "steps" in given or not given.get("stages"):
            return given
        stages = parse_stages(given["stages"]) or ()
        if not staging.is_bounded(stages):
            return given
        return {**given, "steps": staging.least_steps(stages)}

    @model_validator(mode="after")
    def _check_training(self) -> Self:
        for argument, table, what in (
            ("schedule", SCHEDULES, "a schedule"),
            ("stop_measure", MEASURES, "a measure"),
            ("precision", PRECISIONS, "a precision"),
            ("targets", TARGET_KINDS, "a kind of target"),
        ):
            if getattr(self, argument) not in table:
                raise unknown_name(argument, getattr(self, argument), table, what)
        check_name("objective", self.objective, OBJECTIVES, "an objective")
        if self.freeze and self.new_rules is not None:
            raise InvalidArgument("freeze", self.freeze, "left out with new_rules, which says all")
        if self.rules != RULES[0] and self.new_rules is not None:
            allowed = f"left out with rules {self.rules!r}, where a task has no channel of its own"
            raise InvalidArgument("new_rules", self.new_rules, allowed)
        if self.rate_target is None and self.rate_weight != 1.0:
            raise InvalidArgument("rate_weight", self.rate_weight, "left out without rate_target")
        if self.stop_at is not None and self.stop_at > 1:
            raise InvalidArgument("stop_at", self.stop_at, "at most 1, which is every trial right")
        stepwise = self.schedule == "step"
        if stepwise != (self.decay_every is not None):
            allowed = "given for the schedule 'step'" if stepwise else "left out for this schedule"
            raise InvalidArgument("decay_every", self.decay_every, allowed)
        if self.continual is not None:
            if self.stages is None:
                raise InvalidArgument("continual", self.continual, "left out without stages")
            method = CONTINUAL[self.continual]
            if method.OF_LIKELIHOOD and self.objective != objectives.DEFAULT:
                allowed = f"{objectives.DEFAULT!r}, a likelihood, for continual {self.continual!r}"
                raise InvalidArgument("objective", self.objective, allowed)
            if self.l1_proximal and not method.OWN_MOVES:
                allowed = f"0 with continual {self.continual!r}, which it would undo"
                raise InvalidArgument("l1_proximal", self.l1_proximal, allowed)
        if self.curriculum is not None:
            check_name("curriculum", self.curriculum, (), "a policy of yours, as own:NAME")
            for name in ("stages", "weights"):
                if getattr(self, name) is not None:
                    allowed = f"left out with {name}, which say what is trained"
                    raise InvalidArgument("curriculum", self.curriculum, allowed)
        if self.stages is not None:
            if self.weights is not None:
                raise InvalidArgument(
                    "weights", self.weights, "left out with stages, which say all"
                )
            least = staging.least_steps(self.stages)
            if self.steps < least:
                allowed = f"at least {least}, the sum of the most steps of the stages, or left out"
                raise InvalidArgument("steps", self.steps, allowed)
            for number, (_, until) in enumerate(self.stages):
                most = until.at_most or self.steps if isinstance(until, Criterion) else None
                if most is not None and most <= self.eval_every:
                    allowed = f"more than eval_every, {self.eval_every}, as evaluations judge it"
                    raise InvalidArgument(f"stages[{number}].at_most", most, allowed)
        return self

    @property
    def stage_plan(self) -> StagePlan:
        """What is trained and evaluated in which step, as far as it is decided."""
        return StagePlan(self.stages, self.steps, self.eval_every)

    @property
    def kept_by(self) -> Ewc | GradientProjection | None:
        """The options of what keeps earlier stages; None where nothing does."""
        method = None if self.continual is None else CONTINUAL[self.continual]
        return None if method is None else method(**self.continual_options)

    @property
    def minimised(self) -> Minimised:
        """What is minimised: objective, penalties on the units, and how far gradients flow back."""
        return Minimised(**{field.name: getattr(self, field.name) for field in fields(Minimised)})

    def rate(self, step: int) -> float:
        """Learning rate of a gradient step, counted from 1.

        Raises:
            InvalidArgument: `step` is no whole number of at least 1.
        """
        whole("step", step, 1)
        course = Course(self.steps, self.decay, self.decay_every)
        return self.lr * factor(self.schedule, step, course, self.warmup)

    def to_json(self) -> str:
        """Write the configuration as JSON."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a configuration that `to_json` wrote.

        One of version 0.1.0 has no `rates`: there was one rate for all weights.

        Raises:
            InvalidArgument: The text is not the JSON of a configuration.
        """
        with contextlib.suppress(ValueError):  # What is no JSON is refused below.
            told = json.loads(text)
            if isinstance(told, dict) and "rates" not in told:
                text = json.dumps({**told, "rates": {}})
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise refusal(error, cls.model_fields) from None
