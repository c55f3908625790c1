"""What a method that chooses the synapses of a network sees, what it answers, and all by name.

A sparsifier is a frozen dataclass whose fields are its options, one of them ``density``. Training
(`sparse_rnn.training.sparsity`) asks it after each gradient step whether the synapses are to change
there, shows it the network, and carries out what it answers. `sparse_rnn.sparsify` has those of
this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.errors import InvalidArgument, unknown_keyword, unknown_name
from sparse_rnn.masks import Mask
from sparse_rnn.nn.rewirable import Rewiring

if TYPE_CHECKING:
    from sparse_rnn.nn.network import Network

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Needs:
    """What a method wants to see at a step.

    Attributes:
        candidates: Number of batches whose candidate gradients are wanted, the mean over them; 0
            for none.
        batches: Number of batches that are wanted themselves.
        instead: Whether the change comes in place of the gradient step and not after it. The
            first of the batches of the candidate gradients is then that of the step.
    """

    candidates: int = 0
    batches: int = 0
    instead: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """What a method sees.

    Attributes:
        network: The network as it is; not to be changed.
        steps: Gradient steps of the run in all.
        candidates: Gradient of every possible synapse (`sparse_rnn.nn.candidates.Candidates`),
            ``[gates, N, N]``; None where none was wanted.
        batches: Batches (`sparse_rnn.data.Batch`), as many as were wanted.
        moments: What the optimiser keeps for each recurrent weight, by its own names, each shaped
            like ``weight_hh``; empty before the first step.
    """

    network: Network
    steps: int
    candidates: Tensor | None = None
    batches: Sequence[Any] = ()
    moments: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])

    @property
    def mask(self) -> Mask:
        """The mask as it is."""
        return self.network.rnn.mask

    @property
    def keys(self) -> NDArray[np.int64]:
        """The number of each edge among all pairs of units, ``target * N + source``; ascending."""
        return self.mask.targets() * self.mask.n_units + self.mask.indices

    def with_keys(self, keys: NDArray[np.int64]) -> Rewiring:
        """Have the edges of these numbers, in any order; those that there are stay as they are.

        Example:
            >>> import numpy as np
            >>> import sparse_rnn as srnn
            >>> from sparse_rnn.sparsify import View
            >>> view = View(srnn.Network(3, 2, srnn.masks.autapse(2)), steps=9)
            >>> view.with_keys(np.array([3, 1])).origin
            array([-1,  1])
        """
        mask, ordered = self.mask, np.sort(keys)
        counts = np.bincount(ordered // mask.n_units, minlength=mask.n_units)
        new = replace(
            mask,
            indptr=np.concatenate([[0], np.cumsum(counts)]),
            indices=(ordered % mask.n_units).astype(np.int32),
        )
        before = self.keys
        place = np.minimum(np.searchsorted(before, ordered), max(before.size - 1, 0))
        there = before[place] == ordered if before.size else np.zeros(ordered.size, np.bool_)
        return Rewiring(new, np.where(there, place, -1))

    @property
    def weight(self) -> Floats:
        """Recurrent weights, float64 ``[gates, nnz]``; a copy."""
        values = self.network.rnn.recurrent_weights().detach().to("cpu", torch.float64)
        return values.reshape(-1, self.mask.nnz).numpy().copy()

    @property
    def gradient(self) -> Floats:
        """Absolute candidate gradients, summed over the gates, float64 ``[N, N]``."""
        assert self.candidates is not None  # Who wants to see them says so.
        return self.candidates.abs().sum(dim=0).to("cpu", torch.float64).numpy()


class Sparsifier(Protocol):
    """A method that chooses synapses; a frozen dataclass of its options.

    Attributes:
        GROWS: Whether it may add synapses.
        CHANGES: Whether it changes the synapses during the run, and not before its first step
            alone.
        density: Synapses over N squared that it leaves, or None.
    """

    GROWS: ClassVar[bool]
    CHANGES: ClassVar[bool]

    @property
    def density(self) -> float | None:
        """Synapses over N squared that it leaves, or None."""
        ...

    def check(self, network: Network, steps: int) -> None:
        """Refuse a network, or a number of gradient steps, that it cannot serve."""
        ...

    def due(self, step: int, steps: int) -> bool:
        """Whether the synapses change after a gradient step of so many; step 0 is the start."""
        ...

    def needs(self, step: int) -> Needs:
        """What it wants to see at a step where it is due."""
        ...

    def rewire(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Choose the synapses; None leaves them as they are."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """What it has to remember from one change to the next, for checkpoints; mostly nothing."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        ...


_SPARSIFIERS: dict[str, type[Sparsifier]] = {}


def register(name: str, kind: type[Sparsifier]) -> None:
    """Let configurations name a sparsifier: ``TrainConfig(sparsifier=NAME)``.

    Runs are known by the name; another method needs another one.

    Args:
        name: The name, a word.
        kind: A frozen dataclass with the methods of a `Sparsifier`; its fields are its options.

    Raises:
        InvalidArgument: The name is no word or is that of another method; or `kind` is no such
            class.
    """
    if not isinstance(name, str) or not name.isidentifier():  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        raise InvalidArgument("name", name, "a word of letters, digits and underscores")
    wanted = ("GROWS", "CHANGES", "check", "due", "needs", "rewire", "state", "restore")
    lacking = [one for one in wanted if not hasattr(kind, one)]
    if not (isinstance(kind, type) and is_dataclass(kind)) or lacking:  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        allowed = "a dataclass with " + ", ".join(wanted)
        raise InvalidArgument("kind", kind, allowed)
    before = _SPARSIFIERS.get(name, kind)
    # A class that is defined anew, as in a notebook, replaces itself.
    if (before.__module__, before.__qualname__) != (kind.__module__, kind.__qualname__):
        raise InvalidArgument("name", name, "one that no other sparsifier has")
    if "density" not in {one.name for one in fields(kind)}:
        raise InvalidArgument("kind", kind, "a dataclass with a field density")
    _SPARSIFIERS[name] = kind


def sparsifiers() -> Mapping[str, type[Sparsifier]]:
    """All sparsifiers by name, in the order in which they were registered."""
    return MappingProxyType(_SPARSIFIERS)


def named(name: str) -> type[Sparsifier]:
    """The sparsifier of a name.

    Raises:
        UnknownName: There is none.
    """
    if name not in _SPARSIFIERS:
        raise unknown_name("sparsifier", name, _SPARSIFIERS, "a sparsifier")
    return _SPARSIFIERS[name]


def defaults(name: str) -> dict[str, Any]:
    """The options of a sparsifier with their defaults; `MISSING` where one has to be given.

    Raises:
        UnknownName: There is none of that name.

    Example:
        >>> import sparse_rnn
        >>> defaults("set")
        {'density': None, 'every': 100, 'share': 0.3}
    """
    kind: Any = named(name)
    listed: tuple[Field[Any], ...] = fields(kind)
    return {one.name: one.default for one in listed if one.init}


def made(name: str, options: Mapping[str, Any]) -> Sparsifier:
    """Make the sparsifier of a name.

    Raises:
        UnknownName: There is none of that name.
        UnknownKeyword: An option is not one of it.
        InvalidArgument: An option has a value that it cannot have, or lacks.
    """
    known, kind = defaults(name), named(name)
    for option in options:
        if option not in known:
            raise unknown_keyword("sparsifier_options", option, known, f"an option of {name!r}")
    for option, default in known.items():
        if default is MISSING and option not in options:
            raise InvalidArgument(f"sparsifier_options.{option}", None, f"given for {name!r}")
    return kind(**options)
