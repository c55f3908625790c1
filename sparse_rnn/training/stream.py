"""A stream of the caller's in place of a suite: what `fit` asks of it, and what its run is called.

The configuration says ``suite="own:NAME"``. What the stream decides is either left open there, and
then written down, or is the same; what says how trials of a suite are drawn is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, cast

import torch

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.objectives import check_targets
from sparse_rnn.config.own import is_own, paired
from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.streams import Batches, Stream, digest
from sparse_rnn.training.parts import changed

ConfigT = TypeVar("ConfigT", bound=FitConfig)

Named = Stream | tuple[str, Stream]
"""A stream with a name, or a pair of a name and a stream."""

_METHODS = ("batches", "held_out", "score")
_SIZES = ("input_size", "output_size")
_ALLOWED = "a stream, or a pair of a name and a stream: an object with " + ", ".join(
    (*_METHODS, *_SIZES, "identity")
)
_OF_SUITES = ("weights", "stages", "curriculum", "targets", "dt", "noise")


def settle_stream(config: ConfigT, given: Named | None) -> tuple[ConfigT, Stream | None]:
    """Give a caller's stream its name in the configuration, and check it.

    Args:
        config: The configuration.
        given: The stream, with its name, or None.

    Returns:
        The configuration of the run, and the stream.

    Raises:
        InvalidArgument: It is no stream, the configuration is about something else, or the batches
            are no functions of their numbers.
    """
    stands, default = config.suite, FitConfig.model_fields["suite"].default
    if given is None:
        if isinstance(stands, str) and is_own(stands):
            raise InvalidArgument("stream", None, f"given, as the suite is {stands!r}")
        return config, None
    name, found = paired("stream", given, "name", _ALLOWED)
    stream = _checked(found)
    if stands not in (default, name):
        allowed = f"left out, or what the configuration says, {stands!r}"
        raise InvalidArgument("stream", name, allowed)
    for setting in _OF_SUITES:
        value = getattr(config, setting)
        if value != FitConfig.model_fields[setting].default:
            allowed = "left out with a stream of your own, which says what its trials are"
            raise InvalidArgument(setting, value, allowed)
    sizes = stream.input_size, stream.output_size
    first = _first(stream, "stream", sizes)
    _first(stream.held_out(), "stream.held_out()", sizes)
    check_targets(config.objective, numbers=first.targets.is_floating_point())
    n_steps, n_lanes = first.steps_and_lanes
    decided = {
        "batch_size": getattr(stream, "batch_size", n_lanes),
        "seq_len": getattr(stream, "seq_len", n_steps),
        "seed": getattr(stream, "seed", FitConfig.model_fields["seed"].default),
    }
    for setting, value in decided.items():
        ours = getattr(config, setting)
        if ours not in (FitConfig.model_fields[setting].default, value):
            raise InvalidArgument(setting, ours, f"left out, or the {value!r} of the stream")
    return changed(config, suite=name, **decided), stream


def several(stream: Any, rank: int, world_size: int) -> Any:
    """The part of a stream that one of several processes trains on.

    Raises:
        InvalidArgument: It has no parts.
    """
    if not hasattr(stream, "shard"):
        allowed = "one with shard(rank, world_size), as several processes train"
        raise InvalidArgument("stream", type(stream).__name__, allowed)
    return stream.shard(rank, world_size)


def endless(batches: Iterator[Batch], start: int, stop: int) -> Iterator[Batch]:
    """Refuse to go on where a stream has fewer batches than it was asked for.

    Raises:
        InvalidArgument: It does.
    """
    number = start
    for batch in batches:
        yield batch
        number += 1
    if number < stop:
        raise InvalidArgument("steps", stop, f"at most {number}, as the stream has no more batches")


def _checked(found: Any) -> Stream:
    missing = [
        *(name for name in _METHODS if not callable(getattr(found, name, None))),
        *(name for name in _SIZES if not isinstance(getattr(found, name, None), int)),
    ]
    if not isinstance(getattr(found, "identity", None), str):
        missing.append("identity")
    if missing:
        remedy = f"It lacks {', '.join(missing)}."
        raise InvalidArgument("stream", type(found).__name__, _ALLOWED, remedy)
    return cast("Stream", found)


def _first(stream: Batches, what: str, sizes: tuple[int, int]) -> Batch:
    """Batch 0, if it is one, and the same whenever and in whatever order batches are drawn."""
    first, *others = stream.batches(0, 2)
    again = next(iter(stream.batches(0, 1)))
    later = [next(iter(stream.batches(1, 2)))] if others else []
    for batch in (first, again, *others, *later):
        _check(batch, what, sizes)
    if digest(first, *others) != digest(again, *later):
        told = "a stream whose batches 0 and 1 are other ones when they are drawn again"
        raise InvalidArgument(what, told, "one whose batches are functions of their numbers alone")
    return first


def _check(batch: Any, what: str, sizes: tuple[int, int]) -> None:
    """Refuse what is no batch of these sizes (inputs, outputs)."""
    if not isinstance(batch, Batch):
        raise InvalidArgument(what, type(batch).__name__, "batches of sparse_rnn.Batch")
    n_inputs, n_outputs = sizes
    shape = batch.inputs.shape[:2]
    numbers = batch.targets.is_floating_point()
    wanted: dict[str, tuple[list[int], torch.dtype]] = {
        "inputs": ([*shape, n_inputs], torch.float32),
        "mask": ([*shape], torch.float32),
        "targets": ([*shape, n_outputs], torch.float32) if numbers else ([*shape], torch.int64),
    }
    for name, (size, dtype) in wanted.items():
        tensor = getattr(batch, name)
        if list(tensor.shape) != size or tensor.dtype != dtype:
            told = f"{name} {tensor.dtype} {list(tensor.shape)}"
            raise InvalidArgument(what, told, f"batches whose {name} are {dtype} {size}")
    if batch.n_outputs != n_outputs:
        told = f"a batch with {batch.n_outputs} outputs"
        raise InvalidArgument(what, told, f"batches with the {n_outputs} of output_size")
