"""Results as plain text tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.evaluation.scores import MEASURES, TaskScores


def scores(table: TaskScores) -> str:
    """A line for each task with the measures and chance, and their means."""
    columns = (*MEASURES, "chance")
    width = max(len("mean"), *(len(task) for task in table.tasks))
    header = "  ".join([f"{'task':{width}}", "trials", *columns])
    lines = [header]
    for row in table.rows():
        cells = [f"{row[name]:{len(name)}.3f}" for name in columns]
        lines.append("  ".join([f"{row['task']:{width}}", f"{row['n_trials']:6d}", *cells]))
    means = [f"{table.mean(name):{len(name)}.3f}" for name in columns]
    lines.append("  ".join([f"{'mean':{width}}", f"{int(table.n_trials.sum()):6d}", *means]))
    return "\n".join(lines)


def confusion(counts: NDArray[np.int64]) -> str:
    """Counts of answers by target, and how far the answered directions were from the right ones.

    Args:
        counts: int64 ``[1 + n, 1 + n]``; row: the target (0 = fixate, 1 + k = direction k of n),
            column: the answer.
    """
    n = len(counts) - 1
    labels = ["fix", *(str(k) for k in range(n))]
    width = max(3, len(str(counts.max(initial=0))))
    lines = [
        "Answers at the last step of each trial, pooled over tasks. Row: what was right; column: "
        "the answer;",
        f"fix: fixate; 0 to {n - 1}: directions, {360 / n:g} degrees apart.",
        " ".join(["    ", *(f"{label:>{width}}" for label in labels)]),
    ]
    for label, row in zip(labels, counts.tolist(), strict=True):
        lines.append(" ".join([f"{label:>4}", *(f"{count:{width}d}" for count in row)]))
    offsets = answered_offsets(counts)
    directions = counts[1:, 1:].sum()
    lines += [
        "",
        "Of the answers that were a direction where one was right, by offset (+: to the right):",
    ]
    for steps, count in offsets:
        share = count / directions if directions else 0
        lines.append(f"{steps * 360 / n:+8.1f} degrees {count:{width + 4}d}  {share:6.1%}")
    return "\n".join(lines)


def answered_offsets(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Count answers by their signed offset from the target, in steps of the ring.

    Args:
        counts: int64 ``[1 + n, 1 + n]``, as for `confusion`.

    Returns:
        Pairs of the offset, from ``1 - ceil(n / 2)`` to ``n // 2``, and the count.

    Example:
        >>> answered_offsets(np.array([[9, 0, 0, 0], [1, 5, 2, 0], [0, 0, 4, 0], [0, 3, 0, 0]]))
        [(-1, 0), (0, 9), (1, 5)]
    """
    among = counts[1:, 1:]
    n = len(among)
    half = (n - 1) // 2
    target, answer = np.indices(among.shape)
    offset = (answer - target + half) % n
    totals = np.bincount(offset.ravel(), weights=among.ravel(), minlength=n)
    return [(i - half, int(total)) for i, total in enumerate(totals)]


def spread(several: Sequence[TaskScores]) -> str:
    """Mean and standard deviation over networks of each mean measure, in one line."""
    means = {name: np.array([table.mean(name) for table in several]) for name in MEASURES}
    return ", ".join(
        f"{name} {values.mean():.3f}" + (f" +- {values.std(ddof=1):.3f}" if values.size > 1 else "")
        for name, values in means.items()
    )
