"""Streams: two uses of a seed share nothing, and two seeds are two streams."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

import modcog
from modcog import hashing
from modcog.batches.bank import SPLIT_BY, SPLITS
from modcog.hashing import Purpose, derive, seed_sequence

numbers = st.integers(0, 2**70)


@st.composite
def seeds(draw: st.DrawFn) -> Any:
    """Whole numbers, lists, and seed sequences spawned to any depth."""
    seed: Any = draw(numbers | st.lists(st.integers(0, 2**33), min_size=1, max_size=4))
    if not draw(st.booleans()):
        return seed
    made = np.random.SeedSequence(seed, pool_size=draw(st.sampled_from([4, 4, 8])))
    for child in draw(st.lists(st.integers(0, 5), max_size=4)):
        made = made.spawn(child + 1)[child]
    return made


def identity(seed: Any) -> Any:
    """What tells two seeds apart, by the documentation of `seed_sequence`."""
    made = seed_sequence(seed)
    return (repr(made.entropy), tuple(made.spawn_key), made.pool_size)


@given(
    uses=st.lists(
        st.tuples(seeds(), st.sampled_from(Purpose), st.lists(numbers, max_size=3)),
        min_size=2,
        max_size=8,
        unique_by=lambda use: (identity(use[0]), use[1], tuple(use[2])),
    )
)
def test_different_uses_have_different_streams(uses: list[tuple[Any, Purpose, list[int]]]) -> None:
    streams = [derive(seed, purpose, *own) for seed, purpose, own in uses]
    # Neither one another's, nor what a caller's own generators draw.
    streams += [seed_sequence(seed) for seed in {identity(u[0]): u[0] for u in uses}.values()]
    states = [tuple(stream.generate_state(4)) for stream in streams]
    own = len(uses)
    assert len(set(states[:own])) == own
    assert not set(states[:own]) & set(states[own:])
    again = [derive(seed, purpose, *own) for seed, purpose, own in uses]
    assert [stream.entropy for stream in again] == [stream.entropy for stream in streams[:own]]


@given(seed=seeds(), n_children=st.integers(1, 5))
def test_children_that_a_seed_has_spawned_change_nothing(seed: Any, n_children: int) -> None:
    before = derive(seed, Purpose.BATCHES, 3).entropy
    made = seed_sequence(seed)
    children = made.spawn(n_children)
    assert derive(made, Purpose.BATCHES, 3).entropy == before
    assert all(derive(child, Purpose.BATCHES, 3).entropy != before for child in children)


def test_one_number_a_list_of_it_and_zeros_behind_it_are_different_seeds() -> None:
    given_seeds = [1, [1], [1, 0], [1, 0, 0], [0, 1], 0, [0], 2**32, [2**32], [0, 1, 0]]
    drawn = {derive(seed, Purpose.BATCHES).entropy for seed in given_seeds}
    assert len(drawn) == len(given_seeds)
    batches = {
        tuple(modcog.BatchSampler("DM1", batch_size=1, seed=seed).trials(0).noise_key.tolist())
        for seed in given_seeds
    }
    assert len(batches) == len(given_seeds)


def test_a_number_is_short_for_its_seed_sequence() -> None:
    of = [derive(seed, "any").entropy for seed in (7, np.random.SeedSequence(7), np.int64(7))]
    assert len(set(of)) == 1
    listed: list[Any] = [[7, 8], (7, 8), np.random.SeedSequence([7, 8])]
    listed.append(np.random.SeedSequence(np.array([7, 8])))
    assert len({derive(seed, "any").entropy for seed in listed}) == 1
    random = np.random.SeedSequence()
    assert derive(random, "any").entropy == derive(random.entropy, "any").entropy


@pytest.mark.parametrize("seed", [-1, 0.5, None, "7", [], [-1], [[1]], True, [1, 0.5]])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seed must be a whole number"):
        derive(seed, Purpose.BATCHES)


def test_lists_within_lists_are_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seed must be a whole number"):
        derive(np.random.SeedSequence([[1, 2], [3]]), "any")


def marks(inputs: NDArray[np.float32]) -> list[int]:
    """A number for the noise of each trial of DM1, whose stimulus is there in step 6."""
    return [hash(row.tobytes()) for row in inputs[6, :, 1:17]]


def of_trials(trials: modcog.Trials) -> list[int]:
    return marks(modcog.BatchSampler("DM1").batch_of(trials).inputs)


def sampler_of(seed: Any) -> modcog.BatchSampler:
    return modcog.BatchSampler("DM1", batch_size=2, seq_len=60, seed=seed)


def of_sampler(sampler: modcog.BatchSampler) -> list[int]:
    return [mark for index in (0, 1500) for mark in of_trials(sampler.trials(index))]


USES: dict[str, Callable[[Any], list[int]]] = {
    "batches": lambda seed: of_sampler(sampler_of(seed)),
    "where": lambda seed: of_sampler(sampler_of(seed).where(lambda t: t.responds)),
    "where twice": lambda seed: of_sampler(
        sampler_of(seed).where(lambda t: t.responds).where(lambda t: t.responds)
    ),
    "dataset": lambda seed: marks(modcog.Dataset("DM1", batch_size=2, seq_len=60, seed=seed)()[0]),
    **{
        f"bank, {split}, {split_by}": lambda seed, split=split, by=split_by: marks(
            modcog.trial_bank("DM1", 6, seed, split=split, split_by=by).inputs
        )
        for split, split_by in itertools.product(SPLITS, SPLIT_BY)
    },
    "own": lambda seed: of_trials(
        modcog.sample(modcog.task("DM1"), np.random.default_rng(seed), 20)
    ),
    "own, philox": lambda seed: of_trials(
        modcog.sample(modcog.task("DM1"), np.random.Generator(np.random.Philox(seed)), 20)
    ),
    "own, by seed": lambda seed: of_trials(modcog.sample("DM1", seed, 20)),
}


@settings(max_examples=8)
@given(roots=st.lists(seeds(), min_size=1, max_size=2, unique_by=identity))
def test_no_two_uses_share_a_trial(roots: list[Any]) -> None:
    family = {identity(root): root for root in roots}
    for root in roots:
        made = seed_sequence(root)
        for child in np.random.SeedSequence(made.entropy, spawn_key=made.spawn_key).spawn(2):
            family[identity(child)] = child
            (grandchild,) = child.spawn(1)
            family[identity(grandchild)] = grandchild
    seen: dict[int, Any] = {}
    own: set[int] = set()
    for seed in family.values():
        for use, of in USES.items():
            if use.startswith("own"):  # numpy gives the same to 1 and [1]
                own |= set(of(seed))
                continue
            for mark in of(seed):
                assert mark not in seen, (use, seed, seen.get(mark))
                seen[mark] = (use, seed)
    assert not own & set(seen)


def test_shards_are_parts_of_one_stream_and_share_nothing() -> None:
    shards = [sampler_of(3).shard(rank, 3) for rank in range(3)]
    keys = [key for shard in shards for key in of_sampler(shard)]
    assert len(set(keys)) == len(keys)


def test_another_seed_for_the_same_sampler() -> None:
    sampler = sampler_of(0).where(lambda trials: trials.response < 4).shard(1, 2)
    again = sampler.with_seed(5)
    assert again.seeds.entropy == 5
    assert (again.trials(0).response < 4).all()
    assert not set(of_sampler(again)) & set(of_sampler(sampler))
    assert of_sampler(again.with_seed(0)) == of_sampler(sampler)
    with pytest.raises(modcog.InvalidArgument, match="^seed must be"):
        sampler.with_seed(-1)


def test_the_streams_of_this_version() -> None:
    """Golden values: whoever changes them raises `STREAMS` and says so in the changelog."""
    assert hashing.STREAMS == 2
    assert derive(0, Purpose.BATCHES, 0).entropy == 339885233065773188534401996025610400473
    assert int(modcog.BatchSampler("cog-20", seed=0).trials(0).noise_key[0]) == 5084961279239047999
