"""The command `sparse-rnn compare`: entries of the board side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.system.files import atomic_writer
from sparse_rnn.system.output import say
from sparse_rnn.training import standings
from sparse_rnn.training.entries import BoardEntry

PAGE = ".html"


def compare(
    entry: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(metavar="ENTRY", help="File of an entry, or a folder of them."),
    ],
    more: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="[ENTRY ...]", help="More of them.", help_behavior_hint="(optional)"),
    ] = (),
    *,
    out: Annotated[
        Path | None,
        tyro.conf.arg(aliases=("-o",), help=f"Also write a page ({PAGE}) with charts."),
    ] = None,
    by: Annotated[
        str, tyro.conf.arg(help="Sort by: " + ", ".join(standings.COLUMNS) + ".")
    ] = standings.FIRST,
) -> None:
    """Compare networks that kept the protocol of the board: a table, and a page.

    An entry is a JSON file that sparse_rnn.board_entry makes of finished runs. The page is one file
    that needs no network; its table is sorted by a click.
    """
    if by not in standings.COLUMNS:
        raise unknown_name("--by", by, standings.COLUMNS, "a column of the board")
    if out is not None and (out.suffix.lower() != PAGE or not out.parent.is_dir()):
        allowed = f"a file name that ends in {PAGE}, in a folder that exists"
        raise InvalidArgument("--out", str(out), allowed)
    entries = [BoardEntry.read(path) for path in _files((entry, *more))]
    say(standings.told(entries, by))
    if out is None:
        return

    from sparse_rnn.report import board_page  # matplotlib is slow to import

    text = board_page(entries, by=by)
    with atomic_writer(out) as file:
        file.write(text)
    say(f"Board: {out}")


def _files(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: those of a folder in the order of their names."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise InvalidArgument("ENTRY", str(path), "a file, or a folder with files *.json")
        found += inside
    return found
