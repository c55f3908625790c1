"""Stages that end where a score is good enough: decided once, and seen again by a resumed run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import sparse_rnn as srnn
from modcog import schedules
from sparse_rnn.config.stages import Criterion, limit, parse_stages, planned
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import InvalidArgument, RunConflict, UnknownKeyword
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.report.run_page import runs_page
from sparse_rnn.sweep import columns
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training.run import build
from sparse_rnn.training.stages import has_ended
from sparse_rnn.training.steps import StopSeen
from tests.sparse_rnn.helpers import same_bits, same_outcome, small_config, weights_of
from tests.sparse_rnn.killed_runs import left_at

GOOD = {"performance": 0.3, "at_most": 12}
NEVER = {"performance": 1, "at_most": 5}
STAGES = (("Go", GOOD), ("DlyGo", NEVER), (("Go", "DlyGo"), 4))
ENDS = (9, 14, 21)
"""Where they end: at an evaluation, after the most steps, with the run."""


def looped(**changes: Any) -> srnn.TrainConfig:
    """A run that is good enough at Go after nine steps."""
    learns = {"lr": 0.03, "init": "fan_in", "noise": 0.1, "batch_size": 8, "eval_batches": 10}
    return small_config(**{"stages": STAGES, "steps": None, "eval_every": 3, **learns, **changes})


def ends(run: srnn.Run) -> tuple[int, ...] | None:
    return None if run.stage_matrix is None else run.stage_matrix.ended_at


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupts, with what keeps earlier stages."""
    out = tmp_path_factory.mktemp("criteria") / "whole"
    srnn.train(looped(**EWC), out)
    return out


EWC: dict[str, Any] = {"continual": "ewc", "continual_options": {"strength": 10, "batches": 2}}


def scores_of(performance: dict[str, float]) -> TaskScores:
    row = {"n_trials": 1, "chance": 0.0, **dict.fromkeys(MEASURES, 0.0)}
    return TaskScores.from_rows(
        {**row, "task": task, "performance": value} for task, value in performance.items()
    )


def same_stages(one: Path, other: Path) -> bool:
    return (one / "stages.csv").read_bytes() == (other / "stages.csv").read_bytes()


@pytest.mark.parametrize("more", [{}, EWC])
def test_a_run_is_the_one_whose_stages_have_the_steps_that_were_decided(
    more: dict[str, Any], tmp_path: Path
) -> None:
    loop = srnn.train(looped(**more), tmp_path / "loop")
    assert ends(loop) == ENDS
    plain = looped(stages=(("Go", 9), ("DlyGo", 5), (("Go", "DlyGo"), 7)), **more)
    srnn.train(plain, tmp_path / "plain")
    assert same_outcome(tmp_path / "loop", tmp_path / "plain")
    assert same_stages(tmp_path / "loop", tmp_path / "plain")
    assert ends(srnn.load_run(tmp_path / "loop")) == ENDS
    assert StageMatrix.read_csv(tmp_path / "loop" / "stages.csv").ended_at == ENDS


def test_the_scores_alone_decide_and_not_what_was_drawn_ahead(whole: Path) -> None:
    one = srnn.train(looped(**EWC), options=srnn.RunOptions(prefetch=False))
    assert same_bits(weights_of(one.network), weights_of(srnn.load_run(whole).network))


def test_a_criterion_is_about_the_tasks_of_the_stage_their_mean_or_the_least() -> None:
    scores = scores_of({"Go": 0.4, "DlyGo": 0.8, "Anti": 0.0})
    for tasks, over, level, met in (
        (("Go", "DlyGo"), "mean", 0.6, True),
        (("Go", "DlyGo"), "mean", 0.61, False),
        (("Go", "DlyGo"), "least", 0.4, True),
        (("Go", "DlyGo"), "least", 0.41, False),
        (("DlyGo",), "least", 0.8, True),
        (("Go", "DlyGo", "Anti"), "mean", 0.6, False),
    ):
        parsed = parse_stages([(tasks, {"performance": level, "over_tasks": over}), ("Go", 1)])
        assert parsed is not None
        assert parsed[0][1].met(scores, tasks) is met
        assert not Criterion({"final_accuracy": 0.1}).met(scores, tasks)


@pytest.mark.parametrize("step", [4, 9, 10, 13, 16])
def test_a_run_killed_in_the_loop_goes_on_with_the_same_bits(
    step: int, whole: Path, tmp_path: Path
) -> None:
    left_at(tmp_path / "run", step, looped(**EWC))
    srnn.train(looped(**EWC), tmp_path / "run")
    assert same_outcome(tmp_path / "run", whole)
    assert same_stages(tmp_path / "run", whole)


