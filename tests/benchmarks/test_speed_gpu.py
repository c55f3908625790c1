"""The script for GPUs: it measures on any device, ends in time, and says where there is no GPU."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import sparse_rnn as srnn
from benchmarks.speed import ensembles, gpu

SMALL = {"LM N=36, d=1": lambda: srnn.masks.locality((6, 6), 1)}


def test_a_machine_without_a_gpu_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    assert "torch sees no NVIDIA GPU on this machine" in capsys.readouterr().err


def test_each_kernel_that_serves_is_timed_beside_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "MASKS", SMALL)
    only = {name: gpu.KERNELS[name] for name in ("reference", "dense", "autapse")}
    monkeypatch.setattr(gpu, "KERNELS", only)
    row = gpu.compare("LM N=36, d=1", 3, torch.device("cpu"), repeats=1)
    assert list(row.seconds) == [gpu.REFERENCE, "dense"]
    assert gpu.line({**vars(row)}).startswith("| LM N=36, d=1 | 3 | sparse_cpu | nn.RNN, masked ")


def test_what_there_is_no_time_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def compare(name: str, n_steps: int, *_: object) -> gpu.Row:
        nonlocal now
        now += 400.0
        return gpu.Row(name, n_steps, "dense", {}, {})

    def too_large(*_: object, **__: object) -> SimpleNamespace:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(gpu, "MASKS", SMALL)
    monkeypatch.setattr(gpu, "compare", compare)
    monkeypatch.setattr(ensembles, "MASKS", {"one": SMALL["LM N=36, d=1"]})
    monkeypatch.setattr(ensembles, "measure", too_large)
    cpu = torch.device("cpu")
    result = gpu.measure(cpu, lengths=(1, 2, 3), clock=lambda: now)
    assert [row["n_steps"] for row in result["rows"]] == [1, 2]
    ways = [f"15 of one, {way}" for way in ensembles.WAYS]
    assert result["left_out"] == ["LM N=36, d=1, 3 steps", *ways]
    now = 0.0
    monkeypatch.setattr(gpu, "MASKS", {})
    assert gpu.measure(cpu, clock=lambda: now)["left_out"] == [f"{way} (memory)" for way in ways]
