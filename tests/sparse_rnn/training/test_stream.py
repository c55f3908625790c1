"""Streams of the caller's in `fit`: what they must have, and what the configuration then says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.data import Batch, TaskStream, task_stream
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.report import runs_page
from sparse_rnn.report.overview import overview
from sparse_rnn.training.run import build, streams
from sparse_rnn.training.stream import several
from tests.sparse_rnn.helpers import same_bits, small_config

SETTINGS: dict[str, Any] = {"steps": 4, "eval_every": 2, "eval_batches": 1, "final_batches": 2}
CONFIG = srnn.FitConfig(**SETTINGS)


class Written:
    """The trials of a stream of ours as plain tensors: what somebody else's files hold."""

    def __init__(self, stream: TaskStream, n: int = 10) -> None:
        self.listed = [
            Batch(b.inputs.clone(), b.targets.clone(), b.mask.clone(), n_labels=17)
            for b in stream.batches(0, n)
        ]
        self.input_size, self.output_size = stream.input_size, stream.output_size
        self.identity = stream.identity
        self._aside: Any = None

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        yield from self.listed[start:stop]

    def held_out(self) -> Any:
        return self._aside

    def final(self) -> Any:
        return self

    def score(self, answers: Any) -> Any:
        return srnn.score_trials(answers)


def written(config: srnn.TrainConfig) -> Written:
    training, held_out = streams(config)
    stream = Written(training)
    stream._aside = Written(held_out)
    return stream


def small_stream(**how: Any) -> TaskStream:
    return task_stream(("Go", "DlyGo"), batch_size=2, seq_len=45, **{"seed": 0, **how})


def net(n_inputs: int = 35) -> srnn.Network:
    return srnn.Network(n_inputs, 17, srnn.masks.autapse(6), seed=1)


def test_trials_of_a_suite_that_were_written_down_train_the_same() -> None:
    config = small_config(lr=CONFIG.lr)
    ours = srnn.train(config)
    network = build(config)[2]
    run = srnn.fit(network, CONFIG, stream=("Written", written(config)))
    assert same_bits(network.state_dict(), ours.network.state_dict())
    assert run.history["loss"].tolist() == ours.history["loss"].tolist()
    assert run.config.suite == "own:Written"
    assert (run.config.batch_size, run.config.seq_len) == (2, 45)


def test_a_task_stream_with_settings_that_a_configuration_has_not() -> None:
    stream = small_stream(schedule=None, rules="none", seed=5)
    run = srnn.fit(net(33), CONFIG, stream=stream)
    assert run.evaluation.tasks == ("Go", "DlyGo")
    held_out, final = stream.held_out(), stream.held_out().final()
    keys = [set(s.batch(0).source.trials.noise_key.tolist()) for s in (stream, held_out, final)]
    assert len(set.union(*keys)) == sum(map(len, keys))
    staged = small_stream(weights={"Go": 0})
    assert "Go" not in staged.batch(0).source.trials.task
    assert "Go" in {t for b in staged.held_out().batches(0, 5) for t in b.source.trials.task}
    assert len({s.identity for s in (stream, held_out, final, staged)}) == 4


@pytest.mark.parametrize(
    ("argument", "settings"),
    [
        ("weights", {"weights": {"Go": 1}}),
        ("stages", {"stages": [("Go", 4)]}),
        ("targets", {"targets": "ring", "objective": "squared_error"}),
        ("dt", {"dt": 20.0}),
        ("noise", {"noise": 0.5}),
        ("batch_size", {"batch_size": 3}),
        ("seq_len", {"seq_len": 50}),
        ("seed", {"seed": 3}),
        ("stream", {"suite": "Go"}),
        ("stream", {"suite": "own:another"}),
        ("objective", {"objective": "squared_error"}),
    ],
)
def test_settings_that_a_stream_decides_are_refused(
    argument: str, settings: dict[str, Any]
) -> None:
    network = net()
    before = network.rnn.weight_hh.clone()
    with pytest.raises(InvalidArgument) as caught:
        srnn.fit(network, srnn.FitConfig(**{**SETTINGS, **settings}), stream=small_stream())
    assert caught.value.argument == argument
    assert torch.equal(network.rnn.weight_hh, before)


def test_settings_that_say_the_same_are_taken() -> None:
    how = {"batch_size": 2, "seq_len": 45, "suite": "own:mine", **SETTINGS}
    run = srnn.fit(net(), srnn.FitConfig(**how), stream=("mine", small_stream()))
    assert run.config == srnn.FitConfig(**how)


class Anew(Written):
    """Draws other batches whenever it is asked."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        for batch in super().batches(start, stop):
            yield replace(batch, inputs=torch.rand(batch.inputs.shape))


class Unending(Written):
    """Goes on where it was, whatever number it is asked for."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        del start, stop
        yield from (self.listed.pop(0) for _ in range(2))


@pytest.mark.parametrize("kind", [Anew, Unending])
def test_batches_that_are_no_functions_of_their_number_are_refused(kind: type[Written]) -> None:
    stream = kind(small_stream())
    stream._aside = small_stream(seed=1)
    with pytest.raises(InvalidArgument, match="stream must be one whose batches are functions"):
        srnn.fit(net(), CONFIG, stream=stream)
    good = written(small_config())
    good._aside = kind(small_stream())
    with pytest.raises(InvalidArgument, match=r"stream.held_out\(\) must be one whose batches"):
        srnn.fit(net(), CONFIG, stream=good)


