"""The board: its charts, as one HTML file that asks for nothing beyond itself, and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sparse_rnn.config.protocol import BoardProtocol
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.report import _words as words
from sparse_rnn.report._html import Html, Node, document, join, table, tag
from sparse_rnn.report._markdown import escaped, filled, line
from sparse_rnn.report._scatter import Point, scatter
from sparse_rnn.training import standings
from sparse_rnn.training.entries import BoardEntry
from sparse_rnn.training.standings import COLUMNS, DASH, FIRST, NOT_COMPARABLE, short

TITLE = "The board"
DENSE = 0.5
"""Density from which on a network counts as dense in the charts."""

KINDS = ("sparse", "of unknown density", "dense")
_SERIES = (0, 1, 6)
DOT = "\N{BLACK CIRCLE}"

CHARTS: Mapping[str, str] = MappingProxyType(
    {
        "work": "work: multiply-adds of the training of a seed",
        "density": "density: recurrent synapses over units squared",
    }
)
"""Columns that performance is drawn against, with titles of their axes."""


def board_page(entries: Iterable[BoardEntry], *, title: str = TITLE, by: str = FIRST) -> str:
    """Show entries of the board: a table that is sorted by a click, charts, and all they say.

    Args:
        entries: Entries of one protocol, of different names.
        title: Title of the page.
        by: Column that the table is sorted by at first: one of "performance", "density", "work",
            "seconds", "weights", "units", "range", "search", "name".

    Returns:
        The HTML.

    Raises:
        InvalidArgument: There is no entry, two have one name, or they are of several protocols.
        UnknownName: There is no such column.
    """
    ordered = standings.standings(entries, by)
    numbers = {entry.name: number for number, entry in enumerate(ordered, 1)}
    rules = ordered[0].rules
    header = tag(
        "header",
        tag("h1", title),
        tag("p", _about(rules), class_="facts"),
        None if rules.comparable else tag("p", NOT_COMPARABLE, ".", class_="warning"),
        id="top",
    )
    charts = [
        tag("figure", Html(picture), tag("figcaption", _caption(ordered, column)), class_="scatter")
        for column, picture in board_charts(ordered, by=by).items()
    ]
    return document(
        title,
        header,
        tag(
            "main",
            _table(ordered, numbers, by),
            tag("p", KEY, class_="facts"),
            *charts,
            *(_entry(entry, numbers[entry.name]) for entry in ordered),
        ),
        script="board.js",
    )


KEY = (
    "Beside each point of the charts that has room stands the number of its row; the line through "
    "it goes from the lowest seed to the highest."
)


def board_charts(entries: Iterable[BoardEntry], *, by: str = FIRST) -> dict[str, str]:
    """Draw performance against work and against density.

    Args:
        entries: As for `board_page`.
        by: Column whose order numbers the points.

    Returns:
        SVG by column of the board; a chart that no entry has a place in is left out.

    Raises:
        InvalidArgument: As for `board_page`; so also UnknownName.
    """
    ordered = standings.standings(entries, by)
    levels = ordered[0].rules.floors
    found: dict[str, str] = {}
    for column, label in CHARTS.items():
        points = [
            Point(
                number,
                f"{entry.name}: performance {COLUMNS['performance'].text(entry)}, "
                f"{column} {COLUMNS[column].text(entry)}",
                float(x),
                *entry.performance,
                _SERIES[_kind(entry)],
            )
            for number, entry in enumerate(ordered, 1)
            if (x := COLUMNS[column].value(entry))
        ]
        if points:
            found[column] = scatter(points, (label, "performance"), levels, short)
    return found


def board_markdown(
    entries: Iterable[BoardEntry], *, by: str = FIRST, pictures: str | None = None, page: str = ""
) -> str:
    """Write the board as Markdown: a table, and its charts.

    Args:
        entries: As for `board_page`.
        by: Column that the table is sorted by.
        pictures: Address of the folder with the charts, ``work.svg`` and ``density.svg``; None for
            no charts.
        page: Address of the page of the same entries; "" for none.

    Raises:
        InvalidArgument: As for `board_page`, or an address is no text; so also UnknownName.
    """
    for argument, address in (("pictures", pictures or ""), ("page", page)):
        if not isinstance(address, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
            raise InvalidArgument(argument, address, "an address")
    ordered = standings.standings(entries, by)
    rules = ordered[0].rules
    head = ["", *COLUMNS]
    rows = [
        [str(number), *(escaped(COLUMNS[name].text(entry)) for name in COLUMNS)]
        for number, entry in enumerate(ordered, 1)
    ]
    lines = [line(head), line(["---:", *(_ruler(name) for name in COLUMNS)]), *map(line, rows)]
    parts = [filled(_about(rules))]
    if not rules.comparable:
        parts.append(filled(NOT_COMPARABLE + "."))
    parts.append("\n".join(lines))
    meanings = "; ".join(f"{name}: {one.about}" for name, one in COLUMNS.items() if one.about)
    parts.append(filled(f"Columns: {meanings}."))
    if page:
        parts.append(f"[The same as a page that sorts]({page}), with all that the entries say.")
    if pictures is not None:
        parts.append(filled(KEY))
        parts += [
            f"![{escaped(f'Performance against {column}')}]({pictures}/{column}.svg)"
            for column in board_charts(ordered, by=by)
        ]
    return "\n\n".join(parts) + "\n"


def _ruler(name: str) -> str:
    return "---" if name in ("name", "range") else "---:"


def _about(rules: BoardProtocol) -> str:
    tasks = len(rules.tasks)
    floors = "; ".join(f"{level:.3f} who {kind}" for kind, level in rules.floors.items())
    return (
        f"Protocol {rules.title}: {tasks} tasks, {rules.steps} updates of {rules.batch_size} "
        f"sequences of {rules.seq_len} steps, at least {rules.least_seeds} seeds. Performance is "
        "the share of trials that are right within 36 degrees at the end, with fixation kept "
        f"before, mean over tasks. Without learning: {floors}."
    )


def _kind(entry: BoardEntry) -> int:
    if entry.density is None:
        return 1
    return 2 if entry.density >= DENSE else 0


def _caption(entries: Sequence[BoardEntry], column: str) -> Html:
    shown = sorted({_kind(entry) for entry in entries if COLUMNS[column].value(entry)})
    left = sum(not COLUMNS[column].value(entry) for entry in entries)
    keys: list[Node] = [
        tag(
            "span",
            tag("span", "\N{BLACK CIRCLE}", class_=f"dot s{_SERIES[kind]}"),
            " ",
            KINDS[kind],
        )
        for kind in shown
    ]
    more = f" Not shown: {left} of unknown {column}." if left else ""
    return join(f"Performance against {column}. ", *keys, more)


def _table(entries: Sequence[BoardEntry], numbers: Mapping[str, int], by: str) -> Html:
    heads: list[Node] = [tag("th", "", scope="col")]
    for name, column in COLUMNS.items():
        first = "descending" if column.falling else "ascending"
        heads.append(
            tag(
                "th",
                tag("button", name, type="button", title=column.about),
                scope="col",
                data_first=first,
                aria_sort=first if name == by else None,
                class_=None if name in ("name", "range") else "number",
            )
        )
    rows = [tag("tr", *_cells(entry, numbers[entry.name])) for entry in entries]
    return table(tuple(heads), rows, label="Entries of the board", class_="board stacked")


def _cells(entry: BoardEntry, number: int) -> Iterable[Html]:
    yield tag("td", str(number), class_="number place")
    for name, column in COLUMNS.items():
        value, text = column.value(entry), column.text(entry)
        if name == "name":
            link = tag("a", text, href=f"#entry-{number}")
            yield tag(
                "th", link, tag("span", entry.method, class_="note"), scope="row", data_value=value
            )
        else:
            class_ = None if name == "range" else "number"
            blank = "" if value is None else str(value)
            yield tag("td", text, class_=class_, data_label=name, data_value=blank)


def _entry(entry: BoardEntry, number: int) -> Html:
    facts: list[Node] = []
    for name, text in _facts(entry).items():
        if text:
            facts += [tag("dt", name), tag("dd", text)]
    tasks = [
        tag(
            "tr",
            tag("th", task, scope="row"),
            tag("td", f"{sum(scores) / len(scores):.3f}", class_="number"),
            tag("td", f"{min(scores):.3f}{DASH}{max(scores):.3f}", class_="number"),
        )
        for task in entry.rules.tasks
        if (scores := [run.scores[task] for run in entry.finished])
    ]
    by_task = table(("task", "mean", "range"), tasks, label=f"{entry.name} by task", class_="short")
    return tag(
        "section",
        tag("div", tag("h2", f"{number}. {entry.name}", id=f"entry-{number}-title"), class_="head"),
        tag("dl", *facts),
        tag("details", tag("summary", "Scores by task"), by_task),
        id=f"entry-{number}",
        aria_labelledby=f"entry-{number}-title",
    )


def _facts(entry: BoardEntry) -> dict[str, Node]:
    settings = ", ".join(
        f"{name}={json.dumps(value)}" for name, value in entry.settings.items() if value is not None
    )
    command = tag("code", entry.command) if entry.command else None
    return {
        "method": entry.method,
        "updates": short(entry.mean("updates")),
        "command": command,
        "commits": ", ".join(map(words.commit, entry.commits)),
        "versions": ", ".join(f"{name} {one}" for name, one in entry.versions.items() if one),
        "machine": "; ".join(entry.machines),
        "settings": tag("code", settings) if settings else None,
    }
