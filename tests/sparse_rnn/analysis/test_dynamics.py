"""Fixed points, rings and trajectories: networks whose answers are known, and autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.analysis._dynamics import Dynamics
from sparse_rnn.errors import InvalidArgument

CELLS: dict[str, dict[str, Any]] = {
    "relu": {},
    "tanh": {"nonlinearity": "tanh"},
    "leaky": {"cell": "leaky", "nonlinearity": "softplus", "dt": 20, "tau": 100},
    "dale": {"inhibitory": 0.25},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
DOUBLE = torch.float64


def network(side: int = 4, **options: Any) -> srnn.Network:
    mask = srnn.masks.locality((side, side), radius=1)
    return srnn.Network(3, 5, mask, dtype=DOUBLE, **options)


def step(net: srnn.Network, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """A step of the network itself, from states ``[P, size]``; differentiable."""
    parts = state.split(net.rnn.mask.n_units, dim=1)
    h0 = tuple(part[None].contiguous() for part in parts)
    _, last = net.rnn(inputs[None], h0 if len(h0) > 1 else h0[0])
    return torch.cat([part[0] for part in (last if isinstance(last, tuple) else (last,))], 1)


SIDES = (4, 8)  # Dense enough for products of matrices, and too sparse.


def linear(matrix: NDArray[np.float64], **options: Any) -> srnn.Network:
    """A network with given recurrent weights, one input into each unit, and no bias."""
    n = len(matrix)
    net = srnn.Network(n, 3, srnn.masks.dense(n), dtype=DOUBLE, **options)
    with torch.no_grad():
        net.rnn.weight_hh.copy_(torch.from_numpy(matrix).flatten())
        net.rnn.weight_ih.copy_(torch.eye(n))
        net.rnn.bias.zero_()
    return net


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", CELLS)
def test_the_map_and_its_jacobian_are_those_of_the_network(name: str, side: int) -> None:
    net = network(side, **CELLS[name])
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((3, 3))
    dynamics = Dynamics.of(net, inputs)
    state, direction = (torch.from_numpy(rng.standard_normal((3, dynamics.size))) for _ in range(2))
    found = dynamics.linearise(state)
    after = step(net, torch.from_numpy(inputs), state)
    torch.testing.assert_close(dynamics.step(state), after)
    torch.testing.assert_close(found.after, after)
    for row in range(3):
        drive = torch.from_numpy(inputs[[row]])
        expected = torch.autograd.functional.jacobian(
            lambda one, drive=drive: step(net, drive, one[None])[0], state[row]
        )
        torch.testing.assert_close(found.jacobians()[row], expected)
        torch.testing.assert_close(found.times(direction)[row], expected @ direction[row])
        transposed = expected.T @ direction[row]
        torch.testing.assert_close(found.transposed_times(direction)[row], transposed)


def test_the_fixed_point_of_a_linear_network_is_found_with_its_spectrum() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.uniform(0, 0.1, (8, 8))
    drive = rng.uniform(1, 2, 8)  # All units stay active, so the rectification does nothing.
    found = analysis.fixed_points(linear(matrix), drive, rng.uniform(0, 5, (20, 8)))
    assert len(found) == 1
    assert found.fixed.all()
    np.testing.assert_allclose(found.states[0], np.linalg.solve(np.eye(8) - matrix, drive))
    np.testing.assert_array_equal(found.counts, [20])
    np.testing.assert_array_equal(found.point_of, np.zeros(20))
    expected = np.linalg.eigvals(matrix)
    np.testing.assert_allclose(found.jacobians()[0], matrix)
    sizes = np.abs(found.spectra()[0])
    np.testing.assert_allclose(sizes, np.sort(np.abs(expected))[::-1])


def test_the_three_fixed_points_of_a_bistable_unit_are_found() -> None:
    net = linear(np.array([[2.0]]), nonlinearity="tanh")
    found = analysis.fixed_points(net, [0.0], np.linspace(-2, 2, 41)[:, None])
    # tanh(2 x) = x at 0 and at +-0.9575...
    outer = float(found.states.max())
    np.testing.assert_allclose(np.tanh(2 * outer), outer)
    assert outer == pytest.approx(0.9575, abs=1e-4)
    np.testing.assert_allclose(np.sort(found.states[:, 0]), [-outer, 0, outer], atol=1e-6)
    assert found.fixed.all()
    slope = {
        round(float(x), 3): float(s.real)
        for x, s in zip(found.states[:, 0], found.spectra()[:, 0], strict=True)
    }
    assert slope[0.0] == slope[-0.0] == pytest.approx(2)
    assert slope[round(outer, 3)] == pytest.approx(2 * (1 - outer**2))
    by_start = found.states[found.point_of, 0]
    assert (by_start[:5] < 0).all()
    assert (by_start[-5:] > 0).all()


def test_a_line_of_fixed_points_is_found_where_the_starts_are() -> None:
    # The sum is kept and the difference decays.
    matrix = 0.5 * np.ones((2, 2)) + 0.1 * np.array([[1, -1], [-1, 1]])
    starts = np.array([[1.0, 1.4], [2.0, 2.2], [5.0, 3.0]])
    found = analysis.fixed_points(linear(matrix), [0, 0], starts)
    assert len(found) == 3
    assert found.fixed.all()
    mean = starts.mean(axis=1)[np.argsort(found.point_of)]
    np.testing.assert_allclose(found.states, np.column_stack([mean, mean]), atol=1e-5)
    np.testing.assert_allclose(found.spectra().real, np.tile([1, 0.2], (3, 1)), atol=1e-12)


def test_a_softplus_unit_stands_still_where_its_equation_says() -> None:
    net = linear(np.array([[1.0]]), nonlinearity="softplus")
    found = analysis.fixed_points(net, [-6.0], [[20.0]])
    # h = log(1 + exp(h - 6)), so 1 = exp(h) (1 - exp(-6)).
    np.testing.assert_allclose(found.states, [[-np.log(1 - np.exp(-6.0))]], atol=1e-6)
    assert found.fixed.all()


def drifting() -> srnn.Network:
    """Two rectified units that keep their state, so that an input makes them drift."""
    return linear(np.eye(2))


def test_without_a_fixed_point_the_slowest_state_is_slow_or_dropped() -> None:
    starts = np.array([[1.0, 2.0]])
    slow = analysis.fixed_points(drifting(), [0.01, 0.0], starts)
    assert not slow.fixed.any()
    np.testing.assert_allclose(slow.q, [0.5e-4])
    np.testing.assert_allclose(slow.speed, [0.01])
    strict = analysis.Search(slow=1e-6)
    none = analysis.fixed_points(drifting(), [0.01, 0.0], starts, strict)
    assert len(none) == 0
    np.testing.assert_array_equal(none.point_of, [-1])
    assert none.states.shape == (0, 2)
    assert none.spectra().shape == (0, 2)


def test_each_start_may_have_an_input_of_its_own() -> None:
    net = linear(np.zeros((2, 2)))
    drives = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    found = analysis.fixed_points(net, drives, np.zeros((3, 2)))
    assert len(found) == 2
    np.testing.assert_allclose(found.states, found.inputs)
    np.testing.assert_allclose(found.inputs[found.point_of], drives)
    np.testing.assert_array_equal(np.sort(found.counts), [1, 2])


@pytest.mark.parametrize("name", CELLS)
def test_points_of_every_cell_stand_still_in_the_network_itself(name: str) -> None:
    net = network(**CELLS[name], init_gain=0.5)
    rng = np.random.default_rng(3)
    drive = rng.standard_normal(3)
    size = 32 if name == "lstm" else 16
    found = analysis.fixed_points(net, drive, 0.5 * rng.standard_normal((6, size)))
    assert found.fixed.any()
    at = torch.from_numpy(found.states[found.fixed])
    inputs = torch.from_numpy(drive).expand(len(at), 3)
    torch.testing.assert_close(step(net.eval(), inputs, at), at, atol=2e-6, rtol=0)


def test_tolerance_decides_what_is_one_point() -> None:
    net = linear(np.eye(2))  # Every state stands still.
    starts = np.array([[1.0, 1.0], [1.0, 1.001], [2.0, 2.0]])
    apart = [
        len(analysis.fixed_points(net, [0, 0], starts, analysis.Search(apart=share)))
        for share in (1e-6, 1e-2, 10)
    ]
    assert apart == [3, 2, 1]


def test_fewer_iterations_leave_points_faster() -> None:
    rng = np.random.default_rng(0)
    net = linear(rng.standard_normal((6, 6)), nonlinearity="tanh")
    starts = rng.standard_normal((10, 6))
    one, many = (
        analysis.fixed_points(net, np.zeros(6), starts, analysis.Search(iterations=n, slow=1e9))
        for n in (1, 100)
    )
    assert one.q.max() > many.q.max()


def test_wrong_shapes_are_refused() -> None:
    net = network()
    with pytest.raises(InvalidArgument, match=r"starts must be of shape \[at least 1, 16\]"):
        analysis.fixed_points(net, np.zeros(3), np.zeros((2, 15)))
    with pytest.raises(InvalidArgument, match=r"starts must be of shape \[at least 1, 32\]"):
        analysis.fixed_points(network(cell="lstm"), np.zeros(3), np.zeros((2, 16)))
    with pytest.raises(InvalidArgument, match=r"inputs must be of shape \(3,\) or \(2, 3\)"):
        analysis.fixed_points(net, np.zeros(4), np.zeros((2, 16)))
    with pytest.raises(InvalidArgument, match="must be finite"):
        analysis.fixed_points(net, np.zeros(3), np.full((2, 16), np.nan))


@pytest.mark.parametrize("cell", ["vanilla", "lstm"])
def test_end_states_are_those_at_the_end_of_each_trials_period(cell: str) -> None:
    mask = srnn.masks.autapse(6)
    net = srnn.Network(35, 17, mask, cell=cell)
    rec = analysis.record(net, ["DlyGo_IntL", "Go"], trials_per_task=6)
    found = analysis.end_states(net, rec, "delay")
    assert len(set(rec.trials.length[:6])) > 1
    end = rec.trials.period_bounds("delay")[1][:6]
    hidden = rec.hidden[end - 1, np.arange(6)]
    np.testing.assert_allclose(found.states[:, :6], hidden, atol=1e-6)
    np.testing.assert_array_equal(found.inputs, rec.inputs[end - 1, np.arange(6)])
    np.testing.assert_array_equal(found.angle, rec.trials.angle[:6])
    assert found.states.shape == (6, 12 if cell == "lstm" else 6)
    with pytest.raises(InvalidArgument, match="period must be one of decision, delay, fixation"):
        analysis.end_states(net, rec, "delays")


def reader(n_directions: int = 16) -> srnn.Network:
    """A network of two units whose readout reads the angle of their state."""
    net = srnn.Network(3, 1 + n_directions, srnn.masks.dense(2), dtype=DOUBLE)
    theta = 2 * np.pi * np.arange(n_directions) / n_directions
    with torch.no_grad():
        readout = torch.from_numpy(np.column_stack([np.cos(theta), np.sin(theta)]))
        net.readout.weight.copy_(torch.cat([torch.zeros(1, 2), readout]))
        net.readout.bias.zero_()
    return net


def test_a_circle_is_a_ring_that_turns_once_with_the_answer() -> None:
    theta = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = 2.5 * np.column_stack([np.cos(theta), np.sin(theta)])
    found = analysis.ring(reader(), circle)
    assert found.turns in (1, -1)
    assert found.explained == pytest.approx(1)
    assert found.unevenness == pytest.approx(0, abs=1e-9)
    assert found.gap == pytest.approx(2 * np.pi / 24)
    np.testing.assert_allclose(np.cos(found.answer), np.cos(theta), atol=1e-6)
    np.testing.assert_allclose(np.sin(found.answer), np.sin(theta), atol=1e-6)
    np.testing.assert_allclose(np.hypot(*found.plane.T), 2.5)


def test_an_arc_and_a_cloud_are_no_rings() -> None:
    theta = np.linspace(0, np.pi / 2, 12)
    arc = analysis.ring(reader(), np.column_stack([np.cos(theta), np.sin(theta)]) * 3 + 10)
    assert arc.turns == 0
    rng = np.random.default_rng(0)
    cloud = analysis.ring(reader(), rng.standard_normal((200, 2)) + np.array([30, 0]))
    assert cloud.unevenness > 0.3


def test_a_ring_in_many_units_has_the_share_of_the_plane() -> None:
    mask = srnn.masks.autapse(12)
    net = srnn.Network(3, 17, mask, dtype=DOUBLE)
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    theta = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    points = np.column_stack([np.cos(theta), np.sin(theta)]) @ axes[:2] + 0.5 * (
        np.cos(2 * theta)[:, None] * axes[2]
    )
    assert analysis.ring(net, points).explained == pytest.approx(1 / 1.125)
    for wrong in (points[:2], points[:, :5]):
        with pytest.raises(InvalidArgument, match=r"hidden must be of shape \[at least 3, 12\]"):
            analysis.ring(net, wrong)
    with pytest.raises(InvalidArgument, match="different states"):
        analysis.ring(net, np.ones((4, 12)))


def test_the_fixed_points_of_a_pool_of_perfect_autapses_form_its_ring() -> None:
    # Sixteen units hold what they saw: a memory of a direction in which every state stands still.
    net = srnn.Network(34, 17, srnn.masks.autapse(16), init="identity")
    with torch.no_grad():
        net.rnn.weight_ih.zero_()
        net.rnn.weight_ih[:, 1:17] = net.rnn.weight_ih[:, 17:33] = torch.eye(16)
        net.rnn.bias.zero_()
        net.readout.weight.copy_(torch.cat([torch.zeros(1, 16), torch.eye(16)]))
        net.readout.bias.zero_()
    rec = analysis.record(net, ["DlyGo"], trials_per_task=64)
    ends = analysis.end_states(net, rec)
    found = analysis.fixed_points(net, ends.inputs, ends.states)
    assert found.fixed.all()
    assert len(found) == len(set(rec.trials.stimulus_location[:, 0]))
    np.testing.assert_array_equal(found.spectra(), np.ones((len(found), 16)))
    ring = analysis.ring(net, found.hidden)
    assert abs(ring.turns) == 1
    off = ring.answer[found.point_of] - ends.angle
    np.testing.assert_allclose(np.angle(np.exp(1j * off)), 0, atol=0.01)


def test_trajectories_are_the_principal_components_of_the_steps_inside_trials() -> None:
    net = srnn.Network(35, 17, srnn.masks.dense(12), init="identity")
    rec = analysis.record(net, ["DlyGo", "DM1"], trials_per_task=10)
    found = analysis.trajectories(rec, n_components=4)
    states = rec.hidden[rec.mask].astype(np.float64)
    centred = states - states.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    np.testing.assert_allclose(found.explained, values[::-1][:4] / values.sum(), rtol=1e-6)
    overlap = np.abs((found.components * axes.T[::-1][:4]).sum(axis=1))
    np.testing.assert_allclose(overlap, 1, rtol=1e-6)
    np.testing.assert_allclose(found.points[rec.mask], centred @ found.components.T, atol=1e-9)
    assert np.isnan(found.points[~rec.mask]).all()
    np.testing.assert_allclose(found.project(rec.hidden[3, 2]), found.points[3, 2])
    assert (
        np.take_along_axis(
            found.components, np.abs(found.components).argmax(axis=1)[:, None], axis=1
        )
        > 0
    ).all()
    with pytest.raises(InvalidArgument, match="n_components must be .* from 1 to 12; got 13"):
        analysis.trajectories(rec, 13)
