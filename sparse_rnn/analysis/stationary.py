"""Fixed and slow points of the dynamics with a constant input, and their spectra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sparse_rnn.analysis._descent import stand_still
from sparse_rnn.analysis._dynamics import Dynamics
from sparse_rnn.analysis._subject import Source, Subject, numbered
from sparse_rnn.analysis.recording import Recording
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.nn.network import Network
from sparse_rnn.system.arguments import finite, instance, whole

MARGINAL = 0.02
"""A mode is marginal where its eigenvalue has a size within this of 1."""


@dataclass(frozen=True)
class Search:
    """How points are searched for and told apart.

    The scale of states is 1 plus the median norm of the starts.

    Attributes:
        iterations: Most steps of the descent.
        fixed: A point that moves by at most this share of the scale in a step is a fixed point.
        slow: One that moves by at most this share is a slow point; faster ones are dropped.
        apart: Two points are one if their distance is below this share of the scale.
    """

    iterations: int = 100
    fixed: float = 1e-6
    slow: float = 1e-2
    apart: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse what is no number of steps and no share."""
        whole("iterations", self.iterations, 1)
        for name in ("fixed", "slow", "apart"):
            finite(name, getattr(self, name), "a finite number of at least 0", least=0)


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """Points at which a network stands still, or nearly so; ordered by q.

    Attributes:
        states: float64 ``[K, size]``, distinct points; size is the number of units N, or 2 N of an
            LSTM: h and c.
        q: float64 ``[K]``, ``|F(h) - h|^2 / 2`` in the square of the states' unit.
        fixed: bool ``[K]``, True for fixed points, False for slow ones.
        counts: int64 ``[K]``, starts that led to the point.
        point_of: int64 ``[starts]``, point that each start led to; -1 where it was dropped.
        inputs: float64 ``[1, I]`` or ``[K, I]``, the constant input.
        dynamics: The map F at the points.
    """

    states: NDArray[np.float64]
    q: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    counts: NDArray[np.int64]
    point_of: NDArray[np.int64]
    inputs: NDArray[np.float64]
    dynamics: Dynamics

    @property
    def speed(self) -> NDArray[np.float64]:
        """How far each point moves in a step, ``|F(h) - h|``; float64 ``[K]``."""
        return np.sqrt(2 * self.q)

    def __len__(self) -> int:
        """Number of points K."""
        return len(self.q)

    @property
    def hidden(self) -> NDArray[np.float64]:
        """The states that the readout sees; float64 ``[K, N]``."""
        return self.states[:, : self.dynamics.inputs.shape[2]]

    def jacobians(self, chosen: Any = slice(None)) -> NDArray[np.float64]:
        """Jacobians of the step at some points, by default all; float64 ``[k, size, size]``.

        Raises:
            InvalidArgument: There are no such points.
        """
        rows = numbered("chosen", chosen, len(self))
        at = torch.from_numpy(rows)
        linear = self.dynamics.at(at).linearise(torch.from_numpy(self.states[rows]))
        found: NDArray[np.float64] = linear.jacobians().numpy()
        return found

    def spectra(self, chosen: Any = slice(None)) -> NDArray[np.complex128]:
        """Eigenvalues of the Jacobians, the largest ones first; complex128 ``[k, size]``.

        A mode with the eigenvalue z decays with the time constant ``-dt / log |z|``: 1 is a
        direction in which the network stands still, beyond 1 it is unstable.

        Raises:
            InvalidArgument: There are no such points.
        """
        rows = numbered("chosen", chosen, len(self))
        spectra: list[NDArray[np.complex128]] = []
        for row in rows:  # One matrix at a time: the eigenvalues take far longer than the call.
            values = np.linalg.eigvals(self.jacobians([row])[0]).astype(np.complex128)
            spectra.append(values[np.argsort(-np.abs(values), kind="stable")])
        return np.array(spectra).reshape(len(rows), self.dynamics.size)


