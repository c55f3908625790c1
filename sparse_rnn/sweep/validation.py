"""Whether runs can be carried out at all, found out before the first one begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training.run import streams

_STREAM = ("suite", "batch_size", "seq_len", "dt", "noise")
_MASK = ("arch", "size", "radius", "mask_options")


BUILT = 5_000_000
"""Synapses of the largest mask that is built to check it; that of a larger one is checked without.

Dense masks of 2236 units have as many; one takes half a second and 100 MB.
"""


def check_all(configs: Iterable[TrainConfig]) -> None:
    """Make the streams and check the mask of each kind of run once.

    A configuration knows its settings, but not whether the suite exists, or whether a mask of that
    size can have these options. Runs that differ in other settings, such as the seed, share the
    answer.

    Raises:
        InvalidArgument: As building the first run that is refused raises it, with its identity.
    """
    seen: set[tuple[Any, ...]] = set()
    for config in configs:
        for names, build in ((_STREAM, streams), (_MASK, _check_mask)):
            kind = (names, *(getattr(config, name) for name in names))
            if kind in seen:
                continue
            seen.add(kind)
            try:
                build(config)
            except InvalidArgument as error:
                told = ", ".join(f"{name} {getattr(config, name)!r}" for name in names)
                where = f"(In run {identity(config)}, with {told}.)"
                remedy = f"{error.remedy} {where}".strip()
                raise type(error)(error.argument, error.value, error.allowed, remedy) from None


def _check_mask(config: TrainConfig) -> None:
    config.check_mask(up_to=BUILT)
