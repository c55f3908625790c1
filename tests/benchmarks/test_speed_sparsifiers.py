"""The cost of changing synapses: what is measured, and that it is small."""

import json
from pathlib import Path

import pytest

import sparse_rnn as srnn
from benchmarks.speed import sparsifiers

RESULTS = Path(sparsifiers.__file__).parents[1] / "results" / "sparsifiers.json"


@pytest.mark.slow
def test_all_methods_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.json"
    arguments = ["--repeats", "1", "--seq-len", "40", "--networks", "N=400, 3.3 %"]
    assert sparsifiers.main([*arguments, "-o", str(output)]) == 0
    lines = json.loads(output.read_text())["lines"]
    assert [line["method"] for line in lines] == list(srnn.sparsify.CHANGING)
    assert "every 100 steps" in capsys.readouterr().out


def test_a_change_adds_at_most_a_tenth() -> None:
    lines = json.loads(RESULTS.read_text())["lines"]
    assert {line["network"] for line in lines} == set(sparsifiers.NETWORKS)
    assert all(line["added"] <= sparsifiers.MOST for line in lines)
