"""The tests of the mechanism: what each decides, on networks that were made up."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sparse_rnn as srnn
from benchmarks.paper import (
    _learning as learning,
    _map as the_map,
    fair_fig2a,
    why,
    why_bursts,
    why_large,
    why_sgd,
    why_suites,
    why_wrap,
)
from benchmarks.paper._arms import Arm, Results, seconds_per_step
from benchmarks.paper._fair import Fair
from benchmarks.paper._halving import Tuned
from benchmarks.paper._learning import Learned
from benchmarks.paper._scales import SCALES
from benchmarks.paper._statistics import SHARE, Sample, verdict
from benchmarks.paper._two_settings import Analysis, TwoSettings
from benchmarks.paper.why_bursts import Brief
from sparse_rnn import sweep
from sparse_rnn.config.rates import Rates
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.training.run import build

LAPTOP = SCALES["laptop"]
ADAM, SGD = why_sgd.ADAM, why_sgd.SGD
PLANNED = (why_sgd, why_suites.COMPARISON, why_large.COMPARISON)
"""What searches settings, and compares the networks that have them."""


def learned(arm: Arm, level: float) -> Learned:
    """Five seeds that end about a level."""
    values = np.linspace(level - 0.01, level + 0.01, 5)[:, None]
    final = {name: Sample.of(range(5), values[:, 0], SHARE) for name in MEASURES}
    runs: Any = tuple(
        SimpleNamespace(
            config=SimpleNamespace(seed=seed), history=lambda: {"grad_norm": np.zeros(2)}
        )
        for seed in range(5)
    )
    return Learned(arm, runs, (), np.array([2000]), values, final, 0.01)


def arms_of(tuned: dict[str, Tuned]) -> dict[str, Arm]:
    return {name: Arm(name, one.search.candidates[0]) for name, one in tuned.items()}


def with_optimisers(adam: tuple[float, float], sgd: tuple[float, float]) -> why_sgd.Analysis:
    """Local and dense, with each optimiser."""
    found: dict[str, Learned] = {}
    for name, arm in arms_of(why_sgd.tuned(LAPTOP)).items():
        local, dense = sgd if name.endswith(SGD) else adam
        found[name] = learned(arm, dense if "dense" in name else local)
    return why_sgd.Analysis(tuple(why_sgd.compared(LAPTOP)), found, {}, (), 0)


@pytest.mark.parametrize(
    ("adam", "sgd", "expected"),
    [
        ((0.7, 0.4), (0.5, 0.5), "reproduced"),
        ((0.7, 0.4), (0.6, 0.4), "not reproduced"),  # it leads with SGD, too
        ((0.5, 0.5), (0.5, 0.5), "inconclusive"),  # no lead to explain
        ((0.7, 0.4), (0.1, 0.1), "inconclusive"),  # nothing was learned
    ],
)
def test_a_lead_that_an_optimiser_makes(
    adam: tuple[float, float], sgd: tuple[float, float], expected: str
) -> None:
    outcome = why_sgd.outcome(with_optimisers(adam, sgd))
    assert verdict(outcome.checks, outcome.untested) == expected
    assert outcome.measured[0].name == "lead with Adam, N=225, local d=4"
    assert outcome.measured[0].value == pytest.approx(adam[0] - adam[1])


def test_both_optimisers_have_grids_of_one_size_and_one_rate_for_all() -> None:
    tuned = why_sgd.tuned(LAPTOP)
    assert len(tuned) == 6
    for name, one in tuned.items():
        assert one.label == name
        assert len(one.search.candidates) == 5
        assert all(
            srnn.TrainConfig(**settings).rates == Rates() for settings in one.search.candidates
        )
        assert {settings["init"] for settings in one.search.candidates} == {"fan_in"}
        made = [
            config
            for arm in one.search.arms(0, one.search.candidates)
            for config in arm.configs(LAPTOP)
        ]
        assert {config.optimiser for config in made} == {"sgd" if name.endswith(SGD) else "adam"}
        assert {config.clip for config in made} == {1.0}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("module", PLANNED)
def test_nothing_is_chosen_on_the_seeds_that_are_compared(module: Any, scale: str) -> None:
    for one in module.tuned(SCALES[scale]).values():
        assert not {seed for rung in one.search.rungs for seed in rung.seeds} & set(one.seeds)
        assert one.search.rungs[-1].keep == 1


@pytest.mark.parametrize("module", PLANNED)
def test_the_plan_has_all_rounds_and_the_comparison(module: Any, tmp_path: Path) -> None:
    nothing = Results(tmp_path)
    planned = module.left(nothing, LAPTOP)
    assert len({sweep.identity(config) for config in planned}) == len(planned)
    tuned = module.tuned(LAPTOP).values()
    sizes = {1: 0}
    for one in tuned:
        counts = [len(one.search.candidates), *(rung.keep for rung in one.search.rungs[:-1])]
        sizes[1] += sum(n * len(r.seeds) for n, r in zip(counts, one.search.rungs, strict=True))
        sizes[1] += len(one.seeds)
    assert len(planned) == sizes[1]
    # The first round is all that can be trained now.
    steps = {arm.settings["steps"] for arm in module.next_arms(nothing, LAPTOP)}
    assert steps == {one.search.rungs[0].steps for one in tuned}


def on_grounds(comparison: TwoSettings, paper: dict[str, float], own: dict[str, float]) -> Analysis:
    """Ends of networks by the first word of their kind, on all grounds."""
    arms = arms_of(comparison.tuned(LAPTOP))
    found = [
        {
            name: learned(arm, levels.get(name.split(", ")[2].split()[0], 0.5))
            for name, arm in arms.items()
        }
        for levels in (paper, own)
    ]
    return Analysis(comparison.grounds(LAPTOP), *found, 0)


@pytest.mark.parametrize(
    ("comparison", "names"),
    [(why_suites.COMPARISON, ("cog-20", "Int x Seq")), (why_large.COMPARISON, ("Mod-Cog",))],
)
def test_each_ground_is_judged_in_both_settings(
    comparison: TwoSettings, names: tuple[str, ...]
) -> None:
    outcome = comparison.outcome(on_grounds(comparison, {"local": 0.7}, {}))
    assert [check.text for check in outcome.checks] == [
        f"{name}: local d=4 leads {told}"
        for name in names
        for told in ("in the paper's setting", "by less than 0.05 with settings of its own")
    ]
    assert verdict(outcome.checks) == "reproduced"
    behind = on_grounds(comparison, {"local": 0.7}, {"local": 0.7})
    assert verdict(comparison.outcome(behind).checks) == "not reproduced"


def test_what_is_trained_on_each_ground_is_told() -> None:
    outcome = why_suites.COMPARISON.outcome(on_grounds(why_suites.COMPARISON, {}, {}))
    assert (
        "cog-20, 1000 steps; the 44 tasks of mod-cog-126 with Int and Seq, 2000 steps; of 20"
        in (outcome.method)
    )
    assert all("_Int" in task and "_Seq" in task for task in why_suites.composed())
    large = why_large.COMPARISON.outcome(on_grounds(why_large.COMPARISON, {}, {}))
    assert large.method.startswith("mod-cog-84, 2000 steps of 20 x 100, Adam")
    assert {net.side**2 for net in why_large.grounds(LAPTOP)[0].nets} == {900}


def test_work_of_a_network_is_that_of_its_weights() -> None:
    for comparison in (why_suites.COMPARISON, why_large.COMPARISON):
        for ground in comparison.grounds(LAPTOP):
            config = srnn.TrainConfig(**ground.tasks, **ground.nets[1].settings)
            weights = build(config)[2].weight_counts()["total"]
            assert ground.work(ground.nets[1]) == weights


def test_figure_2a_is_judged_by_the_base_tasks_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = on_grounds(why_suites.COMPARISON, {}, {"local": 0.7})
    monkeypatch.setattr(TwoSettings, "analyse", lambda *_: found)
    fair = fair_fig2a.read(Results(tmp_path), LAPTOP)
    assert isinstance(fair, Fair)
    assert [net.label for net in fair.nets] == list(fair.own)
    outcome = fair_fig2a.outcome(fair)
    assert [check.holds for check in outcome.checks] == [True]
    assert outcome.untested == (
        "d=0, 1, 2, 3, 6, 8, 10",
        "whether a small d is best at 2000 steps",
    )
    assert "`why_suites`" in outcome.method


def rising(label: str, arm: Arm, seconds: float) -> tuple[str, Learned]:
    """A network that rises by a quarter in 1000 steps, is looked at four times and ends at 0.9."""
    steps = np.array([100.0, 500.0, 1000.0, 2000.0])
    values = np.broadcast_to(steps / 4000, (5, 4))
    return label, replace(learned(arm, 0.9), steps=steps, values=values, seconds=seconds)


def test_a_step_is_timed_without_evaluations_and_without_a_run_that_shared_the_machine() -> None:
    def run(step: float) -> Any:
        evaluated = np.array([math.nan, math.nan, 0.5, math.nan])
        elapsed = np.cumsum([step, step, 100 * step, step])
        return SimpleNamespace(history=lambda: {"elapsed_s": elapsed, "performance": evaluated})

    assert seconds_per_step([run(0.01), run(0.03), run(0.011)]) == pytest.approx(0.011)


@pytest.mark.parametrize(
    ("share", "ours", "theirs"),
    [
        (0.25, 0.9, 500 / 4000),
        (0.6, 0.9, 1200 / 4000),  # between the looks at 1000 and at 2000
        (1.0, 0.9, 0.9),
        (2.0, 1000 / 4000, 0.9),  # the first one costs more, so that it is read early
        (4.0, 500 / 4000, 0.9),
        (0.01, 0.9, math.nan),  # before the first look
    ],
)
def test_at_equal_cost_the_network_that_costs_more_is_read_early(
    share: float, ours: float, theirs: float
) -> None:
    net = next(the_map.nets(the_map.MAPS["laptop"]))
    _, one = rising(net.label, why.paper_arm(net, LAPTOP), 1.0)
    read = learning.at_equal_cost(one, one, share)
    assert [sample.mean for sample in read] == pytest.approx([ours, theirs], nan_ok=True)


def test_networks_are_read_at_equal_work_and_in_equal_time() -> None:
    whole, local, *_ = the_map.nets(the_map.MAPS["laptop"])
    pairs = ((whole, 2.0), (local, 1.0))
    own = dict(rising(net.label, why.paper_arm(net, LAPTOP), s) for net, s in pairs)
    found = why.Analysis(the_map.MAPS["laptop"], {}, own, {}, {}, (), 0)
    steps = 2000 * local.work / whole.work
    assert found.lead_at_equal(why.WORK, local).mean == pytest.approx(0.9 - steps / 4000)
    assert found.lead_at_equal(why.TIME, local).mean == pytest.approx(0.9 - 1000 / 4000)
    assert not found.lead_at_equal(why.TIME, replace(local, kind="another")).n


def test_on_each_ground_networks_are_read_at_equal_work_and_in_equal_time() -> None:
    (ground,) = why_large.grounds(LAPTOP)
    tuned = arms_of(why_large.COMPARISON.tuned(LAPTOP))
    times = {ground.label(ground.nets[0]): 2.0}
    own = dict(rising(name, arm, times.get(name, 1.0)) for name, arm in tuned.items())
    found = Analysis((ground,), {}, own, 0)
    share = ground.work(ground.local) / ground.work(ground.nets[0])
    levels = {why.WORK: 2000 * share / 4000, why.TIME: 1000 / 4000}
    for cost, level in levels.items():
        assert found.lead_at_equal(cost, ground, ground.local).centre == pytest.approx(0.9 - level)
    assert not found.lead_at_equal(why.TIME, ground, replace(ground.local, kind="another")).n
    rows = {row.name: row for row in why_large.COMPARISON.outcome(found).measured}
    assert "lead, Mod-Cog, N=900, local d=4, own settings, equal time" in rows
    assert rows["a step, Mod-Cog, N=900, dense"].value == 2.0
    assert rows["a step, Mod-Cog, N=900, dense"].unit == "s"


def bursting(sign: float) -> why_bursts.Analysis:
    """Twelve settings; larger steps burst more, or less, and bursts cost performance."""
    every = [net for net in the_map.nets(the_map.MAPS["laptop"]) if net.side == 15]
    briefs: list[Brief] = []
    for number in range(12):
        for net in every:
            size = net.in_degree * (number + 1)
            bursts = sign * size
            briefs.append(Brief(net, f"setting {number}", size, bursts, bursts, -bursts * 1e-5))
    return why_bursts.Analysis(tuple(briefs), {("a", "b"): (1.0, 2.0)}, 250)


def test_what_goes_with_bursts() -> None:
    outcome = why_bursts.outcome(bursting(1.0))
    assert verdict(outcome.checks) == "reproduced"
    assert outcome.measured[0].value == pytest.approx(1.0)
    assert outcome.measured[0].n_seeds == 12
    opposite = why_bursts.outcome(bursting(-1.0))
    assert verdict(opposite.checks) == "not reproduced"
    names = [one.name for one in outcome.measured]
    assert "lead of sparse, bursts in dense" in names
    assert "spectral radius, a, b, after 10 updates" in names


def test_a_run_that_diverged_counts_as_bursting_throughout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    net = next(the_map.nets(the_map.MAPS["smoke"]))
    monkeypatch.setattr(Results, "diverged", lambda *_: (100,))
    (one, *_) = why_bursts._briefs(net, Results(tmp_path), SCALES["smoke"])
    assert (one.gradient, one.bursts, one.performance) == (math.inf, 10.0, 0.0)
    assert one.size == pytest.approx(16 * 1e-2)


def test_a_spectral_radius_is_that_of_the_recurrent_weights() -> None:
    config = srnn.TrainConfig(suite="Go", arch="dense", size=9, init="orthogonal", steps=1)
    assert why_bursts.radius(build(config)[2]) == pytest.approx(1.0, abs=1e-5)


def wrapping(gain: float, matched: float, bursts: tuple[float, float]) -> why_wrap.Analysis:
    """Dense networks that gain by the wrap, at one rate for all and at a matched one."""
    right, wrapped = why_wrap.RIGHT, why_wrap.WRAPPED
    ends = {why_wrap.LOCAL: (0.7, 0.7), why_wrap.DENSE: (0.4, 0.4 + gain)}
    ends[why_wrap.MATCHED] = (0.6, 0.6 + matched)

    def sample(level: float, size: float, bounds: tuple[float, float]) -> Sample:
        return Sample.of(range(5), level + size * np.arange(5), bounds)

    performance = {
        (name, labels): sample(level, 0.002, SHARE)
        for name, both in ends.items()
        for labels, level in zip((right, wrapped), both, strict=True)
    }
    counted = {
        (name, labels): sample(count, 1.0, (0.0, math.inf))
        for name in ends
        for labels, count in zip((right, wrapped), bursts, strict=True)
    }
    return why_wrap.Analysis(performance, counted, "As told.")


@pytest.mark.parametrize(
    ("gain", "matched", "bursts", "expected"),
    [
        (0.1, 0.0, (50.0, 10.0), "reproduced"),
        (0.1, 0.1, (50.0, 10.0), "not reproduced"),  # it helps without bursts, too
        (-0.1, 0.0, (50.0, 10.0), "not reproduced"),
        (0.1, 0.0, (10.0, 10.0), "inconclusive"),
    ],
)
def test_a_wrap_that_helps_by_fewer_bursts(
    gain: float, matched: float, bursts: tuple[float, float], expected: str
) -> None:
    outcome = why_wrap.outcome(wrapping(gain, matched, bursts))
    assert verdict(outcome.checks) == expected
    assert outcome.measured[1].value == pytest.approx(gain)


def test_the_wrap_is_tested_on_networks_of_the_map() -> None:
    known = {
        sweep.identity(config)
        for net in the_map.nets(the_map.MAPS["laptop"])
        for config in why.paper_arm(net, LAPTOP).configs(LAPTOP)
    }
    local, dense, matched = why_wrap.arms(LAPTOP)
    for arm in (local, dense):
        assert {sweep.identity(config) for config in arm.configs(LAPTOP)} <= known
    assert matched.settings["rates"] == {"recurrent": 0.22}
