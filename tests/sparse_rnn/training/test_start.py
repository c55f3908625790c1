"""Runs that start from the weights of another one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.cli import main
from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunConflict
from sparse_rnn.system.files import digest_of
from tests.sparse_rnn.helpers import same_bits, same_outcome, small_config, weights_of
from tests.sparse_rnn.runs.test_resume import OFTEN, Killed, killer, nine


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "run"
    srnn.train(small_config(steps=2), folder)
    return folder


def test_training_starts_from_these_weights_with_a_new_optimiser(first: Path) -> None:
    config = nine(suite=("Anti", "DMS"), seed=3)
    run = srnn.train(config, start_from=first)
    assert run.config.start == digest_of(first / "weights.safetensors")
    net = srnn.load(first)
    training, held_out = srnn.training.run.streams(config)
    list(srnn.Trainer(net, training, held_out, config).records())
    assert same_bits(weights_of(run.network), weights_of(net))
    assert not same_bits(weights_of(run.network), weights_of(srnn.train(config).network))


def test_it_goes_on_with_the_same_bits_and_its_folder_knows_the_weights(
    first: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(first, tmp_path / "source")
    whole = srnn.train(nine(), tmp_path / "whole", start_from=source)
    with pytest.raises(Killed):
        srnn.train(nine(), tmp_path / "run", start_from=source, progress=killer(5), options=OFTEN)
    with pytest.raises(RunConflict, match="start is '[0-9a-f]{64}' there and None here"):
        srnn.train(nine(), tmp_path / "run")
    srnn.train(nine(steps=1), tmp_path / "another")
    with pytest.raises(RunConflict, match="start is"):
        srnn.train(nine(), tmp_path / "run", start_from=tmp_path / "another")
    shutil.rmtree(source)
    assert type(whole.config).from_json(whole.config.to_json()) == whole.config
    srnn.train(whole.config, tmp_path / "run")  # needs the other run no more
    assert same_outcome(tmp_path / "run", tmp_path / "whole")
    longer = whole.config.model_copy(update={"steps": 12})
    srnn.train(longer, tmp_path / "longer", continue_from=tmp_path / "run")
    with pytest.raises(InvalidArgument, match="start_from must be given"):
        srnn.train(whole.config, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_every_run_says_which_weights_it_started_from(first: Path, tmp_path: Path) -> None:
    def said(folder: Path) -> str:
        return json.loads((folder / "config.json").read_text())["network"]["start_sha256"]

    srnn.train(nine(), tmp_path / "train", start_from=first)
    srnn.fit(srnn.load(first), nine(), tmp_path / "fit")
    srnn.fit(build(), nine(), tmp_path / "from", start_from=first)
    digest = digest_of(first / "weights.safetensors")
    assert [said(tmp_path / name) for name in ("train", "fit", "from")] == [digest] * 3
    assert said(first) != digest
    assert same_outcome(tmp_path / "train", tmp_path / "from")
    assert same_outcome(tmp_path / "train", tmp_path / "fit")


def build(**changes: Any) -> srnn.Network:
    return srnn.training.run.build(nine(**changes))[2]


def test_noise_is_that_of_the_run_and_not_of_the_weights(tmp_path: Path) -> None:
    noisy = {"cell": "leaky", "recurrent_noise": 0.1}
    srnn.train(nine(**noisy, steps=1), tmp_path / "first")
    for given in (noisy, {"cell": "leaky"}):
        srnn.train(nine(**given, seed=4), start_from=tmp_path / "first")
    net = build(**noisy, seed=4)
    before = net.rnn.noise_state.clone()
    srnn.training.parts.starting_from(nine(), tmp_path / "first", None, None)[1].into(net)
    assert torch.equal(net.rnn.noise_state, before)
    assert torch.equal(net.rnn.weight_hh, srnn.load(tmp_path / "first").rnn.weight_hh)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"suite": ("Go", "DlyGo", "Anti")}, "size mismatch.*extend"),
        ({"radius": 2}, "another mask"),
        ({"cell": "gru"}, "its cell is 'vanilla'"),
        ({"nonlinearity": "tanh"}, "its nonlinearity is 'relu'"),
    ],
)
def test_weights_of_another_network_are_refused(first: Path, changes: Any, text: str) -> None:
    with pytest.raises(IncompatibleState, match=text):
        srnn.train(nine(**changes), start_from=first)


def test_other_weights_than_the_configuration_names_are_refused(first: Path) -> None:
    with pytest.raises(InvalidArgument, match="the weights that the configuration names"):
        srnn.train(nine(start="0" * 64), start_from=first)
    with pytest.raises(InvalidArgument, match="each network of an ensemble"):
        srnn.train_ensemble(nine(start="0" * 64), seeds=2)
    with pytest.raises(FileNotFoundError, match="Has the run ended"):
        srnn.train(nine(), start_from=first.parent / "none")


def test_the_command_starts_from_weights(first: Path, tmp_path: Path) -> None:
    words = ["train", "--suite", "Go", "DlyGo", "--arch", "locality", "--size", "4x4"]
    words += ["--radius", "1", "--steps", "2", "--batch-size", "2", "--seq-len", "45", "--quiet"]
    words += ["--eval-batches", "1", "--final-batches", "1", "--freeze", "readout", "input"]
    words += ["--optimiser", "sgd", "--optimiser-options", "momentum=0.5"]
    out = tmp_path / "run"
    for _ in range(2):  # The second time it is finished.
        assert main([*words, "--out", str(out), "--start-from", str(first)]) == 0
    run = srnn.load_run(out)
    assert run.config.freeze == ("input", "readout")
    assert run.config.optimiser_options == {"momentum": 0.5}
    assert torch.equal(run.network.readout.weight, srnn.load(first).readout.weight)
    assert main([*words, "--out", str(tmp_path / "many"), "--seeds", "2", "--start-from", "x"]) == 2
