"""Arguments of layers, networks and the states of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Row
from tests.sparse_rnn.argument_rows.values import (
    MASK,
    MASKS,
    NO_COUNTS,
    NO_FLAGS,
    NO_MASKS,
    NO_NAMES,
    NO_NETWORKS,
    NO_NUMBERS,
    POOL,
    SEED,
    network,
)

_WIDTH = Argument((2, 3), NO_COUNTS)
_BACKEND = Argument(("dense", "reference"), NO_NAMES)
_FIRST = Argument((False, True), NO_FLAGS)

_OPTIONS = {
    "input_size": _WIDTH,
    "mask": MASKS,
    "backend": _BACKEND,
    "bias": Argument((True, False), NO_FLAGS),
    "batch_first": _FIRST,
    "init": Argument(("fan_in", "he"), NO_NAMES),
    "init_gain": Argument((1.0, 2.0), (0.0, *NO_NUMBERS)),
    "recurrence": Argument(("trained", "frozen"), NO_NAMES),
    "seed": SEED,
    "dtype": Argument(
        (torch.float32, torch.float64),
        ("float32", torch.int64, np.float32),
        at={"backend": "dense"},
    ),
}
_NONLINEARITY = Argument(("relu", "tanh"), NO_NAMES)
_INHIBITORY = Argument((None, 0.5), (0.0, 1.0, NAN, "half", True))
_DT = Argument((100.0, 50.0), (0.0, *NO_NUMBERS))
_TAU = Argument((100.0, 200.0), (50.0, *NO_NUMBERS))
_NOISE = Argument((0.0, 0.5), NO_NUMBERS)
_LAYER = {"input_size": 3, "mask": MASK}


def _state(kind: type[nn.RNNBase], seed: int, **options: Any) -> dict[str, Tensor]:
    """Weights on the autapses of `POOL` alone, for a layer of torch."""
    numbers = torch.Generator().manual_seed(seed)
    state = kind(3, 9, **options).state_dict()
    state = {name: torch.rand(p.shape, generator=numbers) for name, p in state.items()}
    state["weight_hh_l0"] *= torch.eye(9).repeat(len(state["weight_hh_l0"]) // 9, 1)
    return state


def _from_torch(kind: type[nn.RNNBase]) -> Row:
    states = tuple(_state(kind, seed) for seed in (0, 1))
    return Row(
        {
            "state": Argument((*states, _state(kind, 0, bias=False)), ({}, None, [], "weights")),
            "mask": Argument((POOL, srnn.masks.dense(9)), NO_MASKS),
            "backend": _BACKEND,
            "batch_first": _FIRST,
        },
        {"state": states[0], "mask": POOL},
    )


def _rnn() -> Row:
    row = _from_torch(nn.RNN)
    return Row({**row.arguments, "nonlinearity": _NONLINEARITY}, row.base)


def _to_torch(kind: Any, other: Any) -> Row:
    layers = tuple(kind(3, MASK, seed=seed) for seed in (0, 1))
    return Row({"layer": Argument(layers, (other(3, MASK), None, nn.Linear(2, 2)))})


def _inputs(value: float = 0.5, n: int = 3) -> Tensor:
    return torch.full((2, 1, n), value)


_CALLS = {
    "inputs": Argument(
        (_inputs(), _inputs(0.25), _inputs()[:, 0]),
        (_inputs(n=4), _inputs()[0, 0], _inputs().numpy(), _inputs().double(), _inputs()[:0], None),
    ),
    "h0": Argument((None, torch.ones(1, 1, 9)), (torch.ones(1, 9), torch.ones(1, 2, 9), 0.0)),
}


def _in_chunks() -> srnn.Network:
    net = srnn.Network(3, 2, MASK)
    net.chunk = 2
    return net


ROWS = {
    "sparse_rnn.MaskedRNN": Row(
        {**_OPTIONS, "nonlinearity": _NONLINEARITY, "inhibitory": _INHIBITORY}, _LAYER
    ),
    "sparse_rnn.LeakyRNN": Row(
        {
            **_OPTIONS,
            "nonlinearity": _NONLINEARITY,
            "inhibitory": _INHIBITORY,
            "dt": _DT,
            "tau": _TAU,
            "recurrent_noise": _NOISE,
        },
        {**_LAYER},
    ),
    "sparse_rnn.MaskedGRU": Row(_OPTIONS, _LAYER),
    "sparse_rnn.MaskedLSTM": Row(_OPTIONS, _LAYER),
    "sparse_rnn.Network": Row(
        {
            **{k: v for k, v in _OPTIONS.items() if k not in ("bias", "batch_first")},
            "output_size": _WIDTH,
            "nonlinearity": Argument((None, "tanh"), ("no such name", 3)),
            "cell": Argument(("vanilla", "gru"), NO_NAMES),
            "inhibitory": _INHIBITORY,
            "dt": Argument((None, 50.0), (0.0, NAN, "1", True), at={"cell": "leaky"}),
            "tau": Argument((None, 200.0), (50.0, NAN, INF, "1", True), at={"cell": "leaky"}),
            "recurrent_noise": Argument(
                (None, 0.5), (-1.0, NAN, INF, "1", True), at={"cell": "leaky"}
            ),
        },
        {**_LAYER, "output_size": 2},
    ),
    "sparse_rnn.LeakyRNN.forward": Row(
        _CALLS, {"inputs": _inputs()}, of=lambda _: srnn.LeakyRNN(3, MASK)
    ),
    "sparse_rnn.Network.forward": Row(
        {
            **_CALLS,
            "truncate": Argument(
                unseen="changes gradients alone: tests/sparse_rnn/nn/test_chunks.py",
                wrong=(0, -1, True, 2.5, "2"),
            ),
            "every_state": Argument((False, True), ("no", 1)),
            "last_state": Argument((False, True), NO_FLAGS),
        },
        {"inputs": _inputs()},
        of=lambda _: _in_chunks(),
    ),
    "sparse_rnn.extend": Row(
        {
            "network": Argument((network(), network(1)), NO_NETWORKS),
            "rules": Argument((1, 2), (-1, True, 1.5, "1", None)),
            "outputs": Argument((0, 1), (-1, True, 1.5, "1", None)),
            "seed": SEED,
        },
        {"network": network(), "rules": 1},
        lambda net: net.state_dict(),
    ),
    "sparse_rnn.from_torch_rnn_state": _rnn(),
    "sparse_rnn.from_torch_gru_state": _from_torch(nn.GRU),
    "sparse_rnn.from_torch_lstm_state": _from_torch(nn.LSTM),
    "sparse_rnn.to_torch_rnn_state": _to_torch(srnn.MaskedRNN, srnn.LeakyRNN),
    "sparse_rnn.to_torch_gru_state": _to_torch(srnn.MaskedGRU, srnn.MaskedLSTM),
    "sparse_rnn.to_torch_lstm_state": _to_torch(srnn.MaskedLSTM, srnn.MaskedGRU),
}
