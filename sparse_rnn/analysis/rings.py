"""Rings: whether points of state space lie on a closed curve that the readout reads as angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import as_array
from sparse_rnn.errors import InvalidArgument

OPEN = np.pi / 2
"""A gap of more than this, in rad, makes an arc of a ring."""


@dataclass(frozen=True, eq=False)
class Ring:
    """Points in the plane in which they vary most.

    Attributes:
        plane: float64 ``[n, 2]``, places in the plane of the first two principal components, about
            the mean of the points.
        angle: float64 ``[n]``, direction of each point in the plane, in rad.
        answer: float64 ``[n]``, direction that the readout has for each point, in rad: that of the
            mean vector of its probabilities of the directions (`modcog` scores with it).
        explained: Share of the points' variance that lies in the plane.
        unevenness: Standard deviation of the distances from the centre over their mean; 0 on a
            circle.
        gap: Largest angle between neighbours in the plane, in rad.
        turns: How often the angle goes round while the answer goes round once: 1 or -1 where the
            points form a ring that stores the answer, 0 where they form none. Also 0 where they
            leave a gap of more than `OPEN`, as an arc does, in their angles or their answers.
    """

    plane: NDArray[np.float64]
    angle: NDArray[np.float64]
    answer: NDArray[np.float64]
    explained: float
    unevenness: float
    gap: float
    turns: int


def ring(network: Source, hidden: ArrayLike) -> Ring:
    """Describe the ring that states form, such as the fixed points of a memory of a direction.

    Args:
        network: The network, for its readout; a finished run, or the folder of one.
        hidden: States ``[n, N]``, such as `FixedPoints.hidden`; at least three.

    Returns:
        The ring.

    Raises:
        InvalidArgument: There are fewer than three states, all are the same, or one is not finite.
    """
    net = Subject.of(network).network
    points = np.asarray(hidden, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != net.rnn.mask.n_units or len(points) < 3:
        allowed = f"of shape [at least 3, {net.rnn.mask.n_units}]"
        raise InvalidArgument("hidden", points.shape, allowed)
    if not np.isfinite(points).all():
        raise InvalidArgument("hidden", "NaN or infinity among them", "finite")
    centred = points - points.mean(axis=0)
    left, scale, axes = np.linalg.svd(centred, full_matrices=False)
    if not scale[0] > 0:
        raise InvalidArgument("hidden", f"{len(points)} equal states", "different states")
    # The sign of a component is that of its largest loading, so that it does not depend on chance.
    signs = np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])
    plane = left[:, :2] * scale[:2] * signs
    angle = np.arctan2(plane[:, 1], plane[:, 0])
    radius = np.linalg.norm(plane, axis=1)
    logits = points @ as_array(net.readout.weight).T + as_array(net.readout.bias)
    answer = _direction(logits)
    gap = _gap(angle)
    closed = max(gap, _gap(answer)) <= OPEN
    return Ring(
        plane=plane,
        angle=angle,
        answer=answer,
        explained=float((scale[:2] ** 2).sum() / (scale**2).sum()),
        unevenness=float(radius.std() / radius.mean()),
        gap=gap,
        turns=_turns(angle[np.argsort(answer, kind="stable")]) if closed else 0,
    )


def _direction(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Direction of the mean vector of the probabilities; fixation has no direction."""
    chances = np.exp(logits[:, 1:] - logits[:, 1:].max(axis=1, keepdims=True))
    theta = 2 * np.pi * np.arange(chances.shape[1]) / chances.shape[1]
    return np.angle(chances @ np.exp(1j * theta))


def _gap(angle: NDArray[np.float64]) -> float:
    """Largest angle between neighbours on the circle."""
    around = np.sort(angle)
    return float(np.diff(around, append=around[0] + 2 * np.pi).max())


def _turns(angle: NDArray[np.float64]) -> int:
    """Full turns of a closed walk over angles, each time by the shorter way."""
    steps = np.diff(angle, append=angle[0])
    return round(float(((steps + np.pi) % (2 * np.pi) - np.pi).sum()) / (2 * np.pi))
