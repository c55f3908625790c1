"""Devices are found or refused, and precisions change products and nothing that stays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.sweep.dask_pool import default_workers
from sparse_rnn.system import hardware
from tests.sparse_rnn.helpers import small_config, weights_of


def test_the_device_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert hardware.device("auto") == torch.device("cuda:0")
    assert hardware.device("cuda:1") == torch.device("cuda:1")
    assert hardware.device("cpu") == torch.device("cpu")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert hardware.device("auto") == hardware.device("cuda") == torch.device("cuda:1")
    with pytest.raises(srnn.SparseRnnError, match=r"This machine has cuda:0, cuda:1\."):
        hardware.device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "tpu", "", "cuda:-1"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(srnn.SparseRnnError, match="device must be auto, cpu, cuda or cuda:N"):
        srnn.train(small_config(), tmp_path / "run", options=srnn.RunOptions(device=name))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", hardware.PRECISIONS)
def test_what_a_precision_sets_comes_back(name: str) -> None:
    before = torch.get_float32_matmul_precision()
    with hardware.precision(name), hardware.shortened(name, torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") == (name == "bf16")
        assert torch.get_float32_matmul_precision() == ("highest" if name == "fp32" else "high")
    assert torch.get_float32_matmul_precision() == before
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize(
    "network",
    [
        {"arch": "locality", "size": (4, 4), "radius": 1, "backend": "sparse_cpu"},
        {"arch": "dense", "size": 16, "init": "fan_in"},
        {"arch": "autapse", "size": 16},
        {"arch": "dense", "size": 16, "cell": "gru"},
        {"arch": "dense", "size": 16, "cell": "lstm"},
        {"arch": "dense", "size": 16, "cell": "leaky", "tau": 200.0},
    ],
    ids=lambda network: "-".join(str(value) for value in network.values()),
)
def test_a_run_in_bfloat16_is_near_the_one_in_float32(network: dict[str, Any]) -> None:
    settings = {"steps": 5, "eval_every": 5, "radius": None, **network}
    exact = srnn.train(small_config(**settings))
    short = srnn.train(small_config(**settings, precision="bf16"))
    difference = abs(short.history["loss"] - exact.history["loss"])
    # bfloat16 has 8 bits, so that a product is off by up to 0.4 %.
    assert 0 < difference.max() < 0.05
    assert {value.dtype for value in weights_of(short.network).values()} == {torch.float32}


def test_an_unknown_precision_is_refused_with_the_nearest() -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"Did you mean 'tf32' or 'fp32'\?"):
        small_config(precision="f32")


def test_a_run_says_where_it_ran(tmp_path: Path) -> None:
    srnn.train(small_config(), tmp_path, options=srnn.RunOptions(device="cpu"))
    assert '"device": "cpu"' in (tmp_path / "config.json").read_text()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", hardware.PRECISIONS)
@pytest.mark.parametrize("arch", ["dense", "autapse", "locality"])
def test_a_run_on_a_gpu_is_near_the_one_on_the_cpu(arch: str, precision: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    radius = 1 if arch == "locality" else None
    config = small_config(arch=arch, radius=radius, precision=precision, steps=5, eval_every=5)
    cpu = srnn.train(config, options=srnn.RunOptions(device="cpu"))
    gpu = srnn.train(config, options=srnn.RunOptions(device="cuda"))
    assert abs(gpu.history["loss"] - cpu.history["loss"]).max() < 0.05


def test_cores_are_counted_where_nobody_says_which_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert hardware.cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS, Windows
    assert hardware.cores() == os.cpu_count()
    assert default_workers(threads=1) == os.cpu_count()
