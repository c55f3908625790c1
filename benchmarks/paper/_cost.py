"""What runs cost, roughly: a guide for planning, never a result.

The constants are time of one thread on a virtual machine with two cores of an AMD EPYC, both busy
with runs (docs/performance.md), for 20 sequences of 100 steps. They meet the median steps of 225 to
2500 units within a quarter; methods that train a dense network first can take twice as long.
"""

from __future__ import annotations

from collections.abc import Iterable

from sparse_rnn import TrainConfig
from sparse_rnn.sweep import identity

STEP_MS = 8.0
"""Of every step."""

MS_PER_WEIGHT = {"input": 0.9e-4, "dense": 1.4e-4, "sparse": 1.2e-4}
"""At `MEASURED_STEPS` time steps in all lanes together."""

DENSE = 0.5
"""Part of all pairs of units above which a mask costs what a dense one does."""

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


def n_inputs(config: TrainConfig) -> int:
    """Input channels of a run, one for each rule among them."""
    listed = isinstance(config.suite, tuple)
    return N_RINGS + len(config.suite) if listed else N_INPUTS.get(str(config.suite), 117)


GRADUAL = 0.19
"""Part of the synapses that go of which a gradual pruning still has the costs, on average: a cubic
schedule up to three quarters of the steps."""


def trainings(config: TrainConfig) -> list[int]:
    """About how many synapses there are in each of the trainings that a run consists of."""
    whole, density = config.build_mask().nnz, config.sparsifier_options.get("density")
    if density is None:
        return [whole]
    left = round(float(density) * config.build_mask().n_units ** 2)
    if config.sparsifier == "gradual":
        return [round(left + GRADUAL * (whole - left))]
    if config.sparsifier != "imp":
        return [left]
    keep, found = float(config.sparsifier_options["keep"]), [whole]
    while found[-1] > left:
        found.append(max(left, round(found[-1] * keep)))
    return found


def seconds(config: TrainConfig) -> float:
    """Estimated seconds of a run on one thread, or of all trainings of a lottery ticket.

    Example:
        >>> seconds(TrainConfig(arch="dense", size=400)) > seconds(
        ...     TrainConfig(arch="autapse", size=400)
        ... )
        True
    """
    n_units = config.build_mask().n_units
    ends = n_units * (n_inputs(config) + N_OUTPUTS)
    length = config.seq_len if isinstance(config.seq_len, int) else 100
    n_batches = config.steps // config.eval_every * config.eval_batches + config.final_batches
    total = 0.0
    for synapses in trainings(config):
        kind = "dense" if synapses > DENSE * n_units**2 else "sparse"
        step_ms = MS_PER_WEIGHT["input"] * ends + MS_PER_WEIGHT[kind] * synapses
        step_ms = STEP_MS + step_ms * config.batch_size * length / MEASURED_STEPS
        evaluation_ms = n_batches * (FORWARD * step_ms + SCORING_MS)
        total += RUN_S + (config.steps * step_ms + evaluation_ms) / 1000
    return total


def core_minutes(configs: Iterable[TrainConfig]) -> float:
    """Estimated minutes of several runs on one core; equal runs count once."""
    return sum(map(seconds, {identity(one): one for one in configs}.values())) / 60
