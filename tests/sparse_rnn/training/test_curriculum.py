"""A policy of one's own: asked after each evaluation, recorded, and replayed by a resumed run."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modcog
import sparse_rnn as srnn
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunConflict, UnknownName
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.runs.decisions import Decisions
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training.curriculum import Policy
from sparse_rnn.training.group import Group
from sparse_rnn.training.run import build, streams
from sparse_rnn.training.steps import StopSeen
from tests.sparse_rnn.helpers import (
    lines_without_clock,
    same_bits,
    same_outcome,
    scores_of,
    small_config,
    weights_of,
)
from tests.sparse_rnn.killed_runs import OFTEN, Killed, killer

Scores = Mapping[int, TaskScores]


def config(**changes: Any) -> srnn.TrainConfig:
    """A run of eleven steps that are enough for scores above 0."""
    learns = {"lr": 0.03, "init": "fan_in", "noise": 0.1, "batch_size": 8, "eval_batches": 10}
    return small_config(**{"steps": 11, "eval_every": 3, **learns, **changes})


def weakest(scores: Scores) -> Any:
    """The weaker a task, the more of it."""
    if not scores:
        return {}
    last = scores[max(scores)]
    return dict(zip(last.tasks, 1.05 - last.performance, strict=True))


def always(answer: Any, scores: Scores) -> Any:
    del scores
    return answer


class Bandit:
    """A policy with a state: what it says depends on how often it was asked, and draws."""

    __name__ = "bandit"

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, scores: Scores) -> Any:
        self.asked.append(tuple(scores))
        return self.rng.dirichlet([1.0, 1.0]) + 0.01 * len(self.asked)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupts."""
    out = tmp_path_factory.mktemp("curriculum") / "whole"
    srnn.train(config(), out, curriculum=Bandit())
    return out


def left_at(folder: Path, step: int, policy: Any) -> None:
    with pytest.raises(Killed):
        srnn.train(config(), folder, curriculum=policy, progress=killer(step), options=OFTEN)


def same(one: Path, other: Path) -> bool:
    name = "curriculum.csv"
    return same_outcome(one, other) and (one / name).read_bytes() == (other / name).read_bytes()


def test_a_run_is_the_one_whose_schedule_is_what_was_recorded(tmp_path: Path) -> None:
    run = srnn.train(config(), tmp_path / "run", curriculum=weakest)
    found = run.decisions
    assert found is not None
    assert found.steps == (0, 3, 6, 9)
    assert found.weights[0] == (0.5, 0.5)
    assert len(set(found.weights)) > 1
    assert Decisions.read_csv(tmp_path / "run" / "curriculum.csv") == found
    assert srnn.load_run(tmp_path / "run").decisions == found
    # As stages, of which there is one evaluation more, before the first step.
    lengths = np.diff((*found.steps, 11)).tolist()
    stages = tuple(zip(found.weights, lengths, strict=True))
    plain = srnn.train(config(stages=stages), tmp_path / "plain")
    assert same_bits(weights_of(run.network), weights_of(plain.network))
    assert lines_without_clock(tmp_path / "run") == lines_without_clock(tmp_path / "plain")
    # As a schedule of modcog, by the trials.
    recorded = modcog.schedules.recorded(list(zip(found.steps, found.weights, strict=True)))
    sampler = streams(config())[0].sampler
    ours, theirs = sampler.with_schedule(recorded), streams(plain.config)[0].sampler
    assert all(ours.trials(i) == theirs.trials(i) for i in range(11))


def test_the_scores_alone_decide_and_not_what_was_drawn_ahead(whole: Path) -> None:
    options = srnn.RunOptions(prefetch=False)
    one = srnn.train(config(), curriculum=Bandit(), options=options)
    assert same_bits(weights_of(one.network), weights_of(srnn.load_run(whole).network))


def test_it_is_asked_after_each_evaluation_but_the_last_with_what_was_seen_so_far() -> None:
    policy = Bandit()
    run = srnn.train(config(steps=9), curriculum=policy)
    assert policy.asked == [(), (3,), (3, 6)]
    assert run.decisions is not None
    assert run.decisions.steps == (0, 3, 6)


@pytest.mark.parametrize("step", [2, 6, 7, 10])
def test_a_killed_run_has_the_same_bits_also_where_the_function_has_a_state(
    step: int, whole: Path, tmp_path: Path
) -> None:
    left_at(tmp_path / "run", step, Bandit())
    srnn.train(config(), tmp_path / "run", curriculum=Bandit())
    assert same(tmp_path / "run", whole)


