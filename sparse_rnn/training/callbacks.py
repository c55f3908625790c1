"""Callbacks: what a caller has done after each gradient step of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch import nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.history import Record

STOPPED = "callback"
"""Why a run has ended that a callback stopped."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What a callback is told after a gradient step.

    Attributes:
        config: The configuration of the run; its `seed` says which one of an ensemble.
        record: The step: its number, loss, learning rate, norm of the gradient, seconds, and the
            held-out scores where the network was evaluated.
        network: The network after the step, to look at: what changes it changes the run.
        folder: Folder of the run, or None.

    Example:
        >>> import sparse_rnn as srnn
        >>> norms = []
        >>> def watch(moment):
        ...     norms.append(float(moment.network.rnn.weight_hh.detach().norm()))
        ...     return moment.record.step == 2
        >>> config = srnn.TrainConfig(
        ...     suite="Go", arch="autapse", size=8, steps=5, eval_batches=1, final_batches=1
        ... )
        >>> run = srnn.train(config, callbacks=[watch])
        >>> len(norms), len(run.history)
        (2, 2)
    """

    config: FitConfig
    record: Record
    network: nn.Module
    folder: Path | None


Callback = Callable[[Moment], bool | None]
"""Called after each gradient step, once its line is in the logs; True ends the run there."""


def checked(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    """The callbacks that were given.

    Raises:
        InvalidArgument: It is no list of functions.
    """
    given = tuple(cast("Iterable[object]", callbacks)) if isinstance(callbacks, Iterable) else None  # pyright: ignore[reportUnnecessaryIsInstance] - callers
    if given is None or not all(callable(one) for one in given):
        raise InvalidArgument("callbacks", callbacks, "a list of functions of a moment")
    return cast("tuple[Callback, ...]", given)


def call(callbacks: Sequence[Callback], moment: Moment) -> bool:
    """Call all of them; whether one of them ends the run.

    Raises:
        InvalidArgument: One returned something else than True, False or None.
    """
    answers = [callback(moment) for callback in callbacks]
    for answer in cast("list[object]", answers):
        if answer is not None and not isinstance(answer, bool):
            allowed = "functions that return True to end the run, and False or None to go on"
            raise InvalidArgument("callbacks", answer, allowed)
    return any(answers)
