"""Optimisers by name: how a weight moves, of its gradient and the learning rate.

One function and one row of `OPTIMISERS` each. What a function takes beside parameters and learning
rate are the optimiser's options; their defaults are torch's own.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import nn
from torch.optim import Optimizer

from sparse_rnn.config.options import Options, read_words
from sparse_rnn.config.own import check_name
from sparse_rnn.errors import InvalidArgument, unknown_keyword

Parameters = Sequence[nn.Parameter] | Sequence[dict[str, Any]]
"""Parameters, or groups of them, as torch's optimisers take them."""

Factory = Callable[[Any], Optimizer]
"""Makes an optimiser of parameters."""

DEFAULT = "adam"


class OptimiserOptions(Options):
    """Options of an optimiser.

    Example:
        >>> OptimiserOptions({"betas": [0.9, 0.99]})
        {'betas': (0.9, 0.99)}
    """

    SETTING: ClassVar[str] = "optimiser_options"
    PREFIX: ClassVar[str] = "optimiser_options"
    NUMBERS: ClassVar[bool] = True


def adam(
    params: Parameters,
    lr: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    amsgrad: bool = False,
) -> Optimizer:
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980)."""
    return torch.optim.Adam(params, lr=lr, betas=betas, eps=eps, amsgrad=amsgrad)


def adamw(
    params: Parameters,
    lr: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    amsgrad: bool = False,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101).

    The decay is of all parameters that are trained, biases too, as in torch.
    """
    return torch.optim.AdamW(
        params, lr=lr, betas=betas, eps=eps, amsgrad=amsgrad, weight_decay=weight_decay
    )


def sgd(
    params: Parameters,
    lr: float,
    *,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Stochastic gradient descent, with momentum if it is given.

    The decay is of all parameters, biases too, and after the clipping of the gradient, as in torch;
    the setting `l2` of a configuration is another.
    """
    return torch.optim.SGD(
        params,
        lr=lr,
        momentum=momentum,
        dampening=dampening,
        nesterov=nesterov,
        weight_decay=weight_decay,
    )


OPTIMISERS: Mapping[str, Callable[..., Optimizer]] = MappingProxyType(
    {"adam": adam, "adamw": adamw, "sgd": sgd}
)
"""All optimisers by name."""


def factory(name: str, lr: float, options: Mapping[str, Any]) -> Factory:
    """What makes the optimiser of a name in `OPTIMISERS`."""
    return lambda params: OPTIMISERS[name](params, lr, **options)


def settled(name: str, given: object) -> OptimiserOptions:
    """Check the options of an optimiser; those that have their default are left out.

    A command line writes them as ``momentum=0.9,nesterov=true``, several numbers of one option as
    ``betas=0.9:0.99``.

    Args:
        name: A name in `OPTIMISERS`, or one of the caller's, which takes none here.
        given: The options.

    Raises:
        UnknownName: There is no such optimiser.
        UnknownKeyword: An option is not one of this optimiser.
        InvalidArgument: An option has a value that it cannot have.

    Example:
        >>> settled("sgd", "momentum=0.9,nesterov=true")
        {'momentum': 0.9, 'nesterov': True}
        >>> settled("sgd", {"momentum": 0})
        {}
    """
    check_name("optimiser", name, OPTIMISERS, "an optimiser")
    options = OptimiserOptions(read_words(OptimiserOptions, given))
    known = _defaults(name)
    for option, value in options.items():
        if option not in known:
            listed = known or ["none, as your own function knows them"]
            raise unknown_keyword("optimiser_options", option, listed, f"an option of {name!r}")
        _check(option, value, known[option])
    kept = OptimiserOptions({k: value for k, value in options.items() if value != known[k]})
    if name in OPTIMISERS:
        try:
            factory(name, 1e-3, kept)([nn.Parameter(torch.zeros(1))])
        except ValueError as error:
            raise InvalidArgument(
                "optimiser_options", kept, f"what torch takes ({error})"
            ) from None
    return kept


def told_options() -> str:
    """The options of each optimiser, for help."""
    return "; ".join(f"{name}: {', '.join(_defaults(name))}" for name in OPTIMISERS) + "."


def _defaults(name: str) -> dict[str, Any]:
    if name not in OPTIMISERS:
        return {}
    parameters = inspect.signature(OPTIMISERS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}


def _check(option: str, value: object, default: object) -> None:
    """Refuse a value of another kind than the default, and numbers below 0."""
    if isinstance(default, bool):
        allowed, right = "True or False", isinstance(value, bool)
    elif isinstance(default, tuple):
        n = len(default)
        allowed = f"{n} numbers from 0 to 1, without 1"
        right = isinstance(value, tuple) and len(value) == n and all(_in(one, 1) for one in value)
    else:
        allowed, right = "a finite number of at least 0", _in(value, math.inf)
    if not right:
        raise InvalidArgument(f"optimiser_options.{option}", value, allowed)


def _in(value: object, end: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < end