@pytest.mark.parametrize("in_exam", [True, False])
def test_a_run_asked_to_leave_where_a_stage_ends_goes_on_alike(in_exam: bool) -> None:
    config = looped()

    def made(**how: Any) -> srnn.Trainer:
        training, held_out, network = build(config)
        return srnn.Trainer(network, training, held_out, config, **how)

    whole = made()
    list(whole.records())
    trainer = made(stop=lambda: trainer.step == 9 and (trainer.pending is not None) == in_exam)
    with pytest.raises(StopSeen):
        list(trainer.records())
    assert sorted(trainer.marks) == ([0] if in_exam else [0, 9])
    again = made()
    again.resume(trainer.snapshot({}))
    list(again.records())
    assert sorted(again.marks) == sorted(whole.marks) == [0, *ENDS]
    assert same_bits(weights_of(again.network), weights_of(whole.network))


def test_runs_of_an_ensemble_decide_alone(tmp_path: Path) -> None:
    srnn.train(looped(), tmp_path / "alone")
    runs = srnn.train_ensemble(looped(seed=0), tmp_path / "all", seeds=[9, 1])
    assert same_outcome(tmp_path / "all" / "seed-9", tmp_path / "alone")
    assert same_stages(tmp_path / "all" / "seed-9", tmp_path / "alone")
    assert ends(runs[0]) == ENDS
    assert ends(runs[1]) != ENDS


SHORT = (("Go", {"performance": 0.3}), ("DlyGo", 3), ("Go", 3))


@pytest.mark.parametrize(
    ("stages", "steps", "longer", "marks"),
    [
        # The shorter one ends with the run where the longer one ends at its criterion, or does not.
        (SHORT, 9, 15, (9, 12, 15)),
        (SHORT, 8, 14, (9, 12, 14)),
        # The shorter one ends where the longer one has a stage that ends after its steps.
        ((("Go", {"performance": 0.3}), ("DlyGo", 2), ("Go", 1)), 11, 14, (9, 11, 14)),
        # Without a criterion too.
        ((("Go", 4), ("DlyGo", 5)), 9, 12, (4, 12)),
    ],
)
def test_a_longer_run_has_the_bits_of_one_from_the_start(
    stages: Any, steps: int, longer: int, marks: tuple[int, ...], tmp_path: Path
) -> None:
    def run(name: str, steps: int, **how: Any) -> srnn.Run:
        return srnn.train(looped(stages=stages, steps=steps, **EWC), tmp_path / name, **how)

    assert ends(run("short", steps))[-1] == steps  # pyright: ignore[reportOptionalSubscript]
    assert ends(run("whole", longer)) == marks
    run("longer", longer, continue_from=tmp_path / "short")
    assert same_outcome(tmp_path / "longer", tmp_path / "whole")
    assert same_stages(tmp_path / "longer", tmp_path / "whole")


def test_a_run_of_other_stages_is_not_continued(tmp_path: Path) -> None:
    stages = (("Go", 4), ("DlyGo", 3))
    srnn.train(looped(stages=stages), tmp_path / "short")
    other = looped(stages=(("Go", 4), ("DlyGo", 5)))
    with pytest.raises(RunConflict, match="in its steps alone"):
        srnn.train(other, tmp_path / "longer", continue_from=tmp_path / "short")
    assert not (tmp_path / "longer").exists()


