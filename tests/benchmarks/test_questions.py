"""Questions of our own: what is trained, measured and judged, on made-up results and on a smoke."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.paper import _cost as cost
from benchmarks.paper._arms import MEASURE, Results, Trained, neighbours
from benchmarks.paper._experiment import evaluate
from benchmarks.paper._scales import SCALES
from benchmarks.paper._statistics import OPEN, REFUTED, REPRODUCED, SHARE, Sample, verdict
from benchmarks.paper.claims import CLAIMS as PAPERS
from benchmarks.questions import composition, forgetting, new_rule
from benchmarks.questions.__main__ import main
from benchmarks.questions._design import DESIGNS, MASKS, mask_settings, search
from benchmarks.questions._runs import WarmArm, carry_out
from benchmarks.questions.claims import CLAIMS
from benchmarks.questions.table import EXPERIMENTS
from sparse_rnn import TrainConfig, sweep
from sparse_rnn.evaluation.scores import COLUMNS
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.report import findings
from sparse_rnn.runs import folder as run_folder
from tests.sparse_rnn.helpers import small_config

SMOKE, LAPTOP = SCALES["smoke"], SCALES["laptop"]
SEEDS = range(5)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The command sets the number of threads of its process, which here is that of all tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def about(value: float, spread: float = 0.01, lost: tuple[int, ...] = ()) -> Sample:
    """Five seeds about a value, in the bounds of a performance, or of a difference of two."""
    values = value + spread * np.array([-1.0, 1.0, 0.5, -0.5, 0.0])
    bounds = SHARE if value >= 0 else (-1.0, 1.0)
    return Sample.of(SEEDS, np.clip(values, *bounds), bounds).counting(lost)


def test_each_experiment_has_a_claim_that_can_fail() -> None:
    assert set(EXPERIMENTS) == set(CLAIMS)
    for name, experiment in EXPERIMENTS.items():
        assert experiment.question.endswith("?"), name
        assert experiment.claim is CLAIMS[name]
        assert experiment.runs(LAPTOP) == ()


@pytest.mark.parametrize("name", DESIGNS)
def test_compositions_are_held_out_and_have_the_last_slots(name: str) -> None:
    split = DESIGNS[name].split
    assert split.suite == (*split.train, *split.test)
    both = {task for task in split.suite if "_Int" in task and "_Seq" in task}
    assert set(split.test) == both
    per_base = len(split.suite) // len(DESIGNS[name].bases)
    assert (per_base, len(split.test)) == (9, 4 * len(DESIGNS[name].bases))


@pytest.mark.parametrize("name", DESIGNS)
def test_nothing_is_chosen_on_the_seeds_that_are_compared(name: str) -> None:
    design = DESIGNS[name]
    searched = {seed for rung in design.rungs for seed in rung.seeds} | {design.search_seed}
    assert not searched & set(design.seeds)
    assert name == "smoke" or len(design.seeds) >= 5
    assert design.steps % len(design.bases) == 0


def test_masks_have_equal_in_degrees_and_one_grid() -> None:
    design = DESIGNS["laptop"]
    built = {
        mask: TrainConfig(**mask_settings(mask, design), init="identity").build_mask()
        for mask in MASKS
    }
    degree = neighbours(design.side, design.radius)
    assert set(built["local"].in_degree()) == set(built["random"].in_degree()) == {degree}
    assert set(built["dense"].in_degree()) == {design.side**2}
    grids = [
        [(one["init"], one["lr"], one.get("rates")) for one in search(mask, LAPTOP).candidates]
        for mask in MASKS
    ]
    assert grids[0] == grids[1] == grids[2]
    # A search knows nothing of what an experiment holds out: all tasks are trained.
    assert all("weights" not in one for one in search("local", LAPTOP).candidates)


def test_a_plan_counts_shared_runs_once_and_is_affordable(tmp_path: Path) -> None:
    results = Results(tmp_path)
    alone = [one.left(results, LAPTOP) for one in EXPERIMENTS.values()]
    together = cost.core_minutes(config for planned in alone for config in planned)
    assert together < 120
    assert sum(map(cost.core_minutes, alone)) > together
    assert not list(tmp_path.iterdir())


def test_the_floor_is_the_best_that_does_without_a_part() -> None:
    assert composition.floor(["DlyGo"]) == pytest.approx(3 / 16)
    assert composition.floor(["DlyGo_IntL"]) == pytest.approx(3 / 11)
    assert composition.floor(["DlyDM1"]) == 0.5
    mixed = ["DlyGo", "DlyDM1"]
    assert composition.floor(mixed) == pytest.approx((3 / 16 + 0.5) / 2)


def composed(
    levels: Mapping[str, float], ceiling: float = 0.9, lost: tuple[int, ...] = ()
) -> composition.Analysis:
    """What would be measured where every mask does the same."""
    found = {
        (mask, rules, trained): about(
            level if trained == composition.HELD_OUT else ceiling, lost=lost
        )
        for mask in MASKS
        for rules, level in levels.items()
        for trained in (composition.HELD_OUT, composition.TRAINED_TOO)
    }
    return composition.Analysis(found, found, 0.3, tuple(levels), "Made up.")


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        (composed({"one_hot": 0.2, "factors": 0.6, "orthogonal": 0.2}), REPRODUCED),
        (composed({"one_hot": 0.2, "factors": 0.25, "orthogonal": 0.2}), REFUTED),
        (composed({"one_hot": 0.7, "factors": 0.6, "orthogonal": 0.2}), REFUTED),
        (composed({"one_hot": 0.2, "factors": 0.95, "orthogonal": 0.2}), REFUTED),
        (composed({"one_hot": 0.2, "factors": 0.6, "orthogonal": 0.6}), OPEN),
        (composed({"one_hot": 0.2, "factors": 0.6, "orthogonal": 0.2}, lost=(7,)), OPEN),
    ],
    ids=["holds", "at the floor", "not by factors", "no ceiling", "even", "diverged"],
)
def test_composition_is_judged(analysis: composition.Analysis, expected: str) -> None:
    outcome = composition.outcome(analysis)
    assert verdict(outcome.checks, outcome.untested) == expected
    names = [one.name for one in outcome.measured]
    assert len(set(names)) == len(names)
    assert any(ax.has_data() for ax in composition.figure(analysis).axes)


def forgot(transfer: Mapping[str, float], dense: float = -0.6) -> forgetting.Analysis:
    """What would be measured, by method; a dense network by plain training differs."""
    found: dict[tuple[str, str], dict[str, Sample]] = {}
    for mask in MASKS:
        for method, value in transfer.items():
            own = dense if (mask, method) == ("dense", "plain") else value
            values = own + 0.01 * np.array([-1.0, 1.0, 0.5, -0.5, 0.0])
            found[mask, method] = {
                forgetting.MEASURED[0]: Sample.of(SEEDS, values, (-1, 1)),
                forgetting.MEASURED[1]: about(max(-own, 0.0)),
                forgetting.MEASURED[2]: about(0.5),
            }
    families = {mask: np.full((2, 2), 0.5) for mask in MASKS}
    joint = {mask: about(0.8) for mask in MASKS}
    return forgetting.Analysis(found, families, joint, ("DlyGo", "DlyAnti"), "Made up.")


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        (forgot({"plain": -0.5, "ewc": -0.2, "projection": -0.1}), REPRODUCED),
        (forgot({"plain": -0.5, "ewc": -0.6, "projection": -0.1}), REFUTED),
        (forgot({"plain": -0.5, "ewc": -0.2, "projection": -0.1}, dense=-0.3), REFUTED),
        (forgot({"plain": 0.1, "ewc": 0.2, "projection": 0.3}), REFUTED),
        (forgot({"plain": -0.5, "ewc": -0.2}), OPEN),
    ],
    ids=["holds", "no remedy", "local forgets more", "nothing forgotten", "one did not run"],
)
def test_forgetting_is_judged(analysis: forgetting.Analysis, expected: str) -> None:
    outcome = forgetting.outcome(analysis)
    assert verdict(outcome.checks, outcome.untested) == expected
    assert any(ax.has_data() for ax in forgetting.figure(analysis).axes)


def test_matrices_become_quantities_by_seed(tmp_path: Path) -> None:
    tasks = ("DlyGo", "DlyGo_IntL", "DlyAnti")
    trained = np.array([[True, True, False], [False, False, True]])
    runs: list[Trained] = []
    for seed, end in enumerate((0.1, 0.3)):
        scores = np.array([[0.9, 0.7, 0.0], [end, end, 0.8]])
        matrix = StageMatrix(("1", "2"), tasks, scores, trained)
        folder = tmp_path / str(seed)
        folder.mkdir()
        matrix.write_csv(folder / run_folder.STAGES)
        runs.append(Trained(small_config(seed=seed), folder))
    found = forgetting.measures(runs, (2,))
    assert found["backward transfer"].by_seed == pytest.approx({0: -0.7, 1: -0.5})
    assert found["forgetting"].by_seed == pytest.approx({0: 0.7, 1: 0.5})
    assert found["mean at the end"].by_seed == pytest.approx({0: 1 / 3, 1: 1.4 / 3, 2: 0.0})
    assert found["backward transfer"].unknown == {2}
    table = forgetting.by_family(forgetting.matrix_of(runs[0]), ("DlyGo", "DlyAnti"))
    np.testing.assert_allclose(table, [[0.8, 0.0], [0.1, 0.8]])


def test_stages_are_the_families_and_take_all_steps() -> None:
    design = DESIGNS["laptop"]
    made = forgetting.stages(design)
    assert [task for tasks, _ in made for task in tasks if "_" not in task] == list(design.bases)
    assert sorted(task for tasks, _ in made for task in tasks) == sorted(design.suite)
    assert sum(steps for _, steps in made) == design.steps


def made_run(folder: Path, seed: int, new: list[float], old: float) -> Trained:
    """A finished run with these evaluations on the way, all new tasks alike."""
    split = DESIGNS["smoke"].split
    folder.mkdir()

    def row(task: str, value: float) -> str:
        values = {**dict.fromkeys(COLUMNS, 0.1), "task": task, "n_trials": 9, MEASURE: value}
        return ",".join(str(values[name]) for name in COLUMNS)

    lines = ["step," + ",".join(COLUMNS)]
    for number, value in enumerate(new):
        step = 2 * (number + 1)
        lines += [f"{step},{row(task, value)}" for task in split.test]
        lines += [f"{step},{row(task, old)}" for task in split.train]
    (folder / run_folder.EVALUATIONS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    end = [row(task, new[-1]) for task in split.test] + [row(task, old) for task in split.train]
    text = "\n".join([",".join(COLUMNS), *end]) + "\n"
    (folder / run_folder.EVALUATION).write_text(text, encoding="utf-8")
    return Trained(small_config(seed=seed), folder)


def test_steps_to_the_level_are_those_of_the_first_look_that_is_there(tmp_path: Path) -> None:
    runs = [
        made_run(tmp_path / "0", 0, [0.2, 0.5, 0.9], 0.6),
        made_run(tmp_path / "1", 1, [0.1, 0.2, 0.3], 0.6),
        made_run(tmp_path / "3", 3, [0.9, 0.9, 0.9], 0.6),
    ]
    design = replace(DESIGNS["smoke"], new_steps=(6, 2))
    own = Sample({0: 0.6, 1: 0.5, 2: 0.5})  # no base for seed 3
    found = new_rule.measured(runs, (2,), own, design)
    assert found is not None
    # Levels: 0.48, reached at the second look; 0.4, never; a seed that diverged needs all steps.
    assert found.steps.by_seed == {0: 4.0, 1: 6.0, 2: 6.0}
    assert found.ends.by_seed == pytest.approx({0: 0.9 - 0.48, 1: 0.3 - 0.4, 2: 0.0 - 0.4})
    assert found.old.by_seed == pytest.approx({0: 0.6, 1: 0.6, 2: 0.0})
    assert found.points.tolist() == [2, 4, 6]
    assert new_rule.measured(runs, (), Sample({}), design) is None


def learned_new(steps: Mapping[str, float], end: float = 0.1) -> new_rule.Analysis:
    """What would be measured where every mask does the same."""
    found = {
        (mask, way): new_rule.Way(
            Sample({seed: value + 10 * (seed % 2) for seed in SEEDS}, bounds=(0, 600)),
            about(end),
            about(0.6),
            about(0.7),
            np.array([50, 100]),
            np.full((5, 2), 0.5),
        )
        for mask in MASKS
        for way, value in steps.items()
    }
    return new_rule.Analysis(found, {mask: about(0.7) for mask in MASKS}, "Made up.")


def spread(alone: float, every: float, scratch: float) -> dict[str, float]:
    return dict(zip(new_rule.WAYS, (alone, every, scratch), strict=True))


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        (learned_new(spread(200, 100, 500)), REPRODUCED),
        (learned_new(spread(200, 100, 500), end=-0.1), REFUTED),
        (learned_new(spread(500, 100, 200)), REFUTED),
        (learned_new(spread(100, 200, 500)), REFUTED),
        (learned_new({new_rule.COLUMNS: 100}), OPEN),
    ],
    ids=["holds", "never there", "scratch is sooner", "all weights are later", "one way"],
)
def test_a_new_rule_is_judged(analysis: new_rule.Analysis, expected: str) -> None:
    outcome = new_rule.outcome(analysis)
    assert verdict(outcome.checks, outcome.untested) == expected
    assert any(ax.has_data() for ax in new_rule.figure(analysis).axes)


def test_only_the_new_rules_move_on_a_frozen_network() -> None:
    design = DESIGNS["laptop"]
    own: dict[str, Any] = {
        "lr": 2e-3,
        "rates": {"recurrent": 0.1},
        **mask_settings("local", design),
    }
    made = new_rule.settings(new_rule.COLUMNS, 3.0, own, design)
    config = TrainConfig(suite=design.suite, **made)
    assert (config.new_rules, config.lr) == (16, 6e-3)
    assert {name for name, weight in config.weights or () if weight} == set(design.split.test)
    every = new_rule.settings(new_rule.EVERYTHING, 1.0, own, design)
    assert "new_rules" not in every
    assert every["rates"] == {"recurrent": 0.1}


def test_a_network_starts_from_the_run_of_its_seed_and_a_failure_is_kept(tmp_path: Path) -> None:
    results = Results(tmp_path, workers=0)
    first = small_config(steps=2)
    sweep.run([first], tmp_path, workers=0)
    (run,) = results.of([first])
    settings = {k: v for k, v in dict(small_config(steps=3)).items() if k not in ("seed", "start")}
    warm = WarmArm("warm", settings, (0, 1), {0: run.folder})
    assert [config.seed for config in warm.configs(SMOKE)] == [0]  # seed 1 has no start yet
    told: list[int] = []

    def rounds(found: Results, scale: Any) -> list[WarmArm]:
        told.append(len(found.arm(warm, scale)))
        return [warm]

    carry_out(rounds, results, SMOKE)
    assert told == [0, 1]
    (made,) = results.arm(warm, SMOKE)
    assert made.config.start is not None
    wild = WarmArm("wild", {**settings, "lr": 1e30, "clip": None}, (0,), {0: run.folder})
    carry_out(lambda *_: [wild], results, SMOKE)
    assert results.arm(wild, SMOKE) == []
    assert results.diverged(wild, SMOKE) == (0,)


def test_without_runs_nothing_is_claimed(tmp_path: Path) -> None:
    for name, experiment in EXPERIMENTS.items():
        made = evaluate(name, experiment, Results(tmp_path), SMOKE, tmp_path / "found")
        assert (made.verdict, made.measured) == ("not run", ())
        assert made.command == f"python -m benchmarks.questions {name} --scale smoke"


def test_the_command_knows_its_experiments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["--dry-run", "--scale", "laptop", *where]) == 0
    assert set(CLAIMS) <= {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert main(["fig2a", *where]) == 2
    assert "composition" in capsys.readouterr().err
    summary = tmp_path / "results.md"
    assert main(["composition", "--finished", "--summary", str(summary), *where]) == 0
    text = summary.read_text(encoding="utf-8")
    assert all(claim.title in text for claim in (*CLAIMS.values(), PAPERS["table1"]))


@pytest.mark.slow(20)
def test_the_smoke_scale_runs(tmp_path: Path) -> None:
    where = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["--scale", "smoke", "--workers", "0", *where]) == 0
    found = findings.read_all(tmp_path / "results" / "smoke")
    assert {one.id for one in found} == set(CLAIMS)
    assert {one.verdict for one in found} == {OPEN}
    assert all(one.measured and one.seeds == (0, 1) for one in found)
    assert all("Not run" not in one.method for one in found)
    # What is finished is not trained again.
    results = Results(tmp_path / "runs")
    assert all(one.left(results, SMOKE) == [] for one in EXPERIMENTS.values())
