"""What the rows of arguments are made of; `tests/sparse_rnn/test_arguments.py` goes over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from pydantic import BaseModel
from torch import nn

import sparse_rnn as srnn
from sparse_rnn.evaluation.history import History

NAN, INF = float("nan"), float("inf")

Plain = Any
"""A value in types that compare by what they hold."""


@dataclass(frozen=True)
class World:
    """What values may be made from.

    Args:
        folder: An empty folder, another one for each call.
        run: A finished run with a folder, which nobody changes.
    """

    folder: Path
    run: srnn.Run


@dataclass(frozen=True)
class Made:
    """A value that is made when it is needed."""

    make: Callable[[World], Any]


@dataclass(frozen=True)
class Argument:
    """How an argument is tried.

    Args:
        values: Values no two of which come to the same.
        wrong: Values that are refused by an error that names the argument.
        loud: Values that are refused in other words: those of Python for another kind of object,
            or those about what is inside the value.
        at: Other arguments of the calls that try this one.
        by_error: Whether only an error says the value, as one does what the caller calls it.
        unseen: Why no value can be seen, or which test sees it.
        free: Why no value is wrong, or why Python's own words do for one.
    """

    values: tuple[Any, ...] = ()
    wrong: tuple[Any, ...] = ()
    loud: tuple[Any, ...] = ()
    at: Mapping[str, Any] = field(default_factory=dict[str, Any])
    by_error: bool = False
    unseen: str = ""
    free: str = ""


@dataclass(frozen=True)
class Row:
    """How a callable is tried.

    Args:
        arguments: One for each parameter, and for each keyword of its ``**keywords``.
        base: Arguments of every call.
        seen: What is looked at of a result, on top of all that it holds.
        of: Makes the object whose method it is.
    """

    arguments: Mapping[str, Argument]
    base: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seen: Callable[[Any], Any] = lambda result: result
    of: Callable[[World], Any] | None = None


def made(value: Any, world: World) -> Any:
    """The value itself, made if need be."""
    return value.make(world) if isinstance(value, Made) else value


def plain(value: Any) -> Plain:
    """What a value holds, without clocks and without where it lies."""
    if isinstance(value, torch.Tensor):
        numbers = value.detach().to(torch.float64).numpy()
        return str(value.dtype), tuple(value.shape), numbers.tobytes()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, nn.Module):
        return _module(value)
    if isinstance(value, Figure):
        return _figure(value)
    if isinstance(value, History):
        return {name: plain(value[name]) for name in value.columns if name != "elapsed_s"}
    if isinstance(value, srnn.Run | srnn.Fit):
        return [plain(part) for part in (value.network, value.history, value.evaluation)]
    if isinstance(value, srnn.Mask):
        return value.digest, plain(value.coords), value.family
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | Iterator):
        return [plain(one) for one in value]
    return repr(value)


def _module(module: nn.Module) -> Plain:
    """Kind, weights, and what it makes of sequences that are as long as there are of them."""
    layer: Any = getattr(module, "rnn", module)
    weights = {name: (plain(p), p.requires_grad) for name, p in module.named_parameters()}
    buffers = {name: plain(b) for name, b in module.named_buffers()}
    if not hasattr(layer, "input_size"):
        return type(module).__name__, weights, buffers
    shape = (5, 5, layer.input_size)
    inputs = torch.linspace(-1, 1, 25 * layer.input_size, dtype=layer.weight_ih.dtype)
    with torch.no_grad():
        outputs = module(inputs.reshape(shape))
    return type(layer).__name__, weights, buffers, plain(outputs), getattr(layer, "backend", None)


def _figure(figure: Figure) -> Plain:
    texts = [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
    lines = [plain(line.get_xydata()) for ax in figure.axes for line in ax.lines]
    images = [plain(np.asarray(im.get_array())) for ax in figure.axes for im in ax.images]
    places = [plain(np.asarray(c.get_offsets())) for ax in figure.axes for c in ax.collections]
    return texts, lines, images, places, figure.get_size_inches().tolist()


def files(folder: Path) -> Plain:
    """Names of the files in a folder and the folders in it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
