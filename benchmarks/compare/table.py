"""The comparisons by id, in the order in which they are run: each is methods and places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import MappingProxyType

from benchmarks.compare import _analysis as analysis, _design as design
from benchmarks.compare._design import DESIGNS
from benchmarks.compare._methods import (
    CONTROL,
    CONTROLS,
    FROM_DENSE,
    LOCAL,
    LOUDER,
    SPARSE,
    WHOLE,
    Method,
    Place,
)
from benchmarks.compare.claims import CLAIMS
from benchmarks.paper._arms import Arm, Results
from benchmarks.paper._experiment import Experiment, no_arms
from benchmarks.paper._rounds import carry_out
from benchmarks.paper._scales import Scale
from sparse_rnn import TrainConfig

Entered = Sequence[tuple[Method, Place]]

N_BEST = 5
"""Methods that are compared at the larger size, besides the controls."""

FIRST = 6
"""Methods that are carried out together before the others."""


def low(results: Results, scale: Scale) -> Entered:
    """All methods that have their density from the start, at the lower one."""
    del results
    return [(method, DESIGNS[scale.name].small[0]) for method in SPARSE]


def high(results: Results, scale: Scale) -> Entered:
    """The same at the higher density."""
    del results
    return [(method, DESIGNS[scale.name].small[1]) for method in SPARSE]


def from_dense(results: Results, scale: Scale) -> Entered:
    """All methods that train a dense network first, and the control: the lower density first."""
    del results
    pairs = product(DESIGNS[scale.name].small, (CONTROL, *FROM_DENSE))
    return [(method, place) for place, method in pairs]


def large(results: Results, scale: Scale) -> Entered:
    """The controls and the methods that were best at the lower density, at the larger size.

    The dense network is among them where the scale can afford one of that size. The last control
    was added when the others had been seen.
    """
    place, best = DESIGNS[scale.name].large, DESIGNS[scale.name].best
    dense = (WHOLE,) if design.affords_dense(place, scale) else ()
    controls = (CONTROL, LOCAL, *dense)
    rivals = [one for one in SPARSE if one not in CONTROLS]
    if not best:
        found = analysis.analyse(low(results, scale), results, scale)
        scores = {one.method.name: one.final.mean for one in found.entrants} if found else {}
        best = best_of(rivals, scores)
    named = {one.name: one for one in rivals}
    rivals = [named[name] for name in best]
    return [(one, place) for one in (*controls, *rivals, LOUDER)]


def best_of(rivals: Sequence[Method], scores: Mapping[str, float]) -> tuple[str, ...]:
    """Names of the `N_BEST` methods with the highest scores, best first; without one it is 0."""
    order = sorted(rivals, key=lambda one: -scores.get(one.name, 0.0))
    return tuple(one.name for one in order[:N_BEST])


@dataclass(frozen=True)
class Comparison:
    """One comparison: which methods meet where.

    Attributes:
        name: Its id.
        question: What is asked.
        entered: The methods and the places, as far as they are known.
    """

    name: str
    question: str
    entered: Callable[[Results, Scale], Entered]

    def portions(self, results: Results, scale: Scale) -> Iterator[Entered]:
        """What is carried out together, one after another: what tells most comes first."""
        entered = self.entered(results, scale)
        yield entered[:FIRST]
        for method in dict.fromkeys(method for method, _ in entered[FIRST:]):
            yield [pair for pair in entered[FIRST:] if pair[0] is method]

    def work(self, results: Results, scale: Scale) -> None:
        """Search the settings of all methods and train what is compared."""
        for portion in self.portions(results, scale):
            carry_out(partial(_due, portion), results, scale)

    def left(self, results: Results, scale: Scale) -> list[TrainConfig]:
        """Runs that are not finished, with guessed settings where these are not found yet."""
        arms = [
            arm
            for method, place in self.entered(results, scale)
            for arm in design.planned(method, place, results, scale)
        ]
        return design.configs(arms, results, scale)

    def judged(self, results: Results, scale: Scale) -> tuple[Arm, ...]:
        """The networks that are compared, as far as they are known."""
        found = [
            design.arm(method, place, results, scale)
            for method, place in self.entered(results, scale)
        ]
        return tuple(arm for arm in found if arm is not None)

    def analyse(self, results: Results, scale: Scale) -> analysis.Analysis | None:
        """Measure what is finished."""
        return analysis.analyse(self.entered(results, scale), results, scale)

    def experiment(self) -> Experiment:
        """As the machinery has it."""
        return Experiment(
            self.question,
            no_arms,
            self.analyse,
            analysis.figure,
            partial(analysis.outcome, CLAIMS[self.name]),
            self.work,
            self.left,
            self.judged,
            CLAIMS[self.name],
            "benchmarks.compare",
        )


def _due(portion: Entered, results: Results, scale: Scale) -> list[Arm]:
    return [arm for method, place in portion for arm in design.due(method, place, results, scale)]


COMPARISONS = (
    Comparison(
        "rivals_low",
        "Does any way to choose or move synapses beat random ones of equal in-degree at 3 %?",
        low,
    ),
    Comparison(
        "rivals_high",
        "Does any way to choose or move synapses beat random ones of equal in-degree at 12 %?",
        high,
    ),
    Comparison(
        "rivals_dense",
        "Is it worth it to train a dense network first, and to make it sparse?",
        from_dense,
    ),
    Comparison(
        "rivals_large",
        "Do the best ways to choose or move synapses beat random ones in a larger network?",
        large,
    ),
)

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {one.name: one.experiment() for one in COMPARISONS}
)
"""The comparisons by id."""
