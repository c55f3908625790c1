"""Time constants of units that are connected with themselves alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import recurrent
from sparse_rnn.cells import LeakyRNN
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.models import Network


@dataclass(frozen=True, eq=False)
class TimeConstants:
    """How long each unit remembers.

    Attributes:
        weights: float64 ``[N]``, weight of each unit onto itself; 0 where there is no such synapse.
        factors: float64 ``[N]``, what a step leaves of a state; the weights, but in a leaky layer.
        tau_ms: float64 ``[N]``, time constants in ms: ``-dt / log(factor)``; infinite from a factor
            of 1 on, where a state does not decay, 0 for a factor of 0, and NaN below, where a state
            changes its sign from step to step, or, with rectification, is gone after one.
        dt: Time step in ms.
    """

    weights: NDArray[np.float64]
    factors: NDArray[np.float64]
    tau_ms: NDArray[np.float64]
    dt: float


def time_constants(network: Source, dt: float | None = None) -> TimeConstants:
    """Find the time constants of a pool of autapses (Khona et al. 2023, section 2.4).

    Without input, an active unit with weight w onto itself keeps a share w of its state in each
    step, so that it decays with ``tau = -dt / log w``. In a leaky layer the share is
    ``1 - alpha + alpha w``. This is exact for "relu", and holds near 0 for "tanh".

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
        >>> pool = srnn.Network(53, 17, srnn.masks.autapse(3), init="identity", init_gain=0.5)
        >>> time_constants(pool, dt=20).tau_ms
        array([28.85, 28.85, 28.85])
    """
    subject = Subject.of(network)
    net = subject.network
    reason = _why_not(net)
    if reason:
        raise NotApplicable(f"Time constants belong to single units, and here {reason}.")
    if dt is not None and not dt > 0:
        raise InvalidArgument("dt", dt, "a number of ms above 0")
    step = subject.dt if dt is None else dt
    weights = np.zeros(net.rnn.mask.n_units)
    weights[net.rnn.mask.targets()] = recurrent(net)
    alpha = net.rnn.alpha if isinstance(net.rnn, LeakyRNN) else 1.0
    factors = 1 - alpha + alpha * weights
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = np.where(factors < 1, -step / np.log(factors), np.inf)
    return TimeConstants(weights, factors, np.where(factors == 0, 0.0, tau), step)


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
