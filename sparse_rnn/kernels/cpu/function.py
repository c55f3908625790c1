"""Kernel `sparse_cpu`: only the synapses that exist, compiled with numba, for the CPU.

Threads share out the batch: a tile of 8 to 32 lanes runs through all time steps on one thread
(`sparse_rnn.kernels.cpu.loops`). Time and memory grow with the number of synapses, not with N
squared. States do not depend on the number of threads. Nor do gradients where the tiles have the
same width (`sparse_rnn.kernels.cpu.plan.tile_width`), as their lanes are summed in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparse_rnn.kernels.api import Drive, Edges, Kernel, Nonlinearity, Pattern
from sparse_rnn.kernels.cpu.compiled import compiled, failure
from sparse_rnn.kernels.cpu.drive import TiledDrive
from sparse_rnn.kernels.cpu.passes import Passes
from sparse_rnn.kernels.cpu.plan import WIDTHS
from sparse_rnn.kernels.cpu.products import product
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence


class _OfProjected(Recurrence):
    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by the compiled loops."""
        projected, h0, weight = tensors
        given: Any = compiled().loops.forward, projected.detach().contiguous().numpy()
        how = (self.edges, self.nonlinearity, self.alpha)
        self._passes = Passes.of(projected.shape, weight.dtype, *how)
        return (self._passes.forth(h0, weight, lambda _: given),)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, by the compiled loops."""
        (grad,), weight, passes = grads, tensors[2], self._passes
        deltas = np.empty(grad.shape, passes.states.dtype)
        delta_tiles, grad_h0 = passes.back(grad, weight, deltas)
        grad_weight = passes.weight_gradient(delta_tiles) if needed[2] else None
        return torch.from_numpy(deltas), grad_h0, grad_weight


class _OfDrive(Recurrence):
    """The same of a drive: of inputs, input weights, bias, first state and weights."""

    def formula(self, *tensors: Tensor) -> Tensors:
        """The definition, of the projected input."""
        inputs, weight_ih, bias, h0, weight = tensors
        projected = torch.nn.functional.linear(inputs, weight_ih, bias)
        return super().formula(projected.to(weight.dtype), h0, weight)

    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by the compiled loops."""
        inputs, weight_ih, bias, h0, weight = tensors
        how = (self.edges, self.nonlinearity, self.alpha)
        self._passes = Passes.of(torch.Size((len(inputs), *h0.shape)), weight.dtype, *how)
        self._drive = TiledDrive.of(Drive(inputs, weight_ih, bias), self._passes.tiling)
        return (self._passes.forth(h0, weight, self._drive.feed()),)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, by the compiled loops."""
        (grad,), (_, weight_ih, _, _, weight), passes = grads, tensors, self._passes
        deltas = np.empty((len(grad) if needed[0] else 0, *grad.shape[1:]), passes.states.dtype)
        delta_tiles, grad_h0 = passes.back(grad, weight, deltas)
        grad_inputs = torch.from_numpy(deltas) @ weight_ih if needed[0] else None
        grad_weight = passes.weight_gradient(delta_tiles) if needed[4] else None
        return grad_inputs, *self._drive.gradients(delta_tiles), grad_h0, grad_weight


def driven(
    drive: Drive,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states of a drive; see `Kernel`."""
    inputs, weight_ih, bias = drive
    if bias is None:
        bias = weight_ih.new_zeros(len(weight_ih))
    return _OfDrive(edges, nonlinearity, alpha).states(inputs, weight_ih, bias, h0, weight)


def refusal(mask: Pattern, device: str) -> str:
    """Why the kernel cannot serve a mask here, or ""."""
    if device != "cpu":
        return f"it runs on the CPU, not on {device}"
    if not find_spec("numba"):
        return "numba is not installed; install it with: pip install numba"
    if mask.n_units * max(WIDTHS) >= 2**32:
        return "it counts the units of a tile in 32 bits, and the mask has too many"
    return failure()


KERNEL = Kernel(
    "sparse_cpu",
    _OfProjected.run,
    refusal,
    product,
    driven,
    dtypes=(torch.float32, torch.float64),
)
