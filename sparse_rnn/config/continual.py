"""What keeps earlier stages while later ones are trained, by name, with its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from sparse_rnn.config.options import Options, read_words
from sparse_rnn.errors import unknown_keyword, unknown_name
from sparse_rnn.system.arguments import finite, whole

_POSITIVE = "a finite number above 0"


class ContinualOptions(Options):
    """Options of a continual method.

    Example:
        >>> ContinualOptions({"strength": 10})
        {'strength': 10}
    """

    SETTING: ClassVar[str] = "continual_options"
    PREFIX: ClassVar[str] = "continual_options"


@dataclass(frozen=True)
class Ewc:
    """Options of elastic weight consolidation (`sparse_rnn.training.consolidation`).

    Attributes:
        OF_LIKELIHOOD: Whether it wants an objective that is a likelihood.
        CELLS: The cells that it can serve; None is all.
        OWN_MOVES: Whether weights may move beside the step of the optimiser.
        strength: Factor of the penalty; 1 weighs a time step of a stage before like one of now.
        batches: The Fisher information is that of so many of the last batches of a stage, of all
            where it has fewer.
    """

    OF_LIKELIHOOD: ClassVar[bool] = True
    CELLS: ClassVar[tuple[str, ...] | None] = None
    OWN_MOVES: ClassVar[bool] = True

    strength: float = 1.0
    batches: int = 10

    def __post_init__(self) -> None:
        finite("continual_options.strength", self.strength, _POSITIVE, above=0)
        whole("continual_options.batches", self.batches, 1)


@dataclass(frozen=True)
class GradientProjection:
    """Options of gradient projection (`sparse_rnn.training.projection`).

    Attributes:
        OF_LIKELIHOOD: As in `Ewc`; so also `CELLS` and `OWN_MOVES`.
        alpha: Second moment of what earlier stages used, below which a direction stays free.
        batches: The second moments are those of so many of the last batches of a stage, of all
            where it has fewer.
    """

    OF_LIKELIHOOD: ClassVar[bool] = False
    CELLS: ClassVar[tuple[str, ...] | None] = ("vanilla", "leaky")
    OWN_MOVES: ClassVar[bool] = False

    alpha: float = 1e-3
    batches: int = 10

    def __post_init__(self) -> None:
        finite("continual_options.alpha", self.alpha, _POSITIVE, above=0)
        whole("continual_options.batches", self.batches, 1)


CONTINUAL: Mapping[str, type[Ewc | GradientProjection]] = MappingProxyType(
    {"ewc": Ewc, "projection": GradientProjection}
)
"""All methods by name, with their options."""


def told_options() -> str:
    """The options of each method, for help."""
    return "; ".join(f"{name}: {', '.join(asdict(kind()))}" for name, kind in CONTINUAL.items())


def settled(name: str | None, given: object) -> ContinualOptions:
    """Check the options of a method; those that have their default are left out.

    A command line writes them as ``strength=10,batches=20``.

    Args:
        name: A name in `CONTINUAL`, or None, which takes none.
        given: The options.

    Raises:
        UnknownName: There is no such method.
        UnknownKeyword: An option is not one of this method.
        InvalidArgument: An option has a value that it cannot have.

    Example:
        >>> settled("ewc", "strength=10,batches=10")
        {'strength': 10.0}
    """
    if name is not None and name not in CONTINUAL:
        raise unknown_name("continual", name, CONTINUAL, "a continual method")
    options = ContinualOptions(read_words(ContinualOptions, given))
    known: dict[str, Any] = asdict(CONTINUAL[name]()) if name is not None else {}
    for option in options:
        if option not in known:
            listed = known or ["none, without continual"]
            raise unknown_keyword("continual_options", option, listed, f"an option of {name!r}")
    plain = {k: int(v) if _is_whole(v, known[k]) else v for k, v in options.items()}
    if name is not None:
        CONTINUAL[name](**plain)
    return ContinualOptions({k: value for k, value in plain.items() if value != known[k]})


def _is_whole(value: object, default: object) -> bool:
    """Whether a number of a command line, such as 20.0, stands for a whole one."""
    return isinstance(default, int) and isinstance(value, float) and value.is_integer()
