"""Recurrent cells with a masked recurrence: which equations the units of a layer follow.

Each cell is one class and one row of `CELLS`. All are called like the recurrent layers of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sparse_rnn.errors import UnknownKeyword, unknown_name
from sparse_rnn.masks import Mask
from sparse_rnn.nn.gated import MaskedGRU as MaskedGRU, MaskedLSTM as MaskedLSTM
from sparse_rnn.nn.layer import (
    RECURRENCES as RECURRENCES,
    LayerOptions as LayerOptions,
    MaskedLayer as MaskedLayer,
)
from sparse_rnn.nn.rnn import LeakyRNN as LeakyRNN, MaskedRNN as MaskedRNN
from sparse_rnn.nn.stack import LayerStack as LayerStack, project as project

CELLS: Mapping[str, type[MaskedLayer]] = MappingProxyType(
    {cell.CELL: cell for cell in (MaskedRNN, LeakyRNN, MaskedGRU, MaskedLSTM)}
)
"""All cells by name."""

DEFAULT = "vanilla"

_COMMON = frozenset({"backend", *LayerOptions.__annotations__})


def cell(name: str) -> type[MaskedLayer]:
    """Look up a cell.

    Raises:
        UnknownName: There is no such cell; the message offers the nearest names.

    Example:
        >>> cell("gru").__name__
        'MaskedGRU'
    """
    if name not in CELLS:
        raise unknown_name("cell", name, CELLS, "a cell")
    return CELLS[name]


def build(name: str, input_size: int, mask: Mask, **options: Any) -> MaskedLayer:
    """Build a layer by the name of its cell, as networks do.

    Args:
        name: A name in `CELLS`.
        input_size: Number of input channels I.
        mask: The mask of N units.
        **options: Options of that cell.

    Raises:
        UnknownName: There is no such cell, or a name among the options is in no table.
        InvalidArgument: An option is not one of this cell, or has a wrong value.
    """
    check_options(name, options)
    factory: Callable[..., MaskedLayer] = cell(name)
    return factory(input_size, mask, **options)


def check_options(name: str, given: Mapping[str, object]) -> None:
    """Refuse options that a cell does not take.

    Args:
        name: A name in `CELLS`.
        given: The options with their values.

    Raises:
        UnknownName: There is no such cell.
        UnknownKeyword: An option is not one of this cell.
    """
    taken = cell(name).OPTIONS
    for option in given:
        if option not in taken and option not in _COMMON:
            takers = [other for other in CELLS if option in CELLS[other].OPTIONS]
            belongs = f"it is an option of {', '.join(takers)}" if takers else "no cell takes it"
            raise UnknownKeyword(option, option, f"left out for {name!r} cells", f"({belongs})")
