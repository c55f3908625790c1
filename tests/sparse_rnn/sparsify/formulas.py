"""Networks in plain torch over dense matrices, float64: what the formulas of methods are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import sparse_rnn as srnn
from sparse_rnn import sparsify
from sparse_rnn.data import Batch
from tests.sparse_rnn.helpers import random_mask

N, N_IN, N_OUT, T, B = 10, 4, 3, 9, 5

SEEDS = range(4)

CELLS: dict[str, dict[str, Any]] = {
    "vanilla": {},
    "tanh": {"nonlinearity": "tanh"},
    "leaky": {"cell": "leaky", "dt": 20, "tau": 50, "recurrent_noise": 0.3},
    "wider than local": {"mask": "random"},
}


def batches_of(seed: int, n: int = 2) -> list[Batch]:
    rng = torch.Generator().manual_seed(seed)
    return [
        Batch(
            torch.randn(T, B, N_IN, generator=rng),
            torch.randint(N_OUT, (T, B), generator=rng),
            (torch.rand(T, B, generator=rng) < 0.8).float(),
            None,  # type: ignore[arg-type] - the trials, which nobody looks at
        )
        for _ in range(n)
    ]


def network_of(seed: int, mask: str = "dense", **options: Any) -> srnn.Network:
    rng = np.random.default_rng(seed)
    made = random_mask(rng, N, 0.6) if mask == "random" else srnn.masks.dense(N)
    options = {"init_gain": 1.5, **options}
    return srnn.Network(N_IN, N_OUT, made, seed=seed, dtype=torch.float64, **options)


def dense_of(net: srnn.Network) -> Tensor:
    """The recurrent matrix; zeros where there is no synapse."""
    matrix = torch.zeros(N, N, dtype=torch.float64)
    matrix[torch.from_numpy(net.rnn.mask.to_dense())] = net.rnn.recurrent_weights().detach()
    return matrix


def states(net: srnn.Network, matrix: Tensor, inputs: Tensor, h: Tensor | None = None) -> Tensor:
    rnn: Any = net.rnn
    f = {"relu": torch.relu, "tanh": torch.tanh}[rnn.nonlinearity]
    h = torch.zeros(inputs.shape[1], N, dtype=torch.float64) if h is None else h
    found = []
    for x in inputs.double():
        rate = f(x @ rnn.weight_ih.detach().T + rnn.bias.detach() + h @ matrix.T)
        h = (1 - rnn.alpha) * h + rnn.alpha * rate
        found.append(h)
    return torch.stack(found)


def loss(
    net: srnn.Network, matrix: Tensor, batches: Sequence[Batch], temperature: float = 1
) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for batch in batches:
        logits = net.readout(states(net, matrix, batch.inputs)) / temperature
        each = functional.cross_entropy(logits.movedim(-1, 1), batch.targets, reduction="none")
        total = total + (each * batch.mask).sum() / batch.mask.sum()
    return total / len(batches)


def derivative(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    at = at.detach().requires_grad_()
    return torch.autograd.grad(function(at), at)[0]


def top(scores: Tensor, there: Tensor, k: int) -> Tensor:
    """The k largest among those that are there; bool ``[N, N]``."""
    flat = torch.where(there, scores, -torch.inf).flatten()
    kept = torch.zeros(N * N, dtype=torch.bool)
    kept[flat.argsort(descending=True)[:k]] = True
    return kept.reshape(N, N)


def there_of(net: srnn.Network) -> Tensor:
    return torch.from_numpy(net.rnn.mask.to_dense())


def assert_mask(found: sparsify.Sparsified, expected: Tensor) -> None:
    np.testing.assert_array_equal(found.mask.to_dense(), expected.numpy())


def k_of(density: float) -> int:
    return round(density * N * N)


def connection_sensitivity(net: srnn.Network, kept: Tensor, batches: list[Batch]) -> Tensor:
    """Size of the derivative by a factor of each synapse: |w0 G| where G is that of W0 * kept."""
    matrix = dense_of(net)
    gradient = derivative(lambda at: loss(net, at, batches), matrix * kept)
    return (matrix * gradient).abs()
