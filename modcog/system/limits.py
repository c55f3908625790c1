"""The largest sizes that are taken, in one place.

Beyond them numbers overflow or arrays fit no memory; a slip of a unit is then told as one. A
machine with less memory than such a size needs says so by itself.
"""

PERIOD_STEPS = 100_000
"""Steps of one period of a trial."""

TRIAL_STEPS = 1_000_000
"""Steps of one trial."""

SEQ_STEPS = 10_000_000
"""Steps of one lane of a batch."""

DURATION_MS = 1e9
"""Length of a period, and of a time step, in ms (more than eleven days)."""

RING = 4096
"""Directions of the ring."""

VELOCITY = 1e4
"""Angular velocity in rad/s."""

LEVEL = 1e6
"""Strength of a stimulus, standard deviation of noise, and a reward: float32 holds their sums."""

TRIALS = 10_000_000
"""Trials of one call, and repeats of a condition."""

LANES = 1_000_000
"""Lanes of a batch or of a vector environment (`batch_size`, `num_envs`)."""

RULES = 100_000
"""One-hot rule channels (`n_rules`)."""

BATCHES = 1_000_000_000
"""Batches of one export or of one iteration."""

COHERENCES = 500
"""Coherences of a decision task; all pairs of two rings are listed."""

STRENGTHS = 50
"""Strengths of a delayed decision task; all pairs of pairs are listed."""
