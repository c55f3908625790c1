"""Tables that fold on a narrow window: each cell carries the heading of its column."""

from __future__ import annotations

import html
import re

TABLE = re.compile(r"<table>.*?</table>", re.S)
WIDE = 3
"""Columns from which on a table folds; two stand side by side on a phone."""

MATRIX = 12
"""Columns from which on the headings of a table stand upright, so that all fit."""


def folding(page: str) -> str:
    """Mark the wide tables of an HTML page and label their cells, for `assets/site.css`.

    A number and its unit stay on one line.
    """
    page = re.sub(r"(<td\b[^>]*>[\d.,]+) (\w{1,2}</td>)", r"\1&nbsp;\2", page)
    return TABLE.sub(_folding, page)


def _folding(table: re.Match[str]) -> str:
    headings = [
        html.escape(html.unescape(re.sub(r"<[^>]+>", "", cell)).strip())
        for cell in re.findall(r"<th\b[^>]*>(.*?)</th>", table[0], flags=re.S)
    ]
    if len(headings) < WIDE:
        return table[0]
    cells = iter(headings * table[0].count("<tr>"))
    labelled = re.sub(r"<td\b", lambda _: f'<td data-label="{next(cells)}"', table[0])
    kind = "matrix" if len(headings) >= MATRIX else ""
    return labelled.replace("<table>", f'<table data-folds="{kind}">', 1)
