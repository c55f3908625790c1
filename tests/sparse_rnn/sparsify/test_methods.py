"""Every method against its formula, written again in plain torch over dense matrices, float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.linalg import solve
from torch import Tensor
from torch.nn import functional

import sparse_rnn as srnn
from sparse_rnn import sparsify
from sparse_rnn.data import Batch
from sparse_rnn.sparsify import _scorers as scorers
from sparse_rnn.sparsify._sampling import inclusion
from tests.sparse_rnn.sparsify.formulas import (
    CELLS,
    N_IN,
    N_OUT,
    SEEDS,
    B,
    N,
    assert_mask,
    batches_of,
    connection_sensitivity,
    dense_of,
    derivative,
    k_of,
    loss,
    network_of,
    states,
    there_of,
    top,
)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("density", [0.1, 0.37])
def test_snip_is_the_derivative_by_a_factor_of_each_synapse(
    cell: str, seed: int, density: float
) -> None:
    """Exact for weights that are shared over time: the factor is there at each step."""
    net, batches = network_of(seed, **CELLS[cell]), batches_of(seed)
    matrix, ones = dense_of(net), torch.ones(N, N, dtype=torch.float64)
    scores = derivative(lambda factor: loss(net, matrix * factor, batches), ones).abs()
    there = there_of(net)
    assert_mask(sparsify.snip(net, density, batches), top(scores, there, k_of(density)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["iterative_snip", "force"])
def test_rounds_score_again_with_what_is_left(method: str, seed: int, cell: str) -> None:
    net, batches, rounds = network_of(seed, **CELLS[cell]), batches_of(seed), 4
    there = there_of(net)
    kept, k, n_given = there, k_of(0.15), int(there.sum())
    for j in range(1, rounds + 1):
        left = round(k ** (j / rounds) * n_given ** (1 - j / rounds))
        scores = connection_sensitivity(net, kept, batches)
        kept = top(scores, kept if method == "iterative_snip" else there, left)
    found = sparsify.METHODS[method](net, 0.15, batches, rounds=rounds)
    assert_mask(found, kept)


def test_only_force_lets_synapses_come_back() -> None:
    """Among these networks there is one in which a pruned synapse is back at the end."""
    differ = 0
    for seed in SEEDS:
        net, batches = network_of(seed), batches_of(seed)
        one, other = (
            method(net, 0.15, batches, rounds=4)
            for method in (sparsify.force, sparsify.iterative_snip)
        )
        differ += one.mask != other.mask
        once = sparsify.snip(net, 0.15, batches).mask
        for method in (sparsify.force, sparsify.iterative_snip):
            assert method(net, 0.15, batches, rounds=1).mask == once
    assert differ


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_grasp_is_the_product_with_the_hessian(cell: str, seed: int) -> None:
    net, batches, temperature = network_of(seed, **CELLS[cell]), batches_of(seed), 2.0
    there, matrix = there_of(net), dense_of(net).requires_grad_()
    value = loss(net, matrix, batches, temperature)
    gradient = torch.autograd.grad(value, matrix, create_graph=True)[0] * there
    product = torch.autograd.grad((gradient * gradient.detach()).sum(), matrix)[0]
    removed_first = (-matrix * product).detach()
    found = sparsify.grasp(net, 0.2, batches, temperature=temperature)
    assert_mask(found, top(-removed_first, there, k_of(0.2)))


def test_grasp_measures_what_a_removal_does_to_the_gradient() -> None:
    """To first order, a share e of a synapse takes -2 e w (H g) of the squared norm with it."""
    net, batches, e = network_of(1, nonlinearity="tanh"), batches_of(1), 1e-5
    matrix = dense_of(net)

    def norm(at: Tensor) -> Tensor:
        return derivative(lambda w: loss(net, w, batches), at).square().sum()

    held = matrix.clone().requires_grad_()
    gradient = torch.autograd.grad(loss(net, held, batches), held, create_graph=True)[0]
    product = torch.autograd.grad((gradient * gradient.detach()).sum(), held)[0]
    less = matrix.clone()
    less[2, 3] *= 1 - e
    change = (norm(less) - norm(matrix)) / e
    assert change.item() == pytest.approx(-2 * float(matrix[2, 3] * product[2, 3]), rel=1e-3)


def total_flow(size: Tensor, scale: Tensor, into: Tensor, out: Tensor) -> Tensor:
    """R: what comes out for an input of ones, over paths of all lengths."""
    return out @ torch.linalg.solve(torch.eye(N, dtype=torch.float64) - scale * size, into)


def ends_of(net: srnn.Network) -> tuple[Tensor, Tensor]:
    into, out = net.rnn.weight_ih.detach().abs(), net.readout.weight.detach().abs()
    return into.sum(1), out.sum(0)


def radius_of(matrix: Tensor) -> Tensor:
    return torch.linalg.eigvals(matrix).abs().max()


@pytest.mark.parametrize("cell", ["vanilla", "leaky", "wider than local"])
@pytest.mark.parametrize("seed", SEEDS)
def test_synflow_is_the_weight_times_the_derivative_of_the_flow(cell: str, seed: int) -> None:
    net, rounds, share = network_of(seed, **CELLS[cell]), 5, 0.8
    into, out = ends_of(net)
    kept, k = there_of(net), k_of(0.3)
    n_given = int(kept.sum())
    for j in range(1, rounds + 1):
        size = dense_of(net).abs() * kept
        scale = share / radius_of(size)
        scores = size * derivative(lambda w, s=scale: total_flow(w, s, into, out), size)
        kept = top(scores, kept, round(k ** (j / rounds) * n_given ** (1 - j / rounds)))
    assert_mask(sparsify.synflow(net, 0.3, share=share, rounds=rounds), kept)


def test_the_flow_through_a_unit_is_conserved() -> None:
    """What the synapses onto a unit score, and its input, is what those from it score, and its
    output: no unit's synapses go all at once, as with other scores (Tanaka et al., theorem 1)."""
    from sparse_rnn.sparsify._scorers import flow

    net = network_of(0)
    into, out = (end.numpy() for end in ends_of(net))
    size = dense_of(net).abs()
    scores = flow(size.numpy(), float(radius_of(size)), into, out, 0.9)
    passed = 0.9 * size.numpy() / float(radius_of(size))
    right = solve(np.eye(N) - passed, into)
    left = solve((np.eye(N) - passed).T, out)
    np.testing.assert_allclose(scores.sum(1) + left * into, scores.sum(0) + out * right)


