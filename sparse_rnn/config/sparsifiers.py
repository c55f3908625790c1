"""Which synapses a run trains, where a method chooses them: its name, with its options."""

from __future__ import annotations

from typing import Any, ClassVar

from sparse_rnn.config.options import Options, read_words
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn import rewiring


class SparsifierOptions(Options):
    """Options of a sparsifier.

    Example:
        >>> SparsifierOptions({"density": 0.12})
        {'density': 0.12}
    """

    SETTING: ClassVar[str] = "sparsifier_options"
    PREFIX: ClassVar[str] = "sparsifier_options"


def settled(name: str | None, given: object) -> SparsifierOptions:
    """Check the options of a sparsifier; those that have their default are left out.

    A command line writes them as ``density=0.12,every=50``.

    Args:
        name: A name in `sparse_rnn.sparsify.sparsifiers`, or None, which takes none.
        given: The options.

    Raises:
        UnknownName: There is no such sparsifier.
        UnknownKeyword: An option is not one of this sparsifier.
        InvalidArgument: An option has a value that it cannot have, or lacks.

    Example:
        >>> settled("rigl", "density=0.12,every=100")
        {'density': 0.12}
    """
    options = SparsifierOptions(read_words(SparsifierOptions, given))
    if name is None:
        if options:
            allowed = "left out without a sparsifier"
            raise InvalidArgument("sparsifier_options", dict(options), allowed)
        return options
    known = rewiring.defaults(name)
    plain = {k: int(v) if _is_whole(v, known.get(k)) else v for k, v in options.items()}
    rewiring.made(name, plain)
    kept = {k: value for k, value in plain.items() if value is not None and value != known[k]}
    return SparsifierOptions(kept)


def _is_whole(value: Any, default: object) -> bool:
    """Whether a number of a command line, such as 20.0, stands for a whole one."""
    return isinstance(default, int) and isinstance(value, float) and value.is_integer()
