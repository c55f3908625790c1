"""Interactive charts: their data in the page, which the script of the page draws."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparse_rnn.report._html import Html, data_link, join, tag
from sparse_rnn.report._quantities import Curve
from sparse_rnn.system.output import in_cell, plain
from sparse_rnn.system.palette import series_of

COLUMNS = ("panel", "curve", "x", "mean", "low", "high")
"""Columns of the table of a chart's values; low and high are empty where there is one seed."""


@dataclass(frozen=True)
class Panel:
    """Curves that share axes.

    Attributes:
        curves: The curves; the first says what the axes are.
        references: Labels and heights of horizontal lines.
        log: Whether the y axis is logarithmic; it is not where a value is not above 0.
        marks: Positions on the x axis that are marked on a curve, by its name.
    """

    curves: tuple[Curve, ...]
    references: tuple[tuple[str, float], ...] = ()
    log: bool = False
    marks: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])


def panels_of(curves: Iterable[Curve]) -> tuple[Panel, ...]:
    """Put curves of the same panel together, in the order of their first appearance."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(curve.panel, []).append(curve)
    return tuple(Panel(tuple(group)) for group in groups.values())


def charts(panels: Sequence[Panel], file_name: str) -> Html:
    """Charts side by side, and a link to their values.

    Args:
        panels: A chart each. Curves of one name have one colour in all of them, that of the family
            of the first one.
        file_name: Name of the table of values, without its ending.
    """
    families: dict[str, str] = {}
    for panel in panels:
        for curve in panel.curves:
            families.setdefault(curve.name, curve.family)
    colors = dict(zip(families, series_of([*families.values()]), strict=True))
    figures = [_figure(panel, colors) for panel in panels]
    link = data_link(_values(panels), "text/csv", f"{file_name}.csv", "values of the curves (CSV)")
    bands = any(curve.low for panel in panels for curve in panel.curves)
    note = "Bands: 95 % interval of the mean over seeds. " if bands else ""
    hint = "Point at a chart, or focus it and use the arrow keys, to read values; a name above it "
    hint += "shows or hides its curve. "
    return join(
        tag("div", *figures, class_="charts"),
        tag("figcaption", note, tag("span", hint, link, class_="downloads")),
    )


def _figure(panel: Panel, colors: Mapping[str, int]) -> Html:
    first = panel.curves[0]
    data: dict[str, Any] = {
        "title": plain(first.panel or first.y_label),
        "x_label": first.x_label,
        "y_label": first.y_label,
        "series": [
            _series(curve, colors[curve.name]) | _marked(panel.marks.get(curve.name, ()))
            for curve in panel.curves
        ],
        "references": [{"label": label, "value": value} for label, value in panel.references],
    }
    lowest = min(min(curve.low or curve.mean) for curve in panel.curves)
    data["log"] = panel.log and lowest > 0
    block = tag("script", _json(data), type="application/json")
    fallback = tag("noscript", tag("p", "The chart needs JavaScript; its values are linked below."))
    title = tag("h3", first.panel) if first.panel else None
    return tag("figure", title, tag("div", block, fallback, class_="chart"))


def _series(curve: Curve, color: int) -> dict[str, Any]:
    series: dict[str, Any] = {
        "name": plain(curve.name),
        "color": color,
        "x": curve.x,
        "mean": curve.mean,
    }
    if curve.low is not None:
        series |= {"low": curve.low, "high": curve.high}
    return series


def _marked(positions: Sequence[int]) -> dict[str, Any]:
    return {"marks": list(positions)} if positions else {}


def _json(data: Any) -> Html:
    """JSON that ends no script element: whatever could is written as an escape of JSON."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(text)


def _values(panels: Iterable[Panel]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for panel in panels:
        for curve in panel.curves:
            blank = [""] * len(curve.x)
            columns = (curve.x, curve.mean, curve.low or blank, curve.high or blank)
            for numbers in zip(*columns, strict=True):
                writer.writerow([in_cell(curve.panel), in_cell(curve.name), *numbers])
    return text.getvalue().encode()
