"""Learning rates by group of weights: input, recurrent and readout.

Adam moves every weight by about the learning rate, so what a unit receives moves by the rate times
its in-degree. At one rate for all weights a dense network takes recurrent steps that are larger
than those of a sparse one by the ratio of their in-degrees. Maximal-update parametrisation (Yang
et al. 2022, "Tensor Programs V", table 3) therefore has Adam's rate fall with the in-degree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from torch import nn

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.nn.soft import Soft, softened

IN_DEGREE = "in_degree"

IN_DEGREE_UNDER = ("adam", "adamw")
"""Optimisers under which `TrainConfig` has "in_degree" by default: their steps do not follow the
size of gradients, so that what a unit receives moves by rate times in-degree."""

IN_DEGREE_FOR = ("vanilla", "leaky")
"""Cells for which it has. In the searches behind the board, gated ones preferred one rate."""

IN_DEGREE_AT_FULL_RATE = 32
"""Mean in-degree up to which "in_degree" leaves the rate as it is."""

_Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Rates(BaseModel):
    """Factors of the learning rate, one a group of weights; frozen.

    Example:
        >>> Rates(recurrent=0.1)
        Rates(input=1.0, recurrent=0.1, readout=1.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    input: _Factor = Field(
        default=1.0, description="Factor of lr for input weights and the biases of units."
    )
    recurrent: _Factor | Literal["in_degree"] = Field(
        default=1.0,
        description="Factor of lr for recurrent weights, or in_degree: "
        f"{IN_DEGREE_AT_FULL_RATE} over the mean in-degree, at most 1.",
    )
    readout: _Factor = Field(
        default=1.0, description="Factor of lr for the readout and all that is not recurrent."
    )

    def factors(self, network: nn.Module, names: Collection[str] | None = None) -> dict[str, float]:
        """Factor of each parameter that is trained, by name.

        Recurrent weights have ``weight_hh`` in the last part of their name; the other parameters
        of their module are of the group "input", and all the rest of "readout".

        Args:
            network: The network.
            names: The parameters that are trained; None is all that need a gradient.

        Raises:
            InvalidArgument: A group with a factor of its own has no parameter, or the in-degree of
                recurrent weights cannot be told.

        Example:
            >>> import sparse_rnn as srnn
            >>> network = srnn.Network(5, 3, srnn.masks.dense(64))
            >>> Rates(recurrent="in_degree").factors(network)["rnn.weight_hh"]
            0.5
        """
        groups = groups_of(network)
        if names is not None:
            groups = {name: group for name, group in groups.items() if name in names}
        for group, factor in self:
            # A rule for weights that nobody trains asks for nothing; a number for them does.
            if factor not in (1.0, IN_DEGREE) and group not in groups.values():
                raise InvalidArgument(
                    f"rates.{group}", factor, f"left out where no {group} weights are trained"
                )
        return {name: self._factor(network, name, group) for name, group in groups.items()}

    def _factor(self, network: nn.Module, name: str, group: str) -> float:
        factor: float | str = getattr(self, group)
        if isinstance(factor, str):
            return min(1.0, IN_DEGREE_AT_FULL_RATE / _in_degree(network, name))
        return factor


def parse_rates(value: object) -> object:
    """Read rates: a mapping from groups to factors, or "in_degree" for the recurrent weights.

    A command line writes the mapping as ``recurrent=0.1,readout=2``.

    Raises:
        UnknownName: A group is not known.
        InvalidArgument: It is neither.

    Example:
        >>> parse_rates("in_degree")
        Rates(input=1.0, recurrent='in_degree', readout=1.0)
        >>> parse_rates("recurrent=0.1,readout=2")
        Rates(input=1.0, recurrent=0.1, readout=2.0)
    """
    if isinstance(value, Rates):
        return value
    if value == IN_DEGREE:
        return Rates(recurrent="in_degree")
    if isinstance(value, str) and "=" in value:
        pairs = [part.split("=", 1) for part in value.replace(",", " ").split()]
        value = {pair[0]: _number(pair[-1]) for pair in pairs}
    if not isinstance(value, Mapping):
        allowed = f'"{IN_DEGREE}", or factors by group: {", ".join(Rates.model_fields)}'
        raise InvalidArgument("rates", value, allowed)
    for group, factor in cast("Mapping[Any, Any]", value).items():
        if group not in Rates.model_fields:
            raise unknown_name("rates", group, Rates.model_fields, "a group of weights")
        if factor == IN_DEGREE and group == "recurrent":
            continue
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < 1e9:
            allowed = "a finite number above 0 (frozen weights: recurrence='frozen')"
            raise InvalidArgument(f"rates.{group}", factor, allowed)
    return Rates(**cast("Mapping[str, Any]", value))


RatesSetting = Annotated[Rates, BeforeValidator(parse_rates)]
"""A setting that is given in any of the ways that `parse_rates` reads."""


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def groups_of(network: nn.Module) -> dict[str, str]:
    """Group of each parameter that is trained: "input", "recurrent" or "readout"."""
    names = [name for name, p in network.named_parameters() if p.requires_grad]
    # A frozen recurrence is a buffer; the module around it is a recurrent layer all the same.
    known = [*dict(network.named_parameters()), *dict(network.named_buffers())]
    layers = {name.rpartition(".")[0] for name in known if _is_recurrent(name)}
    soft = {id(p) for one in softened(network) for p in one.parameters()}
    weights = dict(network.named_parameters())

    def group(name: str) -> str:
        if _is_recurrent(name) or id(weights[name]) in soft:
            return "recurrent"
        return "input" if name.rpartition(".")[0] in layers else "readout"

    return {name: group(name) for name in names}


def _is_recurrent(name: str) -> bool:
    return "weight_hh" in name.rpartition(".")[2]


def _in_degree(network: nn.Module, name: str) -> float:
    """Mean number of recurrent weights onto a unit."""
    path, _, last = name.rpartition(".")
    module = network.get_submodule(path)
    if isinstance(module, Soft):
        module = network.get_submodule(path.rpartition(".")[0])  # The layer that it softens.
    mask = getattr(module, "mask", None)
    if mask is not None:
        return max(mask.nnz / mask.n_units, 1.0)
    weight = getattr(module, last)
    if weight.dim() != 2:
        allowed = "a number for recurrent weights that are no matrix and have no mask"
        raise InvalidArgument("rates.recurrent", IN_DEGREE, allowed)
    return float(weight.shape[1])  # as in torch.nn.RNN: [gates * N, N]
