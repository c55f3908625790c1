"""Rule inputs: each encoding is what it says, and shows the same wherever trials are made."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import modcog
from modcog.catalog.rules import ENCODINGS, factor_names, factors
from modcog.catalog.settings import tasks_of
from modcog.envs.compat import HANDS_ARGUMENTS_ON
from modcog.modifiers import MODIFIERS
from modcog.rendering.rule_input import of_table, one_hot
from tests.every import every
from tests.modcog import helpers

CUSTOM = "vector_entry_point" if HANDS_ARGUMENTS_ON else "custom"
RINGS = 33
TASKS = ["DlyGo_IntL", "DMS", "Go_SeqR"]
TABLE = np.arange(6.0).reshape(3, 2) / 7
RULES: dict[str, Any] = {
    **{name: name for name in ENCODINGS},
    "low_rank": modcog.rules.low_rank(4, seed=3),
    "by name": "low_rank(5)",
    "other seed": modcog.rules.orthogonal(5),
    "array": TABLE,
    "list": TABLE.tolist(),
    "function": lambda specs: [[len(spec.modifiers), 1.5] for spec in specs],
}


def table_of(rules: Any, tasks: Any = TASKS) -> Any:
    return modcog.BatchSampler(tasks, rules=rules).rules


def shown(trials: modcog.Trials, table: Any, shape: tuple[int, int]) -> Any:
    """What the rule channels have to show, written trial by trial."""
    expected = np.zeros((*shape, table.shape[1]), dtype=np.float32)
    for lane, start, length, rule in zip(
        trials.lane, trials.start, trials.length, trials.rule, strict=True
    ):
        expected[start : start + length, lane] = table[rule]
    return expected


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_rule_channels_show_the_row_of_the_slot(rules: Any) -> None:
    table = table_of(rules)
    plain = modcog.BatchSampler(TASKS, batch_size=3, seq_len=80, seed=1).batch(2)
    for renderer in ("numpy", "numba"):
        sampler = modcog.BatchSampler(
            TASKS, batch_size=3, seq_len=80, seed=1, rules=rules, renderer=renderer
        )
        batch = sampler.batch(2)
        assert sampler.input_size == batch.inputs.shape[-1] == RINGS + table.shape[1]
        assert batch.trials == plain.trials
        np.testing.assert_array_equal(batch.inputs[..., :RINGS], plain.inputs[..., :RINGS])
        np.testing.assert_array_equal(
            batch.inputs[..., RINGS:], shown(batch.trials, table, (80, 3))
        )
        again = modcog.render(batch.trials, rules=sampler.rules, seq_len=80, n_lanes=3)
        assert again.observations.tobytes() == batch.inputs.tobytes()


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("source", ["DlyGo_IntL_SeqR", TASKS])
def test_every_room_shows_the_same_rules(source: Any, rules: Any) -> None:
    specs = tasks_of(source)
    if isinstance(rules, np.ndarray | list):
        rules = rules[: len(specs)]
    table = table_of(rules, source)
    n = RINGS + table.shape[1]
    env = modcog.make(source, rules=rules)
    envs = modcog.make_vec(source, 3, rules=rules)
    assert env.observation_space.shape == envs.single_observation_space.shape == (n,)
    first, _ = envs.reset(seed=5)
    for lane in range(3):
        alone, _ = env.reset(seed=5 + lane)
        np.testing.assert_array_equal(alone, first[lane])
        np.testing.assert_array_equal(alone[RINGS:], table[envs.trials.rule[lane]])
        np.testing.assert_array_equal(
            env.unwrapped.ob,
            modcog.render(env.unwrapped.trials, rules=table).observations[:, 0],
        )
    bank = modcog.trial_bank(source, 2, rules=rules)
    expected = np.where(bank.mask[..., None] > 0, table[bank.rule], 0)
    np.testing.assert_array_equal(bank.inputs[..., RINGS:], expected)
    dataset = modcog.Dataset(source, {"rules": rules}, batch_size=2, seq_len=60, seed=0)
    inputs, _ = dataset()
    batch = dataset.sampler.batch(0)
    np.testing.assert_array_equal(inputs, batch.inputs)
    np.testing.assert_array_equal(inputs[..., RINGS:], shown(batch.trials, table, (60, 2)))


def test_ids_of_gymnasium_take_rules() -> None:
    table = [[0.25, -1.0]]
    env = gym.make("modcog/DlyGo_IntL-v0", rules=table)
    observation, _ = env.reset(seed=0)
    assert observation[RINGS:].tolist() == table[0]
    env = gym.make("modcog/DlyGo_IntL-v0", rules="factors")
    assert env.reset(seed=0)[0][RINGS:].tolist() == modcog.rules.compose("DlyGo_IntL").tolist()
    for rules in (table, np.array(table), "factors"):
        envs = gym.make_vec(
            "modcog/DlyGo_IntL-v0", num_envs=2, vectorization_mode=CUSTOM, rules=rules
        )
        rows = table_of(rules, "DlyGo_IntL")
        assert envs.reset(seed=0)[0][:, RINGS:].tolist() == [rows[0].tolist()] * 2


def test_wrappers_change_the_factors() -> None:
    env = modcog.make("DlyGo", rules="factors")
    for wrap, side, name in (
        (modcog.Integrate, "L", "DlyGo_IntL"),
        (modcog.Sequence, "R", "DlyGo_IntL_SeqR"),
    ):
        env = wrap(env, side)
        observation, _ = env.reset(seed=1)
        np.testing.assert_array_equal(observation[RINGS:], modcog.rules.compose(name))
        np.testing.assert_array_equal(
            observation, modcog.make(name, rules="factors").reset(seed=1)[0]
        )


def test_one_hot_keeps_its_bits() -> None:
    """Of the default, of its name, and of the array that is the same."""
    for noise in (1.0, "yang"):
        batches = [
            modcog.BatchSampler(TASKS, batch_size=4, seq_len=70, seed=2, noise=noise, **given)
            for given in ({}, {"rule_input": True}, {"rules": "one_hot"}, {"rules": np.eye(3)})
        ]
        assert len({sampler.batch(1).inputs.tobytes() for sampler in batches}) == 1
        assert all(sampler.identity == batches[0].identity for sampler in batches)
    assert of_table("rules", np.eye(3)) == one_hot(3)
    assert of_table("rules", 2 * np.eye(3)) != one_hot(3)


def test_noise_on_all_inputs_is_added_to_any_rule() -> None:
    tables = [np.full((3, 5), value) for value in (0.0, 2.0)]
    zero, two = (
        modcog.BatchSampler(TASKS, batch_size=2, seq_len=60, noise="yang", rules=table).batch(0)
        for table in tables
    )
    rule = zero.inputs[..., RINGS:][zero.mask > 0]
    assert 0.01 < rule.std() < 0.02
    np.testing.assert_allclose(two.inputs[..., RINGS:][zero.mask > 0], rule + 2, atol=1e-6)
    assert not zero.inputs[zero.mask == 0].any()


# --- the algebra of factors ----------------------------------------------------------------------


@every("name", modcog.task_names())
def test_factors_of_every_task_add_up(name: str) -> None:
    """The task is its base plus what each of its modifiers adds to that base."""
    spec = modcog.task(name)
    base = modcog.rules.compose(spec.base)
    made = base.copy()
    for modifier in spec.modifiers:
        other = next(b for b in modcog.suite("cog-20") if takes(b, modifier.label))
        made += modcog.rules.compose(f"{other}_{modifier.label}") - modcog.rules.compose(other)
    np.testing.assert_array_equal(made, modcog.rules.compose(name))
    names = factor_names()
    present = {names[i] for i in np.flatnonzero(made)}
    sides = {modifier.kind: modifier.direction for modifier in spec.modifiers}
    assert present == {
        ("base", spec.base),
        *((kind, sides.get(kind, "none")) for kind in MODIFIERS),
    }


def takes(base: str, label: str) -> bool:
    try:
        modcog.task(f"{base}_{label}")
    except modcog.ModifierRefused:
        return False
    return True


def test_a_minus_b_plus_c() -> None:
    compose = modcog.rules.compose
    for one, other in itertools.product("LR", repeat=2):
        made = compose(f"DMS_Int{one}") - compose("DMS") + compose(f"DMS_Seq{other}")
        np.testing.assert_array_equal(made, compose(f"DMS_Int{one}_Seq{other}"))
        # What a modifier adds is the same for all bases.
        made = compose(f"DlyGo_Int{one}") - compose("DlyGo") + compose("DMC")
        np.testing.assert_array_equal(made, compose(f"DMC_Int{one}"))


def test_factors_tell_all_tasks_apart() -> None:
    rows = table_of("factors", "mod-cog-168")
    assert rows.shape == (168, 26)
    assert len(np.unique(rows, axis=0)) == 168
    assert set(np.unique(rows)) == {0.0, 1.0}
    np.testing.assert_array_equal(rows.sum(1), 3)
    # The same channels in every suite, so that a network can go on with another one.
    np.testing.assert_array_equal(rows[:20], table_of("factors", "cog-20"))


def test_tasks_and_modifiers_of_ones_own_have_factors() -> None:
    own = replace(modcog.task("Go"), base="Mine")

    class Turn:
        kind, direction, label, tracks = "Turn", "R", "TurnR", False

    turned = replace(modcog.task("DMS"), modifiers=(Turn(),))
    specs = [modcog.task("Go"), own, turned]
    assert factor_names(specs)[20] == ("base", "Mine")
    assert factor_names(specs)[-3:] == (("Turn", "none"), ("Turn", "L"), ("Turn", "R"))
    rows = factors(specs)
    assert rows.shape == (3, 21 + 9)
    assert rows[1, 20] == rows[2, -1] == rows[0, -3] == 1


# --- the encodings drawn at random ---------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 20, 168])
def test_orthogonal_rules_are_orthogonal(n: int) -> None:
    names = modcog.suite("mod-cog-168")[:n]
    rows = table_of(modcog.rules.orthogonal(4), names)
    np.testing.assert_allclose(rows @ rows.T, np.eye(n), atol=1e-5)
    if n > 1:
        assert not np.array_equal(rows, table_of(modcog.rules.orthogonal(5), names))
    np.testing.assert_array_equal(rows, table_of(modcog.rules.orthogonal(4), names))
    np.testing.assert_array_equal(
        table_of("orthogonal", names), table_of(modcog.rules.orthogonal(0), names)
    )


def test_rotations_are_uniform() -> None:
    """The first coordinate of the first row: of either sign alike, and as large as any other."""
    firsts = np.array([table_of(modcog.rules.orthogonal(s), TASKS) for s in range(300)])
    assert abs(firsts.mean(0)).max() < 4 * np.sqrt(1 / 3 / 300)
    np.testing.assert_allclose((firsts**2).mean(0), 1 / 3, atol=0.08)


def test_low_rank_rules_have_that_rank_and_length_1() -> None:
    rows = table_of(modcog.rules.low_rank(6, seed=1), "cog-20")
    assert rows.shape == (20, 6)
    assert np.linalg.matrix_rank(rows) == 6
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    more = table_of(modcog.rules.low_rank(6, seed=1), "mod-cog-84")
    np.testing.assert_array_equal(more[:20], rows)
    assert not np.array_equal(rows, table_of(modcog.rules.low_rank(6, seed=2), "cog-20"))


def test_encode_is_the_row_of_the_suite() -> None:
    encode = modcog.rules.encode
    for encoding in ("one_hot", "factors", "orthogonal", modcog.rules.low_rank(3)):
        table = table_of(encoding, "cog-20")
        for slot, name in enumerate(modcog.suite("cog-20")):
            np.testing.assert_array_equal(encode(name, encoding, suite="cog-20"), table[slot])
    assert encode("DlyGo", "one_hot").tolist() == [1]
    with pytest.raises(modcog.UnknownName, match="must be the name of a task of the suite"):
        encode("DlyGo_IntL", suite="cog-20")
    with pytest.raises(modcog.UnknownName, match="DlyGo_IntL"):
        modcog.rules.compose("DlyGo_ItnL")


# --- identity, state and refusals ----------------------------------------------------------------


def test_identity_is_content() -> None:
    tables = {
        name: modcog.BatchSampler(TASKS, rules=rules).identity["rules"]
        for name, rules in RULES.items()
    }
    assert tables["one_hot"] == "one_hot"
    assert tables["none"] == modcog.BatchSampler(TASKS, rule_input=False).identity["rules"]
    assert tables["array"] == tables["list"]
    texts = [str(value) for value in tables.values()]
    assert len(set(texts)) == len(texts) - 1


def test_samplers_with_rules_are_pickled_and_copied() -> None:
    for rules in ("factors", modcog.rules.orthogonal(2), TABLE):
        sampler = modcog.BatchSampler(TASKS, batch_size=2, seq_len=60, rules=rules)
        again = pickle.loads(pickle.dumps(sampler))
        assert again.batch(3) == sampler.batch(3)
        assert sampler.shard(1, 2).batch(1) == sampler.batch(3)
        kept = sampler.rules
        sampler.rules[:] = 7
        np.testing.assert_array_equal(sampler.rules, kept)
        env = pickle.loads(pickle.dumps(modcog.make(TASKS, rules=rules)))
        assert env.reset(seed=0)[0].shape == (sampler.input_size,)


def test_an_array_belongs_to_the_sampler() -> None:
    mine = TABLE.astype(np.float32)
    sampler = modcog.BatchSampler(TASKS, batch_size=2, seq_len=60, rules=mine)
    before = sampler.batch(0)
    mine[:] = 9
    assert sampler.batch(0) == before


BAD: list[tuple[Any, str]] = [
    (np.eye(4), "^rules must be 3 rows, one a rule slot; got '4 rows'"),
    (np.eye(2), "^rules must be 3 rows"),
    (np.full((3, 2), np.nan), "^rules must be finite numbers of at most 1e"),
    (np.full((3, 2), np.inf), "^rules must be finite numbers"),
    (np.full((3, 2), 1e9), "^rules must be finite numbers"),
    (np.zeros(3), r"^rules must be an array of numbers \[rule slots, d\]"),
    ([[1, 2], [3], [4, 5]], "^rules must be an array of numbers"),
    ([["Go"], ["DMS"], ["DM1"]], "^rules must be an array of numbers"),
    (np.eye(3) * 1j, "^rules must be an array of numbers"),
    (True, "^rules must be an array of numbers"),
    ("onehot", "^rules must be the name of a rule encoding; got 'onehot'. Did you mean one_hot"),
    (lambda specs: np.eye(len(specs) + 1), "^rules must be 3 rows"),
]


@pytest.mark.parametrize(("rules", "message"), BAD)
def test_other_rules_are_refused_everywhere(rules: Any, message: str) -> None:
    calls: list[Any] = [
        modcog.BatchSampler,
        modcog.make,
        modcog.make_vec,
        modcog.Dataset,
        lambda tasks, rules: modcog.trial_bank(tasks, 2, rules=rules),
    ]
    for call in calls:
        with pytest.raises(modcog.InvalidArgument, match=message):
            call(TASKS, rules=rules)


def test_the_two_arguments_do_not_contradict_each_other() -> None:
    for call in (modcog.BatchSampler, modcog.make, modcog.make_vec, modcog.Dataset):
        with pytest.raises(modcog.InvalidArgument, match="^rule_input must be left out"):
            call("Go", rule_input=False, rules="factors")
        with pytest.raises(modcog.InvalidArgument, match="^rule_input must be left out"):
            call("Go", rule_input=True, rules="none")
        call("Go", rule_input=True, rules="factors")
        call("Go", rule_input=False, rules="none")
    with pytest.raises(modcog.InvalidArgument, match="^rules must be given once"):
        modcog.Dataset("Go", {"rules": "none"}, rules="none")
    trials = modcog.sample(modcog.task("Go"), helpers.rng(0), 2)
    with pytest.raises(modcog.InvalidArgument, match="^n_rules must be left out where rules"):
        modcog.render(trials, n_rules=1, rules=[[1.0]])
    with pytest.raises(modcog.InvalidArgument, match="^d must be a whole number"):
        modcog.rules.low_rank(0)
    with pytest.raises(modcog.InvalidArgument, match="^seed must be"):
        modcog.rules.orthogonal(-1)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("orthogonal(5)", modcog.rules.orthogonal(5)),
        (" orthogonal( 0 )", modcog.rules.orthogonal()),
        ("low_rank(4,3)", modcog.rules.low_rank(4, seed=3)),
        ("low_rank(4)", modcog.rules.low_rank(4)),
    ],
)
def test_a_name_with_numbers_is_the_function_with_them(name: str, encoding: Any) -> None:
    assert np.array_equal(table_of(name), table_of(encoding))


@pytest.mark.parametrize(
    "name",
    ["orthogonal(1, 2)", "orthogonal()", "orthogonal(,)", "low_rank", "none(1)", "low_rank(0)"],
)
def test_a_name_with_other_numbers_is_refused(name: str) -> None:
    with pytest.raises(modcog.InvalidArgument):
        table_of(name)
