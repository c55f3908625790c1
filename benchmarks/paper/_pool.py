"""The pool of autapses that figures 3a-h look into, trained on the 20 base tasks.

It is the network d = 0 of figure 2a. Where its weights end depends on where they start: with
"fan_in" the weight of an autapse starts anywhere between -1 and 1, with "torch" close to 0. The
paper does not say how it started, so each claim is decided for the first and tested for the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import sparse_rnn as srnn
from benchmarks.paper import fig2a
from benchmarks.paper._arms import Arm, Results, Trained, autapses
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import ANY, Bounds, Check, Sample, verdict
from sparse_rnn.training.run import build

FoundT = TypeVar("FoundT")

MAIN = "autapses"
OTHER = f"autapses, init {fig2a.ALTERNATIVE}"

TRIALS = {"smoke": 8, "laptop": 64, "paper": 128}
"""Trials a task that the analyses record, by scale."""


@dataclass(frozen=True)
class Pools(Generic[FoundT]):
    """What an analysis found in the pools, by start and seed.

    Attributes:
        by_arm: What was found, by label of the arm and by seed.
        lost: Seeds of each arm that diverged, or whose network could not be analysed.
        size: Number of autapses.
        method: Sizes, in a sentence.
    """

    by_arm: Mapping[str, Mapping[int, FoundT]]
    lost: Mapping[str, frozenset[int]]
    size: int
    method: str

    @property
    def main(self) -> Mapping[int, FoundT]:
        """What was found in the pools that decide, by seed."""
        return self.by_arm.get(MAIN, {})

    @property
    def example(self) -> FoundT:
        """What was found with the first seed, for pictures."""
        return next(iter(self.main.values()))

    def sample(
        self, value: Callable[[FoundT], float], arm: str = MAIN, bounds: Bounds = ANY
    ) -> Sample:
        """A number of each pool, by seed.

        Args:
            value: The number.
            arm: Label of the arm.
            bounds: What the number can be.
        """
        found = self.by_arm.get(arm, {})
        made = Sample.of(found, [value(one) for one in found.values()], bounds)
        return made.counting(self.lost.get(arm, ()))


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The two pools, with the runs of figure 2a."""
    side = fig2a.SIZES[scale.name][0]
    pool = {**scale.cog20, **autapses(side * side)}
    other = {**pool, "init": fig2a.ALTERNATIVE}
    return (Arm(MAIN, pool, scale.minute_seeds), Arm(OTHER, other, scale.minute_seeds))


def examine(
    results: Results, scale: Scale, look: Callable[[Trained], FoundT | None]
) -> Pools[FoundT] | None:
    """Analyse all finished pools.

    Args:
        results: Where the runs lie.
        scale: The scale.
        look: Analyses one pool; None where it cannot.

    Returns:
        What was found; None where no pool that decides could be analysed.
    """
    by_arm: dict[str, dict[int, FoundT]] = {}
    lost: dict[str, frozenset[int]] = {}
    for arm in arms(scale):
        lost[arm.label] = frozenset(results.diverged(arm, scale))
        for run in results.arm(arm, scale):
            found = look(run)
            if found is None:
                lost[arm.label] |= {run.config.seed}
            else:
                by_arm.setdefault(arm.label, {})[run.config.seed] = found
    if MAIN not in by_arm:
        return None
    side = fig2a.SIZES[scale.name][0]
    settings = scale.cog20
    method = (
        f"{side * side} autapses, {settings['suite']}, {settings['steps']} steps of "
        f"{settings['batch_size']} x {settings['seq_len']}; init fan_in unless said otherwise."
    )
    return Pools(by_arm, lost, side * side, method)


def untrained(run: Trained) -> srnn.Network:
    """The network of a run as it started."""
    return build(run.config)[2]


def other_start(checks: Sequence[Check]) -> str:
    """Say what became of the claim with the other start."""
    if not any(check.sample.n for check in checks):
        return ""
    listed = "; ".join(str(check) for check in checks)
    return f"With the start {fig2a.ALTERNATIVE} the claim is {verdict(checks)}: {listed}."
