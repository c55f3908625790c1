"""The table of the neurons of C. elegans, whose rows are of several kinds.

Varshney et al. 2011 (https://doi.org/10.1371/journal.pcbi.1001066), the file NeuronConnect of the
WormAtlas. Each chemical synapse has two rows, one from either side, each electrical one too:

| Type | row |
|---|---|
| S, Sp | Neuron 1 sends to Neuron 2; Sp: to others too |
| R, Rp | the same synapse, as Neuron 1 receives it from Neuron 2 |
| EJ | electrical; there is a row the other way round |
| NMJ | onto a muscle, which is no neuron |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

import numpy as np

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks._columns import Asked, plain
from sparse_rnn.masks._edges import Edges

Synapses = Literal["chemical", "electrical", "both"]
"""Which synapses of a table that has several kinds."""

HEAD = ("neuron1", "neuron2", "type", "nbr")
_SENT, _RECEIVED, _ELECTRICAL, _MUSCLE = ("S", "Sp"), ("R", "Rp"), "EJ", "NMJ"
_CITED = "cite Varshney et al. 2011, https://doi.org/10.1371/journal.pcbi.1001066"

Pair = tuple[str, str]


def has_head(labels: Sequence[Hashable]) -> bool:
    """Whether the labels of a table are those of this one."""
    return tuple(map(plain, labels)) == HEAD


def read(rows: Iterable[tuple[int, Sequence[object]]], asked: Asked) -> tuple[Edges, str]:
    """Read its rows.

    Args:
        rows: Numbers of the lines, for messages, and the four cells of each.
        asked: What the caller wants to know; its columns are known.

    Returns:
        The edges of neurons in the order of their first row, and what the log should say.

    Raises:
        InvalidArgument: A column is named; a row is none of this table; the rows of the two sides
            of a synapse do not say the same.
    """
    asked.refuse_columns("the table of Varshney et al. 2011, whose types say the direction")
    numbers: dict[str, int] = {}
    sent, received, electrical = Counter[Pair](), Counter[Pair](), Counter[Pair]()
    for line, cells in rows:
        first, second, kind, count = (str(cell).strip() for cell in cells)
        if not first or not second or not count.isdecimal():
            found = f"line {line}, {', '.join(map(repr, (first, second, kind, count)))}"
            raise InvalidArgument("graph", found, "two neurons, a type and a number from 0")
        if kind == _MUSCLE:
            continue
        for name in (first, second):
            numbers.setdefault(name, len(numbers))
        if kind in _SENT:
            sent[first, second] += int(count)
        elif kind in _RECEIVED:
            received[second, first] += int(count)
        elif kind == _ELECTRICAL:
            electrical[first, second] += int(count)
        else:
            known = ", ".join((*_SENT, *_RECEIVED, _ELECTRICAL, _MUSCLE))
            raise InvalidArgument("graph", f"the type {kind!r} in line {line}", f"one of {known}")
    _require_same(sent, received, "sent", "received")
    back = Counter({(b, a): n for (a, b), n in electrical.items()})
    _require_same(electrical, back, "told", "told from the other side")
    chosen = asked.synapses or "chemical"
    counts = {"chemical": sent, "electrical": electrical, "both": sent + electrical}[chosen]
    counts = {pair: n for pair, n in counts.items() if n}  # The file has one row with a 0.
    ends = np.array([(numbers[a], numbers[b]) for a, b in counts], dtype=np.int64).reshape(-1, 2)
    weights = np.array(list(counts.values()), dtype=np.float64)
    kinds = "chemical and electrical" if chosen == "both" else chosen
    told = f"neurons of C. elegans, {kinds} synapses; {_CITED}"
    return Edges(list(numbers), ends[:, 0], ends[:, 1], weights), told


def _require_same(one: Counter[Pair], other: Counter[Pair], first: str, second: str) -> None:
    """Refuse a table in which the rows of one side of a synapse are missing or others."""
    for source, target in one | other:
        times = one[source, target], other[source, target]
        if times[0] != times[1]:
            found = f"{source} -> {target}, {times[0]} {first} and {times[1]} {second}"
            remedy = "Rows are missing or changed: take the file as it is served."
            raise InvalidArgument("graph", found, "the same from both sides", remedy)
