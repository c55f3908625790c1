"""The study of initialisations, end to end with few steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.compare import initialisation
from benchmarks.compare.initialisation import ARCHITECTURES, InitResult
from sparse_rnn.nn.init import INITS


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The study sets the number of threads of its process, which here is that of all tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def rows(**values: list[float | None]) -> list[InitResult]:
    """A table in which autapses from some initialisations do as given, and all else at 0.5."""
    return [
        InitResult(
            name, init, values.get(init, [0.5]) if name == "autapse" else [0.5], [1.0], [1], [0.5]
        )
        for name in ARCHITECTURES
        for init in INITS
    ]


def test_the_verdict_says_what_overlaps() -> None:
    text = initialisation.verdict(rows(he=[0.8, 0.9], identity=[0.7, 0.85], torch=[None]))
    best = "Autapses 225 does best from he; within the range of its seeds: identity."
    assert best in text.splitlines()
    assert "From he: autapse > locality > dense." in text
    assert "From torch: locality > dense > autapse." in text


def test_the_table_tells_of_runs_that_diverged() -> None:
    text = initialisation.table(rows(he=[0.8, None], torch=[None, None]))
    assert "0.800 (0.800 to 0.800, 1 diverged)" in text
    assert "all 2 diverged" in text


@pytest.mark.slow
def test_the_study_leaves_a_table_and_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"batch_size": 2, "eval_every": 1, "eval_batches": 1, "final_batches": 2}
    monkeypatch.setattr(initialisation, "COMMON", {**initialisation.COMMON, **small})
    words = ["--out", str(tmp_path), "--steps", "2", "--seeds", "1"]
    assert initialisation.main(words) == 0
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "initialisation.json").read_text())
    assert len(record["rows"]) == len(ARCHITECTURES) * len(INITS)
    assert record["rows"][0]["steps"] == [1, 2]
    assert record["common"]["steps"] == 2
    assert "torch" in record["versions"]
    for init in INITS:
        assert init in printed
    assert (tmp_path / "initialisation.svg").stat().st_size > 10_000
