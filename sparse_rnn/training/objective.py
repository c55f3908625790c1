"""What a gradient step minimises: an objective on the outputs, and penalties on the units."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sparse_rnn.config.objectives import OBJECTIVES, Minimised, activity
from sparse_rnn.config.own import is_own
from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.network import Network

Function = Callable[[Tensor, Any, Batch], Tensor]
"""An objective of a caller's: of the outputs ``[T, B, O]``, the states that the network returned
beside them (None where it returns none) and the batch to a scalar."""


class Objective:
    """The objective of a configuration, with its penalties on the units.

    Args:
        network: The network.
        minimised: What the configuration says of it.
        function: The caller's own, where the configuration names one.

    Raises:
        InvalidArgument: `truncate` is set and the network is none of `sparse_rnn`, or states are
            to be carried and it takes none.
    """

    def __init__(
        self, network: nn.Module, minimised: Minimised, function: Function | None = None
    ) -> None:
        if minimised.truncate is not None and not isinstance(network, Network):
            allowed = "None for a network that is no sparse_rnn.Network"
            raise InvalidArgument("truncate", minimised.truncate, allowed)
        if minimised.carry_states and not _takes_states(network):
            allowed = "False for a network whose forward is not forward(inputs, h0=None)"
            raise InvalidArgument("carry_states", minimised.carry_states, allowed)
        if function is None and is_own(minimised.objective):
            allowed = "given to sparse_rnn.fit as a function, where it is one of your own"
            raise InvalidArgument("objective", minimised.objective, allowed)
        self._network = network
        self._minimised = minimised
        self._function = function

    def how(self) -> dict[str, Any]:
        """How the network is called in a gradient step."""
        how: dict[str, Any] = {}
        if self._minimised.truncate is not None:
            how["truncate"] = self._minimised.truncate
        looks = self._function is not None or self._minimised.is_of_activity
        how |= _handing_out(self._network, every_state=looks)
        if self.carries and isinstance(self._network, Network):
            how["last_state"] = True
        return how

    @property
    def carries(self) -> bool:
        """Whether each batch goes on from the states at the end of the one before."""
        return self._minimised.carry_states

    def respond(self, batch: Batch, h0: Any = None) -> tuple[Tensor, Any, Any]:
        """Run the network over a batch.

        Args:
            batch: The batch.
            h0: The states that its lanes go on from, where states are carried.

        Returns:
            The outputs, checked; the states, or None; and those to carry, or None.

        Raises:
            InvalidArgument: The network returned something else.
        """
        outputs = self._network(batch.inputs, *([h0] if self.carries else []), **self.how())
        logits = logits_of(outputs)
        check_sizes(self._network, logits, batch.steps_and_lanes, batch)
        states = outputs[1] if isinstance(outputs, tuple) and len(outputs) > 1 else None
        return logits, states, self._last(outputs) if self.carries else None

    def _last(self, outputs: Any) -> Any:
        """The state that a network returned last."""
        last = outputs[-1] if isinstance(outputs, tuple) and len(outputs) > 1 else None
        parts: tuple[object, ...] = last if isinstance(last, tuple) else (last,)
        if parts and all(isinstance(part, Tensor) for part in parts):
            return last
        allowed = "one that returns the state to go on from last, as it takes it, for carry_states"
        found = f"{type(self._network).__name__} with {type(outputs).__name__}"
        raise InvalidArgument("network", found, allowed)

    def __call__(
        self, outputs: Tensor, states: Any, batch: Batch, total: Tensor | None = None, n: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Say what a batch costs.

        Args:
            outputs: ``[T, B, O]``.
            states: What the network returned beside them.
            batch: The batch.
            total: Sum of the mask over all processes, where there are several.
            n: Number of processes; what is no sum over time steps is the mean over them.

        Returns:
            The objective, a scalar, and what is minimised: with the penalties.

        Raises:
            InvalidArgument: The targets do not fit the objective, there are no states to penalise,
                or a function of the caller's returned no scalar that depends on the network.
        """
        if self._function is not None:
            cost = _checked(self._function(outputs, states, batch)) / n
        else:
            costs = OBJECTIVES[self._minimised.objective](outputs, batch.targets).flatten()
            weights = batch.mask.flatten()
            cost = (costs * weights).sum() / (weights.sum() if total is None else total)
        if not self._minimised.is_of_activity:
            return cost, cost
        minimised = self._minimised
        penalty = activity(
            self._every_state(states, batch),
            l1=minimised.activity_l1,
            l2=minimised.activity_l2,
            rate=minimised.rate_target,
            rate_weight=minimised.rate_weight,
        )
        return cost, cost + penalty / n

    def _every_state(self, states: Any, batch: Batch) -> Tensor:
        wanted = batch.steps_and_lanes
        if isinstance(states, Tensor) and states.dim() == 3 and states.shape[:2] == wanted:
            return states
        found = list(states.shape) if isinstance(states, Tensor) else type(states).__name__
        allowed = f"one that returns its states [time, batch, units] second, for {_OF_ACTIVITY}"
        kind = type(self._network).__name__
        raise InvalidArgument("network", f"{kind} with states {found}", allowed)