def test_plain_unrolling_of_absolute_weights_overflows() -> None:
    """The spectral radius of |W| is about sqrt(N) / 2, 25 at N = 2500, to the power of T."""
    n = 400
    net = srnn.Network(N_IN, N_OUT, srnn.masks.dense(n), dtype=torch.float64)
    size = net.rnn.weight_hh.detach().abs().reshape(n, n)
    assert float(radius_of(size)) == pytest.approx(np.sqrt(n) / 2, rel=0.01)
    state = torch.ones(n, dtype=torch.float64)
    for _ in range(350):
        state = size @ state
    assert not state.isfinite().all()
    assert sparsify.synflow(net, 0.01, rounds=2).mask.nnz == 1600


@pytest.mark.parametrize("cell", ["vanilla", "leaky", "wider than local"])
@pytest.mark.parametrize("seed", SEEDS)
def test_jacobian_is_the_gradient_of_its_norm(cell: str, seed: int) -> None:
    net, batches, steps = network_of(seed, **CELLS[cell]), batches_of(seed), 4
    there, zeros = there_of(net), torch.zeros(1, N, dtype=torch.float64)

    def norm(matrix: Tensor) -> Tensor:
        norms = []
        for batch in batches:
            for lane in range(B):
                # Up to the last step that counts, as padding may follow.
                end = int(batch.mask[:, lane].nonzero().max()) + 1
                inputs = batch.inputs[:end, lane : lane + 1]
                before = states(net, matrix, inputs[:-steps])[-1] if end > steps else zeros

                def final(h: Tensor, x: Tensor = inputs[-steps:]) -> Tensor:
                    return states(net, matrix, x, h)[-1]

                at = before.detach()
                full = torch.autograd.functional.jacobian(final, at, create_graph=True)
                norms.append(full[0, :, 0].sum(1).norm())
        return torch.stack(norms).mean()

    gradient = derivative(norm, dense_of(net)) * there
    mean = gradient.abs().sum(1, keepdim=True) / there.sum(1, keepdim=True)
    scores = (dense_of(net) * gradient).abs() / mean.where(mean > 0, torch.inf)
    assert_mask(sparsify.jacobian(net, 0.2, batches, steps=steps), top(scores, there, k_of(0.2)))


