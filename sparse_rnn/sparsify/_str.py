"""`SoftThresholds`: soft threshold reparametrisation, known as STR."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sparse_rnn.nn.soft import Soft, SoftThreshold
from sparse_rnn.seeding import Seed
from sparse_rnn.sparsify._evolving import OPTION
from sparse_rnn.sparsify._softening import Softening
from sparse_rnn.system.arguments import finite


@dataclass(frozen=True)
class SoftThresholds(Softening):
    """Train ``sign(w) relu(|w| - sigmoid(s))`` in place of w, and s with it.

    Kusupati et al. 2020 (arXiv:2002.03231). Each recurrent matrix has an s. Weight decay sets the
    density: the setting `l2` acts on w and, as in the paper, on s, which it drives up to 0 and so
    the threshold up to 0.5. Without it little but the loss moves s. When the run has ended, the
    synapses leave whose weights are 0, and the others have the values that they act with.

    Attributes:
        start: s before the first step. The threshold is ``sigmoid(start)`` then, which should be
            below the weights: 0.0067 for -5.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> SoftThresholds(start=-4.0)
        SoftThresholds(start=-4.0)
    """

    start: float = -5.0

    def __post_init__(self) -> None:
        """Check the options."""
        finite(f"{OPTION}.start", self.start, "a finite number from -100 to 0", least=-100, most=0)

    def soft(self, weight: Tensor, seed: Seed) -> Soft:
        """The soft threshold; nothing is random in it."""
        del seed
        return SoftThreshold(weight, self.start)
