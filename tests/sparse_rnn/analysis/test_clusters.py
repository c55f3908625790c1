"""Task variance and clusters: known answers, and scipy and scikit-learn as references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, fcluster, linkage
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import adjusted_rand_score, silhouette_score

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.analysis.clusters import METHODS, contacts, cut, silhouettes
from sparse_rnn.errors import InvalidArgument, UnknownName

TASKS = ("DlyGo", "DMS", "DlyGo_IntL")


@pytest.fixture(scope="module")
def recording() -> analysis.Recording:
    net = srnn.Network(36, 17, srnn.masks.locality((4, 4), radius=1), init="identity")
    return analysis.record(net, TASKS, trials_per_task=12)


def variance_of(values: NDArray[np.float64]) -> analysis.TaskVariance:
    n_tasks, n_units = values.shape
    names = tuple(f"task{i}" for i in range(n_tasks))
    return analysis.TaskVariance(values, values, np.arange(n_units), names)


def test_variance_is_that_of_numpy_trial_by_trial_and_step_by_step(
    recording: analysis.Recording,
) -> None:
    found = analysis.task_variance(recording, threshold=0.0)
    for row, fixation in enumerate((5, 3)):  # Steps; these tasks have trials of one length.
        rows = recording.task_index == row
        steps = int(recording.trials.length[rows][0])
        states = recording.hidden[fixation:steps, rows].astype(np.float64)
        np.testing.assert_allclose(found.raw[row], states.var(axis=1).mean(axis=0), rtol=1e-9)


def test_known_answer_with_trials_of_several_lengths(recording: analysis.Recording) -> None:
    part = recording.of_task("DlyGo_IntL")
    assert len(set(part.trials.length)) > 1
    hidden = np.full_like(part.hidden, 7.0)
    hidden[:5, ::2] = 100.0  # The fixation period does not count,
    hidden[~part.mask] = -50.0  # nor does what lies behind the end of a trial.
    hidden[5:, ::2, 3] = np.where(part.mask[5:, ::2], 9.0, -50.0)
    made = replace(part, hidden=hidden, tasks=("DlyGo_IntL",), slots=np.array([2]))
    found = analysis.task_variance(made)
    # At each step, n of the m trials still there have 9 and the others 7: a variance of
    # 4 (n / m) (1 - n / m), which counts m times.
    there = part.mask[5:]
    share = there[:, ::2].sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    weight = np.where(there.sum(axis=1) > 1, there.sum(axis=1), 0)
    expected = (4 * share * (1 - share) * weight).sum() / weight.sum()
    np.testing.assert_allclose(found.raw[0, 3], expected)
    np.testing.assert_array_equal(found.units, [3])
    np.testing.assert_array_equal(found.values, [[1.0]])


def test_values_are_scaled_by_the_largest_task_of_each_unit_that_is_active(
    recording: analysis.Recording,
) -> None:
    quiet = replace(recording, hidden=recording.hidden.copy())
    quiet.hidden[..., 2] *= 1e-4
    found = analysis.task_variance(quiet)
    active = found.raw.sum(axis=0) > 1e-3
    assert not active[2]
    np.testing.assert_array_equal(found.units, np.flatnonzero(active))
    np.testing.assert_allclose(
        found.values, found.raw[:, active] / found.raw[:, active].max(axis=0)
    )
    assert found.tasks == TASKS


def test_variance_of_a_stream_of_recordings_is_that_of_the_whole(
    recording: analysis.Recording,
) -> None:
    net = srnn.Network(36, 17, srnn.masks.locality((4, 4), radius=1), init="identity")
    stream = analysis.recordings(net, TASKS, trials_per_task=12)
    np.testing.assert_allclose(
        analysis.task_variance(stream).raw, analysis.task_variance(recording).raw, rtol=1e-6
    )


def test_units_without_inputs_have_no_variance() -> None:
    net = srnn.Network(36, 17, srnn.masks.autapse(6))
    with torch.no_grad():
        net.rnn.weight_ih[:3, 1:33] = 0
    found = analysis.task_variance(analysis.record(net, TASKS, trials_per_task=8), threshold=0)
    # These see the fixation and the rule alone, which differ in time but not between trials.
    assert found.raw[:2, :3].max() == 0
    assert set(found.units) & {0, 1, 2} <= {0, 1, 2}


def test_no_recording_and_single_trials_are_refused(recording: analysis.Recording) -> None:
    with pytest.raises(InvalidArgument, match="at least one recording"):
        analysis.task_variance([])
    single = recording.where([0, 12, 13, 24, 25])
    with pytest.raises(InvalidArgument, match="two trials of DlyGo or more"):
        analysis.task_variance(single)


def planted(
    rng: np.random.Generator, sizes: tuple[int, ...], spread: float
) -> tuple[analysis.TaskVariance, NDArray[np.int64]]:
    """Units in groups that vary in one task each, in a random order."""
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    values = np.eye(len(sizes))[:, truth] + spread * rng.random((len(sizes), len(truth)))
    return variance_of(values / values.max(axis=0)), truth


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(3, 12), min_size=2, max_size=6))
def test_planted_clusters_are_found_and_numbered_by_their_task(seed: int, sizes: list[int]) -> None:
    variance, truth = planted(np.random.default_rng(seed), tuple(sizes), 0.1)
    found = analysis.cluster(variance)
    assert found.n_clusters == len(sizes)
    np.testing.assert_array_equal(found.labels, truth)
    for number in range(len(sizes)):
        np.testing.assert_array_equal(found.members(number), np.flatnonzero(truth == number))


@pytest.mark.parametrize("method", METHODS)
def test_linkage_and_silhouettes_are_those_of_scipy_and_sklearn(method: str) -> None:
    variance = variance_of(np.random.default_rng(1).random((5, 30)))
    found = analysis.cluster(variance, method=method)
    distances = pdist(variance.values.T)
    np.testing.assert_allclose(found.linkage, linkage(distances, method))
    np.testing.assert_array_equal(found.n_clusters_tested, np.arange(2, 30))
    for number, value in zip(found.n_clusters_tested, found.silhouette, strict=True):
        labels = cut_tree(found.linkage, n_clusters=[number])[:, 0]
        expected = silhouette_score(squareform(distances), labels, metric="precomputed")
        assert value == pytest.approx(expected, abs=1e-12)
    assert found.n_clusters == found.n_clusters_tested[found.silhouette.argmax()]
    best = cut_tree(found.linkage, n_clusters=[found.n_clusters])[:, 0]
    assert adjusted_rand_score(best, found.labels) == 1


def test_fewer_cuts_have_the_silhouettes_that_they_have_among_all() -> None:
    variance = variance_of(np.random.default_rng(2).random((4, 25)))
    whole, part = analysis.cluster(variance), analysis.cluster(variance, max_clusters=6)
    np.testing.assert_array_equal(part.n_clusters_tested, np.arange(2, 7))
    np.testing.assert_allclose(part.silhouette, whole.silhouette[:5])
    assert part.n_clusters == 2 + whole.silhouette[:5].argmax()


def test_units_that_are_all_equal_in_groups_have_silhouette_one() -> None:
    variance = variance_of(np.eye(3)[:, [0, 1, 2] * 4])
    found = analysis.cluster(variance)
    assert (found.n_clusters, found.silhouette.max()) == (3, pytest.approx(1.0))


def test_metric_changes_the_distances() -> None:
    variance = variance_of(np.random.default_rng(3).random((4, 20)))
    cosine = analysis.cluster(variance, method="average", metric="cosine")
    expected = linkage(pdist(variance.values.T, "cosine"), "average")
    np.testing.assert_allclose(cosine.linkage, expected)


def cut_by_merging(tree: NDArray[np.float64], n_clusters: int) -> list[set[int]]:
    """The clusters that are left after the first merges, as sets of points."""
    n = len(tree) + 1
    nodes = {point: {point} for point in range(n)}
    for step in range(n - n_clusters):
        left, right = (int(node) for node in tree[step, :2])
        nodes[n + step] = nodes.pop(left) | nodes.pop(right)
    return sorted(nodes.values(), key=min)


LEVELS = st.sampled_from([0.0, 0.25, 0.5, 1.0])
POINTS = st.integers(1, 3).flatmap(
    lambda n_tasks: st.lists(
        st.lists(LEVELS, min_size=n_tasks, max_size=n_tasks), min_size=3, max_size=14
    )
)


@given(POINTS, st.sampled_from(METHODS))
def test_cuts_are_the_first_merges_however_many_units_are_alike(
    points: list[list[float]], method: str
) -> None:
    distances = pdist(np.array(points))
    tree = linkage(distances, method)
    for number in range(1, len(points) + 1):
        labels = cut(tree, number)
        sets = [set(np.flatnonzero(labels == c).tolist()) for c in range(number)]
        assert sets == cut_by_merging(tree, number)
        by_height = fcluster(tree, number, "maxclust")
        if len(set(by_height)) == number:  # No tie stands in the way.
            assert adjusted_rand_score(by_height, labels) == 1
    tested = np.arange(2, len(points))
    for number, value in zip(tested, silhouettes(squareform(distances), tree, tested), strict=True):
        labels = cut(tree, int(number))
        expected = silhouette_score(squareform(distances), labels, metric="precomputed")
        assert value == pytest.approx(expected, abs=1e-12)


def test_units_that_are_alike_stay_together() -> None:
    values = np.array([[0.5, 0.0, 1.0, 1.0, 0.0]])
    found = analysis.cluster(variance_of(values))
    assert found.n_clusters == 3
    np.testing.assert_array_equal(found.labels, [0, 1, 2, 2, 1])
    np.testing.assert_allclose(found.silhouette, [0.7, 0.8, 0.4])


@pytest.mark.parametrize("method", METHODS)
def test_many_units_of_one_task_each_are_clustered(method: str) -> None:
    variance = variance_of(np.eye(3)[:, np.repeat([0, 1, 2], 30)])
    found = analysis.cluster(variance, max_clusters=None, method=method)
    assert found.n_clusters == 3
    np.testing.assert_array_equal(found.labels, np.repeat([0, 1, 2], 30))


def test_what_cannot_be_clustered_is_refused() -> None:
    variance = variance_of(np.random.default_rng(0).random((3, 8)))
    with pytest.raises(InvalidArgument, match="at least 3 units; got '2 active units'"):
        analysis.cluster(variance_of(np.eye(2)))
    with pytest.raises(InvalidArgument, match="max_clusters must be .* at least 2; got 1"):
        analysis.cluster(variance, max_clusters=1)
    with pytest.raises(UnknownName, match="Did you mean 'average'"):
        analysis.cluster(variance, method="averag")
    with pytest.raises(InvalidArgument, match="'euclidean' for the method 'ward'"):
        analysis.cluster(variance, metric="cosine")
    with pytest.raises(InvalidArgument, match="all alike"):
        analysis.cluster(variance_of(np.ones((3, 8))))
    with pytest.raises(InvalidArgument, match="cluster must be a whole number from 0 to"):
        analysis.cluster(variance).members(99)


def test_contacts_are_shares_of_the_synapses_from_other_units() -> None:
    # Units 0, 1 are one cluster, 2, 3 another, 4 is in none.
    clusters = replace(
        analysis.cluster(variance_of(np.eye(2)[:, [0, 0, 1, 1]])), units=np.arange(4)
    )
    np.testing.assert_array_equal(clusters.labels, [0, 0, 1, 1])
    targets, sources = [0, 0, 0, 1, 2, 2, 4], [0, 1, 2, 4, 4, 0, 3]
    share, chance = contacts(clusters, 5, np.array(targets), np.array(sources))
    np.testing.assert_allclose(share, [1 / 3, 0])
    np.testing.assert_allclose(chance, [0.25, 0.25])
    alone, _ = contacts(clusters, 5, np.arange(5), np.arange(5))
    assert np.isnan(alone).all()