@pytest.mark.parametrize("in_exam", [True, False])
def test_a_run_asked_to_leave_where_it_decides_goes_on_alike(in_exam: bool, whole: Path) -> None:
    def made(**how: Any) -> srnn.Trainer:
        training, held_out, network = build(config())
        return srnn.Trainer(network, training, held_out, config(), curriculum=Bandit(), **how)

    trainer = made(stop=lambda: trainer.step == 6 and (trainer.pending is not None) == in_exam)
    with pytest.raises(StopSeen):
        list(trainer.records())
    again = made()
    again.resume(trainer.snapshot({}))
    list(again.records())
    assert again.decisions == srnn.load_run(whole).decisions
    assert same_bits(weights_of(again.network), weights_of(srnn.load_run(whole).network))


def test_what_was_recorded_is_trained_whatever_the_function_says_now(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left_at(tmp_path / "run", 7, ("mine", partial(always, {"Go": 3})))
    with caplog.at_level(logging.WARNING, "sparse_rnn"):
        run = srnn.train(
            config(), tmp_path / "run", curriculum=("mine", partial(always, {"Go": 1}))
        )
    assert run.decisions is not None
    assert run.decisions.weights == ((0.75, 0.25),) * 3 + ((0.5, 0.5),)
    assert [r.message for r in caplog.records if "answers otherwise about step 0" in r.message]


def test_a_longer_run_has_the_bits_of_one_from_the_start(whole: Path, tmp_path: Path) -> None:
    for steps in (7, 9):
        short, longer = tmp_path / f"short-{steps}", tmp_path / f"longer-{steps}"
        srnn.train(config(steps=steps), short, curriculum=Bandit())
        srnn.train(config(), longer, curriculum=Bandit(), continue_from=short)
        assert same(longer, whole)


def test_a_run_that_ends_early_is_not_asked_where_it_ends(tmp_path: Path) -> None:
    asked: list[tuple[int, ...]] = []

    def go(scores: Scores) -> Any:
        asked.append(tuple(scores))
        return "Go"

    run = srnn.train(config(stop_at=0.1), tmp_path / "run", curriculum=go)
    assert len(run.history) == 9
    assert asked == [(), (3,), (3, 6)]
    assert srnn.load_run(tmp_path / "run").decisions == run.decisions


def test_fit_takes_one_and_a_finished_run_is_read_back(tmp_path: Path) -> None:
    plain = srnn.FitConfig(
        **{name: getattr(config(), name) for name in srnn.FitConfig.model_fields}
    )
    calls = Bandit()
    run = srnn.fit(build(config())[2], plain, tmp_path / "run", curriculum=calls)
    assert run.config.curriculum == "own:bandit"
    again = srnn.fit(build(config())[2], plain, tmp_path / "run", curriculum=calls)
    assert len(calls.asked) == 4
    assert again.decisions == run.decisions
    with pytest.raises(RunConflict, match="curriculum"):
        srnn.fit(build(config())[2], plain, tmp_path / "run")
    (tmp_path / "run" / "curriculum.csv").write_text("step,task\n")
    with pytest.raises(IncompatibleState, match=r"curriculum\.csv"):
        srnn.fit(build(config())[2], plain, tmp_path / "run", curriculum=calls)


def test_the_table_has_a_line_for_each_slot_of_each_decision(whole: Path) -> None:
    with (whole / "curriculum.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["step", "task", "weight"]
    assert [row[:2] for row in rows[:3]] == [["0", "Go"], ["0", "DlyGo"], ["3", "Go"]]
    shares = np.array([float(row[2]) for row in rows]).reshape(-1, 2)
    assert np.allclose(shares.sum(1), 1)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (None, InvalidArgument, "answered at step 3"),
        ("", InvalidArgument, "answered at step 3"),
        ({"Goo": 1}, UnknownName, "mean Go"),
        ({"Go": -1}, InvalidArgument, r"answered at step 3\)\['Go'\]"),
        ({"Go": 0, "DlyGo": 0}, InvalidArgument, "0 for all tasks"),
        ([1.0], InvalidArgument, "one a rule slot"),
        ([float("nan"), 1.0], InvalidArgument, "finite"),
        (3, InvalidArgument, "mapping"),
    ],
)
def test_wrong_weights_are_refused_by_name_and_the_run_goes_on_with_right_ones(
    answer: Any, error: type[Exception], text: str, whole: Path, tmp_path: Path
) -> None:
    policy = Bandit()

    def wrong(scores: Scores) -> Any:
        return answer if scores else policy(scores)

    with pytest.raises(error, match=text):
        srnn.train(config(), tmp_path / "run", curriculum=("bandit", wrong), options=OFTEN)
    if answer == 3:
        assert Store(tmp_path / "run").steps() == [2]
        srnn.train(config(), tmp_path / "run", curriculum=Bandit())
        assert same(tmp_path / "run", whole)


