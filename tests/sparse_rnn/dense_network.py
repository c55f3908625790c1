"""The network of `small_config` in float64 with a dense matrix, for references by hand."""

from __future__ import annotations

from typing import Any

import torch

import sparse_rnn as srnn


class Dense:
    """The network of `small_config` in float64, with a dense recurrent matrix."""

    def __init__(self, network: srnn.Network) -> None:
        self.mask = network.rnn.mask
        self.targets = torch.as_tensor(self.mask.targets())
        self.sources = torch.tensor(self.mask.indices.tolist())
        self.weights = {
            name: value.detach().double().requires_grad_()
            for name, value in network.named_parameters()
        }

    def matrix(self, values: torch.Tensor) -> torch.Tensor:
        """Edge values as a matrix of zeros elsewhere."""
        n = self.mask.n_units
        zeros = torch.zeros(n, n, dtype=torch.float64)
        return zeros.index_put((self.targets, self.sources), values)

    def both(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs ``[T, O]`` and states ``[T, N]`` of one lane ``[T, I]``."""
        w, matrix = self.weights, self.matrix(self.weights["rnn.weight_hh"])
        h, states = torch.zeros(self.mask.n_units, dtype=torch.float64), []
        for x in inputs.double():
            h = torch.relu(w["rnn.weight_ih"] @ x + w["rnn.bias"] + matrix @ h)
            states.append(h)
        hidden = torch.stack(states)
        return hidden @ w["readout.weight"].T + w["readout.bias"], hidden

    def log_p(self, inputs: torch.Tensor) -> torch.Tensor:
        """Log probabilities ``[T, O]`` of one lane ``[T, I]``."""
        return torch.log_softmax(self.both(inputs)[0], dim=-1)

    def cost(self, batch: Any) -> torch.Tensor:
        """The cross entropy of a batch."""
        costs, weight = torch.zeros((), dtype=torch.float64), batch.mask.double()
        for lane in range(batch.mask.shape[1]):
            log_p = self.log_p(batch.inputs[:, lane])
            rows = range(len(log_p))
            costs = costs - (log_p[rows, batch.targets[:, lane]] * weight[:, lane]).sum()
        return costs / weight.sum()

    def grad(self, cost: torch.Tensor) -> dict[str, torch.Tensor]:
        found = torch.autograd.grad(cost, [*self.weights.values()])
        return dict(zip(self.weights, found, strict=True))


def close(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether tensors by name are equal, up to a share of the largest entry of each."""
    return all(
        float((found[name].double() - value).detach().abs().max())
        <= tolerance * float(value.detach().abs().max())
        for name, value in expected.items()
    )