def fixed_points(
    network: Source, inputs: ArrayLike, starts: ArrayLike, search: Search | None = None
) -> FixedPoints:
    """Find fixed and slow points (Sussillo & Barak 2013, https://doi.org/10.1162/NECO_a_00409).

    From each start, ``q = |F(h) - h|^2 / 2`` is minimised, F being a step of the network with a
    constant input. Where q reaches 0 the network stands still: a fixed point. A local minimum with
    a small q is a slow point. Starts should be states that the network visits, such as
    `end_states` finds.

    Args:
        network: The network, a finished run, or the folder of one; any cell.
        inputs: Constant input ``[I]``, or ``[starts, I]`` with one for each start.
        starts: States to start from, ``[starts, N]``; of an LSTM ``[starts, 2 N]``, h and c.
        search: Tolerances; None are those of `Search`.

    Returns:
        The distinct points.

    Raises:
        InvalidArgument: A shape does not fit, or a number is not finite.

    Example:
        A unit that keeps half of its state and receives 1 stands still at 2:

        >>> import sparse_rnn as srnn, torch
        >>> from sparse_rnn.analysis import fixed_points
        >>> net = srnn.Network(1, 2, srnn.masks.autapse(1))
        >>> with torch.no_grad():
        ...     weights = net.rnn.weight_hh.fill_(0.5), net.rnn.weight_ih.fill_(1)
        ...     bias = net.rnn.bias.zero_()
        >>> found = fixed_points(net, [1.0], [[0.1], [5.0]])
        >>> found.states, found.counts, found.spectra().real
        (array([[2.]]), array([2]), array([[0.5]]))
    """
    net = Subject.of(network).network
    settings = Search() if search is None else instance("search", search, Search)
    given = np.asarray(inputs, dtype=np.float64)
    begin = np.asarray(starts, dtype=np.float64)
    size = _size(net)
    if begin.ndim != 2 or begin.shape[1] != size or not len(begin):
        raise InvalidArgument("starts", begin.shape, f"of shape [at least 1, {size}]")
    shapes = ((net.rnn.input_size,), (len(begin), net.rnn.input_size))
    if given.shape not in shapes:
        raise InvalidArgument("inputs", given.shape, f"of shape {shapes[0]} or {shapes[1]}")
    if not (np.isfinite(given).all() and np.isfinite(begin).all()):
        raise InvalidArgument("starts", "NaN or infinity among starts or inputs", "finite")
    dynamics = Dynamics.of(net, given)
    scale = 1 + float(np.median(np.linalg.norm(begin, axis=1)))
    enough = (settings.fixed * scale / 10) ** 2 / 2
    moved = stand_still(dynamics, torch.from_numpy(begin), settings.iterations, enough)
    states: NDArray[np.float64] = moved.numpy()
    lag: NDArray[np.float64] = (dynamics.step(moved) - moved).detach().numpy()
    q = (lag**2).sum(axis=1) / 2
    # With another input, the same state is another point.
    what = states if given.ndim == 1 else np.hstack([states, given])
    slowest = np.argsort(q, kind="stable")
    slowest = slowest[q[slowest] <= (settings.slow * scale) ** 2 / 2]
    chosen, point_of = _distinct(what, slowest, settings.apart * scale)
    rows = torch.from_numpy(chosen)
    return FixedPoints(
        states=states[chosen],
        q=q[chosen],
        fixed=q[chosen] <= (settings.fixed * scale) ** 2 / 2,
        counts=np.bincount(point_of[point_of >= 0], minlength=len(chosen)).astype(np.int64),
        point_of=point_of,
        inputs=given[chosen] if given.ndim == 2 else given[np.newaxis],
        dynamics=dynamics.at(rows),
    )


@dataclass(frozen=True, eq=False)
class EndStates:
    """States of a network at the end of a period, and the input that it has there.

    Attributes:
        states: float64 ``[trial, size]``, as `fixed_points` takes them.
        inputs: float64 ``[trial, I]``, input at the last step of the period.
        angle: float64 ``[trial]``, the right answer at the first decision step in rad; NaN
            without one.
    """

    states: NDArray[np.float64]
    inputs: NDArray[np.float64]
    angle: NDArray[np.float64]


def end_states(network: Source, recording: Recording, period: str = "delay") -> EndStates:
    """Take the states at the end of a period, such as what is held in memory after a delay.

    Args:
        network: The network that was recorded, its run, or the folder of that.
        recording: Trials of tasks that have this period.
        period: Its name, such as "delay" or "stimulus".

    Returns:
        The states, one for each trial with such a period.

    Raises:
        InvalidArgument: No trial has it.
    """
    net = Subject.of(network).network
    names = {name for spec in recording.trials.tasks for name in spec.period_names}
    if period not in names:
        raise InvalidArgument("period", period, "one of " + ", ".join(sorted(names)))
    first, end = recording.trials.period_bounds(period)
    (rows,) = np.nonzero(end > first)
    states = np.zeros((len(rows), _size(net)))
    for stop in np.unique(end[rows]):
        together = end[rows] == stop
        states[together] = _states_at(net, recording.inputs[:stop, rows[together]])
    inputs = recording.inputs[end[rows] - 1, rows].astype(np.float64)
    return EndStates(states, inputs, recording.trials.angle[rows])


def _size(network: Network) -> int:
    """Numbers in a state."""
    return network.rnn.mask.n_units * (2 if network.rnn.CELL == "lstm" else 1)


def _states_at(network: Network, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """States after the last step, ``[B, size]``."""
    parameter = network.readout.weight
    with evaluating(network), torch.no_grad():
        _, last = network.rnn(torch.from_numpy(inputs).to(parameter))
    parts = last if isinstance(last, tuple) else (last,)
    joined: NDArray[np.float64] = torch.cat([part[0] for part in parts], 1).cpu().double().numpy()
    return joined


def _distinct(
    states: NDArray[np.float64], slowest: NDArray[np.int64], least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the distinct points among some, in their order, and the point of each row or -1."""
    point_of = np.full(len(states), -1, dtype=np.int64)
    chosen: list[int] = []
    for row in slowest:
        distance = np.linalg.norm(states[chosen] - states[row], axis=1)
        if distance.size and distance.min() < least:
            point_of[row] = int(distance.argmin())
        else:
            point_of[row] = len(chosen)
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64), point_of
