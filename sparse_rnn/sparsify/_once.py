"""Methods that choose the synapses before the first gradient step, as sparsifiers of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, ClassVar, cast

import numpy as np
from torch import Tensor

from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Needs, Rewiring, Sparsifier, View
from sparse_rnn.sparsify._evolving import OPTION, begun, check_network, share
from sparse_rnn.sparsify._result import Sparsified
from sparse_rnn.system.arguments import finite, whole

BATCHES = "batches"


@dataclass(frozen=True)
class Once:
    """A method that chooses the synapses before the first step; abstract.

    Attributes:
        FUNCTION: The method, as `sparse_rnn.sparsify` has it.
        density: Synapses over N squared that are left.
    """

    GROWS: ClassVar[bool] = False
    CHANGES: ClassVar[bool] = False
    FUNCTION: ClassVar[Callable[..., Sparsified]]

    density: float

    def __post_init__(self) -> None:
        """Check the options by the kind of their defaults."""
        share(self.density, "density", most=1)
        for one in fields(self):
            value, name = getattr(self, one.name), f"{OPTION}.{one.name}"
            if isinstance(one.default, int):
                whole(name, value, 1)
            elif isinstance(one.default, float):
                finite(name, value, "a finite number above 0", above=0)

    def check(self, network: Network, steps: int) -> None:
        """Refuse a network that it cannot serve.

        Raises:
            InvalidArgument: The density is more than that of the network, or its recurrence is
                frozen.
        """
        del steps
        check_network(self, network)

    def due(self, step: int, steps: int) -> bool:
        """Before the first gradient step."""
        del steps
        return step == 0

    def needs(self, step: int) -> Needs:
        """Batches, if the method looks at data."""
        del step
        return Needs(batches=getattr(self, BATCHES, 0))

    def rewire(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Choose the synapses; their weights are rescaled to the new in-degrees."""
        del step
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        told.pop(BATCHES, None)
        density = told.pop("density")
        data = (view.batches,) if view.batches else ()
        return begun(view, type(self).FUNCTION(view.network, density, *data, **told, seed=rng))

    def state(self) -> Mapping[str, Tensor]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing."""
        del state


def once(function: Callable[..., Sparsified]) -> type[Sparsifier]:
    """Make the sparsifier of a method that chooses synapses before the first step.

    Its options are those of the method; `batches` is the number of batches that it looks at.

    Example:
        >>> import sparse_rnn as srnn
        >>> once(srnn.sparsify.snip)(density=0.1)
        snip(density=0.1, batches=1)
    """
    options: list[Any] = []
    for name, parameter in list(inspect.signature(function).parameters.items())[2:]:
        if name == BATCHES:
            options.append((BATCHES, int, field(default=1)))
        elif name != "seed":
            options.append((name, object, field(default=parameter.default)))
    own = {"FUNCTION": staticmethod(function), "__doc__": inspect.getdoc(function)}
    made = make_dataclass(function.__name__, options, bases=(Once,), namespace=own, frozen=True)
    return cast("type[Sparsifier]", made)
