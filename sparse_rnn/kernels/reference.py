"""Kernel `reference`: the recurrence as its definition reads, under autograd.

The oracle of all other kernels, in float32 and float64 and for higher derivatives. It keeps a dense
matrix and one graph node a time step, so it is not meant to be fast.
"""

from __future__ import annotations

from sparse_rnn.kernels.api import Kernel
from sparse_rnn.kernels.recurrence import recurrence

KERNEL = Kernel("reference", recurrence)
