"""Arguments of what makes and scores streams of one's own."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch

import modcog
import sparse_rnn as srnn
from sparse_rnn.training.environments import EnvironmentStream
from tests.sparse_rnn.argument_rows.table import NAN, Argument, Row
from tests.sparse_rnn.argument_rows.values import NO_COUNTS

_SEEDS = (0, 1), (-1, True, 1.5, NAN, "0", None)
_NAMES = ("one", "two"), ("no name", "", 3)
_X = np.random.default_rng(0).normal(size=(4, 12, 2))
_Y = (_X.sum(-1) > 0).astype(int)
_MASK = np.linspace(0, 1, 48).reshape(4, 12)


def _shown(stream: Any) -> Any:
    """What a stream draws, and what it is called."""
    tolerance = stream._tolerance if isinstance(stream, EnvironmentStream) else 0
    aside = list(stream.held_out().batches(0, 3))
    sizes = stream.input_size, stream.output_size, stream.name, tolerance
    return list(stream.batches(0, 3)), aside, sizes, stream.identity


def _env(**how: Any) -> Any:
    return modcog.make("Go", **how)


class _Angle(gym.ActionWrapper[Any, Any, Any]):
    """Takes numbers for answers."""

    def __init__(self) -> None:
        super().__init__(_env())
        self.action_space = gym.spaces.Box(-1, 20, (1,))

    def action(self, action: Any) -> int:
        return round(float(action[0])) if 0 < action[0] < 16 else 0


_BATCH = srnn.Batch(torch.zeros(4, 12, 2), torch.tensor(_Y), torch.ones(4, 12), n_labels=2)
_NUMBERS = srnn.Batch(torch.zeros(4, 12, 2), torch.tensor(_X).float(), torch.ones(4, 12))
_ANSWERS = [(torch.tensor(_X).float().roll(1, 0), _BATCH)]

ROWS = {
    "sparse_rnn.Batch.to": Row(
        {"device": Argument(("cpu", "meta"), loud=("gpu", [3]))},
        seen=lambda batch: str(batch.inputs.device),
        of=lambda _: _BATCH,
    ),
    "sparse_rnn.array_stream": Row(
        {
            "inputs": Argument((_X, _X + 1), (_X[0], _X * NAN, _X.astype(str), None)),
            "targets": Argument((_Y, 1 - _Y), (_Y.T, -_Y, _Y > 0, None)),
            "mask": Argument((None, _MASK), (_MASK.T, -_MASK, _MASK * 0, _MASK * NAN, "mask")),
            "tasks": Argument(
                (None, ["Go"] * 6 + ["Anti"] * 6), (["Go"], "GoGoGoGoGoGo", list(range(12)))
            ),
            "n_labels": Argument((None, 3), (*NO_COUNTS[:-1], 1)),
            "tolerance": Argument((0.1, 0.2), (-1.0, NAN, "1", None, True), at={"targets": _X}),
            "name": Argument(*_NAMES),
            "batch_size": Argument((2, 3), NO_COUNTS),
            "seed": Argument(*_SEEDS),
            "held_out": Argument((0.2, 0.5), (0.0, 1.0, -1.0, NAN, "0.2", None, True)),
        },
        {"inputs": _X, "targets": _Y},
        _shown,
    ),
    "sparse_rnn.environment_stream": Row(
        {
            "env": Argument((_env(), _env(dt=50)), (None, 3, "modcog/Go-v0", gym.spaces)),
            "label": Argument((None, lambda *_: 1), (3, "gt", lambda *_: None)),
            "act": Argument((None, lambda *_: 0, lambda *_: 3), (3, "wait", lambda *_: 99)),
            "n_labels": Argument((None, 20), NO_COUNTS[:-1]),
            "tolerance": Argument((0.1, 0.2), (-1.0, NAN, "1", None, True), at={"env": _Angle()}),
            "name": Argument(*_NAMES),
            "batch_size": Argument((2, 3), NO_COUNTS),
            "seq_len": Argument(("auto", 60), (*NO_COUNTS, "long", 2)),
            "seed": Argument(*_SEEDS),
        },
        {"env": _env(), "batch_size": 2},
        _shown,
    ),
    "sparse_rnn.score_trials": Row(
        {
            "answers": Argument(
                (_ANSWERS, [(_ANSWERS[0][0].flip(0), _BATCH)]),
                ([],),
                (None, 3, _BATCH),
            ),
            "name": Argument(("one", "two"), free="any text is a name"),
            "tolerance": Argument(
                (0.1, 3.0),
                (-1.0, NAN, "1", None, True),
                at={"answers": [(_ANSWERS[0][0], _NUMBERS)]},
            ),
            "tasks": Argument(unseen="tests/sparse_rnn/evaluation/test_trials.py", loud=(3, None)),
        },
        {"answers": _ANSWERS},
        lambda scores: scores.rows(),
    ),
}