def test_what_is_no_stream_is_refused() -> None:
    stream = written(small_config())
    for wrong in (3, "cog-20", ("name", "cog-20"), stream.listed, net()):
        with pytest.raises(InvalidArgument, match="stream must be a stream, or a pair") as caught:
            srnn.fit(net(), CONFIG, stream=wrong)
        assert "It lacks batches, held_out, score" in str(caught.value)
    with pytest.raises(InvalidArgument, match="stream must be a stream, or a pair"):
        srnn.fit(net(), CONFIG, stream=("a", stream, "b"))
    with pytest.raises(InvalidArgument, match="stream's name must be letters"):
        srnn.fit(net(), CONFIG, stream=("no name", stream))
    with pytest.raises(InvalidArgument, match="stream must be given, as the suite is 'own:mine'"):
        srnn.fit(net(), srnn.FitConfig(suite="own:mine"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("inputs", lambda b: replace(b, inputs=b.inputs[..., :3])),
        ("inputs", lambda b: replace(b, inputs=b.inputs.double())),
        ("targets", lambda b: replace(b, targets=b.targets[:-1])),
        ("targets", lambda b: replace(b, targets=b.targets.int())),
        ("mask", lambda b: replace(b, mask=b.mask[..., None])),
        ("outputs", lambda b: replace(b, n_labels=16)),
        ("n_labels", lambda b: replace(b, n_labels=None)),
        ("Batch", lambda b: (b.inputs, b.targets, b.mask)),
    ],
)
def test_batches_that_are_none_are_refused(name: str, change: Any) -> None:
    stream = written(small_config())
    stream.listed = [change(batch) for batch in stream.listed]
    with pytest.raises(InvalidArgument, match=name):
        srnn.fit(net(), CONFIG, stream=stream)


def test_a_stream_that_ends_too_early_says_so_and_loses_nothing(tmp_path: Path) -> None:
    stream = written(small_config())
    stream.listed = stream.listed[:3]
    often = srnn.RunOptions(checkpoint_every=1)
    with pytest.raises(InvalidArgument, match="steps must be at most 3, as the stream has no more"):
        srnn.fit(net(), CONFIG, tmp_path, stream=("Short", stream), options=often)
    stream = written(small_config())
    run = srnn.fit(net(), CONFIG, tmp_path, stream=("Short", stream))
    assert same_bits(
        run.network.state_dict(),
        srnn.fit(net(), CONFIG, stream=stream).network.state_dict(),
    )


def test_a_folder_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r'Write stream=\("name", stream\)'):
        srnn.fit(net(), CONFIG, tmp_path / "run", stream=small_stream())
    assert not list(tmp_path.iterdir())


def test_several_processes_need_a_stream_with_parts() -> None:
    stream = small_stream()
    assert several(stream, 1, 2).batch(0).source.trials == stream.batch(1).source.trials
    with pytest.raises(InvalidArgument, match=r"stream must be one with shard\(rank, world_size\)"):
        several(written(small_config()), 1, 2)


def test_stages_need_a_stream_of_ours() -> None:
    config = small_config(stages=[("Go", 4)])
    training, held_out, network = build(config)
    with pytest.raises(InvalidArgument, match="held_out must be a TaskStream"):
        srnn.Trainer(network, training, Written(held_out), config)


def test_reports_show_runs_of_own_streams_also_without_a_level_of_chance(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 30, 2))
    how: dict[str, Any] = {"arch": "autapse", "size": 4, "eval_every": 1, "steps": 2}
    config = srnn.TrainConfig(**how, objective="squared_error")
    stream = srnn.array_stream(x, x, name="Copy", tolerance=0.5)
    network = srnn.Network(2, 2, config.build_mask(), seed=0)
    srnn.fit(network, config, tmp_path / "run", stream=stream)
    run = srnn.load_run(tmp_path / "run")
    assert np.isnan(run.evaluation.chance).all()
    assert "own:Copy" in str(runs_page({"run": run}))
    assert overview({"run": run}).axes


@pytest.mark.parametrize("suite", ["cog-2", "mod-cog-48", ("Go", "DlyGoo")])
def test_an_unknown_suite_is_refused_at_once(suite: Any, tmp_path: Path) -> None:
    network = net()
    before = network.rnn.weight_hh.clone()
    for call in (
        lambda: srnn.fit(network, srnn.FitConfig(suite=suite), tmp_path / "run"),
        lambda: srnn.train(small_config(suite=suite), tmp_path / "run"),
        lambda: srnn.train_ensemble(small_config(suite=suite), tmp_path / "run", seeds=2),
    ):
        with pytest.raises(UnknownName, match=r"^(suite|task) must be .*Did you mean"):
            call()
    assert torch.equal(network.rnn.weight_hh, before)
    assert not list(tmp_path.iterdir())


def test_a_name_alone_trains_nothing(tmp_path: Path) -> None:
    config = small_config(suite="own:Perceptual")
    for call in (srnn.train, lambda *a: srnn.train_ensemble(*a, seeds=2)):
        with pytest.raises(InvalidArgument, match="suite must be .*given to sparse_rnn.fit"):
            call(config, tmp_path / "run")
    assert not list(tmp_path.iterdir())
