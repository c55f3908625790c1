"""Analyses of weights: input columns, recurrent weights, time constants, sums of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.linalg import circulant as circulant_matrix
from sklearn.cluster import KMeans

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.errors import InvalidArgument, NotApplicable

N_DIRECTIONS = 16


def pool(n_units: int = 64, n_rules: int = 3, **options: Any) -> srnn.Network:
    return srnn.Network(33 + n_rules, 17, srnn.masks.autapse(n_units), **options)


def with_weights(values: Any) -> srnn.Network:
    """A pool of autapses with given recurrent weights."""
    weights = torch.as_tensor(np.asarray(values))
    net = pool(len(weights), dtype=torch.float64)
    with torch.no_grad():
        net.rnn.weight_hh.copy_(weights)
    return net


def test_rule_correlations_are_cosines_of_the_rule_columns() -> None:
    net = pool()
    found = analysis.rule_correlations(net)
    rule = net.rnn.weight_ih.detach().numpy()[:, 33:].astype(np.float64)
    for i in range(3):
        for j in range(3):
            a, b = rule[:, i], rule[:, j]
            expected = a @ b / math.sqrt((a @ a) * (b @ b))
            assert found[i, j] == pytest.approx(expected, abs=1e-12)


def test_known_columns_have_known_correlations_and_overlaps() -> None:
    net = pool(4)
    columns = torch.zeros(4, 36)
    columns[0, 33], columns[0, 34], columns[1, 35] = 2.0, -3.0, 1.0  # Rules: x, -x, y.
    columns[0, 0] = columns[1, 0] = 1.0  # Fixation: between x and y.
    columns[1, 1 + 20] = 5.0  # Direction 4 of ring 2: y; all other directions are nothing.
    with torch.no_grad():
        net.rnn.weight_ih.copy_(columns)
    np.testing.assert_allclose(
        analysis.rule_correlations(net), [[1, -1, 0], [-1, 1, 0], [0, 0, 1]], atol=1e-12
    )
    overlap = analysis.input_overlap(net)
    np.testing.assert_allclose(overlap.fixation, np.array([1, -1, 1]) / math.sqrt(2))
    expected = np.zeros((3, 32))
    expected[2, 20] = 1
    np.testing.assert_allclose(overlap.stimulus, expected, atol=1e-12)
    assert overlap.chance == 0.5


@pytest.mark.parametrize("cell", ["gru", "lstm", "leaky"])
def test_every_cell_has_rule_columns(cell: str) -> None:
    net = pool(cell=cell)
    assert analysis.rule_correlations(net).shape == (3, 3)
    assert analysis.input_overlap(net).stimulus.shape == (3, 32)
    assert analysis.circulant_structure(net).correlation.shape == (32, 32)
    assert analysis.weight_histogram(net).counts.sum() == net.rnn.weight_hh.numel()


def with_stimuli(columns: Any) -> srnn.Network:
    net = pool(len(columns), dtype=torch.float64)
    with torch.no_grad():
        net.rnn.weight_ih[:, 1:33] = torch.as_tensor(columns)
    return net


def test_inputs_that_turn_with_the_direction_are_fully_circulant() -> None:
    rng = np.random.default_rng(0)
    # Every kernel is there in all 16 rotations, so that correlations depend on differences alone.
    kernels = [circulant_matrix(rng.standard_normal(16)) for _ in range(6)]
    columns = np.block([[kernels[2 * k], kernels[2 * k + 1]] for k in range(3)])
    found = analysis.circulant_structure(with_stimuli(columns))
    np.testing.assert_allclose(found.circulant, found.correlation, atol=1e-12)
    np.testing.assert_allclose(found.by_block, 1.0)
    assert found.explained == pytest.approx(1.0)


def test_circulant_part_is_the_nearest_one_and_chance_is_what_random_inputs_have() -> None:
    rng = np.random.default_rng(1)
    shares: list[float] = []
    for _ in range(60):
        found = analysis.circulant_structure(with_stimuli(rng.standard_normal((200, 32))))
        shares.append(found.explained)
    assert np.mean(shares) == pytest.approx(found.chance, abs=0.01)
    for a, b in ((0, 0), (0, 1), (1, 1)):
        rows, columns = (slice(16 * k, 16 * k + 16) for k in (a, b))
        block, nearest = found.correlation[rows, columns], found.circulant[rows, columns]
        np.testing.assert_allclose(nearest, circulant_matrix(nearest[:, 0]))
        # The nearest one in the sense of Frobenius is an orthogonal projection.
        other = circulant_matrix(rng.standard_normal(16))
        assert abs(((block - nearest) * other).sum()) < 1e-9


def test_networks_without_the_inputs_of_the_tasks_are_refused() -> None:
    net = srnn.Network(20, 17, srnn.masks.autapse(4))
    for function in (
        analysis.rule_correlations,
        analysis.input_overlap,
        analysis.circulant_structure,
    ):
        with pytest.raises(NotApplicable, match="20 inputs and 17 outputs"):
            function(net)
    with pytest.raises(NotApplicable, match="3 directions are too few"):
        analysis.circulant_structure(srnn.Network(8, 4, srnn.masks.autapse(4)))
    with pytest.raises(InvalidArgument, match=r"sparse_rnn.Network, a run.*got 'Linear'"):
        analysis.rule_correlations(torch.nn.Linear(3, 3))


def test_histogram_counts_every_weight_where_it_is() -> None:
    net = with_weights([0.0, 0.1, 0.1, 0.95, 1.05, 2.0])
    found = analysis.weight_histogram(net, bins=4, limits=(0, 2))
    np.testing.assert_array_equal(found.counts, [3, 1, 1, 1])
    np.testing.assert_allclose(found.edges, [0, 0.5, 1, 1.5, 2])
    np.testing.assert_array_equal(found.weights, [0.0, 0.1, 0.1, 0.95, 1.05, 2.0])
    with pytest.raises(InvalidArgument, match="bins must be a whole number of at least 1; got 0"):
        analysis.weight_histogram(net, bins=0)


def test_histogram_has_the_signs_of_dales_law() -> None:
    net = srnn.Network(36, 17, srnn.masks.dense(20), inhibitory=0.3)
    weights = analysis.weight_histogram(net).weights.reshape(20, 20)
    np.testing.assert_array_equal((weights <= 0).all(axis=0).sum(), 6)


def test_two_groups_near_zero_and_one_are_found() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 0.05, 30), rng.normal(1, 0.05, 50)])
    found = analysis.weight_groups(with_weights(rng.permutation(values)))
    assert found.counts == (30, 50)
    assert found.means == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))
    assert 0.3 < found.threshold < 0.7
    np.testing.assert_array_equal(found.large, found.weights > 0.5)
    assert found.between > 0.98
    assert found.valley == 0


def test_one_group_has_no_valley_and_the_shares_that_the_docstring_tells() -> None:
    uniform = analysis.weight_groups(with_weights(np.linspace(-1, 1, 20_001)))
    assert uniform.between == pytest.approx(0.75, abs=1e-3)
    assert uniform.valley > 0.95
    normal = analysis.weight_groups(
        with_weights(np.random.default_rng(0).standard_normal(40_000)), bins=30
    )
    assert normal.between == pytest.approx(2 / math.pi, abs=0.01)
    assert normal.valley > 0.9


@settings(max_examples=25)
@given(hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-2, 2, width=32)))
def test_groups_are_those_of_k_means(values: Any) -> None:
    if len(np.unique(values)) < 2:
        with pytest.raises(NotApplicable, match="recurrent weights are"):
            analysis.weight_groups(with_weights(values))
        return
    found = analysis.weight_groups(with_weights(values))
    means = KMeans(2, n_init=20, random_state=0).fit(values[:, None])
    within = sum(
        ((values[group] - values[group].mean()) ** 2).sum() for group in (found.large, ~found.large)
    )
    assert within <= means.inertia_ * (1 + 1e-9) + 1e-12
    assert found.counts == ((~found.large).sum(), found.large.sum())


def test_time_constants_are_those_of_the_decay_that_the_network_shows() -> None:
    values = [0.9, 0.5, 0.0, 1.0, 1.2, -0.3]
    net = with_weights(values)
    found = analysis.time_constants(net, dt=20)
    np.testing.assert_allclose(found.weights, values)
    np.testing.assert_allclose(found.tau_ms[:2], [-20 / math.log(0.9), -20 / math.log(0.5)])
    np.testing.assert_array_equal(found.tau_ms[2:], [0.0, np.inf, np.inf, 0.0])
    with torch.no_grad():
        net.rnn.bias.zero_()
        start = torch.ones(1, 1, 6, dtype=torch.float64)
        states = net.rnn(torch.zeros(8, 1, 36, dtype=torch.float64), start)[0][:, 0]
    decay = np.exp(-20.0 * np.arange(1, 9)[:, None] / found.tau_ms[:2])
    np.testing.assert_allclose(states[:, :2].numpy(), decay)


def test_time_constants_of_a_leaky_pool_are_those_of_its_decay() -> None:
    net = pool(2, cell="leaky", dt=20, tau=100, dtype=torch.float64)
    with torch.no_grad():
        net.rnn.weight_hh.copy_(torch.tensor([0.0, 0.5]))
        net.rnn.bias.zero_()
        start = torch.ones(1, 1, 2, dtype=torch.float64)
        states = net.rnn(torch.zeros(8, 1, 36, dtype=torch.float64), start)[0][:, 0]
    found = analysis.time_constants(net)
    assert found.dt == 20
    np.testing.assert_allclose(found.factors, [0.8, 0.9])
    decay = np.exp(-20.0 * np.arange(1, 9)[:, None] / found.tau_ms)
    np.testing.assert_allclose(states.numpy(), decay)


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
@pytest.mark.parametrize(("dt", "tau"), [(20.0, 100.0), (50.0, 100.0), (100.0, 100.0)])
def test_time_constants_are_those_of_simulated_decays(
    dt: float, tau: float, nonlinearity: str
) -> None:
    weights = np.array([-3.0, -1.0, -0.4, 0.0, 0.3, 0.9, 1.0])
    net = pool(7, cell="leaky", nonlinearity=nonlinearity, dt=dt, tau=tau, dtype=torch.float64)
    small = 1e-9  # Where tanh is linear.
    with torch.no_grad():
        net.rnn.weight_hh.copy_(torch.from_numpy(weights))
        net.rnn.bias.zero_()
        start = torch.full((1, 1, 7), small, dtype=torch.float64)
        states = net.rnn(torch.zeros(4, 1, 36, dtype=torch.float64), start)[0][:, 0].numpy()
    found = analysis.time_constants(net)
    steps = np.arange(1, 5)[:, None]
    np.testing.assert_allclose(states / small, found.factors**steps, rtol=1e-9, atol=1e-15)
    with np.errstate(divide="ignore"):
        decay = np.exp(-dt * steps / found.tau_ms)
    fading = np.abs(found.factors) < 1
    np.testing.assert_allclose(np.abs(states / small)[:, fading], decay[:, fading], atol=1e-15)
    assert np.isinf(found.tau_ms[~fading]).all()
    if nonlinearity == "relu":
        # A negative weight acts on nothing: what is left is the leak.
        leak = 0.0 if dt == tau else -dt / math.log(1 - dt / tau)
        np.testing.assert_allclose(found.tau_ms[:4], leak)
        assert dt != 20 or leak == pytest.approx(89.6, abs=0.1)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mask": srnn.masks.dense(5)}, "20 synapses connect different units"),
        ({"cell": "gru"}, "the cell 'gru' forgets by its gates"),
        ({"nonlinearity": "softplus"}, "'softplus' has a slope below 1"),
    ],
)
def test_time_constants_are_refused_with_the_reason(options: Any, reason: str) -> None:
    mask = options.pop("mask", srnn.masks.autapse(5))
    net = srnn.Network(36, 17, mask, **options)
    with pytest.raises(NotApplicable, match=reason):
        analysis.time_constants(net)
    with pytest.raises(InvalidArgument, match="dt must be a number of ms above 0"):
        analysis.time_constants(pool(), dt=0)


def adder(task_turn: dict[str, int]) -> srnn.Network:
    """A network that solves Go and Anti by adding vectors, built by hand.

    Units: 16 a task, which the task's rule lifts over a threshold that all others stay below, and
    which the stimuli of both rings excite; and one for fixation.
    """
    n_rules = len(task_turn)
    net = srnn.Network(33 + n_rules, 17, srnn.masks.autapse(16 * n_rules + 1))
    weight = torch.zeros_like(net.rnn.weight_ih)
    readout = torch.zeros_like(net.readout.weight)
    for rule, turn in enumerate(task_turn.values()):
        for k in range(16):
            unit = 16 * rule + k
            weight[unit, 1 + k] = weight[unit, 17 + k] = 1.0
            weight[unit, 33:] = -5.0
            weight[unit, 33 + rule] = 0.0
            readout[1 + (k + turn) % 16, unit] = 1.0
    weight[-1, 0] = 1.0
    readout[0, -1] = 10.0
    with torch.no_grad():
        net.rnn.weight_ih.copy_(weight)
        net.rnn.bias.zero_()
        net.readout.weight.copy_(readout)
        net.readout.bias.copy_(torch.tensor([0.1] + [0.0] * 16))
    return net


@pytest.mark.parametrize(("task", "turn"), [("Go", 0), ("Anti", 8), ("DlyAnti", 8), ("RTGo", 0)])
def test_vector_addition_solves_a_network_that_was_built_for_it(task: str, turn: int) -> None:
    names = {"Go": 0, "Anti": 8} | {task: turn}
    found = analysis.vector_addition(adder(names), task, list(names))
    assert len(found.target) == 32
    assert set(zip(found.ring, found.location, strict=True)) == {
        (ring, place) for ring in (0, 1) for place in range(16)
    }
    np.testing.assert_array_equal(found.target, 1 + (found.location + turn) % 16)
    assert found.accuracy == found.fixation_kept == 1
    assert found.distance == 0


def test_vector_addition_without_the_rule_or_the_stimulus_fails() -> None:
    names = {"Go": 0, "Anti": 8}
    net = adder(names)
    no_rule = analysis.vector_addition(net, "Anti", list(names), analysis.Copies(rule=0))
    # Both tasks' units answer alike: Go and Anti tie, and the first label wins.
    assert no_rule.accuracy == 0.5
    no_stimulus = analysis.vector_addition(net, "Go", list(names), analysis.Copies(stimulus=0))
    assert no_stimulus.accuracy == 0
    no_fixation = analysis.vector_addition(net, "Go", list(names), analysis.Copies(fixation=0))
    assert no_fixation.fixation_kept == 0


def test_vector_addition_is_one_step_of_a_network_that_sees_all_at_once() -> None:
    names = ["DM1", "Go"]
    net = srnn.Network(35, 17, srnn.masks.dense(30), nonlinearity="softplus", dtype=torch.float64)
    found = analysis.vector_addition(net, "DM1", names, trials=12, seed=3)
    rec = analysis.record(net, names, 12, seed=3, tasks=["DM1"])
    steps = rec.trials.period_bounds("stimulus")[0]
    inputs = torch.from_numpy(rec.inputs[steps, np.arange(12)]).double()
    logits = net(inputs[None])[0][0].detach().numpy()  # From a state of zeros.
    np.testing.assert_allclose(found.fixating, logits, rtol=1e-6)


def test_vector_addition_counts_each_stimulus_once_and_each_copy() -> None:
    net = srnn.Network(35, 17, srnn.masks.autapse(30), nonlinearity="tanh", dtype=torch.float64)
    copies = analysis.Copies(fixation=2, stimulus=3, rule=4, bias=5)
    found = analysis.vector_addition(net, "DlyGo", ["DlyGo", "Go"], copies)
    weight, bias = net.rnn.weight_ih.detach(), net.rnn.bias.detach()
    rec = analysis.record(net, ["DlyGo", "Go"], 4)
    bump = rec.inputs[6, :4, 1:33]
    assert found.responding.shape == (32, 17)
    for trial in range(4):
        place = found.location == rec.trials.stimulus_location[trial, 0]
        (row,) = np.flatnonzero(place & (found.ring == rec.trials.stimulus_ring[trial, 0]))
        total = 3 * weight[:, 1:33] @ torch.from_numpy(bump[trial]).double()
        total = total + 4 * weight[:, 33] + 5 * bias
        np.testing.assert_allclose(
            found.responding[row], net.readout(torch.tanh(total)).detach(), rtol=1e-6
        )
        total = torch.tanh(total + 2 * weight[:, 0])
        np.testing.assert_allclose(found.fixating[row], net.readout(total).detach(), rtol=1e-6)


def test_vector_addition_is_refused_where_it_has_no_meaning() -> None:
    with pytest.raises(NotApplicable, match="The cell 'lstm' multiplies its inputs by gates"):
        analysis.vector_addition(pool(cell="lstm"), "Go", ["Go", "Anti", "DMS"])
    with pytest.raises(InvalidArgument, match="task must be one of Go, Anti, DMS; got 'RTGo'"):
        analysis.vector_addition(pool(), "RTGo", ["Go", "Anti", "DMS"])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0.01, -0.02, 0.03, 0.97, 1.0], ("small", "large")),
        ([-0.16, 0.1, 0.05, 0.8, 0.9], ("small", "large")),
        ([-0.9, -1.1, 0.01, -0.02, 0.03], ("negative", "small")),
        ([-0.5, -0.4, -0.1, 0.2, 0.3, 0.5], ("negative", "positive")),
        ([-0.9, 0.01, -0.5, 0.3, 0.9, 1.0, -0.7], ("lower", "upper")),
        ([1.0, 1.1, 1.5, 1.6], ("lower", "upper")),
        ([-1.6, -1.5, -1.1, -1.0], ("lower", "upper")),
    ],
)
def test_groups_are_called_what_they_are(values: list[float], names: tuple[str, str]) -> None:
    found = analysis.weight_groups(with_weights(np.array(values)))
    assert found.names == names
    assert found.negative == np.mean(np.array(values) < 0)
    parts = analysis.weight_group_parts(with_weights(np.array(values)))
    expected = [f"{n} {name} weights" for n, name in zip(found.counts, found.names, strict=True)]
    assert list(parts) == expected


def test_weights_of_a_local_network_are_not_called_small() -> None:
    net = srnn.Network(36, 17, srnn.masks.locality((8, 8), radius=2), seed=0)
    found = analysis.weight_groups(net)
    assert 0.4 < found.negative < 0.6
    assert "small" not in found.names
