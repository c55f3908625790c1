"""What a network's outputs are held against: a row of `TARGETS` for each kind.

A row says how many outputs there are, how targets are written from trials, and how outputs are read
as answers, so that all kinds are scored by the same measures (`modcog.evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modcog import ring
from modcog.errors import known_name
from modcog.rendering.reference import array_size, decision_rows, trial_steps
from modcog.trials.gate import check_trials
from modcog.trials.plan import Trials

FIXATION = (0.85, 0.05)
"""Target of the fixation unit of "ring" before the go cue and after it (Yang et al. 2019)."""

BASELINE = 0.05
"""Target of a ring unit of "ring" away from the answer (Yang et al. 2019)."""


class Answers(NamedTuple):
    """What outputs say at each step, whatever they are.

    Attributes:
        fixates: bool ``[...]``, whether they fixate rather than respond.
        angle: float64 ``[...]``, direction of the response in rad.
        label: int64 ``[...]``, 0 for fixation, 1 + k for direction k.
    """

    fixates: NDArray[np.bool_]
    angle: NDArray[np.float64]
    label: NDArray[np.int64]


class Target(NamedTuple):
    """One kind of target.

    Attributes:
        n_other: Number of outputs that do not stand for directions.
        has_ring: Whether there is an output for each direction besides.
        write: Takes trials, their labels int64 ``[time, lane]`` and a mask float32 ``[time, lane]``
            that is 0 on padding; returns the targets.
        read: Takes outputs float64 ``[..., size]`` and `dim_ring`; None where nothing is known of
            outputs.
        axes: The axes of targets in an export, and what stands along the last one.
    """

    n_other: int
    has_ring: bool
    write: Callable[[Trials, NDArray[np.int64], NDArray[np.float32]], NDArray[Any]]
    read: Callable[[NDArray[np.float64], int], Answers] | None
    axes: str

    def size(self, dim_ring: int) -> int:
        """Number of outputs, on a ring of so many directions."""
        return self.n_other + self.has_ring * dim_ring


# --- labels: classification ----------------------------------------------------------------------


def write_labels(
    trials: Trials, labels: NDArray[np.int64], mask: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The labels as they are: 0 to fixate, 1 + k for direction k."""
    del trials, mask
    return labels


