"""Graph measures against networkx, on small masks of every family."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import masks
from tests.sparse_rnn.helpers import random_mask
from tests.sparse_rnn.mask_families import FAMILIES, SIZE


def by_networkx(mask: srnn.Mask) -> dict[str, float]:
    graph = mask.to_networkx()
    n_units = mask.n_units
    degrees = np.array([degree for _, degree in graph.in_degree()])
    n_self = nx.number_of_selfloops(graph)
    n_all = graph.number_of_edges()
    density = nx.density(graph) if n_units > 1 else math.nan
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    others = graph.number_of_edges()
    lengths = [
        length
        for source, ends in nx.all_pairs_shortest_path_length(graph)
        for target, length in ends.items()
        if source != target
    ]
    strong = list(nx.strongly_connected_components(graph))
    assert density != density or density == pytest.approx(n_all / (n_units * (n_units - 1)))
    return {
        "n_units": n_units,
        "n_synapses": n_all,
        "n_self_connections": n_self,
        "density": n_all / n_units**2,
        "density_without_self": nx.density(graph) if n_units > 1 else math.nan,
        "in_degree_min": degrees.min(),
        "in_degree_mean": degrees.mean(),
        "in_degree_max": degrees.max(),
        "in_degree_std": degrees.std(),
        "reciprocity": nx.overall_reciprocity(graph) if others else math.nan,
        "clustering": nx.average_clustering(graph),
        "diameter": max(lengths, default=0),
        "mean_path_length": np.mean(lengths) if lengths else math.nan,
        "unreachable_pairs": n_units * (n_units - 1) - len(lengths),
        "n_strong_components": len(strong),
        "largest_strong_component": max(map(len, strong)),
        "n_weak_components": nx.number_weakly_connected_components(graph),
        "n_sources": n_units,
    }


def same_as_networkx(mask: srnn.Mask) -> None:
    found = vars(masks.measures(mask))
    expected = by_networkx(mask)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, nan_ok=True), name


@pytest.mark.parametrize("name", FAMILIES)
def test_measures_of_every_family_are_those_of_networkx(name: str) -> None:
    same_as_networkx(masks.build(name, SIZE, **FAMILIES[name]))


@given(st.integers(1, 14), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_measures_of_any_mask_are_those_of_networkx(
    n_units: int, density: float, seed: int
) -> None:
    same_as_networkx(random_mask(np.random.default_rng(seed), n_units, density))


def test_sparse_and_dense_products_and_chunks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = masks.random(60, 9, seed=2)
    whole = masks.measures(mask)
    monkeypatch.setattr("sparse_rnn.masks.graphs._CHUNK", 130)
    assert masks.measures(mask) == whole
    monkeypatch.setattr("sparse_rnn.masks.graphs._DENSE_UNITS", 0)
    assert masks.measures(mask) == whole


def test_symmetric_masks_have_the_clustering_of_undirected_graphs() -> None:
    mask = masks.locality((6, 7), 2)
    graph = nx.Graph(mask.to_networkx())
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    assert masks.measures(mask).clustering == pytest.approx(nx.average_clustering(graph))


def test_a_sample_of_sources_estimates_the_paths_and_says_so() -> None:
    mask = masks.random(300, 3, seed=1)
    exact = masks.measures(mask)
    rough = masks.measures(mask, n_sources=60, seed=2)
    assert (exact.n_sources, rough.n_sources) == (300, 60)
    assert exact.unreachable_pairs > 0
    assert rough.diameter <= exact.diameter
    assert rough.mean_path_length == pytest.approx(exact.mean_path_length, rel=0.05)
    assert rough.clustering == exact.clustering
    assert rough == masks.measures(mask, n_sources=60, seed=2)
    assert rough != masks.measures(mask, n_sources=60, seed=3)
    for wrong in (0, 301, 2.5):
        with pytest.raises(srnn.SparseRnnError, match=r"^n_sources must be a whole number from 1"):
            masks.measures(mask, n_sources=wrong)


def test_progress_is_told_up_to_the_end() -> None:
    told: list[float] = []
    masks.measures(masks.random(50, 3), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1


def test_locality_differs_from_random_as_the_paper_says() -> None:
    # Figure 1d at a smaller size. The clustering is larger, though the text says smaller.
    lattice = masks.measures(masks.locality((20, 20), 2))
    control = masks.measures(masks.erdos_renyi((20, 20), lattice.density, seed=0))
    assert lattice.diameter > control.diameter
    assert lattice.mean_path_length > 1.5 * control.mean_path_length
    assert lattice.clustering > 5 * control.clustering
