"""Arguments of the choice of kernels."""

from __future__ import annotations

import torch

import sparse_rnn as srnn
from tests.sparse_rnn.argument_rows.table import NAN, Argument, Row
from tests.sparse_rnn.argument_rows.values import NO_MASKS, NO_NAMES, NO_NUMBERS, POOL

_WIDE = srnn.masks.locality((8, 8), radius=1)

ROWS = {
    "sparse_rnn.kernels.choose": Row(
        {
            "backend": Argument(("dense", "reference"), NO_NAMES),
            "mask": Argument((POOL, srnn.masks.dense(9)), loud=NO_MASKS),
            "device": Argument(("cpu", "cuda"), ("gpu", "", None, 3)),
            "cost": Argument((1.15, 1e6), (0.0, NAN, *NO_NUMBERS)),
            "nonlinearity": Argument(("relu", "softplus"), NO_NAMES),
            "dtype": Argument((torch.float32, torch.bfloat16), ("float32", None, torch.int64)),
        },
        {"backend": "auto", "mask": _WIDE},
        lambda kernel: kernel.name,
    ),
    "sparse_rnn.kernels.reason": Row(
        {
            "mask": Argument((POOL, srnn.masks.dense(9)), loud=NO_MASKS),
            "device": Argument(("cpu", "cuda"), ("gpu", "", None, 3)),
        },
        {"mask": _WIDE},
    ),
    "sparse_rnn.kernels.nonlinearity": Row({"name": Argument(("relu", "tanh"), NO_NAMES)}),
}
