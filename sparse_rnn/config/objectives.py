"""Objectives by name: what each time step costs; and penalties on what the units do.

One function and one row of `OBJECTIVES` each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from sparse_rnn.errors import InvalidArgument

Cost = Callable[[Tensor, Tensor], Tensor]
"""Cost of each step ``[T, B]`` of outputs ``[T, B, O]`` and the targets of a batch."""

DEFAULT = "cross_entropy"


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy in nats, of logits and labels.

    Args:
        outputs: Logits ``[T, B, O]``.
        targets: int64 ``[T, B]``.

    Raises:
        InvalidArgument: The targets are no labels.
    """
    if targets.is_floating_point() or targets.dim() != 2:
        raise _unfit("cross_entropy", targets, 'labels [T, B]; numbers need "squared_error"')
    flat = nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return flat.view(targets.shape)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Square of the error, mean over the outputs (as Yang et al. 2019 train on a ring).

    Args:
        outputs: ``[T, B, O]``.
        targets: ``[T, B, O]``, float.

    Raises:
        InvalidArgument: The targets are no numbers, or not one for each output.
    """
    if not targets.is_floating_point() or targets.shape != outputs.shape:
        raise _unfit("squared_error", targets, f"numbers {list(outputs.shape)}, one each output")
    return (outputs - targets).square().mean(-1)


OBJECTIVES: Mapping[str, Cost] = MappingProxyType(
    {"cross_entropy": cross_entropy, "squared_error": squared_error}
)
"""All objectives by name. Their costs are averaged with the weights of the batch's mask."""


def check_targets(name: str, *, numbers: bool) -> None:
    """Refuse an objective for targets that it does not take, before there are any.

    Args:
        name: A name in `OBJECTIVES`; others are left to their function.
        numbers: Whether the targets are numbers for each output, and not labels.

    Raises:
        InvalidArgument: It does not take them.
    """
    if name in OBJECTIVES:
        targets = torch.zeros(1, 1, 2) if numbers else torch.zeros(1, 1, dtype=torch.int64)
        OBJECTIVES[name](torch.zeros(1, 1, 2), targets)


def activity(
    hidden: Tensor,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    rate: float | None = None,
    rate_weight: float = 1.0,
) -> Tensor:
    """Penalties on the states of the units, over all time steps, lanes and units of a batch.

    Args:
        hidden: The states ``[T, B, N]``.
        l1: Factor of the mean of ``|h|``.
        l2: Factor of the mean of ``h^2``.
        rate: What the mean state of each unit should be.
        rate_weight: Factor of the squared distance from there, mean over units.

    Example:
        >>> float(activity(torch.full((5, 2, 3), 2.0), l1=0.5, l2=0.25, rate=3.0))
        3.0
    """
    total = hidden.new_zeros(())
    if l1:
        total = total + l1 * hidden.abs().mean()
    if l2:
        total = total + l2 * hidden.square().mean()
    if rate is not None:
        total = total + rate_weight * (hidden.mean((0, 1)) - rate).square().mean()
    return total


def _unfit(objective: str, targets: Tensor, needed: str) -> InvalidArgument:
    found = f"{objective!r} with targets {targets.dtype} {list(targets.shape)}"
    return InvalidArgument("objective", found, f"one for the targets of the batches: {needed}")


@dataclass(frozen=True)
class Minimised:
    """What a configuration says is minimised; the names are those of `FitConfig`."""

    objective: str
    activity_l1: float
    activity_l2: float
    rate_target: float | None
    rate_weight: float
    truncate: int | None
    carry_states: bool

    @property
    def is_of_activity(self) -> bool:
        """Whether something is added that depends on the states of the units."""
        return bool(self.activity_l1 or self.activity_l2) or self.rate_target is not None