@pytest.mark.parametrize(
    ("answer", "shares"),
    [
        ({}, (0.5, 0.5)),
        ("Go", (1.0, 0.0)),
        (["DlyGo"], (0.0, 1.0)),
        ({"Go": np.float32(3)}, (0.75, 0.25)),
        (np.array([1, 3]), (0.25, 0.75)),
    ],
)
def test_it_answers_as_a_sampler_takes_weights(answer: Any, shares: tuple[float, ...]) -> None:
    policy = Policy(partial(always, answer), "one", 9, streams(config())[0], Group())
    assert policy.trained({}) == ((shares, 9),)
    # The same again is no other schedule, so that nothing that was drawn ahead is lost.
    assert policy.trained({3: scores_of(("Go", "DlyGo"))}) == ((shares, 9),)
    assert policy.decisions.steps == (0, 3)


def test_scores_that_were_given_are_not_changed_by_mistake() -> None:
    def careless(scores: Scores) -> Any:
        for found in scores.values():
            found.performance[:] = 0
        return "Go"

    with pytest.raises(ValueError, match="read-only"):
        srnn.train(config(), curriculum=careless)


class Drawn:
    """Batches of one's own."""

    def __init__(self, stream: TaskStream) -> None:
        self.stream = stream

    def batches(self, start: int, stop: int) -> Any:
        return self.stream.batches(start, stop)


def test_what_cannot_follow_a_policy_is_refused(tmp_path: Path) -> None:
    training, held_out, network = build(config())
    with pytest.raises(InvalidArgument, match="TaskStream"):
        srnn.Trainer(network, Drawn(training), held_out, config(), curriculum=weakest)
    for other in ({"stages": (("Go", 3), ("DlyGo", 8))}, {"weights": "Go"}):
        with pytest.raises(InvalidArgument, match=f"left out with {next(iter(other))}"):
            srnn.train(config(**other), tmp_path / "run", curriculum=weakest)
    with pytest.raises(InvalidArgument, match="left out with a stream of your own"):
        srnn.fit(network, srnn.FitConfig(), stream=("own", training), curriculum=weakest)
    named = config(curriculum="own:weakest")
    with pytest.raises(InvalidArgument, match="given as a function"):
        srnn.train(named, tmp_path / "run")
    with pytest.raises(InvalidArgument, match="train or fit"):
        srnn.train_ensemble(named, tmp_path / "run", seeds=2)
    with pytest.raises(InvalidArgument, match="a function with a name"):
        srnn.train(config(), tmp_path / "run", curriculum=partial(always, "Go"))
    with pytest.raises(InvalidArgument, match="eval_batches"):
        srnn.train(config(suite="cog-20", eval_batches=1), tmp_path / "run", curriculum=weakest)
    assert not (tmp_path / "run").exists()


def test_a_record_that_fits_no_evaluation_is_refused() -> None:
    training, held_out, network = build(config())
    trainer = srnn.Trainer(network, training, held_out, config(), curriculum=Bandit())
    list(trainer.records())
    taken = trainer.snapshot({})
    for record in ([[0, [1.0]]], [[1, [1.0, 0.0]]], [[0, "ab"]], 3, None):
        facts = json.loads(json.dumps({**taken.facts, "curriculum": record}))
        with pytest.raises(IncompatibleState, match="facts are incomplete"):
            trainer.resume(type(taken)(facts, taken.tensors))


def test_runs_without_one_keep_their_names() -> None:
    assert identity(config(curriculum=None)) == identity(config())
    named = config(curriculum="own:weakest")
    assert identity(named) != identity(config())
    assert type(named).from_json(named.to_json()) == named
    assert '"curriculum"' not in json.dumps(sorted(_facts(config())))


def _facts(one: srnn.TrainConfig) -> list[str]:
    training, held_out, network = build(one)
    return list(srnn.Trainer(network, training, held_out, one).snapshot({}).facts)
