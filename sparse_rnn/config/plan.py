"""`SparsityPlan`: the sparsifier of a configuration, made for a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Sparsifier, made


@dataclass(frozen=True, eq=False)
class SparsityPlan:
    """A sparsifier, and what of a run it depends on.

    Attributes:
        name: Its name.
        options: The options that were given.
        method: The sparsifier.
        network: The network, with the mask that it starts from.
        steps: Gradient steps of the run.
        seed: That of the run.
    """

    name: str
    options: Mapping[str, Any]
    method: Sparsifier
    network: Network
    steps: int
    seed: int


def plan_of(config: FitConfig, network: nn.Module) -> SparsityPlan | None:
    """The sparsifier of a configuration; None where it has none.

    Raises:
        InvalidArgument: It cannot serve this network, or this number of steps.
    """
    if config.sparsifier is None:
        return None
    if not isinstance(network, Network):
        allowed = f"a sparse_rnn.Network, with the sparsifier {config.sparsifier!r}"
        raise InvalidArgument("network", type(network).__name__, allowed)
    if "recurrent" in config.freeze or config.new_rules is not None:
        setting = "freeze" if config.freeze else "new_rules"
        allowed = "such that recurrent weights are trained, with a sparsifier"
        raise InvalidArgument(setting, getattr(config, setting), allowed)
    name, options = config.sparsifier, config.sparsifier_options
    method = made(name, options)
    method.check(network, config.steps)
    return SparsityPlan(name, options, method, network, config.steps, config.seed)
