"""What runs cost, roughly: a guide for planning, never a result.

The constants are processor time of one thread on a virtual machine with two cores of an AMD EPYC,
which other processes shared (docs/performance.md), for 20 sequences of 100 steps.
"""

from __future__ import annotations

from collections.abc import Iterable

from sparse_rnn import TrainConfig
from sparse_rnn.sweep import identity

STEP_MS = 2.0
"""Of every step."""

MS_PER_WEIGHT = {"input": 3.2e-4, "dense": 2.2e-4, "sparse": 4.0e-4}
"""At `MEASURED_STEPS` time steps in all lanes together."""

MEASURED_STEPS = 2000
N_RINGS = 33
N_INPUTS = {"cog-20": 53, "mod-cog-84": 117}
N_OUTPUTS = 17
FORWARD = 0.4
"""Part of a training step that the network takes for an evaluation batch of the same size."""

SCORING_MS = 15.0
"""To draw and score an evaluation batch."""

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
    listed = isinstance(config.suite, tuple)
    n_inputs = N_RINGS + len(config.suite) if listed else N_INPUTS.get(str(config.suite), 117)
    ends = mask.n_units * (n_inputs + N_OUTPUTS)
    kind = "dense" if config.arch == "dense" else "sparse"
    step_ms = MS_PER_WEIGHT["input"] * ends + MS_PER_WEIGHT[kind] * mask.nnz
    length = config.seq_len if isinstance(config.seq_len, int) else 100
    step_ms = STEP_MS + step_ms * config.batch_size * length / MEASURED_STEPS
    n_batches = config.steps // config.eval_every * config.eval_batches + config.final_batches
    evaluation_ms = n_batches * (FORWARD * step_ms + SCORING_MS)
    return RUN_S + (config.steps * step_ms + evaluation_ms) / 1000


def core_minutes(configs: Iterable[TrainConfig]) -> float:
    """Estimated minutes of several runs on one core; equal runs count once."""
    return sum(map(seconds, {identity(one): one for one in configs}.values())) / 60
