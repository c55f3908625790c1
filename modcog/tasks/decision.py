"""The decision family: answer towards the stronger of two stimuli.

The ten decision-making tasks of Yang et al. (2019, Methods). Two places A and B, at least a
quarter turn apart, are shown at once (DM: strengths 0.5 + c/2 and 0.5 - c/2 for a coherence c) or
one after the other (DlyDM: two different strengths). The judged rings decide; another ring that
is shown is a distractor. Evidence that ties has no right answer and is never drawn.
"""

from __future__ import annotations

import itertools
import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, real_number, whole_number
from modcog.system.limits import COHERENCES, LEVEL, STRENGTHS
from modcog.trials.draws import Draws
from modcog.trials.interfaces import Feature, Strategy
from modcog.trials.plan import Stimulus, Trials
from modcog.trials.sampling import plan_trials
from modcog.trials.spec import Period, TaskSpec

TIE = 1e-6
"""Evidence below this is a tie: strengths add up to decimal fractions, and float32 shows them."""

Rings = tuple[int, ...]
RING_1: Rings = (0,)
RING_2: Rings = (1,)
BOTH: Rings = (0, 1)


@dataclass(frozen=True)
class TwoPlaces(ABC):
    """What both kinds of decision tasks have.

    Attributes:
        shown: Rings that show the two places.
        judged: Rings whose summed strengths decide.
    """

    timing_presets: ClassVar = MappingProxyType({"neurogym": {"delay": 1000.0}})

    shown: Rings
    judged: Rings

    def __post_init__(self) -> None:
        """Freeze and check."""
        # JSON brings lists; tuples keep the specification hashable.
        object.__setattr__(self, "shown", tuple(self.shown))
        object.__setattr__(self, "judged", tuple(self.judged))

    def check(self, spec: TaskSpec) -> None:
        """Refuse a separation that the ring does not have; see `least_separation`."""
        least_separation(spec)

    @abstractmethod
    def evidence(self) -> NDArray[np.float64]:
        """Evidence for the first place that a ring may show, each equally probable."""

    def features(self, spec: TaskSpec) -> dict[str, Feature]:
        """Which rings show the two places, and which of them decide."""
        del spec
        return {
            "modality": _rings(self.shown),
            "judged": _rings(self.judged),
            "two_stimuli": True,
            "context": not set(self.shown) <= set(self.judged),
        }

    def strategies(self, spec: TaskSpec) -> dict[str, Strategy]:
        """One of the two places: by a coin, or by other rings than those that are to be judged."""
        n, least = spec.dim_ring, least_separation(spec)
        apart = np.arange(least, n - least + 1)
        off = np.array([0, *apart])

        def right(p: float) -> NDArray[np.float64]:
            return np.array([p, *np.full(apart.size, (1 - p) / apart.size)])

        found = {"either place": Strategy(off, right(0.5), weighs=False)}
        if len(self.shown) > 1:
            judges = {"judge ring 1": RING_1, "judge ring 2": RING_2, "judge both rings": BOTH}
            for name, rings in judges.items():
                if rings != self.judged:
                    found[name] = Strategy(off, right(self._agreement(rings)))
        return found

    def _agreement(self, rings: Rings) -> float:
        """How often the evidence of some rings says what is right; where it ties, by a coin."""
        evidence = np.array(list(itertools.product(self.evidence(), repeat=2)))
        right = np.round(evidence[:, list(self.judged)].sum(axis=1), 9)
        mine = np.round(evidence[:, list(rings)].sum(axis=1), 9)[right != 0]
        right = right[right != 0]
        return float(np.where(mine == 0, 0.5, np.sign(mine) == np.sign(right)).mean())


@dataclass(frozen=True)
class DecisionParams(TwoPlaces):
    """Parameters of a simultaneous decision task.

    Attributes:
        coherences: Magnitudes of the coherence c, each in (0, 1].
        min_separation: Least distance of the two places in ring units; None is a quarter turn.

    Raises:
        InvalidArgument: A coherence or the separation is out of range.
    """

    coherences: tuple[float, ...] = (0.08, 0.16, 0.32, 0.64)
    min_separation: int | None = None

    def __post_init__(self) -> None:
        """Freeze and check."""
        TwoPlaces.__post_init__(self)
        values = _numbers("coherences", self.coherences, COHERENCES)
        if not values or min(values) <= TIE or max(values) > 1:
            allowed = f"at least one number, each above 0 (more than {TIE:g}) and at most 1"
            raise InvalidArgument("coherences", self.coherences, allowed)
        object.__setattr__(self, "coherences", values)
        object.__setattr__(self, "min_separation", _separation(self.min_separation))

    def evidence(self) -> NDArray[np.float64]:
        """The signed coherences."""
        return np.array(sorted(c * sign for c in self.coherences for sign in (-1, 1)))


