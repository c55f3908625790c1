"""Which renderer writes a batch: the numpy reference, or the compiled one. Both write one truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import Protocol

from modcog.errors import InvalidArgument
from modcog.rendering import Rendered, render
from modcog.trials import Trials


class Renderer(Protocol):
    """What turns trials into arrays; see `modcog.rendering.render`."""

    def __call__(self, trials: Trials, *, n_rules: int, seq_len: int, n_lanes: int) -> Rendered:
        """Render trials at their places."""
        ...


def numpy_renderer() -> Renderer:
    """The reference, which needs nothing but numpy."""
    return render


def numba_renderer() -> Renderer:
    """The compiled one, with the same bits.

    Raises:
        InvalidArgument: numba is not installed.
    """
    try:
        from modcog import compiled
    except ImportError as error:
        raise InvalidArgument(
            "renderer", "numba", '"numpy" or "auto" here', f"numba is missing: {error}"
        ) from error
    return compiled.render


@cache
def automatic_renderer() -> Renderer:
    """The compiled one where numba is installed, else the reference."""
    return numba_renderer() if find_spec("numba") else numpy_renderer()


RENDERERS: Mapping[str, Callable[[], Renderer]] = MappingProxyType(
    {"auto": automatic_renderer, "numpy": numpy_renderer, "numba": numba_renderer}
)
"""Renderers by name; which one is used changes no bit of a batch."""
