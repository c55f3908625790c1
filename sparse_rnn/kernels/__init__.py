"""Backends that compute a masked recurrence over a whole sequence, behind one interface.

Each backend is one file with a `KERNEL` and one row of `KERNELS`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.kernels import autapse, cuda, dense, reference
from sparse_rnn.kernels.api import (
    NONLINEARITIES as NONLINEARITIES,
    Drive as Drive,
    Edges as Edges,
    Kernel as Kernel,
    Nonlinearity as Nonlinearity,
    Pattern as Pattern,
    Product as Product,
)
from sparse_rnn.kernels.cpu import function as sparse_cpu
from sparse_rnn.system.arguments import finite

KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        kernel.name: kernel
        for kernel in (
            reference.KERNEL,
            dense.KERNEL,
            autapse.KERNEL,
            sparse_cpu.KERNEL,
            cuda.KERNEL,
        )
    }
)
"""All backends by name."""

_LOG = logging.getLogger("sparse_rnn")

SPARSE_COST = 1.15
"""Time of a synapse in `sparse_cpu` over that of a matrix entry in `dense`, on a CPU core. Measured
on whole training steps of networks of 900 and 2500 units (0.97 to 1.09)."""

STEP_COST = 4.0
"""The same for `products`, which sum the gradient of the weights anew at each step. Measured on
training steps of a gated cell (3.7 at 900 units)."""


UNIT_COST: Mapping[str, float] = MappingProxyType({"softplus": 300.0})
"""What a unit costs on top in `sparse_cpu`, in matrix entries of `dense`, by nonlinearity: softplus
is computed number by number there. Measured on training steps of 400 units
(``benchmarks/speed/crossover.py``)."""

CUDA_COST = 20.0
"""Time of a synapse in `cuda` over that of a matrix entry in `dense`, on a CUDA device. **Not
measured**: it is the ratio of what a float32 matrix product reaches to what memory delivers."""


def choose(
    backend: str,
    mask: Pattern,
    device: str = "cpu",
    *,
    cost: float = SPARSE_COST,
    nonlinearity: str = "relu",
    dtype: torch.dtype = torch.float32,
) -> Kernel:
    """Pick the kernel for a mask.

    Args:
        backend: A name in `KERNELS`, or "auto" for the one that is expected to be the fastest (see
            `reason`).
        mask: The mask.
        device: Type of the device that it shall run on, such as "cpu" or "cuda".
        cost: For "auto": `SPARSE_COST`, or `STEP_COST` for a cell that uses `products`.
        nonlinearity: For "auto": that of the cell, a name in `NONLINEARITIES`.
        dtype: Type of the weights.

    Raises:
        UnknownName: There is no such backend or nonlinearity.
        InvalidArgument: torch knows no such device, the cost is not above 0, or the backend cannot
            serve this mask, or not on this device, or not in this type.

    Example:
        >>> from sparse_rnn.kernels import choose
        >>> from sparse_rnn import masks
        >>> choose("auto", masks.locality((9, 9), 1)).name, choose("auto", masks.dense(5)).name
        ('sparse_cpu', 'dense')
    """
    device = _kind("device", device)
    finite("cost", cost, "a finite number above 0", above=0)
    if nonlinearity not in NONLINEARITIES:
        raise unknown_name("nonlinearity", nonlinearity, NONLINEARITIES, "a nonlinearity")
    if backend == "auto":
        name, why = _automatic(mask, device, cost, UNIT_COST.get(nonlinearity, 0.0))
        if dtype not in KERNELS[name].dtypes:
            name, why = "dense", f"{name} does not compute in {dtype}"
        _check_dtype(KERNELS[name], dtype)
        _LOG.info("backend %s: %s", name, why)
        return KERNELS[name]
    if backend not in KERNELS:
        raise unknown_name("backend", backend, ("auto", *KERNELS), "a backend")
    kernel = KERNELS[backend]
    refused = kernel.refusal(mask, device)
    if refused:
        raise InvalidArgument("backend", backend, f"able to serve {mask!r} here", f"({refused})")
    _check_dtype(kernel, dtype)
    return kernel


def _kind(argument: str, device: str) -> str:
    """The type of a device: another name than torch's would count as one without sparse kernels."""
    try:
        return torch.device(device).type
    except (RuntimeError, TypeError) as error:
        allowed = "a device of torch, such as 'cpu' or 'cuda'"
        raise InvalidArgument(argument, device, allowed) from error


