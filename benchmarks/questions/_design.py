"""What the three experiments share: tasks, masks, and the settings that each mask is best with.

The tasks are a cross: some base tasks, each plain, with Int or Seq alone, and with both, to the
left and to the right. One search for each mask, over one grid and on seeds that no comparison uses,
chooses start and rates by how well the network learns all tasks of the cross at once. So no search
knows which tasks an experiment holds out, or in which order they come.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

import modcog
from benchmarks.paper._arms import Arm, Results, dense, locality, neighbours
from benchmarks.paper._halving import Rung, Search
from benchmarks.paper._scales import Scale, Settings

MASKS = ("local", "random", "dense")
"""Local, random of equal in-degree, and dense."""


@dataclass(frozen=True)
class Design:
    """Sizes of the experiments at a scale.

    Attributes:
        bases: The base tasks of the cross.
        side: Side of the sheet.
        radius: Radius of the local mask.
        batch: Batches and evaluations.
        steps: Gradient steps of a network that learns many tasks at once; a multiple of the number
            of base tasks, which are the stages of the experiment on forgetting.
        new_steps: Steps in which new rules are learned, and between two looks at them.
        inits: Starts to choose from.
        rates: Learning rates to choose from.
        factors: Factors of them for recurrent weights.
        rungs: Rounds of the search.
        remedies: Values to choose from of the option of a continual method, by method.
        speeds: Factors of the chosen rate to choose from, where new rules are learned.
        rules: Rule encodings that are compared.
        seeds: Seeds of the comparisons.
    """

    bases: tuple[str, ...]
    side: int
    radius: int
    batch: Settings
    steps: int
    new_steps: tuple[int, int]
    inits: tuple[str, ...]
    rates: tuple[float, ...]
    factors: tuple[float, ...]
    rungs: tuple[Rung, ...]
    remedies: Mapping[str, tuple[float, ...]]
    speeds: tuple[float, ...]
    rules: tuple[str, ...] = ("one_hot", "factors", "orthogonal")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    search_seed: int = field(default=100)

    @property
    def split(self) -> modcog.splits.Split:
        """The cross, with both modifiers held out; those tasks have the last rule slots."""
        return _cross(self.bases)

    @property
    def suite(self) -> tuple[str, ...]:
        """All tasks, one a rule slot."""
        return self.split.suite


@cache
def _cross(bases: tuple[str, ...]) -> modcog.splits.Split:
    suite = [task for task in modcog.suite("mod-cog-126") if task.split("_")[0] in bases]
    split = modcog.splits.leave_out(suite, "IntxSeq")
    return modcog.splits.leave_out([*split.train, *split.test], "IntxSeq")


DESIGNS: Mapping[str, Design] = MappingProxyType(
    {
        "smoke": Design(
            bases=("DlyGo", "DlyAnti"),
            side=4,
            radius=1,
            batch={
                "batch_size": 8,
                "seq_len": 60,
                "eval_every": 10,
                "eval_batches": 6,
                "final_batches": 6,
            },
            steps=10,
            new_steps=(4, 2),
            inits=("identity",),
            rates=(1e-2,),
            factors=(1.0, 0.1),
            rungs=(Rung(5, (100,), 1),),
            remedies={"ewc": (1.0, 100.0), "projection": (1e-3,)},
            speeds=(1.0,),
            rules=("one_hot", "factors"),
            seeds=(0, 1),
        ),
        "laptop": Design(
            bases=("DlyGo", "DlyAnti", "DlyDM1", "DlyDM2"),
            side=15,
            radius=3,
            batch={
                "batch_size": 20,
                "seq_len": 100,
                "eval_every": 500,
                "eval_batches": 20,
                "final_batches": 50,
            },
            steps=2000,
            new_steps=(600, 50),
            inits=("fan_in", "identity"),
            rates=(1e-3, 2e-3),
            factors=(1.0, 0.3, 0.1),
            rungs=(Rung(250, (100,), 4), Rung(750, (100, 101), 1)),
            remedies={"ewc": (1.0, 30.0, 1000.0), "projection": (1e-4, 1e-3, 1e-2)},
            speeds=(0.3, 1.0, 3.0, 10.0),
        ),
    }
)
"""The designs by scale. On a laptop 225 units; a run of 2000 steps takes 22 (sparse) to 39 s
(dense) of one core, and all three experiments with their searches about 100 minutes."""


def mask_settings(mask: str, design: Design) -> Settings:
    """Settings of a mask."""
    if mask == "local":
        return locality(design.side, design.radius)
    n_units = design.side**2
    if mask == "dense":
        return dense(n_units)
    # As a local mask has them, and as the start "identity" needs them.
    options = {"in_degree": neighbours(design.side, design.radius), "self_connections": "always"}
    return {"arch": "random", "size": n_units, "mask_options": options}


def search(mask: str, scale: Scale) -> Search:
    """The search for the start and the rates of a mask."""
    design = DESIGNS[scale.name]
    grid = itertools.product(design.inits, design.rates, design.factors)
    candidates = tuple(
        {
            "suite": design.suite,
            "steps": design.steps,
            **design.batch,
            **mask_settings(mask, design),
            "init": init,
            "lr": rate,
            "rates": {"recurrent": factor},
        }
        for init, rate, factor in grid
    )
    return Search(mask, candidates, design.rungs)


def settings_of(mask: str, results: Results, scale: Scale, *, guess: bool = False) -> Settings:
    """The settings that a mask is best with; empty where they are not found yet.

    Args:
        mask: The mask.
        results: Where the runs lie.
        scale: The scale.
        guess: Take the first candidate for what is not found yet, to plan with.
    """
    looked_for = search(mask, scale)
    return looked_for.chosen(results, scale) or (looked_for.candidates[0] if guess else {})


def told(results: Results, scale: Scale) -> str:
    """Tasks, sizes and the settings that were chosen, for a method text."""
    design = DESIGNS[scale.name]
    parts: list[str] = []
    for mask in MASKS:
        chosen = settings_of(mask, results, scale)
        if chosen:
            factor = chosen.get("rates", {}).get("recurrent", 1.0)
            told_rate = f"{chosen['init']}, {chosen['lr']:g}, recurrent x {factor:g}"
            parts.append(f"{mask}: {told_rate}")
    updates = sum(search(mask, scale).n_updates for mask in MASKS)
    degree = neighbours(design.side, design.radius)
    batch = f"{design.batch['batch_size']} x {design.batch['seq_len']}"
    return (
        f"{len(design.suite)} tasks: {', '.join(design.bases)}, each plain, with Int or Seq, and "
        f"with both; {design.side**2} units, in-degree {degree} (local, random) or all (dense), "
        f"Adam, batches of {batch}, performance of Yang et al. (2019) on held-out trials. Settings "
        f"by successive halving on seeds that are not compared, {updates} updates in all: "
        f"{'; '.join(parts) or 'not found yet'}."
    )


def next_searched(results: Results, scale: Scale) -> list[Arm]:
    """What the searches train next."""
    return [one for mask in MASKS for one in search(mask, scale).next_arms(results, scale)]


def searched(results: Results, scale: Scale) -> list[Arm]:
    """All rounds of the searches that are not finished, with guessed survivors, to plan with."""
    found: list[Arm] = []
    for mask in MASKS:
        looked_for = search(mask, scale)
        if looked_for.chosen(results, scale) is None:
            sizes = [len(looked_for.candidates), *(rung.keep for rung in looked_for.rungs[:-1])]
            for number, size in enumerate(sizes):
                found += looked_for.arms(number, looked_for.candidates[:size])
    return found