@dataclass(frozen=True)
class DelayedDecisionParams(TwoPlaces):
    """Parameters of a delayed decision task.

    Attributes:
        strengths: Strengths of which a trial's first and second stimulus take two different ones.
        min_separation: Least distance of the two places in ring units; None is a quarter turn.

    Raises:
        InvalidArgument: A strength or the separation is out of range.
    """

    strengths: tuple[float, ...] = (0.3, 0.6, 1.0)
    min_separation: int | None = None

    def __post_init__(self) -> None:
        """Freeze and check."""
        TwoPlaces.__post_init__(self)
        values = _numbers("strengths", self.strengths, STRENGTHS)
        gaps = np.diff(np.unique(values))
        in_range = bool(values) and min(values) > 0 and max(values) <= LEVEL
        if not (in_range and gaps.size and gaps.min() > TIE * max(1.0, *values)):
            allowed = (
                f"at least two different numbers above 0, at most {LEVEL:g} (that differ by more "
                f"than {TIE:g}, and by more than that part of the largest)"
            )
            raise InvalidArgument("strengths", self.strengths, allowed)
        object.__setattr__(self, "strengths", values)
        object.__setattr__(self, "min_separation", _separation(self.min_separation))

    def evidence(self) -> NDArray[np.float64]:
        """The differences of first and second strength."""
        pairs = itertools.product(self.strengths, repeat=2)
        return np.array([first - second for first, second in pairs if first != second])


def plan_decision(spec: TaskSpec, draws: Draws) -> Trials:
    """Draw a simultaneous decision: ``location``, ``separation``, ``coherence1``/``coherence2``.

    A coherence is signed: positive favours `location`, negative the other place.
    """
    params: DecisionParams = spec.params
    place_a, place_b = _places(spec, draws)
    signed = tuple(params.evidence().tolist())
    names = {ring: f"coherence{ring + 1}" for ring in params.shown}

    evident = _Evidence(tuple((names[ring],) for ring in params.judged))
    judged = draws.jointly({names[ring]: signed for ring in params.judged}, evident, _TIE_RULE)
    coherence = {
        ring: judged[name] if ring in params.judged else draws.choice(name, signed)
        for ring, name in names.items()
    }
    for ring, values in coherence.items():
        if np.any(np.abs(values) > 1):
            raise InvalidArgument(names[ring], values, "a signed coherence in [-1, 1]")
    evidence = np.sum([coherence[ring] for ring in params.judged], axis=0)
    stimuli: list[Stimulus] = []
    for ring, c in coherence.items():
        stimuli.append(Stimulus("stimulus", ring, place_a, 0.5 + c / 2))
        stimuli.append(Stimulus("stimulus", ring, place_b, 0.5 - c / 2))
    return _decide(spec, draws, stimuli, evidence, (place_a, place_b))


def plan_delayed_decision(spec: TaskSpec, draws: Draws) -> Trials:
    """Draw a delayed decision: ``location``, ``separation`` and the strengths.

    The strengths are named ``first1``, ``second1`` (ring 1) and ``first2``, ``second2`` (ring 2).
    """
    params: DelayedDecisionParams = spec.params
    place_a, place_b = _places(spec, draws)
    names = {ring: (f"first{ring + 1}", f"second{ring + 1}") for ring in params.shown}

    strength: dict[str, NDArray[np.float64]] = {}
    others = [(ring,) for ring in params.shown if ring not in params.judged]
    for rings in (params.judged, *others):
        rule = _Evidence(tuple(names[ring] for ring in rings), decides=rings == params.judged)
        drawn = {name: params.strengths for ring in rings for name in names[ring]}
        strength |= draws.jointly(drawn, rule, _TIE_RULE)
    for name, values in strength.items():
        if np.any(values < 0):
            raise InvalidArgument(name, values, "a strength of at least 0")
    first, second = (
        {ring: strength[pair[position]] for ring, pair in names.items()} for position in (0, 1)
    )
    evidence = np.sum([first[ring] - second[ring] for ring in params.judged], axis=0)
    stimuli: list[Stimulus] = []
    for ring in params.shown:
        stimuli.append(Stimulus("stim1", ring, place_a, first[ring]))
        stimuli.append(Stimulus("stim2", ring, place_b, second[ring]))
    return _decide(spec, draws, stimuli, evidence, (place_a, place_b))


@dataclass(frozen=True)
class _Evidence:
    """Which values of judged quantities may go together.

    Attributes:
        rings: Names of the quantities of each ring: a coherence, or a first and second strength.
        decides: Whether the sum over the rings must not tie, since it is the evidence.
    """

    rings: tuple[tuple[str, ...], ...]
    decides: bool = True

    def __call__(
        self, values: Mapping[str, NDArray[np.float64]], given: frozenset[str]
    ) -> NDArray[np.bool_]:
        parts = [np.subtract.reduce([values[name] for name in names]) for names in self.rings]
        # No ring is drawn without evidence of its own, but it may be given so.
        may_be = [
            (np.abs(part) > TIE) | given.issuperset(names)
            for part, names in zip(parts, self.rings, strict=True)
        ]
        if self.decides:
            may_be.append(np.abs(np.sum(parts, axis=0)) > TIE)
        return np.all(may_be, axis=0)


