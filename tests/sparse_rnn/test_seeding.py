"""Streams of a run: one purpose each, derived as `modcog` derives its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import modcog
import sparse_rnn as srnn
from modcog import hashing
from sparse_rnn import masks, seeding
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.seeding import Purpose
from sparse_rnn.training.evaluation import evaluate
from sparse_rnn.training.run import streams
from tests.sparse_rnn.helpers import small_config


@st.composite
def seeds(draw: st.DrawFn) -> Any:
    """Whole numbers, and seed sequences spawned to any depth."""
    if draw(st.booleans()):
        return draw(st.integers(0, 2**70))
    entropy = draw(st.integers(0, 2**40) | st.lists(st.integers(0, 2**33), min_size=1, max_size=3))
    made = np.random.SeedSequence(entropy)
    for child in draw(st.lists(st.integers(0, 3), max_size=3)):
        made = made.spawn(child + 1)[child]
    return made


@given(seed=seeds(), purpose=st.sampled_from(Purpose), numbers=st.lists(st.integers(0, 2**70)))
def test_both_packages_derive_the_same(seed: Any, purpose: Purpose, numbers: list[int]) -> None:
    own = seeding.derive(seed, purpose, *numbers)
    assert own.entropy == hashing.derive(seed, purpose, *numbers).entropy
    assert own.spawn_key == ()


def test_both_packages_have_one_version_and_no_purpose_in_common() -> None:
    assert seeding.STREAMS == hashing.STREAMS
    assert not {str(purpose) for purpose in Purpose} & {str(p) for p in hashing.Purpose}


@pytest.mark.parametrize("seed", [-1, 0.5, None, [1], True, np.random.SeedSequence([[1], [2, 3]])])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(InvalidArgument, match="^seed must be a whole number"):
        seeding.derive(seed, Purpose.MASK)


def test_deriving_leaves_the_callers_sequence_alone() -> None:
    parent = np.random.SeedSequence(5)
    derived = {seeding.derive(parent, purpose).entropy for purpose in Purpose}
    assert len(derived) == len(Purpose)
    assert parent.n_children_spawned == 0


def keys(sampler: modcog.BatchSampler) -> set[int]:
    return {int(key) for i in range(4) for key in sampler.trials(i).noise_key}


@pytest.mark.parametrize("seed", [0, 1, 12])
def test_no_two_streams_of_a_run_share_a_trial_nor_does_a_caller(seed: int) -> None:
    config = small_config(seed=seed)
    training, held_out = streams(config)
    other, other_held_out = streams(small_config(seed=seed + 1))
    drawn = {
        "training": keys(training.sampler),
        "held out": keys(held_out.sampler),
        "final": keys(held_out.final().sampler),
        "another run": keys(other.sampler),
        "evaluations of another run": keys(other_held_out.sampler),
        "final of another run": keys(other_held_out.final().sampler),
        "analysis": {
            int(k) for s in (0, 1) for k in training.trials_of(s, 30, seed).source.trials.noise_key
        },
    }
    # What made 0.1.0 meet a caller: sequences that are spawned from the seed of the run.
    root = np.random.SeedSequence(seed)
    for number, own in enumerate((root, *root.spawn(5), *root.spawn(1)[0].spawn(4))):
        sampler = modcog.BatchSampler(
            config.suite, batch_size=config.batch_size, seq_len=config.seq_len, seed=own
        )
        drawn[f"caller {number}"] = keys(sampler)
    every = [key for part in drawn.values() for key in part]
    assert len(set(every)) == len(every)


def test_the_shards_of_a_run_are_its_stream() -> None:
    training, _ = streams(small_config())
    shards = [training.shard(rank, 2) for rank in range(2)]
    both = [shards[i % 2].batch(i // 2).source.trials.noise_key for i in range(6)]
    whole = [training.batch(i).source.trials.noise_key for i in range(6)]
    for one, other in zip(both, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_evaluation_of_a_run_is_on_trials_of_its_own() -> None:
    config = small_config()
    run = srnn.train(config)
    _, held_out = streams(config)
    final = held_out.final()
    again = evaluate(run.network, final, final.batches(0, config.final_batches))
    assert again.rows() == run.evaluation.rows()


def test_parts_of_a_network_are_drawn_apart() -> None:
    mask = masks.dense(12)
    network = srnn.Network(5, 12, mask, seed=3)
    layer = srnn.MaskedRNN(5, mask, seed=3)
    values = [p.detach().flatten()[:5] for p in (*network.parameters(), *layer.parameters())]
    for i, one in enumerate(values):
        for other in values[:i]:
            assert not torch.equal(one, other)
            ratio = one / other
            assert not torch.allclose(ratio, ratio[:1].expand_as(ratio)), "scaled copies"


def test_a_mask_and_a_callers_generator_share_nothing() -> None:
    root = np.random.SeedSequence(4)
    drawn = [
        masks.random(60, in_degree=5, seed=seed)
        for seed in (4, root, np.random.default_rng(4), root.spawn(1)[0])
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert drawn[0] != drawn[3]


def test_each_call_and_each_process_has_noise_of_its_own() -> None:
    mask = masks.dense(6)
    inputs = torch.zeros(3, 2, 5)

    def outputs(stream: int, calls: int) -> list[torch.Tensor]:
        layer = srnn.LeakyRNN(5, mask, tau=200, recurrent_noise=0.5, seed=1)
        layer.noise_stream = stream
        return [layer(inputs)[0] for _ in range(calls)]

    drawn = [*outputs(0, 3), *outputs(1, 3), *outputs(2, 3)]
    for i, one in enumerate(drawn):
        assert not any(torch.equal(one, other) for other in drawn[:i])
    assert torch.equal(outputs(1, 2)[1], drawn[4])
