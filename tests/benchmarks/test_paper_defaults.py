"""What the defaults cost: how the rate is chosen, and what the claim is decided by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sparse_rnn as srnn
from benchmarks.paper import why, why_defaults
from benchmarks.paper._arms import MEASURE, Results, dense
from benchmarks.paper._map import MAPS, nets
from benchmarks.paper._scales import SCALES, Scale
from benchmarks.paper._statistics import verdict
from benchmarks.paper.table import EXPERIMENTS
from sparse_rnn import sweep
from sparse_rnn.config.rates import Rates
from tests.benchmarks.test_paper_mechanism import learned

LAPTOP, SMOKE = SCALES["laptop"], SCALES["smoke"]


def found(defaults: dict[str, float], own: dict[str, float]) -> why_defaults.Analysis:
    """Ends of networks by the first word of their kind, 0.5 where nothing is said."""
    axes = MAPS["laptop"]

    def curves(levels: dict[str, float]) -> dict[str, why_defaults.learning.Learned]:
        return {
            net.label: learned(why.paper_arm(net, LAPTOP), levels.get(net.kind.split()[0], 0.5))
            for net in nets(axes)
        }

    chosen = {1e-3: {"one": 0.4, "other": 0.5}}
    drawn = curves({"dense": 0.3})
    return why_defaults.Analysis(axes, chosen, curves(defaults), drawn, curves(own), {})


@pytest.mark.parametrize(
    ("defaults", "own", "expected"),
    [
        ({}, {}, "reproduced"),
        ({"dense": 0.46, "local": 0.46}, {}, "reproduced"),
        ({"dense": 0.4, "local": 0.4}, {}, "not reproduced"),  # too much is lost
        ({"local": 0.46}, {"dense": 0.48}, "not reproduced"),  # the lead is another one
    ],
)
def test_the_claim_is_about_costs_and_leads(
    defaults: dict[str, float], own: dict[str, float], expected: str
) -> None:
    outcome = why_defaults.outcome(found(defaults, own))
    assert len(outcome.checks) == 6
    assert verdict(outcome.checks, outcome.untested) == expected
    values = {row.name: row.value for row in outcome.measured}
    assert values["choosing the rate, 0.001, mean over networks"] == pytest.approx(0.45)
    cost = own.get("dense", 0.5) - defaults.get("dense", 0.5)
    assert values["below own settings, N=225, dense"] == pytest.approx(cost)
    drawn = own.get("dense", 0.5) - 0.3
    assert values["fan_in, below own settings, N=225, dense"] == pytest.approx(drawn)


def test_without_settings_of_ones_own_nothing_is_decided() -> None:
    outcome = why_defaults.outcome(replace(found({}, {}), own={}))
    assert (outcome.checks, len(outcome.untested)) == ((), 6)
    assert verdict(outcome.checks, outcome.untested) == "inconclusive"


def test_the_rate_is_chosen_on_other_seeds_and_all_else_is_the_default() -> None:
    axes = MAPS["laptop"]
    for arm in why_defaults.choosing_arms(LAPTOP):
        assert arm.seeds
        assert not set(arm.seeds) & set(axes.seeds)
    for net in nets(axes):
        one = srnn.TrainConfig(
            **why_defaults.full_arm(net, why_defaults.START, axes.rates[0], LAPTOP).settings
        )
        open_ = srnn.TrainConfig(**dense(9))
        assert (one.init, one.init_gain, one.rates) == (open_.init, open_.init_gain, open_.rates)
        assert one.rates == Rates(recurrent="in_degree")
        assert open_.lr in axes.rates


def test_the_rate_of_the_better_mean_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = MAPS["smoke"]
    monkeypatch.setitem(MAPS, "smoke", replace(axes, rates=(1e-2, 2e-2)))
    results = Results(tmp_path)
    assert why_defaults.scores(results, SMOKE) is None
    first = why_defaults.next_arms(results, SMOKE)
    assert [arm.label for arm in first] == [arm.label for arm in why_defaults.choosing_arms(SMOKE)]
    planned = why_defaults.left(results, SMOKE)
    n_nets = len(list(nets(axes)))
    assert len(planned) == 2 * n_nets * (len(axes.rungs[-1].seeds) + len(axes.seeds))
    ends = {0.01: {"one": 0.3, "other": 0.7}, 0.02: {"one": 0.5, "other": 0.6}}

    def scores(results: Results, scale: Scale) -> why_defaults.Scores:
        del results, scale
        return ends

    monkeypatch.setattr(why_defaults, "scores", scores)
    chosen = why_defaults.next_arms(results, SMOKE)
    assert {arm.settings["lr"] for arm in chosen} == {0.02}
    identities = {sweep.identity(one) for arm in chosen for one in arm.configs(SMOKE)}
    assert len(identities) == 2 * n_nets * len(axes.seeds)
    assert len(why_defaults.left(results, SMOKE)) == len(identities)


@pytest.mark.slow
def test_it_is_carried_out(tmp_path: Path) -> None:
    results = Results(tmp_path, workers=1)
    experiment = EXPERIMENTS["why_defaults"]
    assert experiment.work
    experiment.work(results, SMOKE)
    assert not experiment.left(results, SMOKE)
    analysis = experiment.analyse(results, SMOKE)
    assert set(analysis.defaults) == {net.label for net in nets(MAPS["smoke"])}
    runs = [run for arm in why_defaults.choosing_arms(SMOKE) for run in results.arm(arm, SMOKE)]
    mean = np.mean([run.scores().mean(MEASURE) for run in runs])
    assert why_defaults.over_networks(analysis.scores) == {1e-2: pytest.approx(mean)}
    assert experiment.figure(analysis).axes
    outcome = experiment.outcome(analysis)
    assert len(outcome.untested) == 3
    assert not any(row.name.startswith(("lead beyond", "below own")) for row in outcome.measured)
