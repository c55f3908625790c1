"""The paper's own length on a laptop: which runs it takes, and how they are judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.paper import full_length
from benchmarks.paper._arms import Arm
from benchmarks.paper._learning import Learned
from benchmarks.paper._scales import SCALES
from benchmarks.paper._statistics import OPEN, REFUTED, SHARE, Sample, verdict
from benchmarks.paper.table import EXPERIMENTS
from sparse_rnn import sweep
from sparse_rnn.evaluation.scores import MEASURES

SEEDS = (0, 1, 2)
STEPS = np.arange(1.0, 41.0) * 250


def learned(label: str, end: float) -> Learned:
    """A network that learns at a steady pace, with seeds that lie 0.01 apart."""
    ends = {seed: end + 0.01 * (seed - 1) for seed in SEEDS}
    values = np.outer(list(ends.values()), STEPS / STEPS[-1])
    runs: Any = [
        SimpleNamespace(config=SimpleNamespace(seed=seed), history=lambda: {"grad_norm": STEPS * 0})
        for seed in SEEDS
    ]
    arm = Arm(label, SCALES["paper"].modcog, SEEDS)
    final = {name: Sample(ends, bounds=SHARE) for name in MEASURES}
    return Learned(arm, tuple(runs), (), STEPS, values, final, 0.01)


def analysis(local: float, dense: float) -> full_length.Analysis:
    found = {"local": learned("local", local), "dense": learned("dense", dense)}
    return full_length.Analysis(found, ("local",), "dense", 2000, ("all the rest",))


def test_the_runs_are_those_of_the_paper_scale() -> None:
    runs = {name: full_length.EXPERIMENT.runs(SCALES[name]) for name in ("laptop", "paper")}
    assert {run.steps for run in runs["laptop"]} == {10_000}
    whole = {sweep.identity(run) for run in EXPERIMENTS["table1"].runs(SCALES["paper"])}
    own = {name: {sweep.identity(run) for run in found} for name, found in runs.items()}
    assert own["laptop"] < own["paper"] < whole
    synapses = {run.build_mask().nnz for run in runs["laptop"]}
    assert sorted(synapses) == [282_500, 676**2, 792_500]


def test_a_lead_is_judged_over_the_course_and_at_its_end() -> None:
    ahead = full_length.outcome(analysis(0.8, 0.6))
    assert [check.holds for check in ahead.checks] == [True, True]
    assert verdict(ahead.checks) != OPEN
    assert verdict(ahead.checks, ahead.untested) == OPEN  # The claim says more than was tested.
    behind = full_length.outcome(analysis(0.6, 0.8))
    assert verdict(behind.checks, behind.untested) == REFUTED


def test_what_shorter_experiments_saw_is_told_beside_the_end() -> None:
    told = {row.name: row.value for row in full_length.outcome(analysis(0.8, 0.6)).measured}
    assert told["local"] == pytest.approx(0.8)
    assert told["local, after 2000 steps"] == pytest.approx(0.8 * 2000 / 10_000)


def test_the_figure_shows_the_lead_at_the_end() -> None:
    leads = full_length.figure(analysis(0.8, 0.6)).axes[1]
    x, y = (np.asarray(values) for values in leads.containers[0].lines[0].get_data())
    assert (len(x), x[-1]) == (20, STEPS[-1])
    assert y[-1] == pytest.approx(0.2)


def test_what_is_too_large_for_a_laptop_is_said() -> None:
    (told,) = full_length.untested(SCALES["laptop"])
    assert "against Dense 2500, not trained" in told
