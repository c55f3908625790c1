"""Kernel `sparse_cpu`: only the synapses that exist, compiled with numba, for the CPU.

Threads share out the batch: a tile of 8 to 32 lanes runs through all time steps on one thread
(`sparse_rnn.kernels._lanes`). Time and memory grow with the number of synapses, not with N squared.
States do not depend on the number of threads. Nor do gradients where the tiles have the same width
(`sparse_rnn.kernels._tiles.tile_width`), as their lanes are summed in one order.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels._compiled import failure, loops as compiled
from sparse_rnn.kernels._drive import TiledDrive
from sparse_rnn.kernels._interface import Drive, Edges, Kernel, Nonlinearity
from sparse_rnn.kernels._layout import WIDTHS
from sparse_rnn.kernels._stepwise import product
from sparse_rnn.kernels._sweep import Sweep
from sparse_rnn.masks import Mask


class _Projected(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0913 - as `run`
        ctx: Any,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float,
    ) -> Tensor:
        given: Any = compiled().lanes.forward, projected.detach().contiguous().numpy()
        sweep = Sweep.of(projected.shape, weight.dtype, edges, nonlinearity, alpha)
        states = sweep.forth(h0, weight, lambda _: given)
        ctx.save_for_backward(weight)  # Autograd then sees a change in place before the backward.
        ctx.sweep = sweep
        return states

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        sweep: Sweep = ctx.sweep
        (weight,) = cast("tuple[Tensor]", ctx.saved_tensors)
        deltas = np.empty(grad.shape, sweep.states.dtype)
        delta_tiles, grad_h0 = sweep.back(grad, weight, deltas)
        grad_weight = sweep.weight_gradient(delta_tiles) if ctx.needs_input_grad[2] else None
        return torch.from_numpy(deltas), grad_h0, grad_weight, None, None, None


class _Driven(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0913 - as `driven`, with the drive's tensors one by one
        ctx: Any,
        inputs: Tensor,
        weight_ih: Tensor,
        bias: Tensor | None,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float,
    ) -> Tensor:
        shape = torch.Size((len(inputs), *h0.shape))
        sweep = Sweep.of(shape, weight.dtype, edges, nonlinearity, alpha)
        drive = TiledDrive.of(Drive(inputs, weight_ih, bias), sweep.tiling)
        states = sweep.forth(h0, weight, drive.feed())
        ctx.save_for_backward(weight)
        ctx.sweep, ctx.drive = sweep, drive
        return states

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        sweep: Sweep = ctx.sweep
        drive: TiledDrive = ctx.drive
        (weight,) = cast("tuple[Tensor]", ctx.saved_tensors)
        not_wanted = np.empty((0, *grad.shape[1:]), sweep.states.dtype)
        delta_tiles, grad_h0 = sweep.back(grad, weight, not_wanted)
        grad_weight = sweep.weight_gradient(delta_tiles) if ctx.needs_input_grad[4] else None
        grad_ih, grad_bias = drive.gradients(delta_tiles)
        wanted = grad_bias if ctx.needs_input_grad[2] else None
        return None, grad_ih, wanted, grad_h0, grad_weight, None, None, None


def run(
    projected: Tensor,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments. Differentiable once."""
    states = _Projected.apply(projected, h0, weight, edges, nonlinearity, alpha)
    return cast("Tensor", states)


def driven(
    drive: Drive,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states and their input; see `Kernel`. Differentiable once, but not in inputs."""
    states = _Driven.apply(*drive, h0, weight, edges, nonlinearity, alpha)
    return cast("Tensor", states)


def refusal(mask: Mask, device: str) -> str:
    """Why the kernel cannot serve a mask here, or ""."""
    if device != "cpu":
        return f"it runs on the CPU, not on {device}"
    if not find_spec("numba"):
        return "numba is not installed; install it with: pip install numba"
    if mask.n_units * max(WIDTHS) >= 2**32:
        return "it counts the units of a tile in 32 bits, and the mask has too many"
    return failure()


KERNEL = Kernel("sparse_cpu", run, refusal, product, driven)
