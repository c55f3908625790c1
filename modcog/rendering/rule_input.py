"""What the rule channels of an observation show: one row of numbers for each rule slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument
from modcog.hashing import content_of
from modcog.system.limits import LEVEL
from modcog.trials.content import SameContent

ALLOWED = "an array of numbers [rule slots, d]"


@dataclass(frozen=True, eq=False)
class RuleInput(SameContent):
    """The rule channels of a list of tasks; made by `one_hot` and `of_table`.

    Attributes:
        n_slots: Number of rule slots.
        table: float32 ``[n_slots, d]``, what the d rule channels show during the trials of each
            slot; None for one-hot, which is written without a table.
    """

    n_slots: int
    table: NDArray[np.float32] | None

    @property
    def n_channels(self) -> int:
        """Number of rule channels, d."""
        return self.n_slots if self.table is None else self.table.shape[1]

    @property
    def array(self) -> NDArray[np.float32]:
        """The table, of one-hot as well; float32 ``[n_slots, d]``, a copy."""
        if self.table is None:
            return np.eye(self.n_slots, dtype=np.float32)
        return self.table.copy()

    @cached_property
    def identity(self) -> Any:
        """What tells it from others, in JSON types: a name, or the shape and a digest."""
        if not self.n_channels:
            return "none"
        if self.table is None:
            return "one_hot"
        return content_of(self.table)


def one_hot(n_slots: int) -> RuleInput:
    """One channel for each rule slot, 1 during its trials; none for no slot."""
    return RuleInput(n_slots, None)


NO_RULES = one_hot(0)
"""No rule channels, whatever the slots."""


def of_table(argument: str, values: object, n_slots: int | None = None) -> RuleInput:
    """Rule channels that show the rows of an array.

    An identity matrix is one-hot, and is rendered as fast.

    Args:
        argument: Name of the argument, for the message.
        values: What the caller gave.
        n_slots: Number of rule slots; None for as many as there are rows.

    Raises:
        InvalidArgument: It is no such array, has another number of rows, or a number that is not
            finite or too large.
    """
    allowed = ALLOWED if n_slots is None else f"{ALLOWED}, {n_slots} rows"
    try:
        table = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise InvalidArgument(argument, "rows of different lengths", allowed) from None
    if table.dtype.kind not in "fiu" or table.ndim != 2:
        found = f"{table.dtype} of shape {table.shape}"
        raise InvalidArgument(argument, found, allowed)
    if n_slots is not None and len(table) != n_slots:
        raise InvalidArgument(argument, f"{len(table)} rows", f"{n_slots} rows, one a rule slot")
    bad = ~(np.abs(table) <= LEVEL)  # NaN is among them
    if bad.any():
        raise InvalidArgument(
            argument, table[bad][0].item(), f"finite numbers of at most {LEVEL:g} in size"
        )
    table = table.astype(np.float32, order="C")
    if np.array_equal(table, np.eye(len(table))):
        return one_hot(len(table))
    table.flags.writeable = False
    return RuleInput(len(table), table)
