"""The benchmark of trials runs and counts right; no speed is asserted."""

from __future__ import annotations

import json
from collections import Counter
from importlib.util import find_spec

import pytest

from benchmarks.speed import data


# neurogym's environments and wrappers warn of themselves.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_every_competitor_gets_a_row() -> None:
    result = data.measure(size=(60, 2), lanes=3, repeats=2, n_batches=2)
    rows = result["rows"]
    n_samplers = 2 if find_spec("numba") else 1
    n_datasets = 1 if find_spec("neurogym") else 0
    groups = Counter(row["group"] for row in rows)
    assert groups == {
        "20 tasks": n_samplers + 3 + n_datasets,
        "82 tasks": n_samplers + 3 + n_datasets,
        "DlyGo, 3 environments": 2,
        "20 tasks, 3 environments": 2,
    }
    for row in rows:
        low, high = row["steps_per_s_range"]
        assert 0 < low <= row["steps_per_s"] <= high
        assert row["peak_mb"] > 0
        assert (row["fraction_of_limit"] is not None) == ("environments" not in row["group"])
        if row["reference"]:
            assert row["ratio"] == 1
    # float32 inputs and mask, int64 targets.
    assert result["arrays_mb"]["82 tasks"] == 60 * 2 * (115 * 4 + 8 + 4) / 1e6
    assert json.loads(json.dumps(result))["size"]["lanes"] == 3
    table = data.table(result).splitlines()
    assert len(table) == 2 + len(rows)
    assert len({line.count("|") for line in table}) == 1
