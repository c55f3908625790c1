"""Batches: pure functions of arguments, seed and number, with whole trials and a true table."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import modcog
from modcog.batches import sampler as sampler_module
from modcog.trials.plan import place
from tests.every import every
from tests.modcog import helpers

SOURCES = ["cog-20", "mod-cog-84", "mod-cog-168", "DMS_IntL_SeqR", ["Go", "MultiDM_SeqL", "Go"]]


def make(source: Any = "cog-20", **arguments: Any) -> modcog.BatchSampler:
    return modcog.BatchSampler(source, **{"batch_size": 3, "seq_len": 120, "seed": 0, **arguments})


def assert_same(one: modcog.Batch, other: modcog.Batch) -> None:
    for name in ("inputs", "targets", "mask"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert helpers.differing(one.trials, other.trials) - {"task_index"} == set()
    assert one.trials.task.tolist() == other.trials.task.tolist()


def differ(one: modcog.Batch, other: modcog.Batch) -> bool:
    return one.inputs.shape != other.inputs.shape or not np.array_equal(one.inputs, other.inputs)


# --- purity --------------------------------------------------------------------------------------


@given(
    source=st.sampled_from(SOURCES),
    seed=st.integers(0, 2**40),
    order=st.lists(st.integers(0, 40) | st.just(20_000), min_size=2, max_size=6),
)
def test_batches_do_not_depend_on_the_order_of_asking(
    source: Any, seed: int, order: list[int]
) -> None:
    one, other = make(source, seed=seed), make(source, seed=seed)
    forward = {index: one.batch(index) for index in order}
    for index in reversed(order):
        assert_same(other.batch(index), forward[index])
        assert_same(one.batch(index), forward[index])


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_iterating_gives_the_batches_in_order(source: Any) -> None:
    sampler = make(source)
    for index, batch in enumerate(itertools.islice(sampler, 4)):
        assert_same(batch, make(source).batch(index))
    # Each iteration starts anew.
    assert_same(next(iter(sampler)), sampler.batch(0))


def test_batches_far_apart_differ() -> None:
    sampler = make("DM1")
    keys = [sampler.trials(index).noise_key for index in (*range(6), 1000, 10**6, 10**12)]
    together = np.concatenate(keys)
    assert len(np.unique(together)) == len(together)


def test_a_pickled_sampler_goes_on_alike() -> None:
    sampler = make("mod-cog-84")
    before = sampler.batch(3)
    again = pickle.loads(pickle.dumps(sampler))
    assert_same(again.batch(3), before)
    assert_same(again.batch(4), sampler.batch(4))


def test_every_call_returns_arrays_of_its_own() -> None:
    sampler = make()
    first, untouched = sampler.batch(0), make().batch(0)
    first.inputs[:] = 9
    first.targets[:] = 9
    first.mask[:] = 9
    for column in helpers.COLUMNS:
        getattr(first.trials, column)[:] = 0
    second = sampler.batch(0)
    assert_same(second, untouched)
    for name in ("inputs", "targets", "mask"):
        assert not np.shares_memory(getattr(first, name), getattr(second, name))


@given(seeds=st.lists(st.integers(0, 2**64), min_size=2, max_size=2, unique=True))
def test_different_seeds_share_no_trial(seeds: list[int]) -> None:
    one, other = (make(seed=seed).trials(0) for seed in seeds)
    assert not set(one.noise_key.tolist()) & set(other.noise_key.tolist())


def test_all_kinds_of_seeds() -> None:
    sequence = np.random.SeedSequence(5)
    assert_same(make(seed=sequence).batch(0), make(seed=5).batch(0))
    assert sequence.n_children_spawned == 0
    assert_same(make(seed=np.int64(5)).batch(0), make(seed=5).batch(0))
    assert_same(make(seed=[5, 6]).batch(0), make(seed=(5, 6)).batch(0))
    assert differ(make(seed=[5, 6]).batch(0), make(seed=5).batch(0))
    spawned = np.random.SeedSequence(5).spawn(2)
    assert differ(make(seed=spawned[0]).batch(0), make(seed=spawned[1]).batch(0))
    assert differ(make(seed=spawned[0]).batch(0), make(seed=5).batch(0))


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True, [], [1, -1], ["a"]])
def test_a_seed_is_a_whole_number_of_at_least_0(seed: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seed must be a whole number, at least 0"):
        make(seed=seed)


@pytest.mark.parametrize("index", [-1, 0.5, "0", None, True])
def test_the_number_of_a_batch_is_a_whole_number_of_at_least_0(index: Any) -> None:
    sampler = make()
    for call in (sampler.batch, sampler.trials):
        with pytest.raises(
            modcog.InvalidArgument, match="^index must be a whole number, at least 0"
        ):
            call(index)
    assert_same(sampler.batch(np.int64(2)), sampler.batch(2))


# --- what a batch holds --------------------------------------------------------------------------


def coverage(batch: modcog.Batch) -> NDArray[np.int64]:
    """How many trials lie at each place; int64 ``[time, batch]``."""
    count = np.zeros(batch.targets.shape, dtype=np.int64)
    for row in range(len(batch.trials)):
        start, length = batch.trials.start[row], batch.trials.length[row]
        count[start : start + length, batch.trials.lane[row]] += 1
    return count


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_the_table_of_trials_agrees_with_the_arrays(source: Any) -> None:
    sampler = make(source, batch_size=5, seq_len=200)
    n_rules = len(sampler.tasks)
    for index in range(3):
        batch = sampler.batch(index)
        trials = batch.trials
        assert batch.inputs.shape == (200, 5, sampler.input_size)
        assert batch.targets.shape == batch.mask.shape == (200, 5)
        assert (batch.inputs.dtype, batch.targets.dtype, batch.mask.dtype) == (
            np.float32,
            np.int64,
            np.float32,
        )
        # Whole trials, none over another, in every lane; the mask is 1 exactly on them.
        count = coverage(batch)
        assert count.max() == 1
        np.testing.assert_array_equal(batch.mask, count)
        assert set(trials.lane) == set(range(5))
        assert (trials.start[np.diff(trials.lane, prepend=-1) > 0] == 0).all()
        order = np.lexsort((trials.start, trials.lane))
        np.testing.assert_array_equal(order, np.arange(len(trials)))
        assert (trials.start + trials.length <= 200).all()
        # Trials of a lane follow each other without a gap: padding is at the end alone.
        for lane in range(5):
            mine = trials[trials.lane == lane]
            np.testing.assert_array_equal(mine.start[1:], (mine.start + mine.length)[:-1])
        assert not batch.inputs[count == 0].any()
        assert not batch.targets[count == 0].any()
        # The rule input and the name are those of the slot.
        for row in range(len(trials)):
            span = slice(trials.start[row], trials.start[row] + trials.length[row])
            rule = batch.inputs[span, trials.lane[row], 33:]
            np.testing.assert_array_equal(
                rule, np.tile(np.eye(n_rules)[trials.rule[row]], (len(rule), 1))
            )
            assert trials.task[row] == sampler.tasks[trials.rule[row]]


def test_the_padding_is_shorter_than_the_trial_that_did_not_fit() -> None:
    sampler = make("mod-cog-168", batch_size=40, seq_len=160)
    longest = modcog.trial_lengths("mod-cog-168").longest
    padding = 160 - sampler.batch(0).mask.sum(axis=0)
    assert padding.max() < longest
    assert padding.mean() < longest / 2


def test_a_repeated_task_has_a_rule_of_its_own() -> None:
    sampler = make("mod-cog-84", batch_size=64, seq_len=350)
    trials = sampler.trials(0)
    assert {82, 83} <= set(trials.rule)
    rule_82 = trials.task[trials.rule == 82]
    assert (
        set(rule_82)
        == {"DlyAnti_IntL"}
        == set(trials.task[trials.rule == sampler.tasks.index("DlyAnti_IntL")])
    )


@pytest.fixture(scope="module")
def of_all_tasks() -> modcog.Batch:
    return make("mod-cog-168", batch_size=60, seq_len=700).batch(1)


@every("name", helpers.NAMES)
def test_a_stretch_of_a_batch_a_trial_alone_and_an_environment_are_the_same_arrays(
    name: str, of_all_tasks: modcog.Batch
) -> None:
    batch = of_all_tasks
    rows = np.flatnonzero(batch.trials.task == name)[:4]
    assert rows.size > 0
    env = modcog.make(name)
    env.reset(seed=1)
    for row in rows:
        trial = batch.trials[row]
        lane, start, length = int(trial.lane[0]), int(trial.start[0]), int(trial.length[0])
        span = slice(start, start + length)
        # Alone: the same trial rendered by itself.
        first = np.zeros(1, dtype=np.int64)
        alone = modcog.render(place(trial, first, first), n_rules=168)
        np.testing.assert_array_equal(alone.observations[:, 0], batch.inputs[span, lane])
        np.testing.assert_array_equal(alone.targets[:, 0], batch.targets[span, lane])
        np.testing.assert_array_equal(alone.mask[:, 0], batch.mask[span, lane])
        # Drawn anew with every quantity given, and played step by step.
        spec = trial.tasks[int(trial.task_index[0])]
        single = modcog.Trials(
            tasks=(spec,),
            **{
                **{column: getattr(trial, column) for column in helpers.COLUMNS},
                "task_index": first,
                "period_steps": trial.period_steps[:, : len(spec.periods)],
            },
        )
        given_values = {key: values[0] for key, values in helpers.given_of(single).items()}
        ob, _ = env.reset(options={"trial": given_values})
        for step in range(length):
            np.testing.assert_array_equal(ob, batch.inputs[start + step, lane, :33])
            ob, _, terminated, truncated, info = env.step(0)
            assert info["gt"] == batch.targets[start + step, lane]
            assert info["new_trial"] == (step == length - 1)
            assert not terminated
            assert not truncated


def test_slots_and_trials_do_not_depend_on_how_lanes_are_cut() -> None:
    # Every trial is drawn from the distribution of its task, wherever it lands.
    sampler = make("DlyGo_IntR", batch_size=64, seq_len=104)
    delays = np.concatenate([sampler.trials(i).duration_ms("delay") for i in range(8)])
    counts = np.bincount((delays / 100).astype(int), minlength=12)[1:]
    expected = len(delays) / 11
    assert ((counts - expected) ** 2 / expected).sum() < 35


# --- arguments -----------------------------------------------------------------------------------

CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("seed", {"seed": 1}),
    ("batch_size", {"batch_size": 4}),
    ("seq_len", {"seq_len": 100}),
    ("seq_len auto", {"seq_len": "auto"}),
    ("dt", {"dt": 50}),
    ("dim_ring", {"dim_ring": 8}),
    ("noise", {"noise": 0}),
    ("yang noise", {"noise": "yang"}),
    ("timing", {"timing": {"fixation": 300}}),
    ("preset", {"timing": "neurogym"}),
    ("coherences", {"coherences": (0.5,)}),
    ("strengths", {"strengths": (0.5, 0.7)}),
    ("min_separation", {"min_separation": 1}),
    ("nonmatch", {"nonmatch": "any"}),
    ("cross_modal", {"cross_modal": True}),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
def test_every_argument_changes_the_batch(change: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"batch_size": 8, "seq_len": 250}
    plain, changed = (make(**{**arguments, **c}).batch(0) for c in ({}, change))
    assert differ(plain, changed)


def test_the_renderer_changes_nothing() -> None:
    plain = make("mod-cog-168", batch_size=16, seq_len=300, renderer="numpy")
    other = make("mod-cog-168", batch_size=16, seq_len=300)
    for index in range(3):
        assert_same(plain.batch(index), other.batch(index))
    with pytest.raises(modcog.UnknownName, match="^renderer must be the name of a renderer"):
        make(renderer="crayon")


@pytest.mark.parametrize("value", [0, -1, 1.5, "8", None, True])
@pytest.mark.parametrize("key", ["batch_size", "seq_len"])
def test_sizes_are_whole_numbers_above_0(key: str, value: Any) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match=f"^{key} must be a whole number of .*, at least 1"
    ):
        make(**{key: value})


@pytest.mark.parametrize("source", ["cog-20", "mod-cog-168", "DlyGo_IntL", "Go"])
def test_a_sequence_that_holds_no_trial_is_refused(source: str) -> None:
    longest = modcog.trial_lengths(source).longest
    text = f"^seq_len must be at least {longest} steps, the longest trial of .*; got {longest - 1}"
    with pytest.raises(modcog.InvalidArgument, match=text):
        make(source, seq_len=longest - 1)
    batch = make(source, seq_len=longest, batch_size=50).batch(0)
    assert len(batch.trials) >= 50


def test_a_callable_duration_needs_a_length_and_then_works() -> None:
    timing = {"stimulus": lambda rng: rng.choice([200.0, 600.0])}
    with pytest.raises(
        modcog.InvalidArgument, match="^seq_len must be a number of steps here.*callable"
    ):
        make("Go", seq_len="auto", timing=timing)
    sampler = make("Go", seq_len=40, timing=timing)
    assert sampler.lengths is None
    batch = sampler.batch(0)
    assert set(batch.trials.length) == {12, 16}
    assert coverage(batch).max() == 1
    with pytest.raises(
        modcog.InvalidArgument, match="^seq_len must be at least 16, a trial's length"
    ):
        make("Go", seq_len=13, timing=timing).batch(0)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_sizes_and_names_are_those_of_the_suite(source: Any) -> None:
    for dim_ring in (8, 16):
        sampler = make(source, dim_ring=dim_ring)
        names = modcog.suite(source) if source in modcog.suites() else source
        names = (names,) if isinstance(names, str) else tuple(names)
        assert sampler.tasks == names
        assert sampler.input_size == 1 + 2 * dim_ring + len(names)
        assert sampler.output_size == 1 + dim_ring
        batch = sampler.batch(0)
        assert batch.inputs.shape[2] == sampler.input_size
        assert batch.targets.max() < sampler.output_size


def test_its_text_has_the_sizes() -> None:
    text = repr(make("mod-cog-84", dt=50, seq_len=400))
    assert "84 rule slots" in text
    assert "batch_size=3" in text
    assert "seq_len=400" in text
    assert "dt=50 ms" in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"condition": 5}, "^condition must be a function"), ({"name": 5}, "^name must be a text")],
)
def test_a_condition_is_a_function_and_its_name_a_text(
    arguments: dict[str, Any], text: str
) -> None:
    sampler = modcog.BatchSampler("DMS", batch_size=2)
    with pytest.raises(modcog.InvalidArgument, match=text):
        sampler.where(**{"condition": lambda trials: trials.responds, **arguments})


def test_what_cannot_be_drawn_is_refused_when_the_sampler_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seed must be"):
        modcog.BatchSampler("Go", seed=np.random.SeedSequence([[1, 2], [3]]))  # numpy takes it

    def broken() -> Any:
        raise modcog.InvalidArgument("renderer", "numba", "another one here")

    monkeypatch.setattr(sampler_module, "RENDERERS", {"numba": broken, "auto": broken})
    modcog.BatchSampler("Go", renderer="auto")
    with pytest.raises(modcog.InvalidArgument, match="^renderer must be another one here"):
        modcog.BatchSampler("Go", renderer="numba")
