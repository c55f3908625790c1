"""Ideal observers: they read the noise-free observations of trials and answer every step.

An observer gets the arrays ``[time, trial, channel]``, the task's name, dt and the number of
directions, and nothing else. It finds the periods itself: the fixation input drops at the go cue,
and what is shown appears and disappears. Written from the specification of the tasks alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.acceptance import reading

VISIBLE = 0.05  # above the far tail of a bump, below the peak of the weakest stimulus (0.144)
EXACT = 2e-6  # float32 pictures of bumps, summed


class Episode(NamedTuple):
    """One uninterrupted presentation: bounds in steps ``[n]`` and picture ``[n, 2, dim_ring]``."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    picture: NDArray[np.float64]

    def bump(self, rings: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Place and strength ``[n]`` of the one bump in the sum of the rings."""
        image = self.picture[:, rings].sum(axis=1)
        shapes = reading.bumps(image.shape[-1])
        overlap = image @ shapes.T
        place = overlap.argmax(axis=1)
        strength = overlap.max(axis=1) / (shapes[0] @ shapes[0])
        assert np.abs(image - strength[:, None] * shapes[place]).max() < EXACT, "not one bump"
        return place, strength

    def stronger(self, rings: tuple[int, ...]) -> NDArray[np.int64]:
        """Place ``[n]`` of the stronger of the two bumps in the sum of the rings."""
        image = self.picture[:, rings].sum(axis=1)
        n = image.shape[-1]
        shapes = reading.bumps(n)
        rows = np.arange(len(image))
        first = (image @ shapes.T).argmax(axis=1)
        # Fit strengths for every place of the second bump; only the true one leaves nothing over.
        misfit = np.full((n, len(image)), np.inf)
        strengths = np.zeros((n, len(image), 2))
        norm = shapes[0] @ shapes[0]
        for apart in range(n // 4, n - n // 4 + 1):
            pair = np.stack([shapes[first], shapes[(first + apart) % n]], axis=1)
            cross = shapes[0] @ shapes[apart]
            inverse = np.linalg.inv([[norm, cross], [cross, norm]])
            strengths[apart] = np.einsum("nki,ni->nk", pair, image) @ inverse
            fitted = np.einsum("nk,nki->ni", strengths[apart], pair)
            misfit[apart] = np.abs(fitted - image).max(axis=1)
        apart = misfit.argmin(axis=0)
        assert misfit[apart, rows].max() < EXACT, "not two bumps a quarter turn apart"
        strength = strengths[apart, rows]
        assert strength.min() > 0.1, "a place of no strength"
        return np.where(strength[:, 0] > strength[:, 1], first, (first + apart) % n)


def episodes(rings: NDArray[np.float32]) -> list[Episode]:
    """What is shown, ``[time, n, 2, dim_ring]``, cut where it appears and disappears."""
    on = rings.max(axis=(2, 3)) > VISIBLE
    appears = on & ~np.vstack([np.zeros_like(on[:1]), on[:-1]])
    number = appears.cumsum(axis=0)
    found: list[Episode] = []
    for which in range(1, int(number.max()) + 1):
        shown = on & (number == which)
        assert shown.any(axis=0).all(), "trials of one task with different numbers of stimuli"
        start, length = shown.argmax(axis=0), shown.sum(axis=0)
        picture = rings[start, np.arange(len(start))]
        same = np.abs(rings - picture).max(axis=(2, 3)) == 0
        assert (same | ~shown).all(), "a stimulus that changes while it is shown"
        found.append(Episode(start, start + length, picture.astype(np.float64)))
    return found


def judged(base: str) -> tuple[int, ...]:
    """The rings whose strengths decide, of a task of the decision family."""
    return (0, 1) if base.startswith("Multi") else (int(base[-1]) - 1,)


class Answer(NamedTuple):
    """Base answer ``[n]``, whether it is called for ``[n]``, and the timed interval ``[n]``."""

    place: NDArray[np.int64]
    responds: NDArray[np.bool_]
    interval: NDArray[np.int64]


def reach(base: str, shown: list[Episode], go: NDArray[np.int64], n: int) -> Answer:
    (stimulus,) = shown
    place, strength = stimulus.bump((0, 1))
    blank = stimulus.picture.max(axis=2).min(axis=1)
    assert np.all(blank == 0), "both rings show something"
    assert np.all(np.abs(strength - 1) < EXACT), "a stimulus that is not of strength 1"
    if base.endswith("Anti"):
        place = (place + n // 2) % n
    since = stimulus.end if base.startswith("Dly") else stimulus.start
    return Answer(place, np.ones(len(go), dtype=np.bool_), go - since)


def decide(base: str, shown: list[Episode], go: NDArray[np.int64], n: int) -> Answer:
    del n
    (stimulus,) = shown
    assert np.array_equal(stimulus.end, go), "the stimulus does not last until the go cue"
    place = stimulus.stronger(judged(base))
    return Answer(place, np.ones(len(go), dtype=np.bool_), go - stimulus.start)


def decide_late(base: str, shown: list[Episode], go: NDArray[np.int64], n: int) -> Answer:
    del n
    first, second = shown
    assert np.array_equal(second.end, go), "the stimulus does not last until the go cue"
    (place_a, a), (place_b, b) = (episode.bump(judged(base)) for episode in shown)
    assert np.abs(a - b).min() > 0.05, "a tie"
    place = np.where(a > b, place_a, place_b)
    return Answer(place, np.ones(len(go), dtype=np.bool_), second.start - first.end)


def match(base: str, shown: list[Episode], go: NDArray[np.int64], n: int) -> Answer:
    sample, test = shown
    assert np.array_equal(test.end, go), "the test does not last until the go cue"
    (sample_place, _), (test_place, _) = (episode.bump((0, 1)) for episode in shown)
    if base.endswith("MC"):
        same = (sample_place >= n // 2) == (test_place >= n // 2)
    else:
        same = sample_place == test_place
    responds = ~same if base.startswith("DN") else same
    return Answer(test_place, responds, test.start - sample.end)


FAMILIES = {
    **dict.fromkeys(reading.REACH, reach),
    **dict.fromkeys(reading.DM, decide),
    **dict.fromkeys(reading.DLY_DM, decide_late),
    **dict.fromkeys(reading.MATCH, match),
}


def observe(
    name: str, observations: NDArray[np.float32], *, dt: float, dim_ring: int
) -> NDArray[np.int64]:
    """Answer every step of noise-free trials of one task.

    Args:
        name: The task.
        observations: float32 ``[time, n, channels]``, each trial from time 0, then zeros.
        dt: Time step in ms.
        dim_ring: Number of directions.

    Returns:
        int64 ``[time, n]``: 0 to fixate, 1 + k to respond in direction k.
    """
    task = reading.parse(name)
    n_time, n_trials, _ = observations.shape
    rings = observations[..., 1 : 1 + 2 * dim_ring].reshape(n_time, n_trials, 2, dim_ring)
    go = (observations[..., 0] < 0.5).argmax(axis=0)
    answer = FAMILIES[task.base](task.base, episodes(rings), go, dim_ring)
    turned = task.int_sign * reading.displacement(answer.interval * dt, dim_ring)
    since_go = np.arange(n_time)[:, None] - go
    elapsed = np.maximum(since_go, 0) * dt
    drifted = task.seq_sign * reading.displacement(elapsed, dim_ring)
    decision = task.periods_ms()["decision"]
    responding = (since_go >= 0) & (since_go < reading.steps(decision, dt)) & answer.responds
    return np.where(responding, 1 + (answer.place + turned + drifted) % dim_ring, 0)
