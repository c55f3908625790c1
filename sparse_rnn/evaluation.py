"""Evaluation of a network on a held-out stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from sparse_rnn.data import Batch, TaskStream
from sparse_rnn.models import Network
from sparse_rnn.scores import TaskScores


def evaluate(network: Network, stream: TaskStream, batches: Iterable[Batch]) -> TaskScores:
    """Score a network on batches of a stream.

    Args:
        network: The network; its mode and parameters are left as they are.
        stream: The stream that the batches came from.
        batches: At least one batch.

    Returns:
        The four measures of each task, over all trials of the batches.

    Raises:
        InvalidArgument: The network's outputs are not finite.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.data import task_stream
        >>> stream = task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.autapse(10))
        >>> evaluate(net, stream, stream.batches(0, 10)).tasks[:3]
        ('Go', 'RTGo', 'DlyGo')
    """

    def answers() -> Iterator[tuple[Tensor, Batch]]:
        for batch in batches:
            with torch.no_grad():
                logits, _ = network(batch.inputs)
            yield logits, batch

    return stream.score(answers())
