"""What of a network is trained: frozen groups of weights, and new rule columns alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import nn

from sparse_rnn.config.rates import Rates, groups_of
from sparse_rnn.errors import InvalidArgument, unknown_name

GROUPS = tuple(Rates.model_fields)
"""Groups of weights by name, as the learning rates have them."""


def parse_freeze(value: object) -> tuple[str, ...]:
    """Read the groups that are frozen, in the one order that all equal settings share.

    Raises:
        UnknownName: A group is not known.
        InvalidArgument: It is no list of groups, or freezes all of them.

    Example:
        >>> parse_freeze(["readout", "input"])
        ('input', 'readout')
    """
    given = (value,) if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise InvalidArgument("freeze", value, f"groups of weights: {', '.join(GROUPS)}")
    names = cast("Sequence[object]", given)
    for name in names:
        if name not in GROUPS:
            raise unknown_name("freeze", name, GROUPS, "a group of weights")
    frozen = tuple(group for group in GROUPS if group in names)
    if frozen == GROUPS:
        raise InvalidArgument("freeze", value, "some of the groups, so that one is trained")
    return frozen


def trained(
    network: nn.Module, freeze: Sequence[str], new_rules: int | None
) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name.

    Args:
        network: The network.
        freeze: Groups that are not.
        new_rules: The input weights of so many of the last channels are, and nothing else.

    Raises:
        InvalidArgument: There is none, the network has not a group, or fewer inputs.
    """
    groups = groups_of(network)
    for group in freeze:
        if group not in groups.values():
            allowed = f"left out for a network without {group} weights that can be trained"
            raise InvalidArgument("freeze", group, allowed)
    parameters = dict(network.named_parameters())
    if new_rules is None:
        kept = {name: parameters[name] for name, group in groups.items() if group not in freeze}
    else:
        kept = {
            name: parameters[name]
            for name in groups
            if name.rpartition(".")[2] in ("weight_ih", "weight_ih_l0")
        }
        for name, weight in kept.items():
            if weight.dim() != 2 or weight.shape[1] <= new_rules:
                allowed = f"below the number of inputs of {name} {list(weight.shape)}"
                raise InvalidArgument("new_rules", new_rules, allowed)
        if not kept:
            allowed = "left out for a network without input weights called weight_ih"
            raise InvalidArgument("new_rules", new_rules, allowed)
    if not kept:
        raise InvalidArgument("network", type(network).__name__, "one with parameters to train")
    return kept
