"""The board: order, table, page, charts, and the command that shows them."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

from sparse_rnn.cli import main
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.report import board_charts, board_markdown, board_page
from sparse_rnn.report._scatter import HEIGHT, WIDTH, Point, scatter, ticks
from sparse_rnn.training.standings import COLUMNS, standings, told
from tests.browser import PHONE, Visit, scrolls_sideways
from tests.sparse_rnn.entries_made import made_entry, run_record
from tests.sparse_rnn.findings_made import HOSTILE
from tests.sparse_rnn.reading_html import read_page

SPARSE = made_entry(0.7, 0.8, 0.9, name="sparse")
DENSE = made_entry(
    name="Dense", runs=[run_record(x, density=1.0, work=9 * 10**12) for x in (0.1, 0.3, 0.5)]
)
OWN = made_entry(
    name="own",
    method=HOSTILE,
    runs=[run_record(0.5, density=None), None, *[run_record(0.6, density=None)] * 2],
    n_units=None,
    settings={"lr": 0.1, "note": HOSTILE},
    search_updates=400,
)
ALL = (DENSE, SPARSE, OWN)


def _names(by: str) -> list[str]:
    return [entry.name for entry in standings(ALL, by)]


def test_the_best_come_first_and_the_cheapest_and_what_is_not_known_last() -> None:
    assert _names("performance") == ["sparse", "own", "Dense"]
    assert _names("density") == ["sparse", "Dense", "own"]
    assert _names("search") == ["own", "Dense", "sparse"]
    assert _names("name") == ["Dense", "own", "sparse"]
    assert _names("work") == ["own", "sparse", "Dense"]


def test_a_board_has_one_protocol_and_each_name_once() -> None:
    other = made_entry(name="other")
    with pytest.raises(InvalidArgument, match="of different names; got"):
        standings([SPARSE, SPARSE, other])
    with pytest.raises(InvalidArgument, match="at least one"):
        standings([])
    tasks = dict.fromkeys(_cog_tasks(), 0.5)
    longer = made_entry(
        name="longer", protocol="cog-20", runs=[run_record(scores=tasks) for _ in range(3)]
    )
    with pytest.raises(InvalidArgument, match="of one protocol"):
        standings([SPARSE, longer])
    with pytest.raises(UnknownName, match="Did you mean 'seconds'"):
        standings([SPARSE], "second")


def _cog_tasks() -> tuple[str, ...]:
    import sparse_rnn as srnn

    return srnn.board_protocol("cog-20").tasks


def test_the_terminal_says_range_and_what_diverged() -> None:
    text = told(ALL)
    assert "0.700\N{EN DASH}0.900 (3 seeds)" in text
    assert "0.500\N{EN DASH}0.600 (3 seeds, 1 diverged)" in text
    assert "not comparable" in text
    assert text.splitlines()[1].startswith("sparse")


def test_the_page_shows_all_that_entries_say_and_escapes_it() -> None:
    page = read_page(board_page(ALL, title=HOSTILE))
    (table,) = page.all("table", class_="board")
    heads = [head.text for head in table.all("button")]
    assert heads == list(COLUMNS)
    names = [row.all("th")[0].all("a")[0].text for row in table.all("tr")[1:]]
    assert names == ["sparse", "own", "Dense"]
    assert [head.attributes.get("aria-sort") for head in table.all("th")].count("descending") == 1
    assert len(page.all("figure", class_="scatter")) == 2
    assert len(page.all("script")) == 1
    assert "Not shown: 1 of unknown density" in page.text
    assert "0.100" in page.text


def test_charts_number_the_rows_of_the_table() -> None:
    charts = board_charts(ALL)
    assert list(charts) == ["work", "density"]
    for chart, n_points in ((charts["work"], 3), (charts["density"], 2)):
        root = ElementTree.fromstring(chart)
        groups = root.findall("{*}g")
        assert len(groups) == n_points
        for group in groups:
            title, number = group.find("{*}title"), group.find("{*}text")
            assert title is not None
            assert number is not None
            place = int(number.text or "0")
            assert (title.text or "").startswith(standings(ALL)[place - 1].name)
    assert list(board_charts([OWN])) == ["work"]


@given(
    places=st.lists(
        st.tuples(st.sampled_from((1.0, 1.02, 30.0)), st.floats(0, 1)), min_size=1, max_size=40
    )
)
def test_numbers_of_crowded_points_do_not_meet(places: list[tuple[float, float]]) -> None:
    points = [Point(i, str(i), x, y, y, y, 0) for i, (x, y) in enumerate(places, 1)]
    root = ElementTree.fromstring(scatter(points, ("x", "y"), {"floor": 0.3}, str))
    boxes: list[tuple[float, float, float]] = []
    for text in root.findall("{*}g/{*}text"):
        x, y, wide = float(text.get("x", "")), float(text.get("y", "")), 7 * len(text.text or "")
        boxes.append((x, x + wide, y) if text.get("text-anchor") == "start" else (x - wide, x, y))
    assert all(left > 0 and right < WIDTH and 0 < y < HEIGHT for left, right, y in boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or abs(one[2] - other[2]) > 10.8
    assert len(boxes) == len(places) or len(places) > 12  # a dozen always has room


@pytest.mark.parametrize(("low", "high"), [(1e-9, 1e9), (0.9, 1.1), (3, 4), (1e12, 2e12), (19, 21)])
def test_ticks_lie_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert all(low <= tick <= high for tick in found)
    assert len(found) >= 3
    assert all(abs(float(f"{tick:.3g}") - tick) <= 1e-9 * tick for tick in found)  # round numbers


def test_markdown_has_a_row_an_entry() -> None:
    text = board_markdown(ALL, pictures="pictures", page="page.html")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(ALL)
    assert rows[2].startswith("| 1 | sparse | 20 | 500 | 0.25 | 0.800 |")
    assert "](pictures/work.svg)" in text
    assert "](page.html)" in text
    assert "not comparable" in text
    assert "pictures" not in board_markdown(ALL)


def test_the_command_shows_files_and_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "entries"
    folder.mkdir()
    DENSE.write(folder / "dense.json")
    SPARSE.write(folder / "sparse.json")
    OWN.write(tmp_path / "own.json")
    words = ["compare", str(tmp_path / "own.json"), str(folder), "--by", "density"]
    assert main([*words, "--out", str(tmp_path / "board.html")]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["sparse", "Dense", "own"]
    assert (tmp_path / "board.html").read_text() == board_page((OWN, DENSE, SPARSE), by="density")


@pytest.mark.parametrize(
    ("words", "told_of"),
    [
        (["own.json", "--by", "speed"], "--by must be the name of a column"),
        (["own.json", "--out", "board.pdf"], "--out must be a file name that ends in .html"),
        (["own.json", "--out", "none/board.html"], "--out must be a file name"),
        (["empty"], "ENTRY must be a file, or a folder with files"),
        (["broken.json"], "broken.json holds no entry of the board"),
        (["absent.json"], "absent.json"),
        (["own.json", "own.json"], "of different names"),
    ],
)
def test_what_the_command_refuses(
    words: list[str],
    told_of: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text('{"format": "none"}')
    OWN.write(tmp_path / "own.json")
    assert main(["compare", *words]) == 2
    assert told_of in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.parametrize("options", [{}, {"size": PHONE}, {"color_scheme": "dark"}], ids=str)
def test_a_click_sorts_and_nothing_is_wider_than_the_window(
    tmp_path: Path, visit: Visit, options: dict[str, object]
) -> None:
    path = tmp_path / "board.html"
    path.write_text(board_page(ALL), encoding="utf-8")
    page = visit(path.as_uri(), **options)  # pyright: ignore[reportArgumentType] - as `visit` has them
    shown = page.locator(".board tbody th a")
    for name, order in (
        ("density", ["sparse", "Dense", "own"]),
        ("density", ["Dense", "sparse", "own"]),
        ("name", ["Dense", "own", "sparse"]),
        ("performance", ["sparse", "own", "Dense"]),
    ):
        page.get_by_role("button", name=name, exact=False).first.click()
        assert shown.all_text_contents() == order
    assert not scrolls_sideways(page)
