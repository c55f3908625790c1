"""How a gradient step is taken: penalties on weights, clipping, optimiser."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparse_rnn.config import freeze, optimisers
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.optimisers import Factory
from sparse_rnn.config.own import is_own
from sparse_rnn.config.rates import IN_DEGREE
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.soft import softened
from sparse_rnn.runs.checkpoint import check_state


class Optimiser:
    """The optimiser of a configuration, with its penalties and its clipping.

    The penalties are ``l1 * sum |w|`` over the recurrent weights alone, as the paper's Table 1 has
    it (there, all networks with L1 keep every one of their 335 000 input and output weights), and
    ``l2 / 2 * sum w^2`` over all weights but the biases, as Yang et al. (2019) have it. Both enter
    through the gradient, before it is clipped; Adam scales them like the rest of it. A weight
    that L1 drives down is small in the end and not exactly 0: the paper counts weights above a
    small threshold, and so must who counts them here. `l1_proximal` is the same penalty as a
    step of its own after that of the optimiser, the soft threshold: each recurrent weight moves
    towards 0 by ``l1_proximal`` times its learning rate, and stays at exactly 0 where it would get
    past it
    (Parikh & Boyd 2014, https://doi.org/10.1561/2400000003, section 6.5.2).

    Recurrent weights are parameters with ``weight_hh`` in their name, as in ``torch.nn.RNN``;
    biases those with ``bias`` in the last part of it.

    Args:
        network: The network.
        config: Optimiser, learning rate, its factors and schedule, `l1`, `l2` and `clip`.
        factory: Makes the optimiser of the parameters, where the configuration names one of the
            caller's. It is given the parameters; where `rates` has several factors, groups of them
            (``[{"params": [...]}, ...]``), as torch's optimisers take them.

    Attributes:
        inner: The optimiser itself.
        parameters: The parameters that are trained, by name, in the order that `inner` has them.

    Raises:
        InvalidArgument: There is nothing to train, `freeze` or `new_rules` do not fit, a penalty is
            set and no weight is recurrent, `rates` names a group that is not trained, or the
            caller's optimiser cannot be used.
    """

    def __init__(
        self, network: nn.Module, config: FitConfig, factory: Factory | None = None
    ) -> None:
        self.config = config
        self._network = network
        trained = freeze.trained(network, config.freeze, config.new_rules)
        factors = config.rates.factors(network, trained)
        self._frozen = [
            p for name, p in network.named_parameters() if p.requires_grad and name not in trained
        ]
        # One group for each factor: with one rate for all weights Adam takes them all at once.
        # A factor that follows from the in-degree may change, where synapses do.
        varies = config.sparsifier is not None and config.rates.recurrent == IN_DEGREE
        kinds = {name: (factors[name], varies and "weight_hh" in name) for name in trained}
        groups = [
            [p for name, p in trained.items() if kinds[name] == kind]
            for kind in dict.fromkeys(kinds.values())
        ]
        if factory is None and is_own(config.optimiser):
            allowed = "given to sparse_rnn.fit as a function, where it is one of your own"
            raise InvalidArgument("optimiser", config.optimiser, allowed)
        made = factory or optimisers.factory(config.optimiser, config.lr, config.optimiser_options)
        self.inner = made([{"params": one} for one in groups] if len(groups) > 1 else groups[0])
        if factory is not None:
            _check_own(self.inner, trained.values(), config)
        names = {p: name for name, p in trained.items()}
        self._ordered = [[names[p] for p in group["params"]] for group in self.inner.param_groups]
        self.parameters: Mapping[str, nn.Parameter] = {
            name: trained[name] for group in self._ordered for name in group
        }
        recurrent = {name: p for name, p in self.parameters.items() if "weight_hh" in name}
        self._recurrent = list(recurrent.values())
        self._soft = softened(network)
        free = {p for one in self._soft if not one.DECAYS for p in one.parameters()}
        self._weights = [
            p
            for name, p in self.parameters.items()
            if "bias" not in name.rpartition(".")[2] and p not in free
        ]
        for penalty in ("l1", "l1_proximal"):
            if getattr(config, penalty) and not self._recurrent:
                allowed = "0 for a network without weights *weight_hh* that are trained"
                raise InvalidArgument(penalty, getattr(config, penalty), allowed)
        self._known = factory is None
        self._settle(factors)

    def _settle(self, factors: Mapping[str, float]) -> None:
        recurrent = [name for name in self.parameters if "weight_hh" in name]
        self._factors = [factors[group[0]] for group in self._ordered]
        self._thresholds = [factors[name] * self.config.l1_proximal for name in recurrent]

    def rewired(self) -> None:
        """Have the rates of the network as it is, where they follow from its synapses."""
        self._settle(self.config.rates.factors(self._network, self.parameters))

    def moments(self, weight: nn.Parameter) -> dict[str, Tensor]:
        """What is kept for each number of a parameter, by the optimiser's own names."""
        kept = self.inner.state.get(weight, {})
        return {
            name: value
            for name, value in kept.items()
            if isinstance(value, Tensor) and value.shape == weight.shape
        }

    def move(self, weight: nn.Parameter, origin: Tensor) -> None:
        """Take the state of a parameter along, whose last axis is about to have other edges.

        What is kept for an edge stays with it; a new one starts with zeros, and with a count of
        steps of its own, ``age``: Adam divides its moments by ``1 - beta ** steps``, so that at a
        late step one count for all would make the first step of a new edge
        ``(1 - beta1) / sqrt(1 - beta2)`` learning rates long, 3.2 by default.

        Args:
            weight: The parameter, as it is before.
            origin: int64, the number that each edge had before; -1 of a new one.
        """
        state = self.inner.state.get(weight)
        if not state:
            return  # No step was taken yet: all edges are of one age.
        kept = self.moments(weight)
        if isinstance(self.inner, torch.optim.Adam | torch.optim.AdamW):
            count = torch.full(weight.shape[-1:], int(state["step"]), device=weight.device)
            kept["age"] = state.get("age", count)
        for name, value in kept.items():
            moved = value.new_zeros((*value.shape[:-1], origin.numel()))
            moved[..., origin >= 0] = value[..., origin[origin >= 0]]
            state[name] = moved

    @contextmanager
    def only_trained(self) -> Generator[None]:
        """Compute no gradient for what is frozen."""
        for parameter in self._frozen:
            parameter.requires_grad_(False)  # noqa: FBT003 - torch's own
        try:
            yield
        finally:
            for parameter in self._frozen:
                parameter.requires_grad_(True)  # noqa: FBT003 - torch's own

    @property
    def new_rules(self) -> int | None:
        """Number of the last inputs whose weights are trained alone; None where all may be."""
        return self.config.new_rules

    def _old_columns(self) -> list[tuple[nn.Parameter, slice]]:
        """Weights of which only the last columns are trained, and the others of those."""
        n_new = self.config.new_rules
        if n_new is None:
            return []
        return [(weight, slice(weight.shape[1] - n_new)) for weight in self.parameters.values()]

    def penalise(self) -> None:
        """Add the gradients of the penalties to those of the loss; without old rules."""
        with torch.no_grad():
            if self.config.l1:
                _add(self._recurrent, torch.sign, self.config.l1)
            if self.config.l2:
                _add(self._weights, lambda weight: weight, self.config.l2)
            for one in self._soft:
                one.penalise()
            for weight, old in self._old_columns():
                if weight.grad is not None:
                    weight.grad[:, old] = 0.0

    def clip(self) -> float:
        """Limit the norm of the gradient.

        Returns:
            The norm before, over all existing weights: absent synapses have no gradient.
        """
        limit = math.inf if self.config.clip is None else self.config.clip
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self.config.clip is not None and not norm.isfinite():
            # Squares of numbers above 1e19 are no float32: wide dense networks get there in their
            # first steps, and come back from it. Not so without a limit: Adam squares them too.
            norm = torch.stack(
                [torch.linalg.vector_norm(g, dtype=torch.float64) for g in gradients]
            )
            norm = norm.norm()
        nn.utils.clip_grads_with_norm_(self.parameters.values(), limit, norm)
        return float(norm)

    def step(self, number: int) -> float:
        """Take gradient step `number`, counted from 1; returns its rate without the factors."""
        rate = self.config.rate(number)
        for group, factor in zip(self.inner.param_groups, self._factors, strict=True):
            group["lr"] = rate * factor
        kept = [weight[:, old].detach().clone() for weight, old in self._old_columns()]
        before = [
            (group, weight, weight.detach().clone())
            for group in self.inner.param_groups
            for weight in group["params"]
            if "age" in self.inner.state.get(weight, {})
        ]
        self.inner.step()
        for one in self._soft:
            one.advance()
        for group, weight, values in before:
            decoupled = isinstance(self.inner, torch.optim.AdamW)  # In older versions of torch.
            decoupled = group.get("decoupled_weight_decay", decoupled)
            decay = group["lr"] * group["weight_decay"] if decoupled else 0.0
            _step_young(group, weight, values * (1 - decay), self.inner.state[weight])
        with torch.no_grad():  # An optimiser may move what has no gradient, such as by decay.
            for (weight, old), values in zip(self._old_columns(), kept, strict=True):
                weight[:, old] = values
        if self.config.l1_proximal:
            with torch.no_grad():
                for weight, threshold in zip(self._recurrent, self._thresholds, strict=True):
                    weight.copy_(nn.functional.softshrink(weight, rate * threshold))
        if not self._known:
            check_state(self.inner.state)  # Before a checkpoint needs it.
            self._known = True
        return rate


COUNTLESS = (torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adadelta)
"""Optimisers whose steps do not depend on their number. Adam's do, and are put right."""


def _step_young(
    group: Mapping[str, Any], weight: nn.Parameter, before: Tensor, state: dict[str, Any]
) -> None:
    """Take Adam's step anew for edges that are younger than the run, by their own age.

    Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1, with t the number of steps of the edge.

    Args:
        group: Settings of the optimiser, after its step.
        weight: The parameter, after the step.
        before: Its values before it, decayed where that is no part of the gradient.
        state: What the optimiser keeps of it, after the step.
    """
    state["age"] += 1
    young = state["age"] != int(state["step"])
    age = state["age"].to(torch.float64)
    first, second = (1 - float(beta) ** age for beta in group["betas"])
    mean = state["exp_avg"] / first.to(weight.dtype)
    square = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
    root = square.sqrt() / second.sqrt().to(weight.dtype) + group["eps"]
    with torch.no_grad():
        stepped = before - group["lr"] * mean / root
        weight.copy_(torch.where(young, stepped, weight))


BURST_REMEDY = (
    "steps that are too large for this in-degree; a lower rate of the recurrent weights "
    "(rates in_degree) or a lower lr avoids them"
)
"""What is said of bursts of the gradient or the loss."""


def remedy(config: FitConfig) -> str:
    """Say what to try after a run of these settings diverged."""
    clip = "no clip" if config.clip is None else f"clip {config.clip:g}"
    return (
        f"It ran with lr {config.lr:g} and {clip}; try a lower lr, a lower clip, "
        "or a lower init_gain."
    )


def _check_own(inner: object, parameters: Iterable[nn.Parameter], config: FitConfig) -> None:
    """Refuse what a caller's function made, where it is no optimiser of just these parameters."""
    if not isinstance(inner, torch.optim.Optimizer):
        allowed = "a function that returns a torch.optim.Optimizer"
        raise InvalidArgument("optimiser", type(inner).__name__, allowed)
    closure = inspect.signature(inner.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        allowed = "one that steps of gradients alone, without a closure"
        raise InvalidArgument("optimiser", type(inner).__name__, allowed)
    taken = [id(p) for group in inner.param_groups for p in group["params"]]
    if sorted(taken) != sorted(map(id, parameters)):
        allowed = "one of all parameters that it was given, and of no other"
        remedy = "Freeze what is not to be trained."
        raise InvalidArgument("optimiser", type(inner).__name__, allowed, remedy)
    rates = {group["lr"] for group in inner.param_groups}
    if rates != {config.lr}:
        allowed = f"made with the lr of the configuration, {config.lr:g}"
        remedy = "Factors by group are the setting rates, their course schedule and warmup."
        raise InvalidArgument("optimiser", f"lr {sorted(rates)}", allowed, remedy)


def _add(weights: list[nn.Parameter], direction: Callable[[Tensor], Tensor], scale: float) -> None:
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad.add_(direction(weight), alpha=scale)
