"""The speed scripts run, count right, and leave what they promise. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from benchmarks.speed import scaling, training


def test_the_reference_trains_existing_weights_alone() -> None:
    mask = srnn.masks.locality((5, 5), 1)
    reference = training.MaskedTorchRNN(mask)
    reference.apply_mask()
    run = training.step_of(reference, 3)
    assert run() > 0
    outside = torch.from_numpy(~mask.to_dense())
    assert not reference.rnn.weight_hh_l0[outside].any()
    assert reference.rnn.weight_hh_l0[~outside].all()


def test_the_exponent_is_that_of_a_power_law() -> None:
    rows = [{"units": n, "seconds": 3e-6 * n**1.5} for n in (400, 900, 2500)]
    assert scaling.exponent(rows) == pytest.approx(1.5)


@pytest.mark.slow
def test_training_is_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"LM N=64, d=2": lambda: srnn.masks.locality((8, 8), 2)}
    monkeypatch.setattr(training, "MASKS", small)
    monkeypatch.setattr(training, "peak_multiply_adds", lambda: 1e9)
    monkeypatch.setattr(training, "bandwidth", lambda: 1e9)
    result = training.measure(names=list(small), lengths=(4,), repeats=2, updates=(0, 0))
    (row,) = result["rows"]
    assert row["synapses"] == 64 * 13
    n_weights = 3 * 64 * 13 + 64 * (2 * 117 + 3 * 17)
    assert row["multiply_adds"] == n_weights * 4 * 64
    assert row["ratio"] == row["reference_s"][0] / row["ours_s"][0]
    assert json.loads(json.dumps(result)) == json.loads(json.dumps(result))
    assert "LM N=64" in training.line(training.StepTime(**row))
    del tmp_path, capsys


@pytest.mark.slow
def test_a_network_is_measured_in_a_process_of_its_own() -> None:
    found = scaling.measure_one(16, 2, "sparse_cpu", repeats=1)
    assert found.keys() == {"units", "synapses", "backend", "seconds", "peak_mb"}
    assert (found["units"], found["synapses"], found["backend"]) == (256, 256 * 13, "sparse_cpu")
    assert found["seconds"] > 0
    assert found["peak_mb"] >= 0


@pytest.mark.slow
def test_scaling_is_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "measure_one", scaling._one)  # in this process, for all networks
    result = scaling.measure(sides=(13, 16), radii=(1, 2), repeats=1, density_side=12)
    units = [row["units"] for row in result["by_size"] if row["backend"] == "sparse_cpu"]
    assert units == [169, 256]
    assert [row["synapses"] for row in result["by_density"]] == [
        144 * k for k in (5, 13, 111)
    ]  # both ways round are one
    assert np.isfinite(result["exponent_of_time"])
    path = tmp_path / "scaling.png"
    scaling.figure(result).savefig(path)
    assert path.stat().st_size > 1000


def test_networks_too_small_to_show_in_the_peak_are_left_out_of_the_picture(tmp_path: Path) -> None:
    both = ("sparse_cpu", "dense")
    by_size = [{"units": 9, "backend": b, "seconds": 1.0, "peak_mb": 0.0} for b in both]
    by_density = [{"units": 9, "synapses": 5, "backend": b, "seconds": 1.0} for b in both]
    assert np.isnan(scaling.exponent(by_size, "peak_mb"))
    drawn = scaling.figure({"by_size": by_size, "by_density": by_density})
    drawn.savefig(tmp_path / "scaling.png")
    assert [len(ax.lines) for ax in drawn.axes] == [2, 0, 2]