def _check_dtype(kernel: Kernel, dtype: torch.dtype) -> None:
    if dtype not in kernel.dtypes:
        known = ", ".join(str(kind).removeprefix("torch.") for kind in kernel.dtypes)
        remedy = 'The backends "dense" and "auto" take shorter numbers too.'
        raise InvalidArgument("dtype", dtype, f"{known} for the backend {kernel.name!r}", remedy)


def reason(mask: Pattern, device: str = "cpu") -> str:
    """Say which backend "auto" picks for a mask and a vanilla cell with relu, and why.

    Raises:
        InvalidArgument: torch knows no such device.

    Example:
        >>> from sparse_rnn.kernels import reason
        >>> from sparse_rnn import masks
        >>> reason(masks.dense(5))
        'dense: 100 % of the matrix exists'
    """
    return ": ".join(_automatic(mask, _kind("device", device), SPARSE_COST, 0.0))


def _automatic(mask: Pattern, device: str, cost: float, unit_cost: float) -> tuple[str, str]:
    # `sparse_cpu` is asked last, as its answer loads numba.
    if not autapse.KERNEL.refusal(mask, device):
        why = "every unit has itself alone"
        refused = sparse_cpu.KERNEL.refusal(mask, device)
        # A product is so cheap here that what counts is the input, which `sparse_cpu` multiplies
        # on the way.
        elementwise = bool(refused) or cost > SPARSE_COST or unit_cost > 0
        return ("autapse" if elementwise else "sparse_cpu"), why
    share = f"{100 * mask.nnz / mask.n_units**2:.3g} % of the matrix exists"
    if device == "cuda" and cost == SPARSE_COST and not cuda.KERNEL.refusal(mask, device):
        return ("cuda" if mask.nnz * CUDA_COST <= mask.n_units**2 else "dense"), share
    if device != "cpu" or mask.nnz * cost + mask.n_units * unit_cost > mask.n_units**2:
        return "dense", share
    if refused := sparse_cpu.KERNEL.refusal(mask, device):
        _warn_once(f"A sparse backend would be faster here, but {refused}.")
        return "dense", refused
    return "sparse_cpu", share


@cache
def _warn_once(text: str) -> None:
    warnings.warn(text, stacklevel=6)


def products(kernel: Kernel, weight: Tensor, edges: Edges) -> Product:
    """Prepare the recurrent products of a sequence, for cells whose steps no kernel runs whole.

    Args:
        kernel: The kernel.
        weight: Values of the edges, ``[nnz]``, or of several gates that share the mask,
            ``[gates, nnz]``.
        edges: The edges.

    Returns:
        A function of a state ``[B, N]`` of the weight's type: the product with the matrix
        ``[B, N]``, or with each gate's ``[gates, B, N]``. Differentiable in state and weight.

    Example:
        >>> import torch
        >>> from sparse_rnn.kernels import Edges, choose, products
        >>> from sparse_rnn import masks
        >>> mask = masks.locality((3, 3), radius=1)
        >>> product = products(choose("auto", mask), torch.ones(mask.nnz), Edges.of(mask))
        >>> product(torch.ones(2, 9))[0, :3]
        tensor([5., 5., 5.])
    """
    if weight.dim() == 2:
        return kernel.product(weight, edges)
    single = kernel.product(weight[None], edges)
    return lambda state: single(state)[0]


def nonlinearity(name: str) -> Nonlinearity:
    """Look up a nonlinearity.

    Raises:
        UnknownName: There is none of that name.
    """
    if name not in NONLINEARITIES:
        raise unknown_name("nonlinearity", name, NONLINEARITIES, "a nonlinearity")
    return NONLINEARITIES[name]
