"""The experiments of the paper: what the tables promise, and each one's code on two-step runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.paper import _cost as cost, _faults as faults, _learning as learning, claims, table1
from benchmarks.paper._arms import MEASURE, Results, neighbours, radius_of
from benchmarks.paper._experiment import evaluate
from benchmarks.paper._scales import SCALES, TEST
from benchmarks.paper.claims import CLAIMS
from benchmarks.paper.table import EXPERIMENTS
from sparse_rnn import sweep
from sparse_rnn.data import task_stream
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.report import findings
from sparse_rnn.sweep import store


@pytest.fixture(autouse=True, scope="module")
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(results: Path, names: Iterable[str]) -> Results:
    """All runs of some experiments, two steps each, in this process."""
    configs = [run for name in names for run in EXPERIMENTS[name].runs(TEST)]
    status = sweep.run(configs, results, workers=0)
    assert (status.failed, status.waiting) == (0, 0), status.text(tracebacks=True)
    return Results(results)


@pytest.mark.slow(30)
def test_every_experiment_is_measured_judged_and_drawn(tmp_path: Path) -> None:
    """One test over the table: training its runs once is most of the work."""
    results = trained(tmp_path, EXPERIMENTS)
    for name, experiment in EXPERIMENTS.items():
        if experiment.work is not None:
            experiment.work(results, TEST)
        analysis = experiment.analyse(results, TEST)
        outcome = experiment.outcome(analysis)
        assert outcome.measured, name
        assert outcome.method.endswith("."), name
        assert experiment.question.endswith("?"), name
        drawn = experiment.figure(analysis)
        assert any(ax.has_data() for ax in drawn.axes), name
        # One seed decides nothing; only what is not random can hold.
        assert {check.holds for check in outcome.checks if check.by_seeds} <= {None}, name
    for name in EXPERIMENTS:
        half_finished(name, results, tmp_path / "half" / name)


def half_finished(name: str, results: Results, folder: Path) -> None:
    """Judge an experiment of which one network is trained and the others are not yet."""
    experiment = EXPERIMENTS[name]
    for arm in experiment.arms(TEST)[:1]:
        for run in results.arm(arm, TEST):
            copied = sweep.folder_of(folder, run.config)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.symlink_to(run.folder)
    analysis = experiment.analyse(Results(folder), TEST)
    if analysis is not None:
        outcome = experiment.outcome(analysis)
        assert {check.holds for check in outcome.checks if check.by_seeds} <= {None}, name
        assert experiment.figure(analysis).axes, name


def test_a_finding_survives_its_files(tmp_path: Path) -> None:
    results = trained(tmp_path / "runs", ["fig3i"])
    made = evaluate("fig3i", EXPERIMENTS["fig3i"], results, TEST, tmp_path)
    assert findings.read(tmp_path / "fig3i.json") == made
    assert made.verdict == "inconclusive"
    assert made.seeds == TEST.seeds
    assert made.command == "python -m benchmarks.paper fig3i --scale smoke"
    assert (tmp_path / "fig3i.svg").stat().st_size > 1000


def test_a_finding_names_the_networks_that_did_not_run(tmp_path: Path) -> None:
    experiment = EXPERIMENTS["fig3i"]
    first, *others = experiment.arms(TEST)
    sweep.run(first.configs(TEST), tmp_path / "runs", workers=0)
    made = evaluate("fig3i", experiment, Results(tmp_path / "runs"), TEST, tmp_path)
    assert f"Not run: {', '.join(arm.label for arm in others)}." in made.method


def test_seeds_that_diverged_count_as_the_worst(tmp_path: Path) -> None:
    scale = replace(TEST, seeds=(0, 1))
    experiment = EXPERIMENTS["fig3i"]
    first, second, _ = experiment.arms(scale)
    for arm in (first, second):
        done, lost = arm.configs(scale)
        sweep.run([done], tmp_path, workers=0)
        if arm is first:
            error = TrainingDiverged(1, float("nan"), 1.0, "")
            told = f"{type(error).__name__}: {error}"
            store.note_failure(sweep.folder_of(tmp_path, lost), told, "", retries=0, final=True)
    results = Results(tmp_path)
    assert results.diverged(first, scale) == (1,)
    assert results.diverged(second, scale) == ()
    found = learning.learned((first, second), results, scale)
    one = found[first.label]
    assert (one.diverged, one.values.shape[0], one.values[1].max()) == ((1,), 2, 0)
    for sample in (one.final[MEASURE], one.area(), one.at(2)):
        assert (sample.lost, sample.unknown, sample.by_seed[1]) == ({1}, frozenset(), 0.0)
    assert found[second.label].final[MEASURE].n == 1
    made = evaluate("fig3i", experiment, results, scale, tmp_path / "found")
    assert f"Diverged: {first.label} (seeds 1)." in made.method
    assert f"Not run whole: {first.label}" not in made.method
    assert f"Not run whole: {second.label} (1 of 2 seeds)" in made.method
    row = next(one for one in made.measured if one.name == first.label)
    assert (row.n_seeds, "diverged: seeds 1, counted at worst" in row.note) == (2, True)


def test_what_a_scale_cannot_test_is_said() -> None:
    laptop, paper = SCALES["laptop"], SCALES["paper"]
    parts = table1.untested(laptop)
    assert any("against Dense 2500, which has one seed" in part for part in parts)
    assert any("against L1 2500, not trained" in part for part in parts)
    assert table1.untested(paper) == ()


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if EXPERIMENTS[name].runs(TEST)])
def test_without_runs_nothing_is_claimed(name: str, tmp_path: Path) -> None:
    made = evaluate(name, EXPERIMENTS[name], Results(tmp_path / "none"), TEST, tmp_path)
    assert made.verdict == "not run"
    assert (made.measured, made.figures, made.curves) == ((), (), ())


def test_each_file_of_an_experiment_has_its_claim() -> None:
    files = Path(claims.__file__).parent.glob("[a-z]*.py")
    found = {file.stem for file in files if "EXPERIMENT = " in file.read_text(encoding="utf-8")}
    assert found == set(EXPERIMENTS) == set(CLAIMS)


@pytest.mark.parametrize("name", SCALES)
def test_every_scale_is_whole(name: str) -> None:
    scale = SCALES[name]
    for experiment in EXPERIMENTS.values():
        runs = experiment.runs(scale)
        assert len({sweep.identity(run) for run in runs}) == len(runs)
        more = (scale.minute_seeds, scale.table_seeds)
        assert {run.seed for run in runs} <= {*scale.seeds, *(s for own in more for s in own or ())}
        labels = [arm.label for arm in experiment.arms(scale)]
        assert len(set(labels)) == len(labels)


def test_experiments_share_runs() -> None:
    laptop = SCALES["laptop"]
    runs = {
        name: {sweep.identity(run) for run in experiment.runs(laptop)}
        for name, experiment in EXPERIMENTS.items()
    }
    assert runs["fig3ab"] == runs["fig3cde"] == runs["fig3fg"] == runs["fig3h"] < runs["fig2a"]
    assert runs["fig6"] < runs["table1"]
    assert runs["fig2b"] & runs["fig2a"]
    assert runs["fig7_11"] & runs["table1"]


def test_large_dense_networks_are_shown_and_not_judged_on_a_laptop() -> None:
    laptop = SCALES["laptop"]
    arms = {arm.label: arm for arm in EXPERIMENTS["table1"].arms(laptop)}
    assert [len(arms[name].configs(laptop)) for name in ("Dense 400", "Dense 2500")] == [5, 1]
    assert not arms["Dense 2500"].decides
    assert all(arm.decides for arm in EXPERIMENTS["table1"].arms(SCALES["paper"]))


def test_small_pools_have_the_seeds_of_networks_that_take_a_minute() -> None:
    laptop = SCALES["laptop"]
    seeds = {arm.label: len(arm.configs(laptop)) for arm in EXPERIMENTS["fig4f"].arms(laptop)}
    small = dict.fromkeys(("100 autapses", "400 autapses", "900 autapses"), 15)
    assert seeds == {**small, "2500 autapses": 3, "2500 autapses, 6000 steps": 3}


def test_the_papers_networks_have_the_papers_weights() -> None:
    paper = SCALES["paper"]
    told = CLAIMS["table1"].values
    for arm in EXPERIMENTS["table1"].arms(paper):
        if not arm.label.startswith("L1") and arm.settings["lr"] == paper.modcog["lr"]:
            nnz = arm.configs(paper)[0].build_mask().nnz
            assert nnz == pytest.approx(told[f"{arm.label}, nonzero recurrent"], rel=0.01)


def test_radius_of_a_density_is_the_nearest() -> None:
    for side, density in ((8, 0.1), (11, 0.04)):
        counts = {neighbours(side, square**0.5) for square in range(2 * side * side)}
        got = neighbours(side, radius_of(side, density))
        assert abs(got - density * side**2) == min(abs(n - density * side**2) for n in counts)


def test_released_labels_wrap_to_fixate() -> None:
    batch = task_stream("Go", batch_size=8, seq_len=100, seed=0).batch(0)
    wrapped = faults.wrap_labels(batch)
    last = batch.targets == 16
    assert bool(last.any())
    assert not wrapped.targets[last].any()
    assert torch.equal(wrapped.targets[~last], batch.targets[~last])
    assert torch.equal(wrapped.inputs, batch.inputs)


def test_without_a_fault_training_is_that_of_a_sweep(tmp_path: Path) -> None:
    config = EXPERIMENTS["released_faults"].runs(TEST)[0]
    sweep.run([config], tmp_path, workers=0)
    plain = Results(tmp_path).of([config])[0].history()
    none = faults.Fault("none", "no fault", wraps=False)
    wrapped = faults.train(config, tmp_path, faults.FAULTS[0]).history()
    assert faults.train(config, tmp_path, none).history()["loss"].tolist() == plain["loss"].tolist()
    assert wrapped["loss"].tolist() != plain["loss"].tolist()


def test_a_run_on_faulty_tasks_that_diverges_is_noted_and_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverges(*_: object) -> None:
        raise TrainingDiverged(1, float("nan"), 1.0, "")

    monkeypatch.setattr(faults, "train", diverges)
    arms = EXPERIMENTS["why_wrap"].arms(TEST)[:1]
    found = Results(tmp_path), TEST
    waiting = faults.jobs(arms, faults.FAULTS[:1], *found)
    assert len(waiting) == 1
    faults.train_all(waiting)
    assert faults.jobs(arms, faults.FAULTS[:1], *found) == []
    assert faults.diverged(arms[0], *found, faults.FAULTS[0]) == (0,)
    assert faults.diverged(arms[0], *found, faults.FAULTS[1]) == ()


def test_released_intervals_are_constant_in_dm_tasks_alone() -> None:
    config = EXPERIMENTS["released_faults"].runs(TEST)[0]
    stream, _ = faults.streams(config, faults.FAULTS[1])
    ours, _ = faults.streams(config, faults.FAULTS[0])
    spread = {}
    for name, one in (("released", stream), ("ours", ours)):
        drawn: dict[str, set[float]] = {"decision": set(), "reach": set()}
        for batch in one.batches(0, 40):
            trials = batch.source.trials
            for spec_index, spec in enumerate(trials.tasks):
                if "_Int" in spec.name and spec.family in drawn:
                    rows = trials[trials.task_index == spec_index]
                    drawn[spec.family] |= set(rows.duration_ms("delay").tolist())
        spread[name] = drawn
    assert spread["released"]["decision"] == {faults.RELEASED_DELAY_MS}
    assert len(spread["ours"]["decision"]) > 3
    assert len(spread["released"]["reach"]) > 3


def test_costs_grow_with_the_network() -> None:
    runs = EXPERIMENTS["table1"].runs(SCALES["laptop"])
    by_arch = {run.arch: cost.seconds(run) for run in runs}
    assert by_arch["dense"] > by_arch["locality"] > 60
    assert cost.core_minutes([runs[0], runs[0]]) == cost.core_minutes([runs[0]])
