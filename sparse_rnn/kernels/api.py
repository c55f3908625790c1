"""What every kernel shares: the edges as tensors, the nonlinearities, and the interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from sparse_rnn.masks import Mask


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a mask on a device.

    Attributes:
        mask: The mask.
        targets: int64 ``[nnz]``, the unit each edge ends on (row).
        sources: int64 ``[nnz]``, the unit each edge starts from (column).
        n_blocks: Number of networks S that they belong to: units 0..N/S-1 and the edges among them
            are the first network, and so on.
    """

    mask: Mask
    targets: Tensor
    sources: Tensor
    n_blocks: int = 1

    @classmethod
    def of(cls, mask: Mask, device: torch.device | str = "cpu") -> Edges:
        """Put the edges of a mask on a device."""
        targets = torch.from_numpy(mask.targets()).to(device)
        sources = torch.from_numpy(mask.indices.astype("int64")).to(device)
        return cls(mask, targets, sources)

    @classmethod
    def side_by_side(cls, masks: Sequence[Mask], device: torch.device | str = "cpu") -> Edges:
        """The edges of several networks with as many units each, as one of separate blocks."""
        n_units = masks[0].n_units
        ends = np.cumsum([0, *(mask.nnz for mask in masks)])
        indptr = [mask.indptr[:-1] + end for mask, end in zip(masks, ends, strict=False)]
        indices = [mask.indices + i * n_units for i, mask in enumerate(masks)]
        n_all = n_units * len(masks)
        blocks = Mask(
            np.concatenate([*indptr, ends[-1:]]).astype(masks[0].indptr.dtype),
            np.concatenate(indices).astype(masks[0].indices.dtype),
            (n_all, n_all),
        )
        return replace(cls.of(blocks, device), n_blocks=len(masks))

    def scatter(self, weight: Tensor) -> Tensor:
        """Write edge values ``[nnz]`` into a dense matrix of zeros ``[N, N]``; differentiable."""
        return weight.new_zeros(self.mask.shape).index_put(self.indices(), weight)

    def indices(self) -> tuple[Tensor, Tensor]:
        """Row and column of each edge, int64 ``[nnz]`` each."""
        return self.targets, self.sources

    def scatter_blocks(self, weight: Tensor) -> Tensor:
        """Write edge values ``[nnz]`` into a matrix for each block ``[S, N / S, N / S]``."""
        matrix = weight.new_zeros(self.n_blocks, *self.block_shape)
        return matrix.index_put(self.block_indices(), weight)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Shape of the matrix of one block."""
        n_units = self.mask.n_units // self.n_blocks
        return n_units, n_units

    def block_indices(self) -> tuple[Tensor, Tensor, Tensor]:
        """Block, row and column of each edge, int64 ``[nnz]`` each."""
        n_units = self.block_shape[0]
        return self.targets // n_units, self.targets % n_units, self.sources % n_units


@dataclass(frozen=True)
class Nonlinearity:
    """A nonlinearity with its derivative.

    Attributes:
        name: Its name in `NONLINEARITIES`.
        apply: The function; tensor to tensor of the same shape, differentiable.
        apply_: The same in place, not differentiable.
        chain_: ``chain_(grad, output)`` multiplies grad in place by the derivative, which must be a
            function of the output, so that a kernel need not keep the input for its backward pass.
    """

    name: str
    apply: Callable[[Tensor], Tensor]
    apply_: Callable[[Tensor], Tensor]
    chain_: Callable[[Tensor, Tensor], Tensor]


# The fused operators that autograd itself uses: one pass over memory in place of three.
_relu_backward: Callable[..., Tensor] = torch.ops.aten.threshold_backward.grad_input
_tanh_backward: Callable[..., Tensor] = torch.ops.aten.tanh_backward.grad_input


def _relu_chain_(grad: Tensor, output: Tensor) -> Tensor:
    return _relu_backward(grad, output, 0, grad_input=grad)


def _tanh_chain_(grad: Tensor, output: Tensor) -> Tensor:
    return _tanh_backward(grad, output, grad_input=grad)


def _softplus(values: Tensor) -> Tensor:
    # From its threshold on, torch takes the identity with slope 1. At its default of 20 that slope
    # is off by 2e-9; at 40 it is exact in float64.
    return torch.nn.functional.softplus(values, threshold=40)


def _softplus_(values: Tensor) -> Tensor:
    return values.copy_(_softplus(values))


def _softplus_chain_(grad: Tensor, output: Tensor) -> Tensor:
    # The derivative of softplus is the logistic function, which is 1 - exp(-softplus).
    return grad.mul_(torch.expm1(-output).neg_())


NONLINEARITIES: Mapping[str, Nonlinearity] = MappingProxyType(
    {
        f.name: f
        for f in (
            Nonlinearity("relu", torch.relu, torch.relu_, _relu_chain_),
            Nonlinearity("tanh", torch.tanh, torch.tanh_, _tanh_chain_),
            Nonlinearity("softplus", _softplus, _softplus_, _softplus_chain_),
        )
    }
)
"""Nonlinearities by name."""


class Drive(NamedTuple):
    """What drives the units of a layer.

    Attributes:
        inputs: ``[T, B, I]``.
        weight: Input weights ``[N, I]``.
        bias: Bias ``[N]``, or None.
    """

    inputs: Tensor
    weight: Tensor
    bias: Tensor | None


class Run(Protocol):
    """A whole-sequence function of a kernel; see `Kernel.run`."""

    def __call__(
        self,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float = 1.0,
    ) -> Tensor:
        """Compute the states ``[T, B, N]``."""
        ...


class Driven(Protocol):
    """The same with the input of the units; see `Kernel.driven`."""

    def __call__(
        self,
        drive: Drive,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float = 1.0,
    ) -> Tensor:
        """Compute the states ``[T, B, N]``."""
        ...


Product = Callable[[Tensor], Tensor]

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
"""Types of number that torch's own operations take."""