def read_logits(outputs: NDArray[np.float64], dim_ring: int) -> Answers:
    """Logits of the labels: their softmax, since a population vector of logits has no meaning."""
    del dim_ring
    probabilities = softmax(outputs)
    fixates = probabilities[..., 0] > 0.5
    return Answers(fixates, decoded_angle(probabilities), outputs.argmax(axis=-1))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def decoded_angle(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Direction of the weighted population vector.

    Args:
        probabilities: float64 ``[..., 1 + dim_ring]``.

    Returns:
        float64 ``[...]`` in (-pi, pi] rad.
    """
    theta = ring.directions(probabilities.shape[-1] - 1)
    return np.angle(probabilities[..., 1:] @ np.exp(1j * theta))


# --- ring: the outputs of Yang et al. (2019) ------------------------------------------------------


@cache
def _ring_rows(dim_ring: int) -> NDArray[np.float32]:
    """Targets by label, and zeros for padding in the last row; float32 ``[n + 2, n + 1]``."""
    rows = np.zeros((dim_ring + 2, dim_ring + 1))
    rows[:-1, 1:] = BASELINE
    rows[1:-1, 1:] += ring.bumps(dim_ring)
    rows[0, 0], rows[1:-1, 0] = FIXATION
    return rows.astype(np.float32)


def write_ring(
    trials: Trials, labels: NDArray[np.int64], mask: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A fixation unit, and a ring of units with a bump around the answer.

    As in Yang et al. (2019, Methods), the fixation unit is 0.85 while the network is to fixate,
    else 0.05. Ring unit i is 0.05 + 0.8 exp(-(8 d / pi)**2 / 2), d being its distance from the
    answer in rad, or 0.05 where there is none. (The published code, github.com/gyyang/multitask,
    has 0.8 in the place of 0.85.) The bump stands at the direction that the label says.
    """
    padding = 1 + trials.dim_ring
    return _ring_rows(trials.dim_ring).take(np.where(mask > 0, labels, padding), axis=0)


def read_ring(outputs: NDArray[np.float64], dim_ring: int) -> Answers:
    """Yang's way: fixation above 0.5, else the population vector of the ring units."""
    fixates = outputs[..., 0] > 0.5
    angle = decoded_angle(outputs)
    return Answers(fixates, angle, np.where(fixates, 0, nearest_label(angle, dim_ring)))


# --- sin_cos: a point on the circle --------------------------------------------------------------


def write_sin_cos(
    trials: Trials, labels: NDArray[np.int64], mask: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Fixation (1 or 0), and sine and cosine of the answer, which is not rounded to a direction.

    The answer is `Trials.angle` at the first decision step, and moves by `Trials.drift`. Both are 0
    where the network is to fixate.
    """
    targets = np.zeros((mask.size, 3), dtype=np.float32)
    targets[:, 0] = ((labels == 0) & (mask > 0)).reshape(-1)
    trial, j, _, row = decision_rows(trials, mask.shape[1])
    answered = trials.responds[trial]
    trial, j, row = trial[answered], j[answered], row[answered]
    angle = trials.angle[trial] + trials.drift[trial] * j * (2 * np.pi / trials.dim_ring)
    targets[row, 1], targets[row, 2] = np.sin(angle), np.cos(angle)
    return targets.reshape(*mask.shape, 3)


def read_sin_cos(outputs: NDArray[np.float64], dim_ring: int) -> Answers:
    """Fixation above 0.5, else the angle of the point, whatever its distance from the centre."""
    fixates = outputs[..., 0] > 0.5
    angle = np.arctan2(outputs[..., 1], outputs[..., 2])
    return Answers(fixates, angle, np.where(fixates, 0, nearest_label(angle, dim_ring)))


def nearest_label(angle: NDArray[np.float64], dim_ring: int) -> NDArray[np.int64]:
    """Label of the direction nearest to an angle in rad; int64 ``[...]``."""
    units = np.floor(angle * dim_ring / (2 * np.pi) + 0.5).astype(np.int64)
    return 1 + units % dim_ring


# --- none: what a network is to do is not said ---------------------------------------------------


def write_none(
    trials: Trials, labels: NDArray[np.int64], mask: NDArray[np.float32]
) -> NDArray[np.float32]:
    """No targets, for objectives that need none: float32 ``[time, lane, 0]``."""
    del trials, labels
    return np.zeros((*mask.shape, 0), dtype=np.float32)


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "labels": Target(
            n_other=1,
            has_ring=True,
            write=write_labels,
            read=read_logits,
            axes="targets [batch, time, lane]: 0 = fixate, 1 + k = direction k",
        ),
        "ring": Target(
            n_other=1,
            has_ring=True,
            write=write_ring,
            read=read_ring,
            axes="targets [batch, time, lane, output]: fixation, ring",
        ),
        "sin_cos": Target(
            n_other=3,
            has_ring=False,
            write=write_sin_cos,
            read=read_sin_cos,
            axes="targets [batch, time, lane, output]: fixation, sine, cosine",
        ),
        "none": Target(n_other=0, has_ring=False, write=write_none, read=None, axes="no targets"),
    }
)
"""Kinds of targets by name."""


def check_kind(kind: object) -> str:
    """Return the name of a kind of target.

    Raises:
        UnknownName: There is no such kind.
    """
    return known_name("targets", kind, TARGETS, "a kind of target")


def targets_of(
    trials: Trials, kind: str = "labels", *, seq_len: int | None = None, n_lanes: int | None = None
) -> NDArray[Any]:
    """The targets of trials at their places, such as those of an environment.

    Args:
        trials: The trials.
        kind: "labels", "ring", "sin_cos" or "none", as for `modcog.BatchSampler`.
        seq_len: Steps of the array; by default as many as the trials need.
        n_lanes: Batch elements of the array; by default as many as the trials need.

    Returns:
        ``[seq_len, n_lanes]`` for labels, else ``[seq_len, n_lanes, outputs]``; 0 on padding.

    Raises:
        UnknownName: There is no such kind.
        InvalidArgument: A trial does not fit, or is none that can be rendered.

    Example:
        >>> import modcog
        >>> env = modcog.make("DlyGo")
        >>> _ = env.reset(seed=0)
        >>> modcog.targets_of(env.trials, "ring").shape
        (20, 1, 17)
    """
    check_kind(kind)
    check_trials(trials)
    size = array_size(trials, seq_len, n_lanes)
    labels, mask = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.float32)
    mask.reshape(-1)[trial_steps(trials, size[1]).row] = 1
    _, _, label, row = decision_rows(trials, size[1])
    labels.reshape(-1)[row] = label
    return TARGETS[kind].write(trials, labels, mask)
