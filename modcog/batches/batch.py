"""One batch: arrays, and the trials that they show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.trials.content import SameContent
from modcog.trials.periods import period_labels
from modcog.trials.plan import Trials
from modcog.trials.tables import period_names


@dataclass(frozen=True, eq=False)
class Batch(SameContent):
    """One batch of packed trials; the arrays are fresh and belong to the caller.

    Attributes:
        inputs: float32 ``[seq_len, batch_size, 1 + 2 dim_ring + d]``, d being the number of rule
            channels: with one-hot rules, one a rule slot.
        targets: int64 ``[seq_len, batch_size]``; 0 = fixate, 1 + k = direction k. Of other kinds
            (`target_kind`) float32 ``[seq_len, batch_size, outputs]``, 0 on padding.
        mask: float32 ``[seq_len, batch_size]``, loss weight of each step; 0 on padding.
        trials: The trials of the batch, ordered by lane and start.
        period_names: What the numbers in `period` stand for, the same in all batches of a sampler;
            by default the periods of the tasks of `trials`.
        target_kind: What `targets` are: a name in `modcog.batches.targets.TARGETS`.

    Example:
        >>> import modcog
        >>> batch = modcog.BatchSampler("Go", batch_size=1, seq_len=20).batch(0)
        >>> batch.period_names
        ('fixation', 'stimulus', 'decision')
        >>> batch.period[:, 0]
        array([ 0,  0,  0,  0,  0,  1,  1,  1,  1,  1,  2,  2,  2,  2,  2, -1, -1,
               -1, -1, -1], dtype=int8)
    """

    inputs: NDArray[np.float32]
    targets: NDArray[Any]
    mask: NDArray[np.float32]
    trials: Trials
    period_names: tuple[str, ...] = ()
    target_kind: str = "labels"

    def __post_init__(self) -> None:
        """Name the periods."""
        if not self.period_names:
            object.__setattr__(self, "period_names", period_names(self.trials.tasks))

    @cached_property
    def period(self) -> NDArray[np.int8]:
        """Index into `period_names` of the period of each step; -1 on padding.

        int8 ``[seq_len, batch_size]``, made when it is first asked for.
        """
        n_steps, n_lanes = self.inputs.shape[:2]
        return period_labels(self.trials, self.period_names, n_steps, n_lanes)
