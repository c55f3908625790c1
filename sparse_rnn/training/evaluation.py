"""Evaluation of a network on a held-out stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparse_rnn.data import Batch, TaskStream
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.streams import Scored
from sparse_rnn.system.hardware import device_of
from sparse_rnn.training.objective import answer, probe


def evaluate(network: nn.Module, stream: Scored, batches: Iterable[Batch]) -> TaskScores:
    """Score a network on batches of a stream.

    Args:
        network: The network; it computes in evaluation mode, and its mode and parameters are left
            as they are.
        stream: The stream that the batches came from, or any object with its method `score`.
        batches: At least one batch.

    Returns:
        The four measures of each task, over all trials of the batches.

    Raises:
        InvalidArgument: The network's outputs are not finite, or not of shape ``[T, B, O]``.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.data import task_stream
        >>> stream = task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.autapse(10))
        >>> evaluate(net, stream, stream.batches(0, 10)).tasks[:3]
        ('Go', 'RTGo', 'DlyGo')
    """
    with evaluating(network):
        return stream.score(_answers(network, batches))


def confusion(
    network: nn.Module, stream: TaskStream, batches: Iterable[Batch]
) -> NDArray[np.int64]:
    """Count the answers of a network at the last step of each trial.

    Args:
        network: The network; its mode and parameters are left as they are.
        stream: The stream that the batches came from.
        batches: The batches.

    Returns:
        int64 ``[O, O]``; row: the target (0 = fixate, 1 + k = direction k), column: the answer.
    """
    with evaluating(network):
        return stream.confusion(_answers(network, batches))


def _answers(network: nn.Module, batches: Iterable[Batch]) -> Iterator[tuple[Tensor, Batch]]:
    device = device_of(network)
    for number, batch in enumerate(batches):
        here = batch.to(device)
        with torch.no_grad():
            if number == 0:
                probe(network, here)
            logits = answer(network, here)
        yield logits, batch
