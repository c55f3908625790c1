"""Recurrent weights that are computed from others, and can become exactly 0 while they are trained.

A layer with a `Soft` gives its kernel ``soft(weight_hh)`` in place of ``weight_hh``. Gradients flow
back to the weights, and to what the soft part learns itself. When training is over, `harden` makes
the zeros leave: the layer then has the synapses that are left, with the values that they act with.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from sparse_rnn import seeding

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
"""Temperature and stretch of the hard concrete distribution (Louizos et al. 2018, section 4)."""

_EDGE = 1e-6
"""Uniform numbers are this far from 0 and from 1, so that their logits are finite."""


class Soft(nn.Module):
    """What recurrent weights are computed from; abstract.

    Attributes:
        DECAYS: Whether weight decay (the setting `l2`) acts on its parameters.
    """

    if TYPE_CHECKING:
        __call__: Callable[[Tensor], Tensor]

    DECAYS: ClassVar[bool]

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:
        """The weights that act, of ``weight_hh``, in training or in evaluation; shaped alike."""

    def settled(self, weight: Tensor) -> Tensor:
        """The weights that act in evaluation, without a gradient."""
        mode = self.training
        self.eval()
        try:
            with torch.no_grad():
                return self(weight)
        finally:
            self.train(mode)

    def penalise(self) -> None:
        """Add the gradient of its own penalty to those of its parameters."""

    def advance(self) -> None:
        """Go on to the next gradient step."""


class SoftThreshold(Soft):
    """Soft threshold reparametrisation: ``sign(w) relu(|w| - sigmoid(s))`` with s learned.

    Kusupati et al. 2020 (arXiv:2002.03231), equation 5. Each gate has an s of its own.

    Args:
        like: The weights, ``[nnz]`` or ``[gates, nnz]``.
        start: s at the start.
    """

    DECAYS: ClassVar[bool] = True

    def __init__(self, like: Tensor, start: float) -> None:
        super().__init__()
        self.threshold = nn.Parameter(like.new_full((*like.shape[:-1], 1), start))

    def forward(self, weight: Tensor) -> Tensor:
        """The weights without what is below the threshold."""
        return weight.sign() * torch.relu(weight.abs() - self.threshold.sigmoid())


class HardConcrete(Soft):
    """A gate for each synapse, drawn from a hard concrete distribution with a learned mean.

    Louizos et al. 2018 (arXiv:1712.01312), equations 10 to 13: ``z = clip(sbar, 0, 1)`` with ``sbar
    = sigmoid((logit u + log_alpha) / beta) (zeta - gamma) + gamma`` and u uniform. A synapse has
    one gate in all matrices of a cell with gates. In evaluation mode it is ``clip(sigmoid(
    log_alpha) (zeta - gamma) + gamma, 0, 1)``. The penalty is `weight` times the sum of the
    probabilities that z is not 0, ``sigmoid(log_alpha - beta log(-gamma / zeta))``.

    The gates of a gradient step are a function of the seed and of the number of steps before, which
    the state dict has; they stay the same until `advance`.

    Args:
        like: The weights, ``[nnz]`` or ``[gates, nnz]``.
        open_at_start: Mean of a gate at the start, about: ``sigmoid(log_alpha)``.
        weight: Strength of the penalty.
        seed: Where the gates are drawn from.
    """

    DECAYS: ClassVar[bool] = False

    gate_state: Tensor

    def __init__(
        self, like: Tensor, open_at_start: float, weight: float, seed: seeding.Seed
    ) -> None:
        super().__init__()
        start = math.log(open_at_start / (1 - open_at_start))
        self.log_alpha = nn.Parameter(like.new_full(like.shape[-1:], start))
        self.weight = weight
        state = seeding.derive(seed, seeding.Purpose.GATES).generate_state(1, "uint64")
        self.register_buffer("gate_state", torch.tensor([int(state[0]) >> 1, 0]))
        self._drawn: tuple[tuple[int, ...], Tensor] | None = None

    def forward(self, weight: Tensor) -> Tensor:
        """The weights times their gates: drawn ones in training mode."""
        logit = self.log_alpha
        if self.training:
            logit = (self._noise() + logit) / BETA
        return weight * (logit.sigmoid() * (ZETA - GAMMA) + GAMMA).clamp(0, 1)

    def penalise(self) -> None:
        """Add the gradient of the penalty."""
        there = torch.sigmoid(self.log_alpha.detach() - BETA * math.log(-GAMMA / ZETA))
        slope = self.weight * there * (1 - there)
        gradient = self.log_alpha.grad
        self.log_alpha.grad = slope if gradient is None else gradient + slope

    def advance(self) -> None:
        """Let the next gradient step have gates of its own."""
        self.gate_state[1] += 1

    def _noise(self) -> Tensor:
        """Logits of the uniform numbers of this step, ``[nnz]``."""
        key, step = self.gate_state.tolist()
        if self._drawn is None or self._drawn[0] != (key, step):
            stream = seeding.derive(key, seeding.Purpose.GATES, step)
            # On the CPU, so that a seed means the same on every device.
            uniform = torch.empty(self.log_alpha.shape, dtype=torch.float64)
            uniform.uniform_(_EDGE, 1 - _EDGE, generator=seeding.generator(stream))
            self._drawn = (key, step), uniform.logit()
        return self._drawn[1].to(self.log_alpha)


def softened(network: nn.Module) -> list[Soft]:
    """The soft parts of a network."""
    return [one for one in network.modules() if isinstance(one, Soft)]
