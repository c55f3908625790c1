"""The largest counts and sizes that are taken, in one place.

They are far above what anybody trains, and below what makes a machine run out of memory or time
before it can say why: a configuration from a file is refused by them before anything is made.
"""

STEPS = 10**9
"""Gradient steps, and whatever is counted in them."""

BATCH_SIZE = 10**6
"""Sequences a batch."""

SEQ_LEN = 10**7
"""Time steps a sequence, and time steps a chunk."""

BATCHES = 10**6
"""Batches an evaluation."""

TASKS = 10**4
"""Tasks of a suite that is given by their names."""

SEED = 2**128 - 1
"""A seed: as large as the entropy that numpy draws."""

THREADS = 2**12
"""Threads of torch."""

PROJECTION = 2**30
"""Numbers of the projections of a network: 4 GiB in float32."""
