"""Arguments of the methods that choose synapses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch

import sparse_rnn as srnn
from sparse_rnn import sparsify
from sparse_rnn.data import Batch, task_stream
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Row
from tests.sparse_rnn.argument_rows.values import (
    MASK,
    NO_COUNTS,
    NO_FLAGS,
    NO_NAMES,
    NO_NETWORKS,
    NO_NUMBERS,
    SEED,
)


@cache
def _network(seed: int = 0, cell: str = "vanilla") -> srnn.Network:
    return srnn.Network(35, 17, srnn.masks.dense(8), cell=cell, seed=seed)


@cache
def _lively() -> srnn.Network:
    """A network whose gradients depend much on which synapses are there."""
    return srnn.Network(35, 17, srnn.masks.dense(8), init_gain=3.0, seed=1)


@cache
def _silent(seed: int = 0) -> srnn.Network:
    """A network with equal scores, whose order is drawn."""
    net = srnn.Network(35, 17, srnn.masks.dense(8), seed=seed)
    with torch.no_grad():
        net.rnn.weight_hh.fill_(1e-3)
        net.rnn.weight_ih.zero_()
        net.readout.weight.fill_(1.0)
        assert net.rnn.bias is not None
        net.rnn.bias.fill_(-1.0)
    return net


@cache
def _even() -> srnn.Network:
    """A network through each of whose synapses flows as much."""
    net = srnn.Network(35, 17, srnn.masks.dense(8))
    with torch.no_grad():
        for values in (net.rnn.weight_hh, net.rnn.weight_ih, net.readout.weight):
            values.fill_(1.0)
    return net


@cache
def _batches(seed: int) -> list[Batch]:
    stream = task_stream(["Go", "DlyGo"], batch_size=4, seq_len=45, seed=seed)
    return [replace(one, inputs=one.inputs * (1 - 4 * seed)) for one in stream.batches(0, 1)]


NETWORK = Argument((_network(), _network(1)), NO_NETWORKS)
UNGATED = Argument((_network(), _network(1)), (*NO_NETWORKS, _network(cell="gru")))
DENSITY = Argument((0.2, 0.3), (0, -0.1, 1.1, 1e-9, NAN, "0.2", None, True))
BATCHES = Argument((_batches(0), _batches(1)), ([], None, 3, [3], _batches(0)[0]))
ROUNDS = Argument((1, 4), NO_COUNTS, at={"network": _lively()})
TIES = Argument(SEED.values, SEED.wrong, at={"network": _silent()})
_BASE = {"network": _network(), "density": 0.2}
_DATA = {**_BASE, "batches": _batches(0)}
_FOUND = sparsify.magnitude(_network(), 0.2)


def _mask_alone(found: sparsify.Sparsified) -> Any:
    return found.mask.digest


def _data_free(**options: Argument) -> Row:
    return Row({"network": NETWORK, "density": DENSITY, **options}, _BASE, _mask_alone)


def _driven(**options: Argument) -> Row:
    arguments = {"network": NETWORK, "density": DENSITY, "batches": BATCHES, **options}
    return Row(arguments, _DATA, _mask_alone)


def _broken(network: srnn.Network, density: float, *, seed: int = 0) -> sparsify.Sparsified:
    """Keeps one synapse too few."""
    return sparsify.magnitude(network, density - 1 / 64, seed=seed)


_SET, _RIGL = sparsify.CHANGING["set"], sparsify.CHANGING["rigl"]

ROWS = {
    "sparse_rnn.sparsify.Evolving": Row(
        {
            "density": Argument((None, 0.2), (0, -0.1, 1.1, NAN, "0.2", True)),
            "every": Argument((1, 2), NO_COUNTS),
        },
        seen=repr,
    ),
    "sparse_rnn.sparsify.register": Row(
        {
            "name": Argument(
                unseen="tests/sparse_rnn/training/test_sparsity.py",
                loud=("rigl", "no word", "", None, 3),
            ),
            "kind": Argument(
                unseen="tests/sparse_rnn/training/test_sparsity.py",
                loud=(None, 3, sparsify.magnitude, int, _RIGL),
            ),
        },
        {"name": "set", "kind": _SET},
    ),
    "sparse_rnn.sparsify.random": _data_free(
        network=Argument((_network(), srnn.Network(35, 17, srnn.masks.random(8, 6))), NO_NETWORKS),
        seed=SEED,
    ),
    "sparse_rnn.sparsify.magnitude": _data_free(seed=TIES),
    "sparse_rnn.sparsify.snip": _driven(seed=TIES),
    "sparse_rnn.sparsify.iterative_snip": _driven(rounds=ROUNDS, seed=TIES),
    "sparse_rnn.sparsify.force": _driven(rounds=ROUNDS, seed=TIES),
    "sparse_rnn.sparsify.grasp": _driven(
        temperature=Argument((0.1, 200.0), (0, *NO_NUMBERS)), seed=TIES
    ),
    "sparse_rnn.sparsify.synflow": _data_free(
        network=UNGATED,
        share=Argument((0.1, 0.99), (0, 1, *NO_NUMBERS)),
        rounds=ROUNDS,
        seed=Argument(SEED.values, SEED.wrong, at={"network": _even()}),
    ),
    "sparse_rnn.sparsify.jacobian": _driven(
        network=UNGATED, steps=Argument((1, 4), (46, *NO_COUNTS)), seed=TIES
    ),
    "sparse_rnn.sparsify.noise_prune": _data_free(network=UNGATED, seed=SEED),
    "sparse_rnn.sparsify.Sparsified.weights": Row(
        {
            "weight": Argument(
                (torch.ones(64), torch.arange(64.0)), (torch.ones(3), torch.tensor(1.0), None)
            ),
            "rescale": Argument((True, False), NO_FLAGS),
        },
        {"weight": torch.ones(64)},
        of=lambda _: _FOUND,
    ),
    "sparse_rnn.sparsify.apply": Row(
        {
            "network": Argument((_network(), _network(1)), NO_NETWORKS),
            "found": Argument(
                (_FOUND, sparsify.magnitude(_network(), 0.3)),
                (
                    None,
                    MASK,
                    sparsify.magnitude(srnn.Network(35, 17, srnn.masks.dense(9)), 0.2),
                ),
            ),
            "rescale": Argument((True, False), NO_FLAGS),
            "backend": Argument(("dense", "reference"), NO_NAMES),
        },
        {"network": _network(), "found": _FOUND},
    ),
    "sparse_rnn.sparsify.measure": Row({"network": NETWORK}),
    "sparse_rnn.sparsify.check_sparsifier": Row(
        {
            "function": Argument((sparsify.magnitude, _broken), loud=(None, 3, "magnitude")),
            "network": NETWORK,
            "density": DENSITY,
            "batches": Argument(
                (_batches(0), _batches(1)), ([], 3), at={"function": sparsify.snip}
            ),
            "share": Argument((0.1, 0.99), (0, INF), at={"function": sparsify.synflow}),
        },
        {"function": sparsify.magnitude, "network": _network(), "density": 0.2},
    ),
    "sparse_rnn.sparsify.method": Row({"name": Argument(("snip", "force"), NO_NAMES)}),
    "sparse_rnn.sparsify.options": Row({"name": Argument(("snip", "force"), NO_NAMES)}),
    "sparse_rnn.sparsify.takes_batches": Row({"name": Argument(("snip", "random"), NO_NAMES)}),
    "sparse_rnn.sparsify.sparsify": Row(
        {
            "name": Argument(("magnitude", "random"), NO_NAMES),
            "network": NETWORK,
            "density": DENSITY,
            "batches": Argument((_batches(0), _batches(1)), (None, [], 3), at={"name": "snip"}),
            "seed": Argument(SEED.values, SEED.wrong, at={"name": "random"}),
        },
        {"name": "magnitude", **_BASE},
        _mask_alone,
    ),
}