def product_by_matrix(weight: Tensor, edges: Edges) -> Product:
    """Prepare products by a dense matrix, written once; see `Kernel.product`."""
    if edges.n_blocks > 1:
        return _product_by_blocks(weight, edges)
    matrix = torch.stack([edges.scatter(values) for values in weight]).flatten(0, 1)
    gates = (len(weight), edges.mask.n_units)

    def product(state: Tensor) -> Tensor:
        return (state @ matrix.T).unflatten(1, gates).transpose(0, 1)

    return product


def _product_by_blocks(weight: Tensor, edges: Edges) -> Product:
    """The same for several networks side by side, by a matrix for each."""
    # Transposed and with the gates side by side: [S, N, gates * N].
    by_gate = [edges.scatter_blocks(values).transpose(1, 2) for values in weight]
    matrix = torch.cat(by_gate, dim=2)
    n_blocks, n_units = matrix.shape[:2]

    def product(state: Tensor) -> Tensor:
        blocks = state.unflatten(1, (n_blocks, n_units)).transpose(0, 1)
        together = torch.bmm(blocks, matrix).unflatten(2, (len(weight), n_units))
        return together.permute(2, 1, 0, 3).flatten(2)

    return product


def never(mask: Mask, device: str) -> str:
    """The `refusal` of a kernel that serves every mask on every device."""
    del mask, device
    return ""


@dataclass(frozen=True)
class Kernel:
    """One way to compute a masked recurrence.

    Its functions have names in modules, so that a layer can be pickled.

    Attributes:
        name: Name of the backend.
        run: ``run(projected, h0, weight, edges, nonlinearity, alpha=1.0)``: `projected`
            ``[T, B, N]`` is the input times its weights plus the bias, `h0` ``[B, N]`` the first
            state, `weight` ``[nnz]`` the values of the edges, `alpha` the share of the state that a
            step replaces: ``h[t] = (1 - alpha) h[t - 1] + alpha f(projected[t] + W h[t - 1])``.
            Returns the states ``[T, B, N]`` after each step; differentiable in its first three
            arguments, to every order.
        refusal: ``refusal(mask, device)`` says why the kernel cannot serve a mask on a type of
            device, or "".
        product: ``product(weight, edges)`` prepares, once for a sequence, the recurrent products of
            a cell with gates: of `weight` ``[gates, nnz]`` and a state ``[B, N]`` the function
            that it returns makes ``[gates, B, N]``, differentiable in both, to every order.
        driven: ``driven(drive, h0, weight, edges, nonlinearity, alpha=1.0)``: `run` that also
            multiplies the input by its weights. None for a kernel that has no faster way to do so
            than torch.
        dtypes: Types of number that it computes in.
    """

    name: str
    run: Run
    refusal: Callable[[Mask, str], str] = never
    product: Callable[[Tensor, Edges], Product] = product_by_matrix
    driven: Driven | None = None
    dtypes: tuple[torch.dtype, ...] = FLOATS

    def drive(
        self,
        drive: Drive,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float = 1.0,
    ) -> Tensor:
        """Compute the states of a driven layer, differentiable in all tensors; see `run`."""
        other = drive.inputs.requires_grad or drive.inputs.dtype != weight.dtype
        if self.driven is None or other:
            # Under autocast the product is shorter; states are of the type of the weights.
            projected = torch.nn.functional.linear(*drive).to(weight.dtype)
            return self.run(projected, h0, weight, edges, nonlinearity, alpha)
        return self.driven(drive, h0, weight, edges, nonlinearity, alpha)
