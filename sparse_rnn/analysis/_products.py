"""What an analysis leaves behind: a sentence, numbers, tables and figures, and their files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparse_rnn.system.files import atomic_path, atomic_writer
from sparse_rnn.system.output import in_cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
"""Formats that each figure is written in."""


@dataclass(frozen=True)
class Table:
    """A table with a name for each column.

    Attributes:
        columns: The names.
        rows: The rows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Picture:
    """A figure with what its reader should know.

    Attributes:
        figure: The figure.
        shows: One sentence: what one sees.
        hides: One sentence: what it does not show.
    """

    figure: Figure
    shows: str
    hides: str


@dataclass(frozen=True)
class Product:
    """What one analysis found.

    Attributes:
        summary: One sentence.
        facts: Numbers in JSON types.
        tables: Tables by name.
        pictures: Figures by name.
    """

    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tables: Mapping[str, Table] = field(default_factory=dict[str, Table])
    pictures: Mapping[str, Picture] = field(default_factory=dict[str, Picture])

    def write(self, folder: Path) -> list[str]:
        """Write tables and figures to a folder, each whole or not at all.

        Returns:
            The names of the files.
        """
        names: list[str] = []
        for name, table in self.tables.items():
            names.append(f"{name}.csv")
            with atomic_writer(folder / names[-1]) as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(table.columns)
                writer.writerows(
                    [in_cell(one) if isinstance(one, str) else one for one in row]
                    for row in table.rows
                )
        for name, picture in self.pictures.items():
            figure = picture.figure
            for kind in FORMATS:
                names.append(f"{name}.{kind}")
                # The date would make two files of one figure differ.
                metadata = {"Date": None} if kind == "svg" else None
                with atomic_path(folder / names[-1]) as temporary:
                    figure.savefig(temporary, format=kind, dpi=150, metadata=metadata)
                # The first format has settled the layout, which takes longer than the drawing.
                figure.set_layout_engine("none")
        return names
