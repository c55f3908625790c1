"""`Candidates`: the gradient of every synapse that a layer could have, as one pass computes it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import ClassVar, Protocol

import torch
from torch import Tensor


class Watched(Protocol):
    """A layer that says what drives its units, where somebody asks."""

    GATES: ClassVar[int]
    hidden_size: int
    watcher: Candidates | None

    @property
    def weight_hh(self) -> Tensor:
        """Values of the edges."""
        ...


class Candidates:
    """``G = sum over t of delta_t h_(t-1)^T``, the gradient of every possible synapse.

    delta_t is the gradient of what is minimised with respect to the recurrent input of the units at
    step t. So G needs no pass of its own and no matrix in a graph: a product over time and batch
    of what a backward pass computes anyway, with the states of the pass forward. Passes add up.

    Args:
        layer: The layer.

    Attributes:
        total: G, of the type of the weights or float32 if that is shorter, ``[gates, N, N]``.

    Example:
        >>> import sparse_rnn as srnn
        >>> layer = srnn.MaskedRNN(3, srnn.masks.autapse(4))
        >>> found = Candidates(layer)
        >>> with found.watching():
        ...     layer(torch.ones(5, 2, 3))[0].sum().backward()
        >>> torch.allclose(found.total[0].diagonal(), layer.weight_hh.grad)
        True
    """

    def __init__(self, layer: Watched) -> None:
        self._layer = layer
        weight = layer.weight_hh
        kind = weight.dtype if weight.dtype.itemsize >= 4 else torch.float32
        shape = (layer.GATES, layer.hidden_size, layer.hidden_size)
        self.total = torch.zeros(shape, dtype=kind, device=weight.device)

    @contextmanager
    def watching(self) -> Generator[None]:
        """Add up the passes of the layer that begin in here."""
        self._layer.watcher = self
        try:
            yield
        finally:
            self._layer.watcher = None

    def watch(self, driven: Tensor, before: Callable[[], Tensor]) -> Tensor:
        """Have a tensor tell its gradient.

        Args:
            driven: What drives the units: ``[T, B, N]``, or ``[gates, B, N]`` of one step.
            before: Makes the states before, ``[T, B, N]`` or ``[B, N]``; asked in the pass back.

        Returns:
            The tensor, which has a gradient from now on.
        """
        if not torch.is_grad_enabled():
            return driven
        if not driven.requires_grad:
            driven = driven.detach().requires_grad_()

        def add(delta: Tensor) -> None:
            units = self._layer.hidden_size
            deltas = delta.reshape(len(self.total), -1, units).to(self.total.dtype)
            states = before().detach().reshape(1, -1, units).to(self.total.dtype)
            self.total.baddbmm_(deltas.transpose(1, 2), states.expand(len(self.total), -1, -1))

        driven.register_hook(add)
        return driven
