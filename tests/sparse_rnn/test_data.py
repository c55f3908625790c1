"""The adapter: batches of modcog as tensors, its scores, its refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import modcog
from sparse_rnn.data import task_stream
from sparse_rnn.errors import InvalidArgument, UnknownName


def test_batches_are_those_of_the_sampler_without_a_copy() -> None:
    stream = task_stream("cog-20", batch_size=3, seq_len=100, seed=4, noise=0.5)
    sampler = modcog.BatchSampler("cog-20", batch_size=3, seq_len=100, seed=4, noise=0.5)
    assert (stream.input_size, stream.output_size) == (53, 17)
    batch, source = stream.batch(7), sampler.batch(7)
    for name, dtype in (
        ("inputs", torch.float32),
        ("targets", torch.int64),
        ("mask", torch.float32),
    ):
        tensor = getattr(batch, name)
        assert tensor.dtype == dtype
        np.testing.assert_array_equal(tensor.numpy(), getattr(source, name))
        assert tensor.data_ptr() == getattr(batch.source, name).ctypes.data
    later = list(stream.batches(6, 9))
    assert torch.equal(later[1].inputs, batch.inputs)
    assert len(later) == 3


def answers(batch: object, strength: float = 10.0) -> torch.Tensor:
    """Logits that are right at every step."""
    return strength * torch.nn.functional.one_hot(batch.targets, 17).float()


def test_scores_pool_batches_and_come_in_the_order_of_the_suite() -> None:
    stream = task_stream(["DlyGo", "Anti", "Go"], batch_size=2, seq_len=90, seed=0)
    batches = list(stream.batches(0, 4))
    scores = stream.score((answers(batch), batch) for batch in batches)
    assert scores.tasks == ("DlyGo", "Anti", "Go")
    assert int(scores.n_trials.sum()) == sum(len(batch.source.trials) for batch in batches)
    for measure in ("final_accuracy", "decision_accuracy", "performance", "trajectory_performance"):
        assert scores.mean(measure) == 1.0
    silent = stream.score((torch.zeros_like(answers(batch)), batch) for batch in batches)
    assert silent.mean("final_accuracy") < 0.2


def test_scores_of_half_the_batches_right_are_the_mean_weighted_by_trials() -> None:
    stream = task_stream("Go", batch_size=2, seq_len=80, seed=0)
    good, bad = stream.batches(0, 2)
    always_fixate = torch.zeros((80, 2, 17))
    always_fixate[..., 0] = 10
    scores = stream.score([(answers(good), good), (always_fixate, bad)])
    share = len(good.source.trials) / int(scores.n_trials.sum())
    assert scores.mean("final_accuracy") == pytest.approx(share)


def test_a_task_that_stands_twice_in_a_suite_is_scored_once() -> None:
    stream = task_stream("mod-cog-84", batch_size=20, seq_len=350, seed=0)
    batches = list(stream.batches(0, 3))
    scores = stream.score((answers(batch), batch) for batch in batches)
    assert len(set(scores.tasks)) == len(scores.tasks)
    assert int(scores.n_trials.sum()) == sum(len(batch.source.trials) for batch in batches)


def test_names_that_do_not_exist_are_refused_in_this_packages_words() -> None:
    with pytest.raises(
        UnknownName, match=r"^suite must be .*'cog-2'.*Did you mean cog-20"
    ) as caught:
        task_stream("cog-2", batch_size=1, seq_len=100, seed=0)
    assert caught.value.argument == "suite"
    with pytest.raises(UnknownName, match=r"Did you mean .*DlyGo"):
        task_stream(["Go", "DlyGoo"], batch_size=1, seq_len=100, seed=0)


@pytest.mark.parametrize(
    ("argument", "settings"),
    [
        ("batch_size", {"batch_size": 0}),
        ("seq_len", {"seq_len": 3}),
        ("dt", {"dt": -1}),
        ("noise", {"noise": "loud"}),
        ("suite", {"tasks": []}),
        ("task", {"tasks": ["RTGo_IntL"]}),
    ],
)
def test_settings_of_modcog_are_refused_as_errors_of_this_package(
    argument: str, settings: dict[str, object]
) -> None:
    given = {"tasks": "cog-20", "batch_size": 2, "seq_len": 100, "seed": 0, **settings}
    with pytest.raises(InvalidArgument) as caught:
        task_stream(given.pop("tasks"), **given)
    assert argument in str(caught.value)


def test_logits_that_are_not_finite_are_refused() -> None:
    stream = task_stream("Go", batch_size=2, seq_len=80, seed=0)
    batch = stream.batch(0)
    with pytest.raises(InvalidArgument, match=r"^logits must be"):
        stream.score([(torch.full((80, 2, 17), torch.nan), batch)])
    with pytest.raises(InvalidArgument, match=r"^logits must be"):
        stream.score([(torch.zeros(80, 2, 16), batch)])


def test_a_task_lists_its_conditions_or_none() -> None:
    stream = task_stream(["Anti", "DM1"], batch_size=1, seq_len=40, seed=0, dim_ring=8)
    listed = stream.conditions(0)
    both = zip(listed["ring"].tolist(), listed["location"].tolist(), strict=True)
    assert list(both) == [(ring, place) for ring in (0, 1) for place in range(8)]
    assert stream.conditions(1) == {}
    trials = stream.trials_of(0, 16, given=listed).source.trials
    assert trials.stimulus_location[:, 0].tolist() == listed["location"].tolist()


@pytest.mark.parametrize("kind", ["labels", "ring", "sin_cos"])
@pytest.mark.parametrize("rules", ["one_hot", "none", "factors"])
def test_trials_of_a_slot_have_the_rules_and_targets_of_the_stream(kind: str, rules: str) -> None:
    stream = task_stream(
        ("Go", "DlyGo", "DMS"), batch_size=2, seq_len=45, seed=0, rules=rules, targets=kind
    )
    drawn = stream.trials_of(1, 4)
    whole = stream.sampler.batch_of(drawn.source.trials)
    assert drawn.source.trials == whole.trials
    for name in ("inputs", "targets", "mask"):
        np.testing.assert_array_equal(getattr(drawn, name).numpy(), getattr(whole, name))
    assert drawn.inputs.shape[-1] == stream.input_size
    assert drawn.n_outputs == stream.output_size == stream.batch(0).n_outputs