_TIE_RULE = "evidence for one place (a tie has no right answer)"


def _decide(
    spec: TaskSpec,
    draws: Draws,
    stimuli: list[Stimulus],
    evidence: NDArray[np.float64],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Trials:
    response = np.where(evidence > 0, *places)
    return plan_trials(spec, draws, stimuli, response=response, noisy_rings=(True, True))


def _places(spec: TaskSpec, draws: Draws) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n, least = spec.dim_ring, least_separation(spec)
    location = draws.index("location", n)
    drawn = least + draws.hidden_index(n - 2 * least + 1)
    separation = draws.replace("separation", drawn)
    if np.any(separation % n == 0):
        raise InvalidArgument("separation", 0, "ring units that lead to another place")
    return location, (location + separation) % n


def least_separation(spec: TaskSpec) -> int:
    """Least distance of the two places in ring units.

    Raises:
        InvalidArgument: It is more than half a turn.
    """
    half_turn = spec.dim_ring // 2
    least: int | None = spec.params.min_separation
    if least is None:
        return half_turn // 2
    if least > half_turn:
        raise InvalidArgument("min_separation", least, f"at most half a turn, {half_turn} units")
    return least


def _rings(rings: Rings) -> str:
    """How features call some rings."""
    return "both" if len(rings) > 1 else f"ring{min(rings) + 1}"


def _numbers(argument: str, values: Any, most: int) -> tuple[float, ...]:
    allowed = "a list of finite numbers"
    if isinstance(values, str):
        raise InvalidArgument(argument, values, "a list of numbers")
    try:
        listed = tuple(values)
    except TypeError:
        raise InvalidArgument(argument, values, "a list of numbers") from None
    if len(listed) > most:
        raise InvalidArgument(argument, f"{len(listed)} numbers", f"at most {most} numbers")
    if not all(isinstance(value, numbers.Real) for value in listed):
        raise InvalidArgument(argument, values, "a list of numbers")
    return tuple(real_number(argument, value, allowed) for value in listed)


def _separation(units: object) -> int | None:
    return None if units is None else whole_number("min_separation", units, "ring units")


def _simultaneous(base: str, shown: Rings, judged: Rings, which: str) -> TaskSpec:
    periods = (
        Period("fixation", ("uniform", (200.0, 500.0)), may_vanish=True),
        Period("stimulus", 500.0, noisy=True),
        Period("decision", 200.0),
    )
    params, asked = DecisionParams(shown, judged), f"Answer in the direction {which}"
    return TaskSpec(base, "decision", periods, "stimulus", params, plan_decision, sentence=asked)


def _delayed(base: str, shown: Rings, judged: Rings, which: str) -> TaskSpec:
    periods = (
        Period("fixation", ("uniform", (200.0, 500.0)), may_vanish=True),
        Period("stim1", 500.0, noisy=True),
        Period("delay", 500.0, may_vanish=True),
        Period("stim2", 500.0, noisy=True),
        Period("decision", 200.0),
    )
    params = DelayedDecisionParams(shown, judged)
    asked = f"Answer in the direction of the stronger of two successive stimuli{which}"
    return TaskSpec(
        base, "decision", periods, "delay", params, plan_delayed_decision, sentence=asked
    )


DM_1 = _simultaneous("DM1", RING_1, RING_1, "of the stronger of two stimuli on ring 1")
DM_2 = _simultaneous("DM2", RING_2, RING_2, "of the stronger of two stimuli on ring 2")
CTX_DM_1 = _simultaneous(
    "CtxDM1", BOTH, RING_1, "of the stronger stimulus on ring 1, whatever ring 2 shows"
)
CTX_DM_2 = _simultaneous(
    "CtxDM2", BOTH, RING_2, "of the stronger stimulus on ring 2, whatever ring 1 shows"
)
MULTI_DM = _simultaneous("MultiDM", BOTH, BOTH, "that is stronger on both rings together")
DLY_DM_1 = _delayed("DlyDM1", RING_1, RING_1, " on ring 1")
DLY_DM_2 = _delayed("DlyDM2", RING_2, RING_2, " on ring 2")
CTX_DLY_DM_1 = _delayed("CtxDlyDM1", BOTH, RING_1, " on ring 1, whatever ring 2 shows")
CTX_DLY_DM_2 = _delayed("CtxDlyDM2", BOTH, RING_2, " on ring 2, whatever ring 1 shows")
MULTI_DLY_DM = _delayed("MultiDlyDM", BOTH, BOTH, ", both rings taken together")
