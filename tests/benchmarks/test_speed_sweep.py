"""The benchmark of sweeps runs and counts right; no speed is asserted."""

from __future__ import annotations

import json

import pytest

from benchmarks.speed import sweep


@pytest.mark.slow
def test_every_cost_is_measured() -> None:
    result = sweep.measure(runs=4, number=3, workers=1)
    assert min(result["alone"].values()) > 0
    assert min(result["serial"].values()) > 0
    assert min(result["dask"].values()) > 0
    folder = result["folder"]
    assert folder["inodes"] == folder["files"] + 1
    assert min(folder.values()) > 0
    told = sweep.table(json.loads(json.dumps(result)))
    assert "sweep on 1 dask workers" in told
    assert f"| inodes | {folder['inodes'] * 10_000:,} | {folder['inodes'] * 1_000_000:,} |" in told
