"""Graphs from files: GraphML, and lists of edges."""

from __future__ import annotations

import csv
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx as nx

from sparse_rnn.errors import InvalidArgument

GRAPHML = (".graphml", ".xml")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
PLAIN = (".txt", ".edges", ".edgelist", ".el")

_HEADERS = (("source", "target"), ("from", "to"), ("pre", "post"))


@dataclass(frozen=True)
class EdgeList:
    """The edges of a graph by the numbers of its nodes.

    Args:
        nodes: The nodes, in the order of their numbers.
        edges: Source and target of each edge, by name.
        weighted: Whether the graph has weights, which a mask has not.
    """

    nodes: list[Hashable]
    edges: list[tuple[Hashable, Hashable]]
    weighted: bool


def of_networkx(graph: nx.Graph[Hashable]) -> EdgeList:
    """Read a networkx graph; an undirected edge is one in each direction."""
    edges = list(graph.edges())
    if not graph.is_directed():
        edges += [(target, source) for source, target in edges if source != target]
    weights = nx.get_edge_attributes(graph, "weight")
    return EdgeList(list(graph.nodes), edges, any(weight != 1 for weight in weights.values()))


def read(path: Path) -> EdgeList:
    """Read a graph from a file; its name says of which kind it is.

    Raises:
        InvalidArgument: The kind is unknown, or the file cannot be read as one of it.
    """
    kind = path.suffix.lower()
    if kind not in (*GRAPHML, *DELIMITERS, *PLAIN):
        known = ", ".join((*GRAPHML, *DELIMITERS, *PLAIN))
        raise InvalidArgument("graph", str(path), f"a file whose name ends in {known}")
    try:
        if kind in GRAPHML:
            return of_networkx(nx.read_graphml(path))
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _edge_list(path, file, DELIMITERS.get(kind))
    except OSError as error:
        why = f"({error.strerror or error})"
        raise InvalidArgument("graph", str(path), "a file that can be read", why) from error
    except (UnicodeDecodeError, ParseError, nx.NetworkXException, csv.Error, KeyError) as error:
        allowed = f"a readable {kind} file"
        raise InvalidArgument("graph", str(path), allowed, f"({error})") from error


def _edge_list(path: Path, lines: Iterable[str], delimiter: str | None) -> EdgeList:
    rows = _rows(lines, delimiter)
    names: list[tuple[str, str]] = []
    weighted = False
    columns = (0, 1)
    for position, (number, cells) in enumerate(rows):
        header = _header(cells) if position == 0 and delimiter else None
        if header:
            columns = header
            continue
        if len(cells) <= max(columns) or not all(cells[column] for column in columns):
            raise InvalidArgument(
                "graph",
                str(path),
                "a file with a source and a target in each line",
                f"Line {number} has not.",
            )
        names.append((cells[columns[0]], cells[columns[1]]))
        rest = [cell for column, cell in enumerate(cells) if column not in columns]
        weighted = weighted or any(cell not in ("", "{}") for cell in rest)
    nodes = list(dict.fromkeys(name for edge in names for name in edge))
    if all(node.isdecimal() for node in nodes):
        numbers = {node: int(node) for node in nodes}
        edges: list[tuple[Hashable, Hashable]] = [(numbers[a], numbers[b]) for a, b in names]
        return EdgeList([*sorted(numbers.values())], edges, weighted)
    return EdgeList([*nodes], [*names], weighted)


def _rows(lines: Iterable[str], delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line that has some, and its number."""
    if delimiter:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        for cells in reader:
            if any(cells) and not cells[0].startswith("#"):
                yield reader.line_num, [cell.strip() for cell in cells]
    else:
        for number, line in enumerate(lines, start=1):
            cells = line.partition("#")[0].split()
            if cells:
                yield number, cells


def _header(cells: list[str]) -> tuple[int, int] | None:
    """Columns of source and target, if the cells are a head that names them."""
    lower = [cell.lower() for cell in cells]
    for source, target in _HEADERS:
        if source in lower and target in lower:
            return lower.index(source), lower.index(target)
    return None
