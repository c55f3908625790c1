"""Rule inputs other than one-hot: from the setting to the trials, and through the analyses."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch

import modcog
import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.errors import InvalidArgument, NotApplicable, UnknownName
from sparse_rnn.explore.answers import Explorer
from sparse_rnn.sweep import identity
from sparse_rnn.training.run import build, load_run, streams
from tests.sparse_rnn.helpers import small_config

SUITE = ("Go", "Anti_SeqL", "DlyGo_IntL")
NAMES = ("one_hot", "none", "factors", "orthogonal", "orthogonal(3)", "low_rank(2)")
RINGS = 33


@pytest.mark.parametrize("rules", NAMES)
def test_the_run_sees_what_the_encoding_shows_in_training_and_in_evaluations(rules: str) -> None:
    config = small_config(suite=SUITE, rules=rules)
    table = modcog.BatchSampler(SUITE, rules=rules).rules
    plain = streams(small_config(suite=SUITE))
    for stream, one_hot in zip(streams(config), plain, strict=True):
        batch, other = stream.batch(1), one_hot.batch(1)
        slots = stream.rules_of(batch)
        shown = np.vstack([table, np.zeros(table.shape[1])])[slots]
        assert np.array_equal(batch.inputs[..., RINGS:].numpy(), shown.astype(np.float32))
        assert torch.equal(batch.inputs[..., :RINGS], other.inputs[..., :RINGS])
        assert torch.equal(batch.targets, other.targets)
    assert build(config)[2].rnn.input_size == RINGS + table.shape[1]


def test_equal_names_are_one_run_and_the_default_leaves_its_name() -> None:
    bare = small_config()
    assert identity(small_config(rules="one_hot")) == identity(bare)
    same = [small_config(rules=text) for text in ("orthogonal(3)", " orthogonal( 03 ) ")]
    assert same[0] == same[1]
    assert same[0].rules == "orthogonal(3)"
    assert small_config(rules="orthogonal(0)") == small_config(rules="orthogonal")
    assert len({identity(small_config(rules=name)) for name in NAMES}) == len(NAMES)
    assert srnn.TrainConfig.from_json(same[0].to_json()) == same[0]


@pytest.mark.parametrize(
    "wrong", ["", "orthogonal(1, 2)", "orthogonal()", "low_rank", "one_hot(1)", "low_rank(0)"]
)
def test_what_names_no_encoding_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidArgument):
        small_config(rules=wrong)


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(UnknownName, match="factors"):
        small_config(rules="factor")


def test_new_rules_need_a_channel_for_each_task() -> None:
    with pytest.raises(InvalidArgument, match="no channel of its own"):
        small_config(rules="factors", new_rules=1)


@pytest.mark.parametrize("rules", ["factors", "orthogonal", "low_rank(2)"])
def test_analyses_take_the_vector_of_a_rule_from_what_it_shows(rules: str) -> None:
    run = srnn.train(small_config(suite=SUITE, rules=rules))
    table = modcog.BatchSampler(SUITE, rules=rules).rules
    vectors = run.network.rnn.weight_ih.detach().numpy()[:, RINGS:].astype(np.float64) @ table.T
    unit = vectors / np.linalg.norm(vectors, axis=0)
    np.testing.assert_allclose(analysis.rule_correlations(run), unit.T @ unit, atol=1e-12)
    assert analysis.input_overlap(run).fixation.shape == (3,)
    recording = analysis.record(run, trials_per_task=4)
    assert np.array_equal(recording.inputs[0, 4:8, RINGS:], np.tile(table[1], (4, 1)))
    # Nothing but fixation and rule, added by hand: a step of the network from rest.
    found = analysis.vector_addition(run, "Anti_SeqL", copies=analysis.Copies(stimulus=0.0))
    alone = torch.zeros(1, 1, RINGS + table.shape[1])
    alone[0, 0, 0], alone[0, 0, RINGS:] = 1.0, torch.from_numpy(table[1])
    expected = run.network(alone)[0][0].detach().numpy()
    np.testing.assert_allclose(found.fixating[:1], expected, atol=1e-5)


def test_without_rule_inputs_an_analysis_of_them_says_why() -> None:
    run = srnn.train(small_config(suite=SUITE, rules="none"))
    with pytest.raises(NotApplicable, match="channel for each rule"):
        analysis.rule_correlations(run)


def test_a_folder_is_read_with_the_rules_of_its_run(tmp_path: object) -> None:
    folder = str(tmp_path) + "/run"
    run = srnn.train(small_config(suite=SUITE, rules="orthogonal(3)"), folder)
    again = load_run(folder)
    assert again.config.rules == "orthogonal(3)"
    ours, theirs = (analysis.rule_correlations(one) for one in (run, folder))
    assert np.array_equal(ours, theirs)


def test_the_page_shows_a_rule_that_is_on_whatever_its_channels_do() -> None:
    run = srnn.train(small_config(suite=SUITE, rules="orthogonal"))
    answer = Explorer(run).trial({"slot": "1"})
    inputs = answer["inputs"]
    values = np.frombuffer(base64.b64decode(inputs["data"]), "<f4").reshape(inputs["shape"])
    assert values.shape[1] == RINGS + 1
    assert (values[:, -1] == 1).all()


@pytest.mark.parametrize("rules", ["factors", "orthogonal"])
def test_kernels_agree_where_several_rule_channels_are_on(rules: str) -> None:
    outputs: list[torch.Tensor] = []
    for backend in ("dense", "sparse_cpu"):
        config = small_config(suite=SUITE, rules=rules, backend=backend)
        training, _, network = build(config)
        logits = network(training.batch(0).inputs)[0]
        logits.square().sum().backward()
        assert network.rnn.weight_ih.grad is not None
        outputs += [logits.detach(), network.rnn.weight_ih.grad]
    for ours, theirs in zip(outputs[:2], outputs[2:], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
