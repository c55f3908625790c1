"""What schedules are made of: frozen data that says how the trials of each batch are drawn."""

from __future__ import annotations

import bisect
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from modcog.batches.block_lengths import BlockLength
from modcog.catalog.weights import Frozen, Weights, frozen_weights, probabilities
from modcog.errors import InvalidArgument
from modcog.hashing import word_of


class Mix(NamedTuple):
    """How the trials of one batch are drawn.

    Attributes:
        shares: Probability of each rule slot.
        block: How many trials of one rule follow each other in a lane; None: each trial is drawn
            for itself.
    """

    shares: tuple[float, ...]
    block: BlockLength | None = None

    def word(self) -> np.uint64:
        """A number for it: the trials of batches that are drawn otherwise have other keys."""
        return _word(self)


@dataclass(frozen=True)
class Schedule(ABC):
    """Which tasks each batch is drawn from; the functions of `modcog.schedules` make one.

    Two schedules are equal where they are the same data.
    """

    kind: ClassVar[str]

    def to_json(self) -> str:
        """Write the schedule as JSON; `modcog.schedules.from_json` reads it back.

        Raises:
            InvalidArgument: A part is a function, which JSON cannot hold.
        """
        for leaf in self.leaves():
            if isinstance(leaf, Called):
                allowed = "data where a schedule is written as JSON"
                remedy = "Write down what it returned: modcog.schedules.recorded."
                raise InvalidArgument("schedule", leaf.function, allowed, remedy)
        return json.dumps(self.record())

    def record(self) -> dict[str, Any] | None:
        """In JSON types; None for a function, of which nothing outlives the process."""
        return {"kind": self.kind, **{f.name: _plain(getattr(self, f.name)) for f in fields(self)}}

    def leaves(self) -> Iterator[Schedule]:
        """The parts that are made of no others."""
        yield self

    def is_uniform(self) -> bool:
        """Whether each trial is drawn for itself and uniformly, once the schedule is resolved."""
        return False

    @abstractmethod
    def resolve(self, names: Sequence[str]) -> Schedule:
        """The same schedule with a probability of each rule slot in place of weights.

        Raises:
            UnknownName: A name is none of these tasks.
            InvalidArgument: There is not one weight a slot, or none above 0.
        """

    @abstractmethod
    def at(self, index: int, /) -> Mix:
        """How batch `index` is drawn, once the schedule is resolved."""

    def hides(self, _index: int, /) -> bool:
        """Whether the rule inputs of a batch are zero."""
        return False

    @abstractmethod
    def support(self) -> tuple[bool, ...]:
        """Which rule slots any batch may draw, once the schedule is resolved."""


@dataclass(frozen=True)
class Constant(Schedule):
    """The same weights in all batches."""

    kind = "constant"

    weights: Frozen = None

    def resolve(self, names: Sequence[str]) -> Schedule:
        """With probabilities."""
        return replace(self, weights=probabilities(self.weights, names))

    def at(self, _index: int, /) -> Mix:
        """The same for all batches."""
        return Mix(_shares(self.weights))

    def support(self) -> tuple[bool, ...]:
        """Where the weight is above 0."""
        return tuple(share > 0 for share in _shares(self.weights))

    def is_uniform(self) -> bool:
        """Whether all weights are equal."""
        return len(set(_shares(self.weights))) == 1


@dataclass(frozen=True)
class Blocks(Constant):
    """Several trials of one rule, then several of another, within each lane."""

    kind = "blocks"

    length: BlockLength = field(kw_only=True)
    hidden: bool = field(kw_only=True)

    def at(self, _index: int, /) -> Mix:
        """The same for all batches."""
        return Mix(_shares(self.weights), self.length)

    def hides(self, _index: int, /) -> bool:
        """Whether they are zero, the same for all batches."""
        return self.hidden

    def is_uniform(self) -> bool:
        """False: trials of a block are no draws of their own."""
        return False


@dataclass(frozen=True)
class Ramp(Schedule):
    """From one weighting to another."""

    kind = "ramp"

    start: Frozen
    end: Frozen
    n_batches: int
    shape: str

    def resolve(self, names: Sequence[str]) -> Schedule:
        """With probabilities at both ends."""
        return replace(
            self,
            start=probabilities(self.start, names, "start"),
            end=probabilities(self.end, names, "end"),
        )

    def at(self, index: int, /) -> Mix:
        """The mixture of both."""
        # Rounded, since the last bits of a cosine depend on the machine.
        done = round(SHAPES[self.shape](min(index / self.n_batches, 1.0)), 12)
        return Mix(tuple((1 - done) * one + done * other for one, other in self._both()))

    def support(self) -> tuple[bool, ...]:
        """Where a weight of either end is above 0."""
        return tuple(one + other > 0 for one, other in self._both())

    def _both(self) -> Iterator[tuple[float, float]]:
        return zip(_shares(self.start), _shares(self.end), strict=True)


