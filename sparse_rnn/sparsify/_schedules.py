"""Schedules: in how many rounds synapses go, and which of them go in a round."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.system.arguments import whole

Scores = NDArray[np.float64]
Kept = NDArray[np.bool_]


def once(n_given: int, n_kept: int) -> list[int]:
    """Synapses that are left after the one round."""
    del n_given
    return [n_kept]


def exponential(n_given: int, n_kept: int, rounds: int) -> list[int]:
    """Synapses that are left after each of n rounds: ``K ** (j / n) * M ** (1 - j / n)``.

    De Jorge et al. 2020 (arXiv:2006.09081), section 4; of M synapses, N squared of a dense mask,
    K are left at last, and each round leaves the same share.

    Args:
        n_given: M.
        n_kept: K.
        rounds: n.

    Raises:
        InvalidArgument: There is no round.

    Example:
        >>> exponential(1000, 10, rounds=2)
        [100, 10]
    """
    n = whole("rounds", rounds, 1)
    return [round(n_kept ** (j / n) * n_given ** (1 - j / n)) for j in range(1, n)] + [n_kept]


def prune(
    score: Callable[[Kept], Scores],
    n_given: int,
    budgets: Sequence[int],
    rng: np.random.Generator,
    *,
    regrow: bool = False,
) -> Kept:
    """Keep the synapses with the largest scores, round by round.

    Args:
        score: Of the synapses that are left, bool ``[nnz]``, the scores of all, ``[nnz]``.
        n_given: Number of synapses nnz at first.
        budgets: How many are left after each round.
        rng: Orders those of equal scores.
        regrow: Whether a synapse that went may come back.

    Returns:
        bool ``[nnz]``, which are left.
    """
    kept = np.ones(n_given, dtype=np.bool_)
    for n_left in budgets:
        scores = score(kept)
        among = np.arange(n_given) if regrow else np.flatnonzero(kept)
        kept = np.zeros(n_given, dtype=np.bool_)
        kept[among[largest(scores[among], n_left, rng)]] = True
    return kept


def largest(scores: Scores, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Where the k largest scores are; which of equal ones, as silent units have, chance decides.

    Raises:
        NotApplicable: A score is NaN or infinite.

    Example:
        >>> largest(np.array([3.0, 1.0, 2.0]), 2, np.random.default_rng(0))
        array([0, 2])
    """
    if not np.isfinite(scores).all():
        raise NotApplicable(
            "The scores of the synapses are NaN or infinite: the network diverges on these "
            "batches. Start it with a smaller init_gain."
        )
    bound = np.partition(scores, -k)[-k]
    above, tied = np.flatnonzero(scores > bound), np.flatnonzero(scores == bound)
    n_open = k - above.size
    drawn = tied if n_open == tied.size else rng.choice(tied, n_open, replace=False)
    return np.sort(np.concatenate([above, drawn]))


def equal_shares(
    n_there: NDArray[np.int64], n_kept: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Share out synapses to the units so that no two differ by more than one.

    Args:
        n_there: int64 ``[N]``, how many each unit has.
        n_kept: How many are to be left.
        rng: Draws the units that keep one more, where it does not come out even.

    Returns:
        int64 ``[N]``.

    Raises:
        InvalidArgument: Some units have too few.
    """
    each, rest = divmod(n_kept, n_there.size)
    able = np.flatnonzero(n_there > each)
    if n_there.min() < each or able.size < rest:
        allowed = f"small enough that each unit has its {n_kept / n_there.size:g} synapses"
        found = f"{int((n_there < each + (rest > 0)).sum())} units have fewer."
        raise InvalidArgument("density", n_kept / n_there.size**2, allowed, found)
    shares = np.full(n_there.size, each, dtype=np.int64)
    shares[rng.choice(able, rest, replace=False)] += 1
    return shares