def noise_scores(matrix: np.ndarray) -> np.ndarray:
    """The Lyapunov equation as one linear system of N squared unknowns."""
    leak = max(1.0, 1.1 * np.linalg.eigvals(matrix).real.max())
    a, one = matrix - leak * np.eye(N), np.eye(N)
    system = np.kron(a, one) + np.kron(one, a)
    spread = solve(system, -one.flatten()).reshape(N, N)
    scores = np.zeros((N, N))
    for i in range(N):
        for j in range(N):
            w = matrix[i, j]
            scores[i, j] = abs(w) * (spread[i, i] + spread[j, j] - 2 * np.sign(w) * spread[i, j])
    return scores


@pytest.mark.parametrize("kind", ["silent", "drawn", "runs away", "turns", "one way"])
@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_noise_solve_the_equation(kind: str, seed: int) -> None:
    drawn = np.random.default_rng(seed).standard_normal((N, N)) / np.sqrt(N)
    matrix = {
        "silent": 0 * drawn,
        "drawn": drawn,
        "runs away": 20 * drawn,
        "turns": 20 * (drawn - drawn.T),
        "one way": 20 * np.triu(drawn, 1),
    }[kind]
    expected = noise_scores(matrix).clip(0)
    np.testing.assert_allclose(
        scorers.noise_spread(matrix), expected, rtol=1e-9, atol=1e-12 * expected.max(initial=1.0)
    )


