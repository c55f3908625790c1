"""Signals: a run saves itself, leaves with a message, and goes on; handlers come back."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn import cli
from sparse_rnn.evaluation.history import Record
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.system.signals import SIGNALS, watched
from sparse_rnn.training.progress import OnStep
from tests.sparse_rnn.helpers import same_outcome, small_config

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGUSR1: 138}


def sender(number: signal.Signals, step: int, times: int = 1) -> Any:
    """A display that sends a signal to this process at a step."""

    @contextmanager
    def display(_config: srnn.FitConfig) -> Generator[OnStep]:
        def on_step(record: Record) -> None:
            if record.step == step:
                for _ in range(times):
                    os.kill(os.getpid(), number)

        yield on_step

    return display


@pytest.fixture(autouse=True)
def _handlers_come_back() -> Generator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_the_run_which_then_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    reference = srnn.train(small_config(), tmp_path / "whole")
    with pytest.raises(srnn.Interrupted, match=f"{number.name} after step 3 of 4") as caught:
        srnn.train(small_config(), tmp_path / "run", progress=sender(number, 3))
    assert caught.value.number == number
    assert isinstance(caught.value, KeyboardInterrupt)
    assert Store(tmp_path / "run").steps() == [3]
    run = srnn.train(small_config(), tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")
    assert run.evaluation.rows() == reference.evaluation.rows()


@pytest.mark.parametrize("number", SIGNALS)
def test_the_command_leaves_with_the_status_of_the_signal(
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    words = shlex.split(
        "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --steps 4 --batch-size 2 "
        f"--seq-len 45 --eval-every 2 --eval-batches 1 --final-batches 2 --out {out}"
    )
    with monkeypatch.context() as patch:
        patch.setattr(cli.train.progress, "automatic", sender(number, 2))
        assert cli.main(words) == STATUS[number]
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"sparse-rnn: {number.name} after step 2 of 4. {out / 'checkpoint'} has this step: "
        "the same command goes on from it."
    )
    assert cli.main(words) == 0
    assert "step 4/4" in capsys.readouterr().err
    assert (out / "weights.safetensors").exists()


def test_who_presses_ctrl_c_twice_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        srnn.train(small_config(), tmp_path, progress=sender(signal.SIGINT, 3, times=2))
    assert not isinstance(caught.value, srnn.Interrupted)


def test_without_a_folder_ctrl_c_is_what_it_always_was() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        srnn.train(small_config(), progress=sender(signal.SIGINT, 2))
    assert not isinstance(caught.value, srnn.Interrupted)


class Signalling(torch.nn.Module):
    """A network that sends a signal to its process at a call in evaluation mode."""

    def __init__(self, at: int | None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(17, 35))
        self.calls = 0
        self.at = at

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += not self.training
        if self.calls == self.at and not self.training:
            os.kill(os.getpid(), signal.SIGTERM)
        return inputs @ self.weight.T


# Two evaluations of three batches, and five batches at the end.
@pytest.mark.parametrize(("at", "step"), [(1, 2), (2, 2), (3, 2), (4, 4), (7, 4), (10, 4), (11, 4)])
def test_a_signal_in_an_evaluation_cuts_it_short(at: int, step: int, tmp_path: Path) -> None:
    settings = {"batch_size": 2, "seq_len": 45, "eval_every": 2}
    config = srnn.FitConfig(
        suite=("Go", "DlyGo"), steps=4, eval_batches=3, final_batches=5, **settings
    )
    srnn.fit(Signalling(None), config, tmp_path / "whole")
    network = Signalling(at)
    if at == 11:  # After the last batch nothing is left to cut short.
        srnn.fit(network, config, tmp_path / "run")
    else:
        with pytest.raises(srnn.Interrupted, match=f"after step {step} of 4"):
            srnn.fit(network, config, tmp_path / "run")
        assert network.calls == at
        srnn.fit(Signalling(None), config, tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_outside_the_main_thread_nothing_is_caught(tmp_path: Path) -> None:
    runs: list[srnn.Run] = []
    thread = threading.Thread(target=lambda: runs.append(srnn.train(small_config(), tmp_path)))
    thread.start()
    thread.join()
    assert len(runs[0].history) == 4


def test_the_first_signal_is_the_one_that_is_kept() -> None:
    with watched() as request:
        assert not request
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request
        assert request.number == signal.SIGUSR1
