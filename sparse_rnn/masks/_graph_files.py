"""Graphs from files: GraphML, tables of edges, and matrices as text."""

from __future__ import annotations

import ast
import csv
import os
import re
from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO
from xml.etree.ElementTree import ParseError

import numpy as np

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _worm as worm
from sparse_rnn.masks._columns import Asked, Columns, find, numbered, unknown
from sparse_rnn.masks._edges import Edges
from sparse_rnn.masks._frames import in_order
from sparse_rnn.masks._networkx import of_networkx
from sparse_rnn.masks._sizes import MAX_SYNAPSES
from sparse_rnn.system.files import open_given

GRAPHML = (".graphml", ".xml")
TABLES = (".csv", ".tsv", ".txt")
LISTS = (".edges", ".edgelist", ".el")
"""These are lists of edges in any case, whereas a table may be a matrix."""

MAX_LINE = 2**24
"""Characters of a line; more are no table of numbers or names."""

_SAMPLE = 50
"""Lines that tell how the cells of a table are separated."""

_OTHER = re.compile(r"%%MatrixMarket|^%\s*(sym|bip)\b|\bundirected\b", re.IGNORECASE)
"""Comments of formats, or of graphs, that a table of directed edges would misread."""

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,30})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\d+[.,]\d*|[.,]?\d+)(e[-+]?\d+)?|nan", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[-+]?\d*,\d+(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)


