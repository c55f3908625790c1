"""Entries of one board side by side: what stands in which column, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.training.entries import BoardEntry

DASH = "\N{EN DASH}"
"""Stands for what is not known."""

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """One column of the board.

    Attributes:
        value: What is sorted by; None comes last.
        text: What is shown.
        about: What it means, where its name does not say it.
        falling: Whether the largest value comes first.
    """

    value: Callable[[BoardEntry], Value]
    text: Callable[[BoardEntry], str]
    about: str = ""
    falling: bool = False


def short(value: float | None) -> str:
    r"""A number in three digits with a letter for thousands; a dash for None.

    Example:
        >>> short(282_500), short(1.234e12), short(12), short(0.0335), short(None)
        ('282 k', '1.23 T', '12', '0.0335', '\u2013')
    """
    if value is None:
        return DASH
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{_digits(value / size)} {letter}"
    return _digits(value)


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _range(entry: BoardEntry) -> str:
    _, low, high = entry.performance
    lost = len(entry.runs) - len(entry.finished)
    diverged = f", {lost} diverged" if lost else ""
    return f"{low:.3f}{DASH}{high:.3f} ({len(entry.finished)} seeds{diverged})"


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "name": Column(lambda entry: entry.name.lower(), lambda entry: entry.name),
        "units": Column(
            lambda entry: entry.n_units, lambda entry: short(entry.n_units), "recurrent units"
        ),
        "weights": Column(
            lambda entry: entry.mean("weights"),
            lambda entry: short(entry.mean("weights")),
            "weights at the end, biases left out",
        ),
        "density": Column(
            lambda entry: entry.density,
            lambda entry: short(entry.density),
            "recurrent synapses over units squared, at the end",
        ),
        "performance": Column(
            lambda entry: entry.performance[0],
            lambda entry: f"{entry.performance[0]:.3f}",
            "mean over tasks and seeds",
            falling=True,
        ),
        "range": Column(
            lambda entry: entry.performance[1],
            _range,
            "least and most of a seed",
            falling=True,
        ),
        "work": Column(
            lambda entry: entry.mean("work"),
            lambda entry: short(entry.mean("work")),
            "multiply-adds of the training of a seed",
        ),
        "seconds": Column(
            lambda entry: entry.mean("seconds"),
            lambda entry: short(entry.mean("seconds")),
            "seconds of the training of a seed, on the machine of the entry",
        ),
        "search": Column(
            lambda entry: entry.search_updates,
            lambda entry: short(entry.search_updates),
            "updates of the search for the settings, in all",
        ),
    }
)
"""The columns by name, in order."""

FIRST = "performance"
"""What the board is sorted by where nobody says otherwise."""


def standings(entries: Iterable[BoardEntry], by: str = FIRST) -> tuple[BoardEntry, ...]:
    """Put entries in the order of a column; equal ones by their names.

    Raises:
        UnknownName: There is no such column.
        InvalidArgument: There is no entry, two have one name, or they are of several protocols.
    """
    if by not in COLUMNS:
        raise unknown_name("by", by, COLUMNS, "a column of the board")
    listed = check(entries)
    column = COLUMNS[by]
    named = sorted(listed, key=lambda entry: entry.name.lower())
    known = [entry for entry in named if column.value(entry) is not None]
    blank = [entry for entry in named if column.value(entry) is None]
    ordered = sorted(known, key=lambda entry: _known(column.value(entry)), reverse=column.falling)
    return (*ordered, *blank)


def _known(value: Value) -> tuple[float, str]:
    return (0.0, value) if isinstance(value, str) else (value or 0.0, "")


def check(entries: Iterable[BoardEntry]) -> Sequence[BoardEntry]:
    """Refuse entries that no board shows together.

    Raises:
        InvalidArgument: There is no entry, two have one name, or they are of several protocols.
    """
    listed = list(entries)
    if not listed or not all(isinstance(one, BoardEntry) for one in listed):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        raise InvalidArgument("entries", listed, "at least one BoardEntry")
    names = [entry.name for entry in listed]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InvalidArgument("entries", twice, "of different names")
    protocols = list(dict.fromkeys(entry.rules.title for entry in listed))
    if len(protocols) > 1:
        raise InvalidArgument("entries", protocols, "of one protocol; a board has one")
    return listed


def told(entries: Iterable[BoardEntry], by: str = FIRST) -> str:
    """The board as plain text, a line an entry.

    Raises:
        UnknownName: There is no such column; so also InvalidArgument, as in `standings`.
    """
    ordered = standings(entries, by)
    shown = [name for name in COLUMNS if name not in ("units", "search")]
    rows = [shown, *([COLUMNS[name].text(entry) for name in shown] for entry in ordered)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(shown))]
    lines = [
        "  ".join(
            cell.ljust(width) if name in ("name", "range") else cell.rjust(width)
            for name, cell, width in zip(shown, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    rules = ordered[0].rules
    floors = ", ".join(f"{level:.3f} who {kind}" for kind, level in rules.floors.items())
    notes = [f"Protocol {rules.title}. Performance without learning: {floors}."]
    if not rules.comparable:
        notes.append(f"{NOT_COMPARABLE}.")
    return "\n".join([*lines, *notes])


NOT_COMPARABLE = "This protocol is for trying things out: its scores are not comparable"