SHAPES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {"linear": lambda done: done, "cosine": lambda done: (1 - math.cos(math.pi * done)) / 2}
)
"""How far a ramp is, by how many of its batches are done; both from 0 to 1."""


@dataclass(frozen=True)
class Called(Schedule):
    """A function from the number of a batch to weights."""

    kind = "function"

    function: Callable[[int], Any]
    names: tuple[str, ...] = ()

    def record(self) -> dict[str, Any] | None:
        """Nothing is known."""
        return None

    def resolve(self, names: Sequence[str]) -> Schedule:
        """With the names, as weights come batch after batch."""
        return replace(self, names=tuple(names))

    def at(self, index: int, /) -> Mix:
        """What the function returns."""
        argument = f"schedule({index})"
        weights = frozen_weights(self.function(index), argument)
        return Mix(probabilities(weights, self.names, argument))

    def support(self) -> tuple[bool, ...]:
        """All, as nothing is known in advance."""
        return (True,) * len(self.names)


@dataclass(frozen=True)
class _Parts(Schedule):
    """Base of the schedules that are made of others."""

    parts: tuple[Schedule, ...]

    @abstractmethod
    def part(self, index: int) -> tuple[Schedule, int]:
        """The part that a batch belongs to, and the number that the batch has there."""

    def leaves(self) -> Iterator[Schedule]:
        """Those of all parts."""
        for part in self.parts:
            yield from part.leaves()

    def resolve(self, names: Sequence[str]) -> Schedule:
        """With parts that are resolved."""
        return replace(self, parts=tuple(part.resolve(names) for part in self.parts))

    def at(self, index: int, /) -> Mix:
        """What the part says."""
        part, own = self.part(index)
        return part.at(own)

    def hides(self, index: int, /) -> bool:
        """What the part says."""
        part, own = self.part(index)
        return part.hides(own)

    def support(self) -> tuple[bool, ...]:
        """Those of any part."""
        return tuple(map(any, zip(*(part.support() for part in self.parts), strict=True)))


@dataclass(frozen=True)
class Stages(_Parts):
    """One part after another; the last one stays."""

    kind = "stages"

    starts: tuple[int, ...]

    def part(self, index: int) -> tuple[Schedule, int]:
        """The stage, and the batches since it began."""
        number = bisect.bisect_right(self.starts, index) - 1
        return self.parts[number], index - self.starts[number]


@dataclass(frozen=True)
class Interleave(_Parts):
    """Batches of the parts in turn."""

    kind = "interleave"

    def part(self, index: int) -> tuple[Schedule, int]:
        """The part whose turn it is, and its turns so far."""
        own, number = divmod(index, len(self.parts))
        return self.parts[number], own


def schedule_of(weights: Weights, schedule: object) -> Schedule:
    """The schedule that the arguments of a sampler ask for.

    Raises:
        InvalidArgument: Both are given, or one is of another kind.
    """
    if schedule is None:
        return Constant(frozen_weights(weights))
    if weights is not None:
        remedy = "Weights are a schedule of their own: modcog.schedules.constant(weights)."
        raise InvalidArgument("weights", weights, "left out where a schedule is given", remedy)
    if not (isinstance(schedule, Schedule) or callable(schedule)):
        allowed = "a schedule of modcog.schedules, or a function from a batch's number to weights"
        raise InvalidArgument("schedule", schedule, allowed)
    return as_schedule(schedule)


def as_schedule(value: object) -> Schedule:
    """The schedule that a caller gives: one, a function of a batch's number, or weights."""
    if isinstance(value, Schedule):
        return value
    if callable(value):
        return Called(cast("Callable[[int], Any]", value))
    return Constant(frozen_weights(value))


@lru_cache(maxsize=1 << 10)
def _word(mix: Mix) -> np.uint64:
    # Weights of 1 and 3 are those of 0.1 and 0.3, whose last bits differ.
    return word_of(json.dumps([[round(share, 12) for share in mix.shares], mix.block]))


def _shares(weights: Frozen) -> tuple[float, ...]:
    """The weights of a resolved schedule, which are probabilities."""
    return cast("tuple[float, ...]", weights)


def _plain(value: Any) -> Any:
    """A field in JSON types."""
    if isinstance(value, Schedule | BlockLength):
        return value.record()
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        if items and isinstance(items[0], tuple):  # weights by name
            return dict(cast("Any", items))
        return [_plain(item) for item in items]
    return value
