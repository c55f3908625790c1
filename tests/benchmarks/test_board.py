"""The first rows of the board: their sizes, and pages that are those of the entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from benchmarks.compare import _entries as rivals, board
from benchmarks.paper._arms import Results

LAPTOP, DOCS = board.BOARDS["laptop"], board.ROOT / "docs"
ENDS = (117, 17)


@pytest.mark.parametrize("row", board.rows(LAPTOP), ids=lambda row: row.name)
def test_rows_have_equal_weights_and_keep_the_protocol(row: board.Row) -> None:
    config = srnn.TrainConfig(**row.settings)
    net = srnn.Network(*ENDS, config.build_mask(), **config.network_options())
    total = net.weight_counts()["total"]
    mask = net.rnn.mask
    assert total == board.weights(row.cell, mask.n_units, mask.nnz // mask.n_units, ENDS)
    assert total == pytest.approx(73_200, rel=0.01)
    assert {name: getattr(config, name) for name in srnn.board_protocol().settings} == (
        srnn.board_protocol().settings
    )


@pytest.mark.parametrize("cell", board.CELLS)
@pytest.mark.parametrize("wanted", [2_000, 31_234, 73_200])
def test_no_other_size_comes_nearer(cell: str, wanted: int) -> None:
    def away(n_units: int, in_degree: int) -> int:
        return abs(board.weights(cell, n_units, in_degree, ENDS) - wanted)

    n_dense = board.dense_units(cell, wanted, ENDS)
    assert away(n_dense, n_dense) == min(away(n, n) for n in range(1, 400))
    a, b = board.sheet(cell, wanted, 13, ENDS, least=5)
    sheets = [(a, b) for a in range(5, 40) for b in range(a, int(1.5 * a) + 1)]
    assert away(a * b, 13) == min(away(a * b, 13) for a, b in sheets)
    assert 5 <= a <= b <= 1.5 * a


def test_the_plan_is_the_search_first(tmp_path: Path) -> None:
    results, scale = Results(tmp_path), board.scale_of("laptop", LAPTOP)
    wanted = list(board.missing(LAPTOP, results, scale))
    assert len(wanted) == 8 * len(LAPTOP.rates) * len(LAPTOP.factors)
    assert {config.seed for config in wanted}.isdisjoint(range(LAPTOP.n_seeds))
    assert board.planned(LAPTOP, results, scale) < 60


def test_the_page_is_that_of_the_entries() -> None:
    entries = [srnn.BoardEntry.read(path) for path in sorted(board.ENTRIES.glob("*.json"))]
    for path, text in board.pages(entries, DOCS).items():
        again = "python -m benchmarks.compare.board --scale laptop --pages --docs docs"
        assert path.read_text(encoding="utf-8") == text, (
            f"{path} is older than its entries: {again}"
        )


@pytest.mark.slow
def test_rows_are_trained_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(board, "CELLS", {"vanilla": {"cell": "vanilla"}})
    docs, runs = tmp_path / "docs", tmp_path / "runs"
    docs.mkdir()
    (docs / "board.md").write_text(f"# Board\n\n{board.BEGIN}old{board.END}\nafter\n")
    words = ["--runs", str(runs), "--docs", str(docs), "--workers", "0"]
    assert board.main([*words, "--finished"]) == 0
    assert "not finished: vanilla, dense, vanilla, local" in capsys.readouterr().out
    assert "no entry yet" in (docs / "board.md").read_text()
    assert board.main(words) == 0
    entry = srnn.BoardEntry.read(runs / "board" / "vanilla-local.json")
    assert entry.search_updates == 2 * 5
    text = (docs / "board.md").read_text()
    assert "vanilla, local" in text
    assert text.endswith("\nafter\n")
    assert {path.name for path in docs.rglob("*.*")} == {
        *("board.md", "board.html", "board-entry.schema.json", "work.svg", "density.svg")
    }
    _rivals_are_entered_where_they_have_seeds(runs, monkeypatch, capsys)
    before = text
    assert board.main(["--pages", *words]) == 0
    assert (docs / "board.md").read_text() == before


def _rivals_are_entered_where_they_have_seeds(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke = board.BOARDS["smoke"]
    results, scale = Results(runs), board.scale_of("smoke", smoke)
    arm = board.rows(smoke)[0].arm(results, scale)
    assert arm is not None
    folders = [run.folder for run in results.arm(arm, scale)]

    def told(method: Any, place: Any, *_: Any) -> dict[str, Any] | None:
        n = {"set": 3, "dense": 3, "rigl": 2}.get(method.name, 0)
        name = rivals.name_of(method, place)
        return {"name": name, "method": "one", "runs": folders[:n]} if n else None

    monkeypatch.setattr(rivals, "entry", told)
    folder = runs / "rivals"
    words = ["--finished", "--runs", str(runs), "--rivals", str(runs), "--entries", str(folder)]
    assert board.main(words) == 0
    printed = capsys.readouterr().out
    assert "No entry of rigl, N=16, 31.25 %: runs" in printed
    assert "No entry of snip, N=16, 31.25 %: no run of its own" in printed
    named = [srnn.BoardEntry.read(path).name for path in folder.glob("set-*.json")]
    assert len(named) == 3  # at both densities, and at the larger size
    # One at each size: no density is its own.
    assert {path.name for path in folder.glob("dense-*")} == {"dense-n-16.json", "dense-n-25.json"}
