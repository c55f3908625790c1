"""Ablation: exact restoration, and effects on networks whose parts are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from tests.sparse_rnn.helpers import same_bits

CELLS = ["vanilla", "leaky", "gru", "lstm"]
TASKS = ["Go", "Anti"]


def network(cell: str = "vanilla", **options: Any) -> srnn.Network:
    mask = srnn.masks.locality((4, 4), radius=1)
    return srnn.Network(35, 17, mask, cell=cell, **options)


def state_of(net: srnn.Network) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("options", [{}, {"recurrence": "frozen"}, {"inhibitory": 0.25}])
@pytest.mark.parametrize("cell", CELLS)
def test_weights_come_back_bit_for_bit_also_after_an_error(cell: str, options: Any) -> None:
    if cell in ("gru", "lstm") and "inhibitory" in options:
        pytest.skip("gated cells do not take Dale's law")
    net = network(cell, **options)
    before = state_of(net)

    def failing() -> None:
        with analysis.ablate(net, units=[2, 5], edges=[0, 7]):
            with analysis.ablate(net, units=[2, 9]):
                assert not same_bits(before, net.state_dict())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        failing()
    assert same_bits(before, net.state_dict())
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("cell", CELLS)
def test_without_units_the_others_compute_as_a_network_that_never_had_them(cell: str) -> None:
    net = network(cell, dtype=torch.float64)
    lost = [1, 4, 11]
    kept = np.setdiff1d(np.arange(16), lost)
    dense = net.rnn.mask.to_dense()[np.ix_(kept, kept)]
    small = srnn.Network(
        35, 17, srnn.Mask.from_edges(13, *np.nonzero(dense)), cell=cell, dtype=torch.float64
    )
    gates = net.rnn.GATES
    rows = np.concatenate([gate * 16 + kept for gate in range(gates)])
    mask = net.rnn.mask
    edges = np.isin(mask.targets(), kept) & np.isin(mask.indices, kept)
    with torch.no_grad():
        small.rnn.weight_ih.copy_(net.rnn.weight_ih[rows])
        small.rnn.weight_hh.copy_(net.rnn.weight_hh[..., torch.from_numpy(edges)])
        small.rnn.bias.copy_(net.rnn.bias[rows])
        if cell == "gru":
            small.rnn.bias_hn.copy_(net.rnn.bias_hn[kept])
        small.readout.weight.copy_(net.readout.weight[:, kept])
        small.readout.bias.copy_(net.readout.bias)
    inputs = torch.randn(12, 3, 35, dtype=torch.float64)
    expected, hidden = small(inputs)
    for units in (lost, np.isin(np.arange(16), lost)):
        with analysis.ablate(net, units=units) as ablated:
            logits, states = ablated(inputs)
        torch.testing.assert_close(logits, expected)
        torch.testing.assert_close(states[..., kept], hidden)


@pytest.mark.parametrize("cell", CELLS)
def test_without_edges_these_weights_are_zero_and_no_others(cell: str) -> None:
    net = network(cell)
    before = state_of(net)
    chosen = np.zeros(net.rnn.mask.nnz, dtype=bool)
    chosen[[3, 8]] = True
    for edges in ([3, 8], chosen, np.broadcast_to(chosen, net.rnn.weight_hh.shape)):
        with analysis.ablate(net, edges=edges):
            after = state_of(net)
        weight = after.pop("rnn.weight_hh")
        assert same_bits({k: v for k, v in before.items() if k != "rnn.weight_hh"}, after)
        assert not weight[..., chosen].any()
        assert torch.equal(weight[..., ~chosen], before["rnn.weight_hh"][..., ~chosen])


def test_what_the_network_has_not_cannot_be_taken_out() -> None:
    net = network()
    for units in ([16], [-1], [0.5], [[1]], [True] * 3):
        with pytest.raises(InvalidArgument, match="units must be numbers from 0 to 15, or bool"):
            analysis.ablate(net, units=units).__enter__()
    with pytest.raises(InvalidArgument, match="edges must be numbers from 0 to 79, or bool"):
        analysis.ablate(net, edges=[80]).__enter__()
    with pytest.raises(InvalidArgument, match="at least one part"):
        analysis.ablation_effect(net, {}, TASKS)


def remembering() -> srnn.Network:
    """A pool of autapses that solves Go by memory: 16 units that hold the stimulus of either ring.

    Sixteen more see the fixation alone, and forget at once; their sum is the answer "fixate".
    """
    net = srnn.Network(34, 17, srnn.masks.autapse(32))
    with torch.no_grad():
        for value in (net.rnn.weight_ih, net.rnn.weight_hh, net.readout.weight, net.readout.bias):
            value.zero_()
        net.rnn.bias.zero_()
        for k in range(16):
            net.rnn.weight_ih[k, [1 + k, 17 + k]] = 1
            net.rnn.weight_hh[k] = 1
            net.readout.weight[1 + k, k] = 1
            net.rnn.weight_ih[16 + k, 0] = 1
        net.readout.weight[0, 16:] = 10
    return net


def test_effects_are_those_of_known_parts() -> None:
    net = remembering()
    parts = analysis.weight_group_parts(net) | {
        "fixation": analysis.Part(units=range(16, 32)),
        "direction 3": analysis.Part(units=[3]),
    }
    found = analysis.ablation_effect(net, parts, ["Go"], noise=0.0)
    assert found.names == ("16 small weights", "16 large weights", "fixation", "direction 3")
    assert found.tasks == ("Go",)
    assert found.before.mean("final_accuracy") == found.before.mean("performance") == 1
    change = found.change()[:, 0]
    assert change[0] == 0  # The small weights are zero.
    assert change[1] <= -0.9  # Without memory nothing is left when the cue comes.
    assert change[2] == 0  # At the end the network need not know how to fixate, ...
    assert found.change("performance")[2, 0] == -1  # ... but it must before.
    drawn = analysis.record(net, ["Go"]).trials.stimulus_location[:, 0]
    assert change[3] == pytest.approx(-(drawn == 3).mean())
    with pytest.raises(UnknownName, match="measure"):
        found.change("accuracy")


def test_clusters_are_parts_with_their_units() -> None:
    net = network(init="identity")
    clusters = analysis.cluster(analysis.task_variance(analysis.record(net, TASKS)), 3)
    parts = analysis.cluster_parts(clusters)
    assert len(parts) == clusters.n_clusters
    units = np.concatenate([np.asarray(part.units) for part in parts.values()])
    np.testing.assert_array_equal(np.sort(units), clusters.units)
    found = analysis.ablation_effect(net, parts, TASKS, trials_per_task=8)
    assert found.change().shape == (clusters.n_clusters, 2)


def test_seed_and_noise_decide_the_trials_of_the_scores() -> None:
    net, parts = remembering(), {"all": analysis.Part(units=range(32))}

    def before(**settings: Any) -> list[dict[str, Any]]:
        found = analysis.ablation_effect(net, parts, ["DM1"], 32, **settings)
        return found.before.rows()

    assert before(noise=30.0) == before(noise=30.0)
    assert before(noise=30.0) != before(noise=30.0, seed=1)
    assert before(noise=30.0) != before(noise=0.0)


def scored(share: float, n: int) -> TaskScores:
    measures = dict.fromkeys(MEASURES, share)
    return TaskScores.from_rows([{"task": "Go", "n_trials": n, "chance": 0.1, **measures}])


def test_intervals_of_changes_are_those_of_newcombe() -> None:
    # Newcombe (1998), table II, method 10: 56 of 70 less 48 of 80, and 9 of 10 less 3 of 10.
    for (p, m), (q, n), ends in (
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
    ):
        before, after = scored(p / m, m), scored(q / n, n)
        pair = replace(before, n_trials=np.array([m])), replace(after, n_trials=np.array([n]))
        effect = analysis.AblationEffect(("part",), ("Go",), pair[0], (pair[1],))
        np.testing.assert_allclose(effect.interval()[0, 0], ends, atol=5e-4)


@given(st.integers(0, 64), st.integers(0, 64))
def test_intervals_hold_the_change_and_stay_among_what_can_be(p: int, q: int) -> None:
    effect = analysis.AblationEffect(("part",), ("Go",), scored(p / 64, 64), (scored(q / 64, 64),))
    low, high = effect.interval()[0, 0]
    assert -1 <= low <= effect.change()[0, 0] <= high <= 1
    assert high - low > 0.01
