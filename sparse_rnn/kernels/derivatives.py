"""Operations with a fast pass forth and back of their own, and every other derivative by a formula.

A hand-written ``torch.autograd.Function`` knows its first derivative alone. Asked for a second one,
for a product forward, or under ``vmap``, it raises on some ways in and gives zeros on others. Here
one pair of functions serves every operation: what is not written by hand comes from a formula of
plain torch operations, so that a derivative of any order and direction is right.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd import forward_ad

Tensors = tuple[Tensor, ...]


class Operation(ABC):
    """One call of an operation from some tensors to others.

    A subclass keeps the rest of its arguments, and what its pass back takes from the one forth, as
    attributes; so an object serves one call.

    Attributes:
        kept: Large tensors that `back` takes from `forth`. Autograd holds them, and frees them
            with the rest of the graph.
        KEEPS_OUTPUT: Whether `back` reads what `forth` returned, so that a change of it in place
            has to be noticed. A kept output must be a detached one: the graph holds the object.
    """

    KEEPS_OUTPUT: ClassVar[bool] = False

    kept: Tensors = ()

    @abstractmethod
    def formula(self, *tensors: Tensor) -> Tensors:
        """The operation in differentiable operations of torch."""

    @abstractmethod
    def forth(self, *tensors: Tensor) -> Tensors:
        """The operation, without a graph."""

    @abstractmethod
    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients of the arguments, without a graph.

        Args:
            needed: For each tensor whether its gradient is wanted.
            grads: Gradient with respect to each output.
            *tensors: Those of `forth`.

        Returns:
            A gradient for each tensor; None only where it is not wanted.
        """

    def check_forward(self) -> None:  # noqa: B027 - most have nothing to refuse
        """Raise where the operation has no derivatives forward; by default it has them."""

    def __call__(self, *tensors: Tensor) -> Tensors:
        """Compute the outputs; differentiable in all tensors, to every order."""
        if traced():
            return self.formula(*tensors)  # What is traced is to run without this object.
        if torch.compiler.is_compiling():
            break_graph()
            return _uncompiled()(self, *tensors)
        return _applied(self, *tensors)


def _applied(operation: Operation, *tensors: Tensor) -> Tensors:
    try:
        return _Forth.apply(operation, *tensors)
    finally:
        operation.kept = ()  # Autograd has it by now, on each level of ``torch.func``.


def traced() -> bool:
    """Whether torch writes down the operations, for a program that runs without Python."""
    jit: Any = torch.jit  # `is_tracing` is documented, and not exported.
    return jit.is_tracing() or torch.compiler.is_exporting()


_OUTSIDE = (
    "sparse_rnn runs its kernels and draws its noise outside the graphs of torch.compile. Call "
    'torch.compile with fullgraph=False; or take backend="reference", which is plain torch, '
    "and eval() where there is recurrent noise."
)
_SAYS_WHY = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 10)


def break_graph() -> None:
    """End the graph that ``torch.compile`` writes here; with ``fullgraph=True`` torch raises."""
    loaded: Any = torch  # With its compiler, where something is compiled; documented, not exported.
    if _SAYS_WHY:
        loaded._dynamo.graph_break(msg=_OUTSIDE)
    else:
        loaded._dynamo.graph_break()  # Older versions of torch take no reason.


@cache
def _uncompiled() -> Callable[..., Tensors]:
    """What ``torch.compile`` leaves alone: else it would look into numba.

    Made when first needed, as this loads the compiler, which takes seconds.
    """
    disable: Any = torch.compiler.disable
    return disable(_applied)


class _Forth(torch.autograd.Function):
    @staticmethod
    # The base class says *args; these are what `apply` was called with.
    def forward(operation: Operation, *tensors: Tensor) -> Tensors:  # pyright: ignore[reportIncompatibleMethodOverride] - see above
        return operation.forth(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
        operation, *tensors = inputs
        ctx.operation = operation
        # Autograd then sees a change in place before the pass back.
        outputs = output if operation.KEEPS_OUTPUT else ()
        ctx.save_for_backward(*tensors, *outputs, *operation.kept)
        ctx.n_kept = len(operation.kept)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        needed, saved = ctx.needs_input_grad[1:], ctx.saved_tensors
        tensors = saved[: len(needed)]
        ctx.operation.kept = saved[len(saved) - ctx.n_kept :]
        try:
            if not torch.is_grad_enabled() and _is_plain(grads) and _is_plain(tensors):
                # Nothing is derived from these gradients; an operation less a step of a cell.
                return None, *ctx.operation.back(needed, grads, *tensors)
            return None, *_Back.apply(ctx.operation, needed, len(grads), *grads, *tensors)
        finally:
            ctx.operation.kept = ()

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensors:
        ctx.operation.check_forward()
        return _pushed(ctx.operation.formula, ctx.saved_tensors, tangents[1:])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensors, tuple[int, ...]]:
        operation, *tensors = args
        return _batched(operation.formula, info, in_dims[1:], tensors)


