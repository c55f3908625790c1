"""Kernel `sparse_cpu`: only the synapses that exist, compiled with numba, for the CPU.

Threads share out the batch: a tile of 8 to 32 lanes runs through all time steps on one thread
(`sparse_rnn.kernels.cpu.loops`). Time and memory grow with the number of synapses, not with N
squared. States do not depend on the number of threads. Nor do gradients where the tiles have the
same width (`sparse_rnn.kernels.cpu.plan.tile_width`), as their lanes are summed in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sparse_rnn.kernels.api import Drive, Edges, Kernel, Nonlinearity, Pattern
from sparse_rnn.kernels.cpu.compiled import compiled, failure
from sparse_rnn.kernels.cpu.drive import TiledDrive
from sparse_rnn.kernels.cpu.passes import Kept, Passes, gradients
from sparse_rnn.kernels.cpu.plan import WIDTHS
from sparse_rnn.kernels.cpu.products import product
from sparse_rnn.kernels.cpu.readout import TiledReadout
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence, check_types


class _OfProjected(Recurrence):
    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by the compiled loops."""
        projected, h0, weight = tensors
        given: Any = compiled().loops.forward, projected.detach().contiguous().numpy()
        how = (self.edges, self.nonlinearity, self.alpha)
        self._passes = Passes.of(projected.shape, weight.dtype, *how, n_last=len(projected))
        where = (self._passes.tiling, self._passes.layout)
        self._none = TiledReadout.none(h0.shape[1], self._passes.dtype, *where)
        states, self._no_logits, kept = self._passes.forth(h0, weight, lambda _: given, self._none)
        self.kept = _tensors(kept)
        return (states,)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, by the compiled loops."""
        (grad,), weight, passes = grads, tensors[2], self._passes
        kept = _arrays(self.kept)
        deltas = np.empty((len(grad) if needed[0] else 0, *grad.shape[1:]), passes.dtype)
        delta_tiles, _, grad_h0 = passes.back(
            kept, (grad, self._no_logits), self._none, weight, deltas, first=needed[1]
        )
        grad_weight = None
        if needed[2]:
            matrix = passes.recurrent(kept, delta_tiles)
            (values,) = gradients(passes.tiling, grad.shape[2], delta_tiles, [matrix])
            grad_weight = torch.from_numpy(values[matrix.rows.place])
        return torch.from_numpy(deltas) if needed[0] else None, grad_h0, grad_weight


class _Driven(Recurrence):
    """The same of a drive and with a readout.

    Of inputs, input weights, bias, first state, weights, readout weights and readout bias the
    states ``[T, B, N]`` and logits ``[T, B, O]``, of which there may be none; or, if `LAST`, the
    last state alone, ``[1, B, N]``, and the logits.
    """

    LAST: ClassVar[bool] = False

    def formula(self, *tensors: Tensor) -> Tensors:
        """The definition, of the projected input."""
        inputs, weight_ih, bias, h0, weight, *readout = tensors
        projected = torch.nn.functional.linear(inputs, weight_ih, bias)
        (states,) = super().formula(projected.to(weight.dtype), h0, weight)
        logits = torch.nn.functional.linear(states, *readout)
        return states[-1:] if self.LAST else states, logits

    def forth(self, *tensors: Tensor) -> Tensors:
        """States and logits, by the compiled loops."""
        inputs, weight_ih, bias, h0, weight, weight_ho, bias_o = tensors
        how = (self.edges, self.nonlinearity, self.alpha)
        shape = torch.Size((len(inputs), *h0.shape))
        self._passes = passes = Passes.of(
            shape, weight.dtype, *how, n_last=1 if self.LAST else len(inputs)
        )
        where = (passes.tiling, passes.layout)
        self._drive = TiledDrive.of(Drive(inputs, weight_ih, bias), *where)
        self._readout = TiledReadout.of(weight_ho, bias_o, *where)
        states, logits, kept = passes.forth(h0, weight, self._drive.feed(), self._readout)
        self.kept = _tensors(kept)
        return states, logits

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients that are needed, by the compiled loops."""
        of_states, of_logits = grads
        weight_ih, weight, passes, kept = tensors[1], tensors[4], self._passes, _arrays(self.kept)
        n_steps, *lanes_and_units = passes.shape
        deltas = np.empty((n_steps if needed[0] else 0, *lanes_and_units), passes.dtype)
        delta_tiles, answers, grad_h0 = passes.back(
            kept, (of_states, of_logits), self._readout, weight, deltas, first=needed[3]
        )
        looks = needed[1] or needed[2]
        matrices = (
            passes.recurrent(kept, delta_tiles) if needed[4] else None,
            self._drive.multiplied(delta_tiles) if needed[1] else None,
            self._readout.matrix(kept.states, answers) if needed[5] else None,
        )
        held = self._drive.held() if looks else None
        found = gradients(passes.tiling, passes.shape[2], delta_tiles, matrices, held)
        grad_ih, grad_bias = self._drive.gradients(found[1], held) if held else (None, None)
        return (
            torch.from_numpy(deltas) @ weight_ih if needed[0] else None,
            grad_ih if needed[1] else None,
            grad_bias,
            grad_h0,
            torch.from_numpy(found[0][passes.layout.rows.place]) if needed[4] else None,
            self._readout.gradient(found[2]) if needed[5] else None,
            of_logits.sum((0, 1)) if needed[6] else None,
        )


class _Answered(_Driven):
    LAST = True


def _tensors(kept: Kept) -> Tensors:
    """What is kept, as autograd takes it, which frees it with the graph."""
    return tuple(torch.from_numpy(array) for array in kept)


def _arrays(kept: Tensors) -> Kept:
    return Kept(*(tensor.numpy() for tensor in kept))


def driven(
    drive: Drive,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states of a drive; see `Kernel`."""
    none = weight.new_empty(0, edges.mask.n_units), weight.new_empty(0)
    return _Driven(edges, nonlinearity, alpha).states(*_leaves(drive), h0, weight, *none)


def answered(  # noqa: PLR0913 - those of `driven`, and a readout
    drive: Drive,
    readout: tuple[Tensor, Tensor],
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Compute the last state of a drive and a readout of all; see `Kernel`."""
    tensors = (*_leaves(drive), h0, weight, *readout)
    check_types(tensors)
    last, logits = _Answered(edges, nonlinearity, alpha)(*tensors)
    return last, logits


def _leaves(drive: Drive) -> Tensors:
    """Inputs, input weights and bias."""
    inputs, weight, bias = drive
    return inputs, weight, weight.new_zeros(len(weight)) if bias is None else bias


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
    answered=answered,
    dtypes=(torch.float32, torch.float64),
)
