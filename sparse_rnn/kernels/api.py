"""What every kernel shares: the edges as tensors, the nonlinearities, and the interface."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Pattern(Protocol):
    """Which synapses exist, as a kernel needs to know it; a `sparse_rnn.masks.Mask` is one."""

    @property
    def n_units(self) -> int:
        """Number of units N."""
        ...

    @property
    def nnz(self) -> int:
        """Number of synapses."""
        ...

    @property
    def indices(self) -> NDArray[np.int32]:
        """Unit that each edge starts from (column), ascending within a row; ``[nnz]``."""
        ...

    def targets(self) -> NDArray[np.int64]:
        """Unit that each edge ends on (row), ascending; ``[nnz]``."""
        ...


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The pattern of several networks side by side."""

    n_units: int
    indices: NDArray[np.int32]
    rows: NDArray[np.int64]

    @property
    def nnz(self) -> int:
        return self.indices.size

    def targets(self) -> NDArray[np.int64]:
        return self.rows


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a mask on a device.

    Attributes:
        mask: The mask; that of several networks has their units side by side.
        targets: int64 ``[nnz]``, the unit each edge ends on (row).
        sources: int64 ``[nnz]``, the unit each edge starts from (column).
        n_blocks: Number of networks S that they belong to: units 0..N/S-1 and the edges among them
            are the first network, and so on.
    """

    mask: Pattern
    targets: Tensor
    sources: Tensor
    n_blocks: int = 1

    @classmethod
    def of(cls, mask: Pattern, device: torch.device | str = "cpu") -> Edges:
        """Put the edges of a mask on a device."""
        targets = torch.from_numpy(mask.targets()).to(device)
        sources = torch.from_numpy(mask.indices.astype("int64")).to(device)
        return cls(mask, targets, sources)

    @classmethod
    def side_by_side(cls, masks: Sequence[Pattern], device: torch.device | str = "cpu") -> Edges:
        """The edges of several networks with as many units each, as one of separate blocks."""
        starts = [number * masks[0].n_units for number in range(len(masks))]
        pairs = list(zip(masks, starts, strict=True))
        indices = np.concatenate([mask.indices + start for mask, start in pairs])
        rows = np.concatenate([mask.targets() + start for mask, start in pairs])
        blocks = _Blocks(masks[0].n_units * len(masks), indices, rows)
        return replace(cls.of(blocks, device), n_blocks=len(masks))

    def scatter(self, weight: Tensor) -> Tensor:
        """Write edge values ``[nnz]`` into a dense matrix of zeros ``[N, N]``; differentiable."""
        n_units = self.mask.n_units
        return weight.new_zeros(n_units, n_units).index_put(self.indices(), weight)

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
    """The drive of the units of a layer, their input current, as what it is made of.

    It is ``weight @ input + bias`` at each step: all that a unit receives but its synapses.

    Attributes:
        inputs: ``[T, B, I]``.
        weight: Input weights ``[N, I]``.
        bias: Bias ``[N]``, or None.
    """

    inputs: Tensor
    weight: Tensor
    bias: Tensor | None


DriveT = TypeVar("DriveT", contravariant=True)


class Run(Protocol[DriveT]):
    """A whole-sequence function of a kernel; see `Kernel.run` and `Kernel.driven`."""

    def __call__(
        self,
        drive: DriveT,
        /,
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


def never(mask: Pattern, device: str) -> str:
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
        driven: ``driven(drive, h0, weight, edges, nonlinearity, alpha=1.0)``: `run` of a `Drive`,
            that multiplies the input by its weights on the way. None for a kernel that has no
            faster way to do so than torch.
        dtypes: Types of number that it computes in.
        answered: ``answered(drive, readout, h0, weight, edges, nonlinearity, alpha=1.0)``: `driven`
            with a linear readout on the way, of weights ``[O, N]`` and bias ``[O]``. Returns the
            last state ``[1, B, N]`` and the logits ``[T, B, O]``. None for a kernel that has no
            faster way to do so than torch.
    """

    name: str
    run: Run[Tensor]
    refusal: Callable[[Pattern, str], str] = never
    product: Callable[[Tensor, Edges], Product] = product_by_matrix
    driven: Run[Drive] | None = None
    dtypes: tuple[torch.dtype, ...] = FLOATS
    answered: Callable[..., tuple[Tensor, Tensor]] | None = None

    def states(
        self,
        drive: Drive,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float = 1.0,
    ) -> Tensor:
        """Compute the states under a drive, differentiable in all tensors; see `run`."""
        rest = h0, weight, edges, nonlinearity, alpha
        other = drive.inputs.requires_grad or drive.inputs.dtype != weight.dtype
        if self.driven is None or other:
            # Under autocast the product is shorter; states are of the type of the weights.
            return self.run(torch.nn.functional.linear(*drive).to(weight.dtype), *rest)
        return self.driven(drive, *rest)

    def drive(self, *args: Any, **kwargs: Any) -> Tensor:
        """`states`, by its name until version 0.2; goes in the next one."""
        text = "Kernel.drive is now Kernel.states; the old name goes in the next version."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return self.states(*args, **kwargs)
