"""Kernel `cuda`: only the synapses that exist, in Triton, for CUDA devices.

**Not measured yet**: it is tested under Triton's interpreter, and no GPU has run it. A step is one
launch for the products and one for the nonlinearity; a weight gradient is one launch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels.api import Edges, Kernel, Pattern
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence, backward_steps, forward_steps

SYNAPSES, MOST_LANES = 16, 64
"""Synapses, and most lanes, that a block takes at a time."""


@cache
def _kernels() -> Any:
    """The kernels; importing triton takes a moment, so only networks that need it do."""
    from sparse_rnn.kernels import triton

    return triton


@dataclass(frozen=True, eq=False)
class _Gather:
    """Where each unit gathers from.

    Attributes:
        pointers: int64 ``[N + 1]``, the first synapse of each unit and the end.
        sources: int64 ``[nnz]``.
        order: int64 ``[nnz]``, the edge that each synapse is; None if they lie in its order.
    """

    pointers: Tensor
    sources: Tensor
    order: Tensor | None

    def add(self, weight: Tensor, base: Tensor, state: Tensor, out: Tensor) -> Tensor:
        """``out = base + W state``, all ``[N, B]``."""
        n_units, n_lanes = out.shape
        values = weight if self.order is None else weight[self.order]
        lanes = _lanes(n_lanes)
        grid = (n_units, -(-n_lanes // lanes))
        _kernels().add_products[grid](
            out, base, state, self.pointers, self.sources, values, n_lanes, SYNAPSES, lanes
        )
        return out


def _lanes(n_lanes: int) -> int:
    return min(MOST_LANES, 1 << (n_lanes - 1).bit_length())


_GATHERS: WeakKeyDictionary[Edges, tuple[_Gather, _Gather]] = WeakKeyDictionary()


def _gathers(edges: Edges) -> tuple[_Gather, _Gather]:
    """Rows and columns of the matrix, once for as long as the edges live."""
    if edges not in _GATHERS:
        device, n_units = edges.targets.device, edges.mask.n_units

        def pointers(units: Tensor) -> Tensor:
            counts = torch.bincount(units, minlength=n_units)
            zero = torch.zeros(1, dtype=torch.int64, device=device)
            return torch.cat([zero, counts.cumsum(0)])

        order = torch.argsort(edges.sources, stable=True)
        _GATHERS[edges] = (
            _Gather(pointers(edges.targets), edges.sources, None),
            _Gather(pointers(edges.sources), edges.targets[order], order),
        )
    return _GATHERS[edges]


class _GatheredRecurrence(Recurrence):
    def states(self, *tensors: Tensor) -> Tensor:
        """Compute the states.

        Raises:
            InvalidArgument: The tensors are on another device, or differ in their types.
        """
        refused = refusal(self.edges.mask, tensors[0].device.type)
        if refused:
            raise InvalidArgument("backend", "cuda", "able to serve this device", f"({refused})")
        return super().states(*tensors)

    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by the kernels."""
        projected, h0, weight = tensors
        rows, _ = _gathers(self.edges)
        inputs = projected.transpose(1, 2).contiguous()  # [T, N, B], as everything here.
        states = inputs.new_empty((len(inputs) + 1, *inputs.shape[1:]))
        states[0] = h0.T
        rates = forward_steps(self, inputs, states[0], states[1:], partial(rows.add, weight))
        self._kept = states, rates
        # A copy, also where a single lane or unit would make it a view.
        return (states[1:].transpose(1, 2).clone(memory_format=torch.contiguous_format),)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, by the kernels."""
        weight = tensors[2]
        states, rates = self._kept
        _, columns = _gathers(self.edges)
        outer = grads[0].transpose(1, 2).contiguous()
        deltas, passed = backward_steps(self, outer, rates, partial(columns.add, weight))
        start = torch.zeros_like(deltas[0]) if passed is None else passed
        grad_h0 = None
        if needed[1]:
            grad_h0 = columns.add(weight, start, deltas[0], torch.empty_like(start)).T
        grad_weight = None
        if needed[2]:
            grad_weight = _weight_gradient(deltas, states, weight, self.edges)
        return deltas.transpose(1, 2), grad_h0, grad_weight


def _weight_gradient(deltas: Tensor, states: Tensor, weight: Tensor, edges: Edges) -> Tensor:
    found = torch.empty_like(weight, memory_format=torch.contiguous_format)
    if edges.mask.nnz:
        sizes = torch.tensor([*deltas.shape, edges.mask.nnz], device=weight.device)
        grid = (-(-edges.mask.nnz // SYNAPSES),)
        where = (edges.targets, edges.sources, sizes)
        _kernels().sum_products[grid](
            found, deltas, states, *where, SYNAPSES, _lanes(deltas.shape[2])
        )
    return found


def refusal(mask: Pattern, device: str) -> str:
    """Why the kernel cannot serve a mask here, or ""."""
    del mask  # It serves them all.
    if device != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return f"it runs on CUDA devices, not on {device}"
    if not find_spec("triton"):
        return "triton is not installed; it comes with torch's builds for CUDA"
    return ""


KERNEL = Kernel("cuda", _GatheredRecurrence.run, refusal, dtypes=(torch.float32, torch.float64))
