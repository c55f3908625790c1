"""The matching family: answer towards the test if it matches the sample, or if it does not.

DMS, DNMS, DMC and DNMC of Yang et al. (2019, Methods). Sample and test match when they are the
same direction (DMS, DNMS) or lie in the same half of the ring (DMC, DNMC: category 0 is k < n/2,
category 1 is k >= n/2). On half of the trials the correct behaviour is to keep fixating.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, known_name, truth_value
from modcog.trials.draws import Draws
from modcog.trials.interfaces import Feature, Plan
from modcog.trials.plan import Stimulus, Trials
from modcog.trials.sampling import plan_trials
from modcog.trials.spec import Period, TaskSpec

NONMATCHES = ("opposite", "any")


@dataclass(frozen=True)
class MatchingParams:
    """Parameters of a matching task.

    Attributes:
        go_if_match: Whether a match (or else a non-match) calls for a response.
        cross_modal: Whether the test's ring is drawn anew, as in Yang et al. (2019); by default
            sample and test share a ring.

    Raises:
        InvalidArgument: One of them is no truth value.
    """

    timing_presets: ClassVar = MappingProxyType({"neurogym": {"delay": 1000.0}})

    go_if_match: bool
    cross_modal: bool = False

    def __post_init__(self) -> None:
        """Check."""
        for name in ("go_if_match", "cross_modal"):
            object.__setattr__(self, name, truth_value(name, getattr(self, name)))

    def features(self, spec: TaskSpec) -> dict[str, Feature]:
        """Whether sample and test match decides; by category, unless a subclass says otherwise."""
        del spec
        return {
            "modality": "either",
            "judged": "either",
            "two_stimuli": True,
            "match": True,
            "category": True,
            "nonmatch": not self.go_if_match,
        }


@dataclass(frozen=True)
class IdentityParams(MatchingParams):
    """Parameters of a matching task by identity.

    Attributes:
        nonmatch: Where a non-matching test lies: at the "opposite" direction, or at "any" other.

    Raises:
        UnknownName: `nonmatch` is neither.
    """

    nonmatch: Literal["opposite", "any"] = "opposite"

    def __post_init__(self) -> None:
        """Check."""
        MatchingParams.__post_init__(self)
        known_name("nonmatch", self.nonmatch, NONMATCHES, "a place of non-matches")

    def features(self, spec: TaskSpec) -> dict[str, Feature]:
        """As for all matching tasks, by identity."""
        return {**MatchingParams.features(self, spec), "category": False}


def plan_identity(spec: TaskSpec, draws: Draws) -> Trials:
    """Draw a match by identity: `ring`, `sample_location`, `match`, `test_location`."""
    params: IdentityParams = spec.params
    n = spec.dim_ring
    sample = draws.index("sample_location", n)
    match = draws.coin("match")
    turn = draws.hidden_index(n - 1) + 1 if params.nonmatch == "any" else n // 2
    test = np.where(match, sample, (sample + turn) % n)
    given = draws.given_index("test_location", n)
    if given is not None:
        test = given
        if draws.is_given("sample_location"):
            match = _agree(draws, match, test == sample)
        else:  # as many matches as ever: the sample lies where it is asked for
            sample = np.where(match, test, (test - turn) % n)
    return _plan(spec, draws, (sample, test), match)


def plan_category(spec: TaskSpec, draws: Draws) -> Trials:
    """Draw a match by category: `ring`, `sample_location`, `match`, `test_location`."""
    half = spec.dim_ring // 2
    sample = draws.index("sample_location", spec.dim_ring)
    match = draws.coin("match")
    wanted = np.where(match, category(sample, half), 1 - category(sample, half))
    test = wanted * half + draws.hidden_index(half)
    given = draws.given_index("test_location", spec.dim_ring)
    if given is not None:
        test, side = given, category(given, half)
        if draws.is_given("sample_location"):
            match = _agree(draws, match, side == category(sample, half))
        else:
            sample = np.where(match, side, 1 - side) * half + sample % half
    return _plan(spec, draws, (sample, test), match)


def category(location: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    """Category of a direction: 0 below half a turn, 1 from there on."""
    return (location >= half).astype(np.int64)


def _agree(draws: Draws, match: NDArray[np.bool_], implied: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if draws.is_given("match") and not np.array_equal(match, implied):
        raise InvalidArgument("match", match, "what the given sample and test imply, or left out")
    return implied


def _plan(
    spec: TaskSpec,
    draws: Draws,
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    match: NDArray[np.bool_],
) -> Trials:
    params: MatchingParams = spec.params
    sample, test = places
    ring = draws.index("ring", 2)
    test_ring = draws.index("test_ring", 2) if params.cross_modal else ring
    rings = np.arange(2)
    return plan_trials(
        spec,
        draws,
        [Stimulus("sample", ring, sample), Stimulus("test", test_ring, test)],
        response=np.where(match == params.go_if_match, test, -1),
        noisy_rings=(ring[:, None] == rings) | (test_ring[:, None] == rings),
        match=match,
    )


_PERIODS = (
    Period("fixation", 300.0, may_vanish=True),
    Period("sample", 500.0, noisy=True),
    Period("delay", 500.0, may_vanish=True),
    Period("test", 500.0, noisy=True),
    Period("decision", 900.0),
)


def _matching(base: str, params: MatchingParams, plan: Plan, sentence: str) -> TaskSpec:
    whole = f"{sentence}, and keep fixating otherwise"
    return TaskSpec(base, "matching", _PERIODS, "delay", params, plan, 0.5, sentence=whole)


DMS = _matching(
    "DMS",
    IdentityParams(go_if_match=True),
    plan_identity,
    "Answer in the direction of the test if it is that of the sample",
)
DNMS = _matching(
    "DNMS",
    IdentityParams(go_if_match=False),
    plan_identity,
    "Answer in the direction of the test if it is not that of the sample",
)
DMC = _matching(
    "DMC",
    MatchingParams(go_if_match=True),
    plan_category,
    "Answer in the direction of the test if it lies in the same half of the ring as the sample",
)
DNMC = _matching(
    "DNMC",
    MatchingParams(go_if_match=False),
    plan_category,
    "Answer in the direction of the test if it lies in the other half of the ring than the sample",
)
