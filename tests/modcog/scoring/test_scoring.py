"""The four measures, per trial and per task."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import modcog
from modcog.batches.losses import LOSS_MASKS
from modcog.batches.targets import decoded_angle, softmax
from modcog.scoring.measures import MEASURES, score_trials
from modcog.timing import steps
from tests.modcog import helpers


def one_hot(labels: NDArray[np.int64], n: int = 16) -> NDArray[np.float64]:
    return 50.0 * (labels[..., None] == np.arange(n + 1))


def batch_of(source: Any = "cog-20", **arguments: Any) -> modcog.Batch:
    settings = {"batch_size": 16, "seq_len": 300, "seed": 3, **arguments}
    return modcog.BatchSampler(source, **settings).batch(0)


def means(scores: Any) -> list[float]:
    return [float(getattr(scores, measure).mean()) for measure in MEASURES]


def scored(trials: modcog.Trials, labels: NDArray[np.int64], **options: Any) -> list[float]:
    return means(score_trials(one_hot(labels, trials.dim_ring), trials, **options))


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_the_oracle_scores_1_for_any_settings(spec: modcog.TaskSpec, seed: int) -> None:
    trials = helpers.draw(spec, 10, seed)
    assert scored(trials, modcog.render(trials).targets) == [1, 1, 1, 1]


@pytest.mark.parametrize("name", [*helpers.BASES, *helpers.EXAMPLES])
def test_fixation_and_random_directions_score_the_table_of_chance(name: str) -> None:
    trials = helpers.draw(name, 1000, seed=2)
    shape = modcog.render(trials).targets.shape
    withheld = 1 - trials.responds.mean()
    assert scored(trials, np.zeros(shape, dtype=np.int64)) == pytest.approx([withheld] * 4)
    step = np.arange(shape[0])[:, None]
    labels = helpers.rng(5).integers(1, 17, size=shape) * (step >= trials.decision_start)
    final, _, performance, _ = scored(trials, labels)
    level = modcog.chance_table(name)["random direction"]
    for got, expected in zip((final, performance), level, strict=True):
        assert abs(got - expected) < 4.5 * math.sqrt(expected * (1 - expected) / 1000)


@pytest.mark.parametrize("offset", range(16))
def test_an_answer_counts_up_to_one_unit_off(offset: int) -> None:
    trials = helpers.draw("Go", 20)
    targets = modcog.render(trials).targets
    labels = np.where(targets > 0, 1 + (targets - 1 + offset) % 16, 0)
    exact = float(offset == 0)
    near = float(offset in (0, 1, 15))
    assert scored(trials, labels) == [exact, exact, near, near]


@pytest.mark.parametrize(
    ("degrees", "correct"), [(0, 1), (35.9, 1), (-35.9, 1), (36.1, 0), (-90, 0)]
)
def test_the_direction_is_weighted_by_probability(degrees: float, correct: int) -> None:
    trials = helpers.draw("Go", 30)
    targets = modcog.render(trials).targets
    theta = 2 * np.pi * np.arange(16) / 16
    wanted = 2 * np.pi * (targets - 1) / 16 + math.radians(degrees)
    logits = np.full((*targets.shape, 17), -30.0)
    # A von Mises bump of probability, whose population vector points exactly there.
    logits[..., 1:] = 3 * np.cos(theta - wanted[..., None])
    logits[targets == 0] = one_hot(targets)[targets == 0]
    scores = score_trials(logits, trials)
    assert set(scores.performance) == {float(correct)}


def test_yang_demands_a_probability_of_fixation_of_at_most_one_half() -> None:
    trials = helpers.draw("Go", 10)
    targets = modcog.render(trials).targets
    for p_fixation, correct in ((0.49, 1.0), (0.51, 0.0)):
        probability = np.full((*targets.shape, 17), 1e-12)
        decision = targets > 0
        probability[..., 0] = np.where(decision, p_fixation, 1.0)
        rows, lanes = np.nonzero(decision)
        probability[rows, lanes, targets[decision]] = 1 - p_fixation
        scores = score_trials(np.log(probability), trials)
        assert set(scores.performance) == {correct}
    # A withheld trial needs more than one half.
    trials = helpers.draw("DMS", 100)
    trials = replace(trials[~trials.responds], lane=np.arange(int((~trials.responds).sum())))
    for p_fixation, correct in ((0.49, 0.0), (0.51, 1.0)):
        probability = np.full((27, len(trials), 17), (1 - p_fixation) / 16)
        probability[..., 0] = p_fixation
        scores = score_trials(np.log(probability), trials, require_fixation=False)
        assert set(scores.performance) == {correct}


@pytest.mark.parametrize("name", helpers.EXAMPLES)
@pytest.mark.parametrize("dt", [20, 100])
def test_each_measure_looks_at_its_own_steps(name: str, dt: float) -> None:
    trials = helpers.draw(name, 20, dt=dt)
    targets = modcog.render(trials).targets
    rows = np.arange(20)
    grace = round(100 / dt)
    go, end = trials.decision_start, trials.length
    steps = {
        "within the first 100 ms of the trial": (np.full(20, grace - 1), [1, 1, 1, 1]),
        "after them": (np.full(20, grace), [1, 1, 0, 0]),
        "before the go cue": (go - 1, [1, 1, 0, 0]),
        "within the first 100 ms of the decision": (go + grace - 1, [1, 1, 1, 1]),
        "at the end": (end - 1, [0, ..., 0, 0]),
    }
    assert (trials.decision_steps > grace).all()
    for where, (step, expected) in steps.items():
        labels = targets.copy()
        labels[step, rows] = (labels[step, rows] + 7) % 16 + 1  # never right, never fixation
        got = scored(trials, labels)
        scored_steps = trials.decision_steps - grace
        fraction = float((1 - 1 / scored_steps).mean())
        wanted = [fraction if e is ... else e for e in expected]
        assert got == pytest.approx(wanted), where
    # Without the flag nothing before the go cue matters.
    labels = targets.copy()
    labels[go - 1, rows] = 5
    assert scored(trials, labels, require_fixation=False) == [1, 1, 1, 1]
    labels[end - 1, rows] = 0
    responding = trials.responds.mean()
    assert scored(trials, labels, require_fixation=False)[0] == pytest.approx(1 - responding)


def test_a_drifting_answer_is_followed_and_a_held_one_is_not() -> None:
    for name in ("Go_SeqR", "DlyGo_IntL_SeqL", "MultiDM_SeqR"):
        trials = helpers.draw(name, 30)
        targets = modcog.render(trials).targets
        held = np.where(targets > 0, 1 + trials.response, 0)
        final, decision, performance, trajectory = scored(trials, held)
        assert (final, decision, performance, trajectory) == (0, 0, 0, 0)
    # Most of the way is right: the last step alone does not show a lost trajectory.
    labels = targets.copy()
    middle = trials.decision_start + 4
    labels[middle, np.arange(30)] = (labels[middle, np.arange(30)] + 7) % 16 + 1
    assert scored(trials, labels) == pytest.approx([1, 8 / 9, 1, 0])


def test_one_decision_step_is_scored_however_short_the_decision() -> None:
    # The grace of 100 ms leaves the last step.
    trials = helpers.draw("Go", 20, timing={"decision": 100})
    targets = modcog.render(trials).targets
    assert scored(trials, targets) == [1, 1, 1, 1]
    assert scored(trials, np.zeros_like(targets)) == [0, 0, 0, 0]


@given(logits=st.lists(st.floats(-30, 30), min_size=9, max_size=9), shift=st.floats(-100, 100))
def test_softmax_and_the_decoded_angle(logits: list[float], shift: float) -> None:
    array = np.array(logits)
    p = softmax(array)
    assert p.sum() == pytest.approx(1)
    np.testing.assert_allclose(softmax(array + shift), p, atol=1e-12)
    turned = np.concatenate([p[:1], np.roll(p[1:], 3)])
    vector = (p[1:] * np.exp(2j * np.pi * np.arange(8) / 8)).sum()
    if abs(vector) > 1e-6:
        assert np.exp(1j * decoded_angle(p)) == pytest.approx(vector / abs(vector))
        turn = np.exp(1j * (decoded_angle(turned) - decoded_angle(p)))
        assert turn == pytest.approx(np.exp(2j * np.pi * 3 / 8))


# --- tables --------------------------------------------------------------------------------------


def noisy(batch: modcog.Batch, seed: int) -> NDArray[np.float64]:
    logits = one_hot(batch.targets) / 20
    return logits + helpers.rng(seed).normal(size=logits.shape)


def test_the_table_has_the_means_of_the_trials_of_each_task() -> None:
    batch = batch_of("mod-cog-84")
    logits = noisy(batch, 0)
    table = modcog.evaluate(logits, batch)
    scores = score_trials(logits, batch.trials)
    suite = list(dict.fromkeys(modcog.suite("mod-cog-84")))
    assert list(table.tasks) == [name for name in suite if name in set(batch.trials.task)]
    assert table.n_trials.sum() == len(batch.trials)
    for i, name in enumerate(table.tasks):
        mine = batch.trials.task == name
        assert table.n_trials[i] == mine.sum()
        assert table.chance[i] == modcog.chance_level(name)
        for measure in MEASURES:
            assert getattr(table, measure)[i] == pytest.approx(
                getattr(scores, measure)[mine].mean()
            )
    for measure in MEASURES:
        assert table.mean(measure) == pytest.approx(getattr(table, measure).mean())
    assert table.mean() == table.mean("performance")


def test_pooled_tables_are_means_over_all_trials() -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=2, seq_len=150, seed=1)
    batches = [sampler.batch(i) for i in range(4)]
    logits = [noisy(batch, i) for i, batch in enumerate(batches)]
    parts = [modcog.evaluate(values, batch) for values, batch in zip(logits, batches, strict=True)]
    pooled = modcog.pool(parts)
    assert set(pooled.tasks) == {task for part in parts for task in part.tasks}
    assert [sampler.tasks[rule] for rule in pooled.rule] == list(pooled.tasks)
    assert sorted(pooled.rule.tolist()) == pooled.rule.tolist()
    assert pooled.n_trials.sum() == sum(len(batch.trials) for batch in batches)
    for i, name in enumerate(pooled.tasks):
        for measure in MEASURES:
            values = np.concatenate(
                [
                    getattr(score_trials(v, b.trials), measure)[b.trials.task == name]
                    for v, b in zip(logits, batches, strict=True)
                ]
            )
            assert pooled.n_trials[i] == len(values)
            assert getattr(pooled, measure)[i] == pytest.approx(values.mean())
        assert pooled.chance[i] == modcog.chance_level(name)
    again = modcog.pool(iter([modcog.pool(parts[:2]), modcog.pool(parts[2:])]))
    np.testing.assert_allclose(again.performance, pooled.performance)
    with pytest.raises(
        modcog.InvalidArgument, match="^evaluations must be at least one Evaluation"
    ):
        modcog.pool([])


def test_rows_and_text_of_a_table() -> None:
    batch = batch_of(["Go", "DMS"])
    table = modcog.evaluate(one_hot(batch.targets), batch)
    rows = table.rows()
    assert [row["task"] for row in rows] == ["Go", "DMS"]
    assert rows[0] == {
        "task": "Go",
        "n_trials": int(table.n_trials[0]),
        **dict.fromkeys(MEASURES, 1.0),
        "chance": 1 / 16,
    }
    lines = str(table).splitlines()
    assert lines[0].split() == ["task", "trials", "final", "decision", "perf.", "traj.", "chance"]
    assert lines[2].split() == ["Go", str(table.n_trials[0]), *["1.000"] * 4, "0.062"]
    assert lines[-1].split()[:3] == ["mean", str(len(batch.trials)), "1.000"]


def test_an_unknown_measure_is_refused() -> None:
    batch = batch_of("Go")
    with pytest.raises(modcog.UnknownName, match="^measure must be .*Did you mean performance"):
        modcog.evaluate(one_hot(batch.targets), batch).mean("perfomance")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_any_array_of_numbers_is_scored(dtype: Any) -> None:
    batch = batch_of("Go")
    table = modcog.evaluate(one_hot(batch.targets).astype(dtype), batch)
    assert table.mean() == 1
    assert modcog.evaluate(one_hot(batch.targets).tolist(), batch).mean() == 1


def test_logits_of_another_shape_or_not_finite_are_refused() -> None:
    batch = batch_of("Go")
    logits = one_hot(batch.targets)
    for wrong in (logits[1:], logits[..., 1:], logits[:, :, :, None], np.zeros(3)):
        with pytest.raises(
            modcog.InvalidArgument, match=r"^logits must be an array of shape \(300, 16, 17\)"
        ):
            modcog.evaluate(wrong, batch)
    for bad in (np.nan, np.inf):
        broken = logits.copy()
        broken[5, 3, 2] = bad
        with pytest.raises(modcog.InvalidArgument, match="^logits must be finite"):
            modcog.evaluate(broken, batch)


def test_scoring_does_not_change_its_arguments() -> None:
    batch = batch_of()
    logits = noisy(batch, 1)
    kept, targets = logits.copy(), batch.targets.copy()
    modcog.evaluate(logits, batch)
    np.testing.assert_array_equal(logits, kept)
    np.testing.assert_array_equal(batch.targets, targets)


class Tensor:
    """What `evaluate` asks of a torch tensor: numpy takes neither its graph nor its precision."""

    def __init__(self, values: Any) -> None:
        self.values = values
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name not in ("detach", "cpu", "double"):
            raise AttributeError(name)
        self.asked.append(name)
        return lambda: self

    def numpy(self) -> Any:
        assert self.asked[-3:] == ["detach", "cpu", "double"]
        return self.values


def test_logits_of_any_precision_and_with_their_graph_are_scored() -> None:
    batch = modcog.BatchSampler("Go", batch_size=3, seq_len=30, seed=0).batch(0)
    logits = helpers.rng(0).normal(size=(30, 3, 17))
    expected = modcog.evaluate(logits, batch)
    assert modcog.evaluate(Tensor(logits), batch) == expected
    assert modcog.evaluate(logits.tolist(), batch) == expected
    assert modcog.evaluate((logits * 8).astype(np.int64), batch).tasks == ("Go",)


@pytest.mark.parametrize("wrong", ["x", [[1], [1, 2]], None, [1j], object(), ["1"]])
def test_logits_that_are_no_numbers_are_refused(wrong: Any) -> None:
    batch = modcog.BatchSampler("Go", batch_size=3, seq_len=30, seed=0).batch(0)
    with pytest.raises(modcog.InvalidArgument, match="^logits must be an array of numbers"):
        modcog.evaluate(wrong, batch)


def test_an_evaluation_without_trials_is_an_empty_table() -> None:
    batch = modcog.BatchSampler("Go", batch_size=3, seq_len=30, seed=0).batch(0)
    logits = helpers.rng(0).normal(size=(30, 3, 17))
    empty = modcog.evaluate(logits, replace(batch, trials=batch.trials[:0]))
    assert (empty.tasks, empty.rows()) == ((), [])
    assert np.isnan(empty.mean())
    assert "nan" in str(empty)
    assert modcog.pool([empty, empty]) == empty
    full = modcog.evaluate(logits, batch)
    assert modcog.pool([empty, full]) == full


# --- rows are told apart by settings --------------------------------------------------------------


def test_slots_of_one_name_with_other_settings_have_a_row_each() -> None:
    easy, hard = (modcog.task("DM1", coherences=(c,)) for c in (0.64, 0.01))
    sampler = modcog.BatchSampler([easy, hard, "DMS"], batch_size=8, seq_len=200, seed=1)
    tables = []
    for batch in (sampler.batch(0), sampler.batch(1)):
        # Right but for slot 1, where it fixates.
        trials = batch.trials
        labels = np.zeros_like(batch.targets)
        for trial in np.flatnonzero(trials.rule != 1):
            span = slice(trials.start[trial], trials.start[trial] + trials.length[trial])
            labels[span, trials.lane[trial]] = batch.targets[span, trials.lane[trial]]
        tables.append(modcog.evaluate(one_hot(labels), batch))
    for table in (*tables, modcog.pool(tables)):
        assert table.tasks == ("DM1", "DM1", "DMS")
        assert table.rule.tolist() == [0, 1, 2]
        assert table.final_accuracy.tolist() == [1, 0, 1]
        assert table.specs == sampler.specs
        assert [row["task"] for row in table.rows()] == ["DM1 [0]", "DM1 [1]", "DMS"]
        assert "DM1 [1]" in str(table)
    pooled = modcog.pool(tables)
    np.testing.assert_array_equal(pooled.n_trials, tables[0].n_trials + tables[1].n_trials)


def test_slots_of_one_task_with_the_same_settings_share_a_row() -> None:
    sampler = modcog.BatchSampler(["Go", "DMS", "Go"], batch_size=4, seq_len=200, seed=1)
    batch = sampler.batch(0)
    table = modcog.evaluate(one_hot(batch.targets), batch)
    assert table.tasks == ("Go", "DMS")
    assert table.rule.tolist() == [0, 1]
    assert table.n_trials[0] == (batch.trials.rule != 1).sum()


# --- grace periods -------------------------------------------------------------------------------


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_the_loss_and_the_scores_leave_out_the_same_steps(spec: modcog.TaskSpec, seed: int) -> None:
    trials = helpers.draw(spec, 5, seed)
    rendered = modcog.render(trials)
    weight = LOSS_MASKS["yang"](trials, rendered.mask)
    step = np.arange(len(weight))[:, None]
    decision = (step >= trials.decision_start) & (step < trials.length)
    n_decision = trials.decision_steps
    grace = np.minimum(int(steps(100.0, spec.dt)), n_decision - 1)
    counted = decision & (step >= trials.decision_start + grace)
    np.testing.assert_array_equal(weight[decision] > 0, counted[decision])
    assert (weight[trials.length - 1, trials.lane] > 0).all()


@pytest.mark.parametrize("dt", [100, 120, 150, 200])
@pytest.mark.parametrize("name", ["DM1", "RTGo", "DMS_SeqL"])
def test_a_decision_of_a_single_step_has_weight(name: str, dt: float) -> None:
    timing = {"fixation": 0, "decision": dt * (2 if "Seq" in name else 1)}
    batch = modcog.BatchSampler(name, dt=dt, loss_mask="yang", batch_size=2, timing=timing).batch(0)
    trials = batch.trials
    last = trials.start + trials.length - 1
    assert (batch.mask[last, trials.lane] > 0).all()
