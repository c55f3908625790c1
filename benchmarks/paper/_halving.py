"""Choosing settings by successive halving, on seeds that are not those of the comparison.

Jamieson & Talwalkar (2016): all candidates are trained briefly, the best of them longer, and so on.
Who survives is a pure function of the runs that lie on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.paper._arms import MEASURE, Arm, Results, at_end
from benchmarks.paper._scales import Scale, Settings
from sparse_rnn import TrainConfig, sweep

LEAST_EVALUATION = 20
"""Batches of the evaluation that chooses."""


@dataclass(frozen=True)
class Rung:
    """One round of the search.

    Attributes:
        steps: Gradient steps of each candidate.
        seeds: Seeds of each candidate; none is a seed that is compared later.
        keep: How many candidates go on.
    """

    steps: int
    seeds: tuple[int, ...]
    keep: int

    @property
    def brief(self) -> Settings:
        """Settings of a run that is evaluated at its end alone."""
        return {
            "steps": self.steps,
            "eval_every": self.steps,
            "eval_batches": 1,
            "final_batches": LEAST_EVALUATION,
        }


@dataclass(frozen=True)
class Search:
    """A search for the settings of one network.

    Attributes:
        label: The network.
        candidates: The settings to choose from, in an order that decides between equals.
        rungs: The rounds; the last one keeps one candidate. Without any the first candidate is it.
        kind: What trains a candidate.
    """

    label: str
    candidates: tuple[Settings, ...]
    rungs: tuple[Rung, ...]
    kind: type[Arm] = Arm

    def arms(self, number: int, among: Sequence[Settings]) -> list[Arm]:
        """The networks that a round trains."""
        rung = self.rungs[number]
        return [
            self.kind(f"{self.label}, candidate {i}", {**one, **rung.brief}, rung.seeds)
            for i, one in enumerate(among)
        ]

    def survivors(self, number: int, results: Results, scale: Scale) -> list[Settings] | None:
        """The candidates of a round, best first; None where earlier rounds are not finished."""
        among: list[Settings] = list(self.candidates)
        for earlier in range(number):
            scores: list[float] = []
            for arm in self.arms(earlier, among):
                runs, lost = results.arm(arm, scale), results.diverged(arm, scale)
                if len(runs) + len(lost) < len(arm.configs(scale)):
                    return None
                scores.append(at_end(runs, MEASURE, lost).mean)
            best = np.argsort(-np.array(scores), kind="stable")[: self.rungs[earlier].keep]
            among = [among[i] for i in best]
        return among

    def chosen(self, results: Results, scale: Scale) -> Settings | None:
        """The settings that are best; None where the search is not finished."""
        found = self.survivors(len(self.rungs), results, scale)
        return found[0] if found else None

    def next_arms(self, results: Results, scale: Scale) -> list[Arm]:
        """What the first round that is not finished trains; nothing where all are."""
        for number in range(len(self.rungs)):
            if self.survivors(number + 1, results, scale) is None:
                among = self.survivors(number, results, scale)
                return self.arms(number, among) if among else []
        return []

    def planned(self, results: Results, scale: Scale) -> list[Arm]:
        """All rounds, the first candidates in the place of survivors that are not known yet."""
        if self.chosen(results, scale) is not None:
            return []
        sizes = [len(self.candidates), *(rung.keep for rung in self.rungs[:-1])]
        among = [
            self.survivors(number, results, scale) or self.candidates[:size]
            for number, size in enumerate(sizes)
        ]
        return [arm for number, own in enumerate(among) for arm in self.arms(number, own)]

    @property
    def n_updates(self) -> int:
        """Gradient steps that the search takes."""
        sizes = [len(self.candidates), *(rung.keep for rung in self.rungs)]
        return sum(
            size * len(rung.seeds) * rung.steps
            for size, rung in zip(sizes, self.rungs, strict=False)
        )


@dataclass(frozen=True)
class Tuned:
    """A network that is compared with the settings that a search finds best.

    Attributes:
        search: The search, which has the network's label.
        seeds: Seeds of the comparison; none is one of the search.
    """

    search: Search
    seeds: tuple[int, ...]

    @property
    def label(self) -> str:
        """What the network is called."""
        return self.search.label

    def arm(self, results: Results, scale: Scale, *, guess: bool = False) -> Arm | None:
        """The network with the settings that are best; None before they are found.

        Args:
            results: Where the runs lie.
            scale: The scale.
            guess: Take the first candidate for what is not found yet, to plan with.
        """
        chosen = self.search.chosen(results, scale)
        if chosen is None and guess:
            chosen = self.search.candidates[0]
        return None if chosen is None else Arm(f"{self.label}, own setting", chosen, self.seeds)

    def next_arms(self, results: Results, scale: Scale) -> list[Arm]:
        """What can be trained now: a round of the search, or the comparison."""
        own = self.arm(results, scale)
        return [own] if own else self.search.next_arms(results, scale)

    def planned(self, results: Results, scale: Scale) -> list[Arm]:
        """All that is trained in the end, to plan with."""
        own = self.arm(results, scale, guess=True)
        return [*self.search.planned(results, scale), *([own] if own else [])]


Rounds = Callable[[Results, Scale], Sequence[Arm]]
"""What can be trained now; more becomes known as it finishes."""


def left(arms: Iterable[Arm], results: Results, scale: Scale) -> list[TrainConfig]:
    """The runs of some networks that have neither finished nor diverged."""
    return [
        config
        for arm in arms
        for config in arm.configs(scale)
        if not results.of([config]) and config.seed not in results.diverged(arm, scale)
    ]


def carry_out(rounds: Rounds, results: Results, scale: Scale) -> None:
    """Train what can be trained, and what that makes possible, until nothing is left."""
    while configs := left(rounds(results, scale), results, scale):
        sweep.run(configs, results.folder, workers=results.workers, progress=sweep.automatic)
        if left(rounds(results, scale), results, scale) == configs:
            return  # They failed; the sweep has said so.
