"""Time constants of units that are connected with themselves alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import recurrent
from sparse_rnn.errors import NotApplicable
from sparse_rnn.nn.cells import MaskedRNN
from sparse_rnn.nn.network import Network
from sparse_rnn.system.arguments import finite


@dataclass(frozen=True, eq=False)
class TimeConstants:
    """How long each unit remembers.

    Attributes:
        weights: float64 ``[N]``, weight of each unit onto itself; 0 where there is no such synapse.
        factors: float64 ``[N]``, what a step leaves of a positive state; below 0 where a state
            changes its sign from step to step.
        tau_ms: float64 ``[N]``, time constants in ms: ``-dt / log |factor|``; infinite from a size
            of 1 on, where a state does not decay, and 0 for a factor of 0, which leaves nothing.
        dt: Time step in ms.
    """

    weights: NDArray[np.float64]
    factors: NDArray[np.float64]
    tau_ms: NDArray[np.float64]
    dt: float


def time_constants(network: Source, dt: float | None = None) -> TimeConstants:
    """Find the time constants of a pool of autapses (Khona et al. 2023, section 2.4).

    Without input and bias, a unit with weight w onto itself has the state
    ``(1 - alpha) h + alpha f(w h)`` after h, with alpha = dt / tau in a leaky layer
    (`sparse_rnn.LeakyRNN`) and 1 in others. So a step leaves the share ``1 - alpha + alpha w`` of a
    state, the pole of this linear map in discrete time, and n steps leave its n-th power, or
    ``exp(-n dt / tau_ms)`` in size. With "relu" the share is exact for positive states, which are
    all that come up; where w is negative, ``f(w h)`` is 0 and ``1 - alpha`` is left, as of a unit
    without a synapse. With "tanh" it holds near 0.

    Args:
        network: The network, a finished run, or the folder of one.
        dt: Time step in ms; by default that of the run, of the leaky layer, or 100 ms.

    Returns:
        The time constants.

    Raises:
        NotApplicable: Units are connected with others, the cell has gates, or the nonlinearity has
            no slope of 1.
        InvalidArgument: `dt` is not above 0.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import time_constants
        >>> pool = srnn.Network(53, 17, srnn.masks.autapse(3), init="identity", init_gain=0.5)
        >>> time_constants(pool, dt=20).tau_ms
        array([28.85, 28.85, 28.85])
    """
    subject = Subject.of(network)
    net = subject.network
    reason = _why_not(net)
    if reason:
        raise NotApplicable(f"Time constants belong to single units, and here {reason}.")
    if dt is not None:
        finite("dt", dt, "a number of ms above 0", above=0)
    step = subject.dt if dt is None else dt
    weights = np.zeros(net.rnn.mask.n_units)
    weights[net.rnn.mask.targets()] = recurrent(net)
    assert isinstance(net.rnn, MaskedRNN)  # The others have gates.
    slopes = np.maximum(weights, 0) if net.rnn.nonlinearity == "relu" else weights
    factors = 1 - net.rnn.alpha + net.rnn.alpha * slopes
    sizes = np.abs(factors)
    with np.errstate(divide="ignore"):
        # The log of 0 is -inf, and -dt / -inf is 0.
        tau = np.where(sizes < 1, -step / np.log(sizes), np.inf)
    return TimeConstants(weights, factors, tau, step)


def _why_not(network: Network) -> str:
    mask = network.rnn.mask
    if network.rnn.GATES > 1:
        return f"the cell {network.rnn.CELL!r} forgets by its gates, which depend on the input"
    if not np.array_equal(mask.targets(), mask.indices):
        n = int((mask.targets() != mask.indices).sum())
        return (
            f"{n} synapses connect different units, which share their time constants: see the "
            "spectra of analysis.fixed_points"
        )
    nonlinearity = getattr(network.rnn, "nonlinearity", "")
    if nonlinearity not in ("relu", "tanh"):
        return f"the nonlinearity {nonlinearity!r} has a slope below 1"
    return ""
