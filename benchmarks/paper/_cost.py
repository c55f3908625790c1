"""What runs cost, roughly: a guide for planning, never a result.

The constants were measured with one thread on a virtual machine with two cores of an AMD EPYC
(docs/performance.md), which other processes shared: 20 sequences of 100 steps.
"""

from __future__ import annotations

from collections.abc import Iterable

from sparse_rnn import TrainConfig
from sparse_rnn.sweep import identity

STEP_MS = 2.0
"""Of every step."""

MS_PER_WEIGHT = {"input": 4.0e-4, "dense": 4.0e-4, "sparse": 1.2e-3}
"""At `MEASURED_STEPS` time steps in all lanes together."""

MEASURED_STEPS = 2000
N_INPUTS = {"cog-20": 53, "mod-cog-84": 117}
N_OUTPUTS = 17
FORWARD = 0.4
"""Part of a training step that an evaluation batch of the same size takes."""

RUN_S = 1.5
"""To begin and end a run."""


def seconds(config: TrainConfig) -> float:
    """Estimated seconds of a run on one thread.

    Example:
        >>> seconds(TrainConfig(arch="dense", size=400)) > seconds(
        ...     TrainConfig(arch="autapse", size=400)
        ... )
        True
    """
    mask = config.build_mask()
    ends = mask.n_units * (N_INPUTS.get(str(config.suite), 117) + N_OUTPUTS)
    kind = "dense" if config.arch == "dense" else "sparse"
    step_ms = MS_PER_WEIGHT["input"] * ends + MS_PER_WEIGHT[kind] * mask.nnz
    length = config.seq_len if isinstance(config.seq_len, int) else 100
    step_ms = STEP_MS + step_ms * config.batch_size * length / MEASURED_STEPS
    n_batches = config.steps // config.eval_every * config.eval_batches + config.final_batches
    return RUN_S + (config.steps + FORWARD * n_batches) * step_ms / 1000


def core_minutes(configs: Iterable[TrainConfig]) -> float:
    """Estimated minutes of several runs on one core; equal runs count once."""
    return sum(map(seconds, {identity(one): one for one in configs}.values())) / 60