@pytest.mark.parametrize("gain", [1.0, 4.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_noise_prune_keeps_with_its_probabilities(seed: int, gain: float) -> None:
    """Stable as it is, and with the leak that makes it so."""
    net, n = network_of(seed, init_gain=gain), 400
    matrix = dense_of(net).numpy()
    unstable = np.linalg.eigvals(matrix).real.max() > 1
    assert unstable == (gain > 1)
    scores, k = noise_scores(matrix).clip(0).flatten(), k_of(0.4)
    expected, open_ = np.zeros(N * N), scores > 0
    while True:  # scale to K, clip at 1, and scale what is left again
        rest = k - (~open_ & (expected == 1)).sum()
        shares = scores * rest / scores[open_].sum()
        if shares[open_].max() <= 1:
            expected[open_] = shares[open_]
            break
        over = open_ & (shares > 1)
        expected[over] = 1
        open_ &= ~over
    np.testing.assert_allclose(inclusion(scores, k), expected, atol=1e-9)
    drawn = np.mean(
        [sparsify.noise_prune(net, 0.4, seed=s).mask.to_dense().flatten() for s in range(n)], axis=0
    )
    deviation = np.sqrt(expected * (1 - expected) / n)
    assert np.all(np.abs(drawn - expected) <= 5 * deviation + 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_magnitude_keeps_the_largest(seed: int) -> None:
    net = network_of(seed, "random")
    matrix = dense_of(net)
    assert_mask(sparsify.magnitude(net, 0.25), top(matrix.abs(), matrix != 0, 25))


@pytest.mark.parametrize("density", [0.2, 0.23])
def test_random_keeps_as_many_onto_each_unit_all_choices_alike(density: float) -> None:
    net, k, n = network_of(3, "random"), k_of(density), 600
    given = net.rnn.mask
    total = np.zeros((N, N))
    for seed in range(n):
        mask = sparsify.random(net, density, seed=seed).mask
        degrees = mask.in_degree()
        assert (mask.nnz, degrees.min(), degrees.max()) == (k, k // N, -(-k // N))
        total += mask.to_dense()
    expected = given.to_dense() * density * N / given.in_degree()[:, None]
    deviation = np.sqrt(expected * (1 - expected) / n)
    assert np.all(np.abs(total / n - expected) <= 5 * deviation)


def gated_loss(
    net: srnn.Network, weight: Tensor, batches: Sequence[Batch], temperature: float = 1
) -> Tensor:
    """The loss of a cell with gates, whose recurrent weights are ``[gates, N * N]``."""
    total = torch.zeros((), dtype=torch.float64)
    for batch in batches:
        inputs = (batch.inputs.double(),)
        logits, _ = torch.func.functional_call(net, {"rnn.weight_hh": weight}, inputs)
        logits = logits.movedim(-1, 1) / temperature
        each = functional.cross_entropy(logits, batch.targets, reduction="none")
        total = total + (each * batch.mask).sum() / batch.mask.sum()
    return total / len(batches)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("seed", SEEDS)
def test_gates_share_a_factor(cell: str, seed: int) -> None:
    """A synapse of a cell with gates has a weight in each, and they go together."""
    net, batches = network_of(seed, cell=cell, backend="reference"), batches_of(seed)
    weight, there = net.rnn.weight_hh.detach(), torch.ones(N, N, dtype=torch.bool)
    ones = torch.ones(N * N, dtype=torch.float64)

    def sensitivity(kept: Tensor) -> Tensor:
        """What a factor of the weights at the start does to the network with some synapses."""
        held = (weight * kept.flatten()).detach()
        found = derivative(
            lambda factor: gated_loss(net, held + weight * (factor - 1), batches), ones
        )
        return found.abs().reshape(N, N)

    assert_mask(sparsify.snip(net, 0.2, batches), top(sensitivity(there), there, 20))
    kept = there
    for left in (round(20**0.5 * 100**0.5), 20):
        kept = top(sensitivity(kept), there, left)
    assert_mask(sparsify.force(net, 0.2, batches, rounds=2), kept)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("seed", SEEDS)
def test_gates_add_up(cell: str, seed: int) -> None:
    net, batches = network_of(seed, cell=cell, backend="reference"), batches_of(seed)
    there = torch.ones(N, N, dtype=torch.bool)
    sizes = net.rnn.weight_hh.detach().abs().sum(0).reshape(N, N)
    assert_mask(sparsify.magnitude(net, 0.2), top(sizes, there, 20))
    weight = net.rnn.weight_hh.detach().requires_grad_()
    value = gated_loss(net, weight, batches, 3.0)
    gradient = torch.autograd.grad(value, weight, create_graph=True)[0]
    product = torch.autograd.grad((gradient * gradient.detach()).sum(), weight)[0]
    scores = (weight * product).detach().sum(0).reshape(N, N)
    assert_mask(sparsify.grasp(net, 0.2, batches, temperature=3.0), top(scores, there, 20))


@pytest.mark.parametrize("method", ["synflow", "jacobian", "noise_prune"])
def test_methods_without_a_rule_for_gates_refuse_them(method: str) -> None:
    data = batches_of(0) if sparsify.takes_batches(method) else None
    with pytest.raises(srnn.SparseRnnError, match="network must be .*'vanilla' or 'leaky'"):
        sparsify.sparsify(method, network_of(0, cell="gru"), 0.2, data)


@pytest.mark.parametrize("seed", SEEDS)
def test_signs_of_units_change_no_sensitivity(seed: int) -> None:
    """Under Dale's law a parameter has the size of a weight, and |w G| is the same."""
    net, batches = network_of(seed, inhibitory=0.3), batches_of(seed)
    scores = connection_sensitivity(net, there_of(net).double(), batches)
    assert_mask(sparsify.snip(net, 0.2, batches), top(scores, there_of(net), 20))
