"""The table of measured values beside the paper's, with each interval drawn to scale."""

from __future__ import annotations

from collections.abc import Sequence

from sparse_rnn.report._html import Html, Node, join, table, tag
from sparse_rnn.report._quantities import Measurement
from sparse_rnn.report._words import interval, number

WIDTH, HEIGHT, EDGE = 176, 24, 8
"""Size of a drawn interval, and the room at its ends, in pixels."""

Domain = tuple[float, float]


def measured_table(measured: Sequence[Measurement], label: str) -> Html:
    """The table: a row a quantity.

    Args:
        measured: The quantities, at least one.
        label: What the table shows, for screen readers.
    """
    kinds = dict.fromkeys(_kind(one) for one in measured)
    domains = {kind: _domain([one for one in measured if _kind(one) == kind]) for kind in kinds}
    drawn = any(one.paper is not None or one.low is not None for one in measured)
    papers = any(one.paper is not None for one in measured)
    ends = any(one.low is not None for one in measured)
    seeds = any(one.n_seeds for one in measured)
    head: list[Node] = ["quantity", _right("measured"), *[_right("95 % interval")] * ends]
    head += [_right("paper")] * papers + [_right("seeds")] * seeds + [tag("td")] * drawn
    rows: list[Html] = []
    for one in measured:
        note = tag("span", one.note, class_="note") if one.note else None
        unit = f" {one.unit}" if one.unit else ""
        cells = [
            tag("th", one.name, note, scope="row"),
            _cell(number(one.value) + unit, "measured"),
        ]
        if ends:
            cells.append(_cell(interval(one), "95 %"))
        if papers:
            cells.append(_cell(number(one.paper), "paper"))
        if seeds:
            cells.append(_cell(str(one.n_seeds) if one.n_seeds else "", "seeds"))
        if drawn:
            cells.append(tag("td", _span(one, domains[_kind(one)]), class_="span"))
        rows.append(tag("tr", *cells))
    whole = table(tuple(head), rows, label=label, class_="stacked" if drawn else "stacked short")
    return join(whole, _key(papers=papers) if drawn else None)


def _kind(one: Measurement) -> tuple[str, bool]:
    """Quantities of one kind share a scale: those of a unit, and fractions among them."""
    return one.unit, all(0 <= value <= 1 for value in _values(one))


def _values(one: Measurement) -> list[float]:
    return [v for v in (one.value, one.low, one.high, one.paper) if v is not None]


def _domain(measured: Sequence[Measurement]) -> Domain:
    values = [value for one in measured for value in _values(one)]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _span(one: Measurement, domain: Domain) -> Html:
    """A mean as a dot, its interval as a line, and the paper's value as a diamond."""

    def x(value: float) -> str:
        share = (value - domain[0]) / (domain[1] - domain[0])
        return f"{EDGE + share * (WIDTH - 2 * EDGE):.1f}"

    middle = HEIGHT / 2
    parts = [tag("path", class_="axis", d=f"M0 {middle:g}H{WIDTH}")]
    if one.low is not None and one.high is not None:
        parts.append(tag("path", d=f"M{x(one.low)} {middle:g}H{x(one.high)}"))
    parts.append(tag("circle", cx=x(one.value), cy=f"{middle:g}", r="4"))
    if one.paper is not None:
        diamond = f"M{x(one.paper)} {middle - 5.5:g}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"
        parts.append(tag("path", class_="paper", d=diamond))
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", aria_hidden="true")


def _key(*, papers: bool) -> Html:
    def sign(*shapes: Html) -> Html:
        return tag("svg", *shapes, viewBox="0 0 14 14", aria_hidden="true")

    dot = tag("circle", cx="7", cy="7", r="4")
    line = tag("path", d="M0 7H14")
    diamond = tag("path", class_="paper", d="M7 1.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z")
    entries = [tag("span", sign(line, dot), " measured, with its interval", class_="span")]
    if papers:
        entries.append(tag("span", sign(diamond), " the paper", class_="span"))
    return tag("p", *entries, class_="key facts")


def _right(text: str) -> Html:
    return tag("th", text, scope="col", class_="number")


def _cell(text: str, label: str) -> Html:
    return tag("td", text or None, class_="number", data_label=label)