def read(path: Path, asked: Asked) -> tuple[Edges, str]:
    """Read a graph from a file; its name says whether it is GraphML.

    Returns:
        The edges, and what the log should say of how they were read, or "".

    Raises:
        InvalidArgument: The kind is unknown, or the file cannot be read as one of it.
    """
    kind = path.suffix.lower()
    if kind not in (*GRAPHML, *TABLES, *LISTS):
        known = ", ".join((*GRAPHML, *TABLES, *LISTS))
        raise InvalidArgument("graph", str(path), f"a file whose name ends in {known}")
    import networkx as nx  # slow to import, and few masks need it

    try:
        with open_given(path) as file:
            if kind in GRAPHML:
                return of_networkx(nx.read_graphml(file), asked), ""
            with _text(file) as text:
                return _Table(path, text, asked, listed=kind in LISTS).read()
    except InvalidArgument:
        raise
    except OSError as error:
        why = f"({error.strerror or error})"
        raise InvalidArgument("graph", str(path), "a file that can be read", why) from error
    # networkx reads a damaged GraphML file to whichever of these its first missing part leads.
    except (
        ParseError,
        nx.NetworkXException,
        csv.Error,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        allowed = f"a readable {kind} file"
        raise InvalidArgument("graph", str(path), allowed, f"({error})") from error


def _text(file: BinaryIO) -> TextIO:
    return os.fdopen(file.fileno(), encoding="utf-8-sig", newline="", closefd=False)


class _Table:
    """A table that is being read, a line at a time.

    Args:
        path: The file, for messages.
        file: The open file.
        asked: Columns that the caller names.
        listed: Whether it is a list of edges in any case.
    """

    def __init__(self, path: Path, file: TextIO, asked: Asked, *, listed: bool) -> None:
        self.path = path
        self.asked = asked
        self.listed = listed
        self.line = 0
        self._content = self._lines(file)

    def read(self) -> tuple[Edges, str]:
        """Read it as what it is."""
        sample = list(islice(self._content, _SAMPLE))
        if not sample:
            raise InvalidArgument("graph", str(self.path), "a graph with at least one node")
        rows = self._rows(sample, self._delimiter([line for _, line in sample]))
        first = next(rows)
        width = len(first)
        if worm.has_head(first):
            return worm.read(self._numbered(rows, width), self.asked)
        if self.asked.by_number:
            return self._edges(chain([first], rows), width, numbered(width, self.asked))
        columns = find(first, self.asked)
        if columns is not None:
            return self._edges(rows, width, columns)
        if width < 2:
            raise self._wrong(f"Line {self.line} has not.")
        labelled = first[0] == ""
        if labelled or (width > 3 and not self.listed):
            return self._matrix(first, rows, labelled=labelled)
        if width > 3 or (width == 3 and not _is_number(first[2])):
            raise unknown(first)
        if self.asked.weight is not None:
            raise unknown(first, "(weight alone is not enough here.)")
        return self._headless(first, rows)

    def _numbered(
        self, rows: Iterator[list[str]], width: int
    ) -> Iterator[tuple[int, Sequence[object]]]:
        for cells in rows:
            if len(cells) != width:
                raise self._wrong(f"Line {self.line} has not.")
            yield self.line, cells

    def _headless(self, first: list[str], rows: Iterator[list[str]]) -> tuple[Edges, str]:
        """Two or three columns without known names: source, target and, if it is there, weight."""
        width = len(first)
        columns = Columns(0, 1, 2 if width == 3 else None)
        edges, told = self._edges(chain([first], rows), width, columns)
        by_number = all(isinstance(node, int) for node in edges.nodes)
        if not self.listed and by_number and len(edges.sources) == width:
            remedy = "For edges give source=0 and target=1; load a matrix and give the array."
            found = f"{width} lines of {width} numbers"
            raise InvalidArgument("graph", found, "told whether edges or a matrix", remedy)
        if not by_number:
            # The names of columns are no nodes of any edge.
            ends = np.stack([edges.sources, edges.targets])
            if not np.isin(ends[:, 1:], ends[:, 0]).any():
                raise unknown(first, "If that is no head, give source=0 and target=1.")
        return edges, told

    def _edges(self, rows: Iterator[list[str]], width: int, columns: Columns) -> tuple[Edges, str]:
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        sources, targets, weights = array("q"), array("q"), array("d")
        at_source, at_target, at_weight = columns.source, columns.target, columns.weight
        for cells in rows:
            if len(cells) != width or not cells[at_source] or not cells[at_target]:
                raise self._wrong(f"Line {self.line} has not.")
            sources.append(numbers[cells[at_source]])
            targets.append(numbers[cells[at_target]])
            if at_weight is not None:
                weights.append(self._number(cells[at_weight]))
            if len(sources) > MAX_SYNAPSES:
                raise InvalidArgument("graph", str(self.path), f"of at most {MAX_SYNAPSES} edges")
        for name in numbers:
            if _FLOAT.fullmatch(name) and not _WHOLE.fullmatch(name) and not name.isdecimal():
                remedy = "Floats lose the last digits of long ids, as in spreadsheets."
                raise InvalidArgument("graph", f"the node {name!r}", "whole numbers", remedy)
        nodes: list[Hashable] = list(numbers)
        if all(_WHOLE.fullmatch(name) for name in numbers):
            nodes = [int(name) for name in numbers]
        found = in_order(
            nodes,
            np.array(sources, dtype=np.int64),
            np.array(targets, dtype=np.int64),
            None if at_weight is None else np.array(weights, dtype=np.float64),
        )
        return found, columns.told

    def _matrix(
        self, first: list[str], rows: Iterator[list[str]], *, labelled: bool
    ) -> tuple[Edges, str]:
        """A square matrix, with the names of the nodes above and beside it or without."""
        n = len(first) - labelled
        names: list[str] = []
        values = array("d")
        for cells in rows if labelled else chain([first], rows):
            if len(cells) != n + labelled or len(values) == n * n:
                raise unknown(first, f"It is no square matrix either: see line {self.line}.")
            if labelled:
                names.append(cells[0])
            if not names and not values and not all(map(_is_number, cells)):
                raise unknown(first)
            values.extend(map(self._number, cells[labelled:]))
        if len(values) != n * n or (labelled and names != first[1:]):
            raise unknown(first, "It is no square matrix either.")
        if labelled and len(set(names)) < n:
            raise InvalidArgument("graph", str(self.path), "a matrix of different nodes")
        matrix = np.array(values).reshape(n, n)
        targets, sources = np.nonzero(matrix)
        nodes: Sequence[Hashable] = names if labelled else range(n)
        told = f"read as a matrix {[n, n]}: row i, column j is the synapse from j onto i"
        return Edges(nodes, sources, targets, matrix[targets, sources]), told

    def _lines(self, file: TextIO) -> Iterator[tuple[int, str]]:
        """Lines with something in them, with their numbers, comments left out."""
        number, begun = 0, False
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                allowed = f"a table of lines of at most {MAX_LINE} characters"
                raise InvalidArgument("graph", str(self.path), allowed, f"(Line {number}.)")
            if "\0" in line:
                raise InvalidArgument(
                    "graph", str(self.path), "a file of text", f"(Line {number}.)"
                )
            plain = line.strip()
            if plain.startswith(("#", "%")):
                if not begun and _OTHER.search(plain):
                    remedy = "Read it with the library of its format, and give the graph."
                    found = f"a file that begins with {plain[:60]!r}"
                    raise InvalidArgument("graph", found, "a table of directed edges", remedy)
            elif plain.strip(",;"):
                begun = True
                yield number, line

    def _rows(self, sample: list[tuple[int, str]], delimiter: str) -> Iterator[list[str]]:
        """Cells of each row, without blanks around them; `self.line` is its number."""

        def lines() -> Iterator[str]:
            for number, line in chain(sample, self._content):
                self.line = number
                yield line

        if delimiter:
            reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=True, strict=True)
            for cells in reader:
                yield [cell.strip() for cell in cells]
        else:
            for line in lines():
                plain = line.partition("#")[0]
                yield self._attributed(plain) if "{" in plain else plain.split()

    def _attributed(self, line: str) -> list[str]:
        """Cells of a line of networkx, which ends in a dictionary of attributes."""
        parts = line.split(None, 2)
        try:
            attributes: object = ast.literal_eval(parts[-1].strip()[:1000])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            attributes = None
        if len(parts) != 3 or not isinstance(attributes, dict):
            raise self._wrong(f"Line {self.line} has not.")
        return [*parts[:2], str(attributes.get("weight", 1))]

    def _delimiter(self, lines: list[str]) -> str:
        """What separates cells, by the lines themselves; "" for blanks."""
        counts = {
            mark: {len(cells) for cells in csv.reader(lines, delimiter=mark, skipinitialspace=True)}
            for mark in (",", "\t", ";")
        }
        present = [mark for mark in counts if mark in lines[0]]
        even = [mark for mark in present if len(counts[mark]) == 1]
        chosen = even or present
        if chosen == [","] and all(map(_has_decimal_commas, lines)):
            chosen.append(" ")
        if len(chosen) > 1:
            found = " and ".join(map(repr, chosen))
            allowed = "a table whose cells are separated in one way"
            raise InvalidArgument("graph", f"{found} in each line", allowed)
        return chosen[0] if chosen else ""

    def _number(self, cell: str) -> float:
        if not _is_number(cell):
            raise InvalidArgument(
                "graph", f"the weight {cell!r} in line {self.line}", "a table of weights in numbers"
            )
        return float(cell)

    def _wrong(self, where: str) -> InvalidArgument:
        allowed = "a file with a source and a target in each line, and as many cells in all"
        return InvalidArgument("graph", str(self.path), allowed, where)


def _has_decimal_commas(line: str) -> bool:
    """Whether the commas of a line may be those of numbers between blanks, as in ``1 2 0,5``."""
    cells = line.split()
    return len(cells) > 1 and all(_COMMA.fullmatch(cell) for cell in cells if "," in cell)


def _is_number(cell: str) -> bool:
    if "_" in cell:  # Python's own way to write thousands, and nobody else's.
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return True
