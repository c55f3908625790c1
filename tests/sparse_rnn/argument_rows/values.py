"""Small masks, networks and tables of wrong values that several rows share."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

import sparse_rnn as srnn
from sparse_rnn.analysis import Recording, record
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument

MASK = srnn.masks.locality((3, 3), radius=1)
POOL = srnn.masks.autapse(9)
TASKS = ["Go", "DlyGo"]

NO_COUNTS = (0, -1, True, 2.5, NAN, "2", None)
NO_STEPS = (*NO_COUNTS[:-1], 10**12)
NO_NUMBERS = (NAN, INF, -1.0, "1", None, True)
NO_FLAGS = ("no", 1, None)
NO_NAMES = ("no such name", None, 3)
NO_SEEDS = (-1, True, 1.5, NAN, "0", None)
NO_MASKS = ("dense", None, np.eye(9))
NO_NETWORKS = (None, 3)
NO_RECORDINGS = (None, "recording", [])

SEED = Argument((0, 1), NO_SEEDS)
MASKS = Argument((MASK, POOL), NO_MASKS)


@cache
def network(seed: int = 0, cell: str = "vanilla", **options: Any) -> srnn.Network:
    """A network for the tasks of `TASKS`."""
    return srnn.Network(35, 17, MASK, cell=cell, seed=seed, **options)


@cache
def pool(weight: float = 0.5, **options: Any) -> srnn.Network:
    """A network of autapses."""
    return srnn.Network(35, 17, POOL, init="identity", init_gain=weight, **options)


@cache
def recording(seed: int = 0) -> Recording:
    """What `network` does in four trials of each task."""
    return record(network(), TASKS, 4, seed)


@cache
def answering(strength: float = 1.0) -> srnn.Network:
    """A network that answers with the direction that it has seen, and never fixates.

    Args:
        strength: What unit k, which sees direction k, adds to the answer k, for k of 8 or more.
    """
    net = srnn.Network(35, 17, srnn.masks.autapse(16), init="identity")
    with torch.no_grad():
        for values in (net.rnn.weight_ih, net.rnn.bias, net.readout.weight, net.readout.bias):
            values.zero_()
        net.rnn.weight_ih[:, 1:17] = torch.eye(16)
        net.rnn.weight_ih[:, 17:33] = torch.eye(16)
        net.readout.weight[1:9, :8] = torch.eye(8)
        net.readout.weight[9:, 8:] = strength * torch.eye(8)
        net.readout.bias[0] = -9.0
    return net
