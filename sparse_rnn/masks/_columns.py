"""Which columns of a table of edges are source, target and weight, by their names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from sparse_rnn.errors import InvalidArgument, UnknownName

PAIRS = (
    ("source", "target"),
    ("source_id", "target_id"),
    ("source_node", "target_node"),
    ("src", "dst"),
    ("src", "tgt"),
    ("from", "to"),
    ("from_id", "to_id"),
    ("from_node", "to_node"),
    ("from_node_id", "to_node_id"),
    ("pre", "post"),
    ("pre_id", "post_id"),
    ("pre_name", "post_name"),
    ("pre_cell", "post_cell"),
    ("pre_neuron", "post_neuron"),
    ("pre_root_id", "post_root_id"),  # FlyWire
    ("pre_pt_root_id", "post_pt_root_id"),  # MICrONS and others that CAVE serves
    ("bodyId_pre", "bodyId_post"),  # neuPrint: hemibrain, MANC, optic lobe
    ("pre_body_id", "post_body_id"),
    ("presynaptic", "postsynaptic"),
    ("presynaptic_id", "postsynaptic_id"),
    ("presynaptic_cell", "postsynaptic_cell"),
    ("presynaptic_neuron", "postsynaptic_neuron"),
)
"""Names of the columns of source and target; case, blanks and punctuation do not count."""

WEIGHTS = ("weight", "weights", "syn_count", "synapse_count", "n_synapses", "num_synapses", "count")
"""Names of the column of weights."""

Name = str | int
"""A column by its name in the head, or by its number from 0 in a table without a head."""


@dataclass(frozen=True)
class Asked:
    """What the caller says of a table; None where the table itself is to say it.

    Attributes:
        source: Column of the sources.
        target: Column of the targets.
        weight: Column of the weights.
        synapses: Which synapses, in a table that has several kinds.
    """

    source: Name | None = None
    target: Name | None = None
    weight: Name | None = None
    synapses: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns by their arguments."""
        return {"source": self.source, "target": self.target, "weight": self.weight}

    def __post_init__(self) -> None:
        """Refuse what is no column, and one end without the other."""
        for name, value in self.columns.items():
            if isinstance(value, bool) or not isinstance(value, str | int | None):
                raise InvalidArgument(name, value, "the name of a column, or its number from 0")
        for name, value, other in (
            ("source", self.source, self.target),
            ("target", self.target, self.source),
        ):
            if value is None and other is not None:
                raise InvalidArgument(name, None, "given together with the other end of an edge")

    @property
    def by_number(self) -> bool:
        """Whether the ends are numbers of columns."""
        return isinstance(self.source, int)

    def refuse(self, what: str) -> None:
        """Refuse all of it for a graph that has no columns."""
        self.refuse_columns(f"{what}, which has no columns")
        self.refuse_synapses()

    def refuse_columns(self, what: str) -> None:
        """Refuse columns for a graph that has none to choose."""
        for name, value in self.columns.items():
            if value is not None:
                raise InvalidArgument(name, value, f"left out for {what}")

    def refuse_synapses(self) -> None:
        """Refuse a choice of synapses where there is one kind."""
        if self.synapses is not None:
            allowed = "left out but for a table of Neuron 1, Neuron 2, Type and Nbr"
            raise InvalidArgument("synapses", self.synapses, allowed)


@dataclass(frozen=True)
class Columns:
    """Numbers of the columns of a table.

    Attributes:
        source: Column of the sources.
        target: Column of the targets.
        weight: Column of the weights, or None.
        unused: Names of the other columns.
    """

    source: int
    target: int
    weight: int | None
    unused: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What the log should say of the columns that are not used, or nothing."""
        names = ", ".join(map(repr, self.unused))
        return f"the columns {names} are not used" if names else ""


def find(labels: Sequence[Hashable], asked: Asked) -> Columns | None:
    """Columns by the labels of a table.

    Args:
        labels: The labels.
        asked: What the caller names.

    Returns:
        The columns; None where nothing is asked for and no two labels are known as ends.

    Raises:
        InvalidArgument: More than one pair of labels, or of columns of weights, is known.
        UnknownName: A label that was asked for is none.
    """
    asked.refuse_synapses()
    named = [plain(label) for label in labels]
    if asked.source is not None and asked.target is not None:
        source, target = _at("source", asked.source, labels), _at("target", asked.target, labels)
        if source == target:
            raise InvalidArgument("target", asked.target, "another column than source")
    else:
        pairs = [
            (i, j)
            for one, other in PAIRS
            for i, first in enumerate(named)
            for j, second in enumerate(named)
            if first == plain(one) and second == plain(other)
        ]
        if not pairs:
            return None
        if len(pairs) > 1:
            found = ", ".join(f"{labels[i]!r} and {labels[j]!r}" for i, j in pairs)
            remedy = "Say which by source= and target=."
            raise InvalidArgument("graph", found, "a table with one source and one target", remedy)
        source, target = pairs[0]
    if asked.weight is not None:
        weight = _at("weight", asked.weight, labels)
    else:
        known = [i for i, label in enumerate(named) if label in map(plain, WEIGHTS)]
        if len(known) > 1:
            found = " and ".join(repr(labels[i]) for i in known)
            raise InvalidArgument("graph", found, "a table with one weight", "Say which: weight=.")
        weight = known[0] if known else None
    used = (source, target, weight)
    unused = tuple(str(label) for i, label in enumerate(labels) if i not in used and str(label))
    return Columns(source, target, weight, unused)


def numbered(width: int, asked: Asked) -> Columns:
    """Columns of a table without a head, by their numbers.

    Raises:
        InvalidArgument: There is no such column.
    """
    asked.refuse_synapses()
    for name, value in asked.columns.items():
        if value is not None and (not isinstance(value, int) or not 0 <= value < width):
            allowed = f"a number from 0 to {width - 1}, as for a table without a head"
            raise InvalidArgument(name, value, allowed)
    found = Columns(int(asked.source or 0), int(asked.target or 0), None)
    if found.source == found.target:
        raise InvalidArgument("target", asked.target, "another column than source")
    weight = None if asked.weight is None else int(asked.weight)
    unused = [str(i) for i in range(width) if i not in (found.source, found.target, weight)]
    return Columns(found.source, found.target, weight, tuple(unused))


def unknown(labels: Sequence[Hashable], remedy: str = "") -> InvalidArgument:
    """The error for a table whose head is not understood; raise it."""
    names = ", ".join(f"{one}/{other}" for one, other in PAIRS)
    told = f"Known are {names}; others are named by source=, target= and weight=. {remedy}".strip()
    shown = f"the columns {', '.join(map(repr, labels[:12]))}" + (" ..." if labels[12:] else "")
    return InvalidArgument("graph", shown, "a table that names its source and its target", told)


def plain(label: object) -> str:
    """A label without what does not count in it."""
    return re.sub(r"[^a-z0-9]", "", str(label).lower())


def _at(argument: str, name: Name, labels: Sequence[Hashable]) -> int:
    places = [i for i, label in enumerate(labels) if label == name]
    if len(places) == 1:
        return places[0]
    if places:
        raise InvalidArgument(argument, name, "a column that is there once")
    near = difflib.get_close_matches(str(name), map(str, labels), n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else "Its columns: "
    remedy += "" if near else ", ".join(map(repr, labels[:12])) + "."
    raise UnknownName(argument, name, "the name of a column of the table", remedy)