def test_criteria_survive_json_and_equal_ones_are_one_run() -> None:
    config = looped()
    assert config.steps == 21
    assert type(config).from_json(config.to_json()) == config
    told = {"at_most": np.int64(12), "performance": np.float64(0.3), "over_tasks": "mean"}
    same = looped(stages=[["Go", told], ["DlyGo", NEVER], [["DlyGo", "Go"], 4]])
    words = "Go:performance=0.3+at_most=12,DlyGo:at_most=5+performance=1,Go+DlyGo:4"
    for other in (same, looped(stages=words)):
        assert other == config
        assert hash(other.stages) == hash(config.stages)
        assert identity(other) == identity(config)
        assert other.to_json() == config.to_json()
    sooner = looped(stages=(("Go", {**GOOD, "at_most": 11}), *STAGES[1:]))
    assert identity(sooner) != identity(config)
    least = looped(stages=words.replace("12", "12+over_tasks=least"), steps=21)
    assert identity(least) != identity(config)
    assert type(least).from_json(least.to_json()) == least
    cell = json.loads(str(columns.settings(config)["stages"]))
    assert cell[0] == [["Go"], GOOD]


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"stages": [("Go", {"perf": 0.9}), ("Go", 3)]}, UnknownKeyword, "performance"),
        ({"stages": [("Go", {"at_most": 9}), ("Go", 3)]}, InvalidArgument, "one measure"),
        ({"stages": [("Go", {**GOOD, "chance": 0.1}), ("Go", 3)]}, UnknownKeyword, "chance"),
        (
            {"stages": [("Go", {**GOOD, "final_accuracy": 0.1}), ("Go", 3)]},
            InvalidArgument,
            "one measure",
        ),
        ({"stages": [("Go", {"performance": 0}), ("Go", 3)]}, InvalidArgument, "above 0"),
        ({"stages": [("Go", {"performance": 1.1}), ("Go", 3)]}, InvalidArgument, "at most 1"),
        ({"stages": [("Go", {"performance": True}), ("Go", 3)]}, InvalidArgument, "above 0"),
        ({"stages": "Go:performance=high,Go:3"}, InvalidArgument, "above 0"),
        ({"stages": "Go:performance=0.3+12,Go:3"}, InvalidArgument, "NAME=VALUE"),
        ({"stages": [("Go", {**GOOD, "at_most": 12.0}), ("Go", 3)]}, InvalidArgument, "whole"),
        ({"stages": [("Go", {**GOOD, "at_most": 3}), ("Go", 3)]}, InvalidArgument, "eval_every"),
        ({"stages": [("Go", {**GOOD, "over_tasks": "most"}), ("Go", 3)]}, InvalidArgument, "least"),
        ({"stages": [("Go", 3), ("Go", GOOD)]}, InvalidArgument, "the last stage stays"),
        ({"stages": [("Go", GOOD), ("Gp", 3)]}, InvalidArgument, "stages\\[1\\]"),
        ({"steps": 20}, InvalidArgument, "at least 21"),
        (
            {"stages": [("Go", {"performance": 0.9}), ("Go", 1)], "steps": 3},
            InvalidArgument,
            "eval_every",
        ),
        ({"eval_batches": 1, "suite": "cog-20"}, InvalidArgument, "eval_batches must be enough"),
    ],
)
def test_wrong_criteria_are_refused_before_a_folder_is_made(
    settings: Any, error: type[Exception], text: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=text):
        srnn.train(looped(**settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Drawn:
    """Batches of one's own."""

    def __init__(self, stream: TaskStream) -> None:
        self.stream = stream

    def batches(self, start: int, stop: int) -> Any:
        return self.stream.batches(start, stop)


def test_batches_of_ones_own_follow_no_criterion() -> None:
    config = looped()
    training, held_out, network = build(config)
    with pytest.raises(InvalidArgument, match="TaskStream"):
        srnn.Trainer(network, Drawn(training), held_out, config)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0.2, 0.6, 0.8]), min_size=30, max_size=30),
    st.sampled_from([None, 5, 7, 8]),
    st.sampled_from([3, 4]),
)
def test_the_course_is_that_of_the_schedules_of_modcog(
    found: list[float], most: int | None, every: int
) -> None:
    """Step by step, as a trainer asks, against `to_criterion`, which sees all scores at once."""
    until = {"performance": 0.5, **({} if most is None else {"at_most": most})}
    steps, tasks = 60, ("Go", "Anti", "DlyGo")
    stages = parse_stages([(task, until) for task in tasks[:2]] + [(tasks[2], 1)])
    assert stages is not None
    stream = _stream(tasks)
    marks: dict[int, TaskScores] = {}
    trained: list[str] = []
    scores: list[tuple[int, float]] = []
    for step in range(1, steps + 1):
        plan = planned(stages, sorted(marks), steps)
        trained.append(_at(plan, step - 1))
        if step % every == 0 or step == limit(stages, sorted(marks)):
            value = found[step % len(found)]
            if step % every == 0:
                scores.append((step, value))
            now = scores_of(dict.fromkeys(tasks, value))
            if has_ended(stages, stream, marks, step, now):
                marks[step] = now
    # A score where a stage ends by its steps alone decides nothing.
    whole = schedules.to_criterion([[task] for task in tasks], scores, criterion=0.5, most=most)
    at = whole.resolve(tasks).at
    assert trained == [tasks[int(np.argmax(at(i).shares))] for i in range(steps)]


def _stream(tasks: tuple[str, ...]) -> TaskStream:
    return srnn.data.task_stream(tasks, batch_size=1, seq_len=60, seed=0)


def _at(plan: Any, index: int) -> str:
    for weights, length in plan[:-1]:
        if index < length:
            return weights[0]
        index -= length
    return plan[-1][0][0]


def test_the_report_says_when_stages_ended(tmp_path: Path) -> None:
    one = srnn.train(looped(), tmp_path / "one")
    assert "after stage 1 (step 9)" in runs_page({"one": one})
    other = srnn.train(looped(seed=1), tmp_path / "other")
    assert ends(other) != ENDS
    assert "after stage 3 (step 21)" in runs_page({"one": one, "other": other})