class _Back(torch.autograd.Function):
    """The gradients of an operation, as an operation."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        operation: Operation, needed: Sequence[bool], n_grads: int, *values: Tensor
    ) -> tuple[Tensor | None, ...]:
        grads, tensors = values[:n_grads], values[n_grads:]
        if all(_in_memory(one) for one in grads):
            return operation.back(needed, grads, *tensors)
        # Those of ``autograd.grad(..., is_grads_batched=True)``, which `vmap` here never sees.
        with torch.enable_grad():
            wanted = [one.detach().requires_grad_() for one in tensors]
            return torch.autograd.grad(operation.formula(*wanted), wanted, grads)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        operation, _, n_grads, *values = inputs
        ctx.operation, ctx.formula = operation, _gradients(operation, n_grads)
        ctx.present = [one is not None for one in output]
        ctx.save_for_backward(*values)
        ctx.save_for_forward(*values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        found, pull = _vjp(ctx.formula, *ctx.saved_tensors)
        pairs = zip(grads, found, strict=True)
        whole = tuple(torch.zeros_like(one) if grad is None else grad for grad, one in pairs)
        return None, None, None, *pull(whole)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Tensor | None, ...]:
        ctx.operation.check_forward()
        pushed = _pushed(ctx.formula, ctx.saved_tensors, tangents[3:])
        pairs = zip(pushed, ctx.present, strict=True)
        return tuple(one if present else None for one, present in pairs)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensors, tuple[int, ...]]:
        operation, _, n_grads, *values = args
        return _batched(_gradients(operation, n_grads), info, in_dims[3:], values)


def _vjp(formula: Callable[..., Any], *values: Any) -> tuple[Any, Callable[..., Any]]:
    """``torch.func.vjp`` without further outputs, whose type says so."""
    made: Any = torch.func.vjp(formula, *values)
    return made


def _is_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether tensors have numbers of their own, and no derivatives forward go along with them."""
    # No level, no derivative; torch has no public name for it.
    level: Any = forward_ad
    return level._current_level < 0 and all(_in_memory(one) for one in tensors)


def _in_memory(tensor: Tensor) -> bool:
    """Whether a tensor has numbers of its own, and does not stand for others."""
    try:
        tensor.data_ptr()
    except RuntimeError:
        return False
    return True


def _gradients(operation: Operation, n_grads: int) -> Callable[..., Tensors]:
    """The gradients by the formula, a function of those of the outputs and of the arguments."""

    def gradients(*values: Tensor) -> Tensors:
        _, pull = _vjp(operation.formula, *values[n_grads:])
        return pull(values[:n_grads])

    return gradients


def _pushed(
    formula: Callable[..., Tensors], values: Sequence[Tensor], tangents: Sequence[Tensor | None]
) -> Tensors:
    """The product of the Jacobian with a direction: the gradient of the gradient's own product."""
    pairs = zip(values, tangents, strict=True)
    along = tuple(torch.zeros_like(v) if tangent is None else tangent for v, tangent in pairs)
    # Torch calls `jvp` with derivatives forward switched off, in which a product inside another one
    # would lose terms in silence; it has no public switch.
    switched: Any = forward_ad
    with switched._set_fwd_grad_enabled(mode=True):
        # The values have the tangents of this product, which are not to be carried along again.
        values = [forward_ad.unpack_dual(value, level=0).primal for value in values]
        outputs, pull = _vjp(formula, *values)
        _, push = _vjp(pull, tuple(torch.zeros_like(one) for one in outputs))
        return push(along)[0]


def _batched(
    formula: Callable[..., Tensors], info: Any, in_dims: tuple[Any, ...], values: Sequence[Tensor]
) -> tuple[Tensors, tuple[int, ...]]:
    found = torch.vmap(formula, in_dims=in_dims, randomness=info.randomness)(*values)
    return found, (0,) * len(found)


# `apply` binds the arguments by the signature of `forward`, which takes longer to make than a step.
for _function in (_Forth.forward, _Back.forward):
    _function.__signature__ = inspect.Signature(
        [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
    )
