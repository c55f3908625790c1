"""What keeps earlier stages of a run while later ones are trained: one way to call every method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from torch import Tensor, nn

from sparse_rnn.config.continual import Ewc, GradientProjection
from sparse_rnn.data import Batch, Batches
from sparse_rnn.training.consolidation import Consolidation
from sparse_rnn.training.group import Group
from sparse_rnn.training.optimiser import Optimiser
from sparse_rnn.training.projection import Projection


class Method(Protocol):
    """What a method does at each gradient step, at the end of a stage, and for a checkpoint."""

    def penalise(self) -> None:
        """Add to the gradients of the loss, summed over processes, before they are clipped."""
        ...

    def moving(self) -> AbstractContextManager[object]:
        """Surrounds the step of the optimiser, which moves the parameters."""
        ...

    def end_stage(self, stage: int, batches: Iterable[Batch], seed: int) -> None:
        """Keep what a stage has taught, which is not the last one.

        Args:
            stage: Number of the stage, from 0.
            batches: Its last batches, of this process.
            seed: That of the run, for what is drawn.
        """
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Copy the state, for a checkpoint; names begin with ``continual.``."""
        ...

    def restore(self, tensors: Mapping[str, Tensor], *, ended: bool) -> None:
        """Put back what `tensors` copied.

        Args:
            tensors: Those of a checkpoint, with others among them.
            ended: Whether a stage had ended there.

        Raises:
            IncompatibleState: They are those of another network, or are missing.
        """
        ...


METHODS: Mapping[type[Any], Callable[[nn.Module, Optimiser, Group, Any], Method]] = (
    MappingProxyType({Ewc: Consolidation, GradientProjection: Projection})
)
"""The methods by the kind of their options, of all in `sparse_rnn.config.continual.CONTINUAL`."""


@dataclass(frozen=True)
class Keeping:
    """The method of a run, with the batches that it learns from.

    Attributes:
        method: The method.
        n_batches: So many of the last batches of a stage, or all where it has fewer.
    """

    method: Method
    n_batches: int

    def end_stage(self, stage: int, span: tuple[int, int], training: Batches, seed: int) -> None:
        """End a stage.

        Args:
            stage: Number of the stage, from 0.
            span: Gradient steps taken before it and at its end.
            training: Where the batches of the steps come from.
            seed: That of the run.
        """
        begin, end = span
        batches = training.batches(max(begin, end - self.n_batches), end)
        self.method.end_stage(stage, batches, seed)


def keeping(
    options: Ewc | GradientProjection | None,
    network: nn.Module,
    optimiser: Optimiser,
    group: Group,
) -> Keeping | None:
    """The method of some options; None where there are none.

    Raises:
        InvalidArgument: The method cannot serve the network.
    """
    if options is None:
        return None
    method = METHODS[type(options)](network, optimiser, group, options)
    return Keeping(method, options.batches)
