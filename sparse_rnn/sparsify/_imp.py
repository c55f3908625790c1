"""`LotteryTickets`: the options of iterative magnitude pruning, known as IMP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify._evolving import OPTION, share
from sparse_rnn.sparsify._still import Still
from sparse_rnn.system.arguments import finite, whole


@dataclass(frozen=True)
class LotteryTickets(Still):
    """Train, prune the smallest weights, go back to early weights, and train again, many times.

    Frankle & Carbin 2018 (arXiv:1803.03635); with `rewind`, Frankle et al. 2019
    (arXiv:1903.01611). This is a chain of runs and no single one: `sparse_rnn.lottery_ticket` takes
    a configuration with this sparsifier, and `sparse_rnn.train` refuses it.

    Attributes:
        density: Synapses over N squared that are left at last.
        keep: Share of the synapses that a level keeps of those of the level before.
        rewind: Gradient step of the first level whose weights all others start from; 0 is before
            the first.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> LotteryTickets(density=0.1)
        LotteryTickets(density=0.1, keep=0.8, rewind=0)
    """

    CHANGES: ClassVar[bool] = True

    density: float
    keep: float = 0.8
    rewind: int = 0

    def __post_init__(self) -> None:
        """Check the options."""
        share(self.density, "density", most=1)
        allowed = "a number above 0 and below 1"
        finite(f"{OPTION}.keep", self.keep, allowed, above=0, most=1 - 2**-53)
        whole(f"{OPTION}.rewind", self.rewind, 0)

    def budgets(self, n_given: int, n_units: int) -> list[int]:
        """Synapses of each level from 1 on: ``round(M * keep ** j)`` of M while above K, then K.

        Each has fewer than the one before.

        Args:
            n_given: M, the synapses of level 0.
            n_units: N; K is ``round(density * N ** 2)``.

        Example:
            >>> LotteryTickets(density=0.2).budgets(100, 10)
            [80, 64, 51, 41, 33, 26, 21, 20]
        """
        n_kept = round(self.density * n_units**2)
        found: list[int] = []
        left = n_given
        while left > n_kept:
            left = max(n_kept, min(left - 1, round(n_given * self.keep ** (len(found) + 1))))
            found.append(left)
        return found

    def check(self, network: Network, steps: int) -> None:
        """Refuse all networks.

        Raises:
            InvalidArgument: Always, as one run is none of this method.
        """
        del network, steps
        remedy = "It is a chain of runs: call sparse_rnn.lottery_ticket with this configuration."
        raise InvalidArgument("sparsifier", "imp", "a method that works within one run", remedy)
