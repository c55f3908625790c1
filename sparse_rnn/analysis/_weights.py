"""Weights of a network as numpy arrays, and which input channel is what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.errors import NotApplicable
from sparse_rnn.nn.network import Network


@dataclass(frozen=True, eq=False)
class InputColumns:
    """Columns of the input weights, in the order of the channels of the tasks.

    Attributes:
        fixation: float64 ``[gates * N]``.
        stimulus: float64 ``[gates * N, 2 n]``, ring 1 and then ring 2, n directions each.
        rule: float64 ``[gates * N, rule slots]``, ``W_in u`` of what each rule shows.
    """

    fixation: NDArray[np.float64]
    stimulus: NDArray[np.float64]
    rule: NDArray[np.float64]

    @classmethod
    def of(cls, network: Network, rules: NDArray[np.float32] | None = None) -> InputColumns:
        """Take the input weights apart.

        Args:
            network: The network.
            rules: What the rule channels show, ``[rule slots, d]``; None: one-hot.

        Raises:
            NotApplicable: The network has fewer channels than a fixation, two rings and a rule.
        """
        n = network.readout.out_features - 1
        weight = as_array(network.rnn.weight_ih)
        if n < 1 or weight.shape[1] < 2 + 2 * n:
            raise NotApplicable(
                f"The network has {weight.shape[1]} inputs and {n + 1} outputs; the tasks' inputs "
                f"are a fixation, two rings of as many directions as there are outputs but one, "
                "and a channel for each rule."
            )
        channels = weight[:, 1 + 2 * n :]
        rule = channels if rules is None else channels @ rules.T.astype(np.float64)
        return cls(weight[:, 0], weight[:, 1 : 1 + 2 * n], rule)


def as_array(values: Tensor) -> NDArray[np.float64]:
    """A tensor as float64 on the CPU, a copy."""
    array: NDArray[np.float64] = values.detach().cpu().double().numpy().copy()
    return array


def recurrent(network: Network) -> NDArray[np.float64]:
    """Values that the edges act with, float64 ``[nnz]`` or ``[gates, nnz]``."""
    return as_array(network.rnn.recurrent_weights())


def cosines(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines between columns, float64 ``[left, right]``; 0 for a column of zeros."""

    def unit(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        norms = np.linalg.norm(columns, axis=0)
        return columns / np.where(norms > 0, norms, 1.0)

    return np.clip(unit(left).T @ unit(right), -1.0, 1.0)