_OF_ACTIVITY = "activity_l1, activity_l2 and rate_target"


def _handing_out(network: nn.Module, *, every_state: bool) -> dict[str, Any]:
    """How to call a network for its states or without; others than ours do as they do."""
    ours = isinstance(network, Network) and type(network).forward is Network.forward
    return {"every_state": every_state} if ours else {}


def _takes_states(network: nn.Module) -> bool:
    """Whether a network can be called with inputs and a state, and with inputs alone."""
    try:
        for given in ((None, None), (None,)):
            inspect.signature(network.forward).bind(*given)
    except TypeError:
        return False
    return True


def _checked(cost: object) -> Tensor:
    """What a function of the caller's returned, if it can be minimised."""
    if not isinstance(cost, Tensor) or cost.numel() != 1 or not cost.requires_grad:
        found = type(cost).__name__
        if isinstance(cost, Tensor):
            found = f"a tensor {list(cost.shape)} with requires_grad {cost.requires_grad}"
        allowed = "a function that returns a scalar tensor which depends on the outputs"
        raise InvalidArgument("objective", found, allowed)
    return cost.reshape(())


def logits_of(outputs: object) -> Tensor:
    """Take the logits from what a network returned.

    Args:
        outputs: The logits ``[T, B, O]``, or a tuple whose first entry they are.

    Raises:
        InvalidArgument: It is neither.
    """
    logits = outputs[0] if isinstance(outputs, tuple) and outputs else outputs
    if not isinstance(logits, Tensor) or logits.dim() != 3:
        found = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        allowed = "a network that returns logits [T, B, O], alone or first in a tuple"
        raise InvalidArgument("network", found, allowed)
    # Under autocast a readout gives bfloat16, which neither the scores nor numpy take.
    return logits.float() if logits.dtype.itemsize < 4 else logits


def answer(network: nn.Module, batch: Batch) -> Tensor:
    """Run a network over a batch and take the logits from what it returned.

    Args:
        network: Maps inputs ``[T, B, I]`` to logits ``[T, B, O]``, alone or first in a tuple.
        batch: The batch, where the network is.

    Returns:
        The logits ``[T, B, O]``, with the sizes of the batch.

    Raises:
        InvalidArgument: The network returned something else.
    """
    logits = logits_of(network(batch.inputs, **_handing_out(network, every_state=False)))
    check_sizes(network, logits, batch.steps_and_lanes, batch)
    return logits


def probe(network: nn.Module, batch: Batch) -> None:
    """Refuse a network that swaps time and batch where the sizes of a batch cannot tell.

    It answers one step less, so that there are fewer steps than lanes. Nothing is computed for a
    batch whose sizes differ: `answer` sees it there.

    Args:
        network: The network, in evaluation mode.
        batch: A batch, where the network is.

    Raises:
        InvalidArgument: It returned something else than logits ``[T, B, O]``.
    """
    n_steps, n_lanes = batch.steps_and_lanes
    if n_steps != n_lanes or n_steps < 2:
        return
    with torch.no_grad():
        logits = logits_of(network(batch.inputs[:-1]))
    check_sizes(network, logits, (n_steps - 1, n_lanes), batch)


def check_sizes(
    network: nn.Module, logits: Tensor, steps_and_lanes: Sequence[int], batch: Batch
) -> None:
    """Refuse logits that are not ``[T, B, O]``, with the sizes of a batch."""
    wanted = [*steps_and_lanes, batch.n_outputs]
    found = list(logits.shape)
    if found == wanted:
        return
    allowed = f"a network that returns logits [time, batch, outputs], here of shape {wanted}"
    remedy = ""
    if found[:2] == wanted[1::-1] and found[:2] != wanted[:2]:
        remedy = "Time comes first: transpose the axes 0 and 1."
    elif found[2] != wanted[2]:
        remedy = f"These tasks have {wanted[2]} outputs: fixation and each direction of the ring."
    raise InvalidArgument("network", f"{type(network).__name__} with {found}", allowed, remedy)
