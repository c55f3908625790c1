"""`HardConcretes`: gates of synapses under a penalty on their number, known as L0."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sparse_rnn.nn.soft import HardConcrete, Soft
from sparse_rnn.seeding import Seed
from sparse_rnn.sparsify._evolving import OPTION
from sparse_rnn.sparsify._softening import Softening
from sparse_rnn.system.arguments import finite


@dataclass(frozen=True)
class HardConcretes(Softening):
    """Train a random gate for each synapse, under a penalty on the number of open ones.

    Louizos et al. 2018 (arXiv:1712.01312): a weight acts times z, which is drawn for each gradient
    step from a hard concrete distribution of temperature 2/3, stretched from -0.1 to 1.1 and
    clipped at 0 and 1. What is minimised gains ``penalty`` times the sum of the probabilities that
    a gate is not 0: the expected number of synapses. Evaluations have each gate at the value that
    its learned parameter alone gives. When the run has ended, the synapses leave whose gate is 0
    there, and the others have their weights times their gates. Weight decay (`l2`) acts on the
    weights and not on the gates.

    Attributes:
        penalty: Strength of the penalty, for each synapse.
        open_at_start: About the mean of the gates before the first step.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> HardConcretes(penalty=1e-4)
        HardConcretes(penalty=0.0001, open_at_start=0.5)
    """

    penalty: float = 1e-5
    open_at_start: float = 0.5

    def __post_init__(self) -> None:
        """Check the options."""
        finite(f"{OPTION}.penalty", self.penalty, "a finite number of at least 0", least=0)
        allowed = "a number from 0.001 to 0.999"
        finite(f"{OPTION}.open_at_start", self.open_at_start, allowed, least=1e-3, most=1 - 1e-3)

    def soft(self, weight: Tensor, seed: Seed) -> Soft:
        """The gates, all alike at the start."""
        return HardConcrete(weight, self.open_at_start, self.penalty, seed)
