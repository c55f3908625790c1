"""What all methods keep to, and the parts that they share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import sparse_rnn as srnn
from sparse_rnn import sparsify
from sparse_rnn.data import Batch, task_stream
from sparse_rnn.runs.weights import save_weights
from sparse_rnn.sparsify._gradients import Gradients
from sparse_rnn.sparsify._sampling import exactly, inclusion
from sparse_rnn.sparsify._schedules import equal_shares, exponential, largest, once, prune
from sparse_rnn.training.objective import Objective
from tests.sparse_rnn.helpers import random_mask, weights_of

STREAM = task_stream(["Go", "DlyGo"], batch_size=3, seq_len=45, seed=0)
BATCHES = list(STREAM.batches(0, 2))
SIZES = STREAM.input_size, STREAM.output_size
NETWORKS: dict[str, dict[str, Any]] = {
    "vanilla": {},
    "float64": {"dtype": torch.float64, "init": "he"},
    "leaky": {"cell": "leaky", "dt": 20.0, "tau": 100.0, "recurrent_noise": 0.1},
    "Dale": {"inhibitory": 0.25},
    "frozen": {"recurrence": "frozen", "init": "spectral_radius"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
UNGATED = ("synflow", "jacobian", "noise_prune")


def network_of(kind: str = "vanilla", n_units: int = 12, seed: int = 0) -> srnn.Network:
    return srnn.Network(*SIZES, srnn.masks.dense(n_units), seed=seed, **NETWORKS[kind])


def data_of(name: str) -> list[Batch] | None:
    return BATCHES if sparsify.takes_batches(name) else None


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", sparsify.METHODS)
def test_every_method_keeps_the_rules(name: str, kind: str) -> None:
    if name in UNGATED and kind in ("gru", "lstm"):
        pytest.skip("refuses gates")
    options = {"rounds": 3} if "rounds" in sparsify.options(name) else {}
    method, net = sparsify.METHODS[name], network_of(kind)
    found = sparsify.check_sparsifier(method, net, 0.25, data_of(name), **options)
    assert found.density == 0.25
    if name == "random":
        assert found.units_without_inputs == 0


@pytest.mark.parametrize("name", sparsify.METHODS)
def test_a_wider_mask_that_is_not_dense_is_one_too(name: str) -> None:
    mask = srnn.masks.locality((4, 4), radius=1.5)
    net = srnn.Network(*SIZES, mask)
    sparsify.check_sparsifier(sparsify.METHODS[name], net, 0.2, data_of(name))
    found = sparsify.sparsify(name, net, 0.2, data_of(name))
    np.testing.assert_array_equal(found.mask.coords, mask.coords)


def fewer(network: srnn.Network, density: float, *, seed: int = 0) -> sparsify.Sparsified:
    """Keeps too few.

    Args:
        network: The network.
        density: The density.
        seed: The seed.
    """
    return sparsify.magnitude(network, density - 1 / 144, seed=seed)


def elsewhere(network: srnn.Network, density: float, *, seed: int = 0) -> sparsify.Sparsified:
    """Says that its synapses come from others.

    Args:
        network: The network.
        density: The density.
        seed: The seed.
    """
    found = sparsify.magnitude(network, density, seed=seed)
    return replace(found, origin=np.arange(found.mask.nnz))


def moody(network: srnn.Network, density: float, *, seed: int = 0) -> sparsify.Sparsified:
    """Draws from the global generator.

    Args:
        network: The network.
        density: The density.
        seed: The seed.
    """
    torch.rand(1)
    return sparsify.random(network, density, seed=seed)


def meddling(network: srnn.Network, density: float, *, seed: int = 0) -> sparsify.Sparsified:
    """Changes the network.

    Args:
        network: The network.
        density: The density.
        seed: The seed.
    """
    network.eval()
    return sparsify.random(network, density, seed=seed)


@pytest.mark.parametrize(
    ("method", "rule"),
    [
        (fewer, "exactly 36 synapses"),
        (elsewhere, "the one of the network that its origin says"),
        (moody, "global generators stay"),
        (meddling, "the network and"),
    ],
)
def test_a_method_that_breaks_a_rule_is_found_out(method: Any, rule: str) -> None:
    with pytest.raises(srnn.masks.ConformanceError, match=rule):
        sparsify.check_sparsifier(method, network_of(), 0.25)


@given(n=st.integers(1, 3000), data=st.data())
def test_the_density_of_another_mask_gives_as_many_synapses(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n * n))
    assert round(k / n**2 * n**2) == k


@pytest.mark.parametrize("name", sparsify.METHODS)
@pytest.mark.parametrize("density", [0.0, 0.003, 1.01, float("nan"), True, "0.1", None])
def test_a_density_that_is_none_is_refused(name: str, density: Any) -> None:
    with pytest.raises(srnn.SparseRnnError, match="density must be"):
        sparsify.sparsify(name, network_of(), density, data_of(name))


def test_more_than_the_mask_has_is_refused() -> None:
    net = srnn.Network(*SIZES, srnn.masks.random(10, 3))
    with pytest.raises(srnn.SparseRnnError, match=r"at most 0.3, .* 31 synapses of 30"):
        sparsify.magnitude(net, 0.31)
    lopsided = srnn.Network(*SIZES, srnn.Mask.from_edges(3, [0, 0, 0, 1], [0, 1, 2, 0]))
    with pytest.raises(srnn.SparseRnnError, match="each unit has its 1 synapses.*1 units"):
        sparsify.random(lopsided, 3 / 9)


def test_batches_are_asked_for_or_refused() -> None:
    with pytest.raises(srnn.SparseRnnError, match="batches must be given for the method 'snip'"):
        sparsify.sparsify("snip", network_of(), 0.2)
    with pytest.raises(srnn.SparseRnnError, match="batches must be left out"):
        sparsify.sparsify("synflow", network_of(), 0.2, BATCHES)
    with pytest.raises(TypeError, match="rounds"):
        sparsify.sparsify("snip", network_of(), 0.2, BATCHES, rounds=3)


def test_a_network_that_diverges_is_refused_and_not_pruned_by_chance() -> None:
    net = srnn.Network(*SIZES, srnn.masks.dense(12), init_gain=1e8)
    for name in ("snip", "iterative_snip", "force", "grasp", "jacobian"):
        with pytest.raises(srnn.SparseRnnError, match="NaN or infinite"):
            sparsify.sparsify(name, net, 0.2, BATCHES)


@pytest.mark.parametrize("name", sorted({*sparsify.METHODS} - {"random"}))
def test_a_network_that_has_diverged_is_refused(name: str) -> None:
    net = network_of()
    with torch.no_grad():
        net.rnn.weight_hh[5] = torch.nan
    with pytest.raises(srnn.SparseRnnError, match="NaN or infinite"):
        sparsify.sparsify(name, net, 0.2, data_of(name))


def test_weights_of_another_network_are_refused() -> None:
    found = sparsify.magnitude(network_of(), 0.2)
    other = srnn.Network(*SIZES, srnn.masks.random(12, 11))
    with pytest.raises(srnn.SparseRnnError, match="found must be chosen for"):
        sparsify.apply(other, found)
    with pytest.raises(srnn.SparseRnnError, match="weight must be of shape"):
        found.weights(torch.zeros(145))


@pytest.mark.parametrize("name", sparsify.METHODS)
def test_a_weights_file_keeps_the_mask_and_where_it_comes_from(name: str, tmp_path: Path) -> None:
    net = network_of()
    seed = np.random.SeedSequence(5)
    sparse = sparsify.apply(net, sparsify.sparsify(name, net, 0.2, data_of(name), seed=seed))
    save_weights(tmp_path / "weights.safetensors", sparse)
    mask = srnn.load(tmp_path / "weights.safetensors").rnn.mask
    assert mask == sparse.rnn.mask
    assert mask.family == name
    assert mask.parameters == sparse.rnn.mask.parameters


def test_targets_that_are_no_labels_are_refused() -> None:
    ring = list(task_stream("Go", batch_size=2, seq_len=45, seed=0, targets="ring").batches(0, 1))
    net = srnn.Network(ring[0].inputs.shape[-1], ring[0].n_outputs, srnn.masks.dense(12))
    with pytest.raises(srnn.SparseRnnError, match="batches must be batches with labels"):
        sparsify.snip(net, 0.2, ring)
    assert sparsify.jacobian(net, 0.2, ring).mask.nnz == 29  # which looks at no target


def test_synapses_without_a_cycle_are_refused() -> None:
    chain = srnn.Network(*SIZES, srnn.Mask.from_edges(4, [1, 2, 3], [0, 1, 2]))
    with pytest.raises(srnn.SparseRnnError, match="no cycle"):
        sparsify.synflow(chain, 2 / 16)


@pytest.mark.parametrize("kind", NETWORKS)
def test_with_all_synapses_the_network_is_the_same(kind: str) -> None:
    net = network_of(kind).eval()
    net.rnn.weight_ih.requires_grad_(False)
    again = sparsify.apply(net, sparsify.magnitude(net, 1.0))
    inputs = BATCHES[0].inputs.to(net.readout.weight.dtype)
    with torch.no_grad():
        torch.testing.assert_close(net(inputs)[0], again(inputs)[0])
    assert not again.training
    trained = [p.requires_grad for p in net.parameters()]
    assert [p.requires_grad for p in again.parameters()] == trained
    for name, values in weights_of(net).items():
        assert torch.equal(values, weights_of(again)[name])
    with torch.no_grad():
        again.readout.weight.zero_()
    assert net.readout.weight.any()


@pytest.mark.parametrize("kind", ["vanilla", "Dale", "lstm"])
def test_pruned_synapses_are_as_weights_of_zero(kind: str) -> None:
    """Without the gains, the sparse network is the given one with zeros."""
    net = network_of(kind).eval()
    found = sparsify.magnitude(net, 0.3)
    sparse = sparsify.apply(net, found, rescale=False)
    with torch.no_grad():
        expected = sparse(BATCHES[0].inputs)[0]
        gone = torch.ones(net.rnn.mask.nnz, dtype=torch.bool)
        gone[torch.from_numpy(found.origin)] = False
        net.rnn.weight_hh[..., gone] = 0
        torch.testing.assert_close(net(BATCHES[0].inputs)[0], expected)


def test_the_gain_keeps_the_variance_of_the_input() -> None:
    """The sum of squares onto a unit stays as it was on average, where synapses go by chance."""
    net = network_of(n_units=400)
    found = sparsify.random(net, 0.05)
    np.testing.assert_allclose(found.gain, np.sqrt(400 / 20))
    scaled, plain = (
        sparsify.apply(net, found, rescale=rescale).rnn.weight_hh.detach().square().sum() / 400
        for rescale in (True, False)
    )
    before = float(net.rnn.weight_hh.detach().square().sum() / 400)
    assert float(scaled) == pytest.approx(before, rel=0.05)
    assert float(plain) == pytest.approx(before / 20, rel=0.05)


def test_units_without_inputs_are_counted_and_run() -> None:
    net = network_of()
    with torch.no_grad():
        net.rnn.weight_hh.view(12, 12)[:, 3:] *= 1e-3  # three units are heard
        net.rnn.weight_hh.view(12, 12)[6:] *= 1e-3  # and six listen
    found = sparsify.magnitude(net, 18 / 144)
    sparse = sparsify.apply(net, found)
    measured = sparsify.measure(sparse)
    assert measured.units_without_inputs == 6
    assert (found.gain[6:] == 1).all()
    # From each of three units to the five others that listen.
    assert measured.reachable == pytest.approx(15 / 132)
    matrix = np.zeros((12, 12))
    matrix[sparse.rnn.mask.to_dense()] = sparse.rnn.weight_hh.detach().numpy()
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    assert measured.spectral_radius == (pytest.approx(radius),)
    assert sparse(BATCHES[0].inputs)[0].isfinite().all()


@pytest.mark.parametrize("kind", ["vanilla", "leaky", "Dale", "frozen", "gru"])
@pytest.mark.parametrize("chunk", [None, 7])
def test_the_gradient_is_the_one_that_training_has(kind: str, chunk: int | None) -> None:
    net = network_of(kind)
    gradient = Gradients(net, BATCHES)
    gradient._network.chunk = chunk
    found = gradient(gradient.weight)
    other = network_of(kind).eval()
    weight = other.rnn.weight_hh.detach().clone().requires_grad_()
    objective = Objective(other, srnn.FitConfig(suite="Go").minimised)
    losses: list[torch.Tensor] = []
    for batch in BATCHES:
        found_there = torch.func.functional_call(other, {"rnn.weight_hh": weight}, (batch.inputs,))
        losses.append(objective(*found_there, batch)[1])
    expected = torch.autograd.grad(torch.stack(losses).mean(), weight)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-8)
    assert found.any()


def test_a_trained_network_keeps_its_gradients_and_its_noise() -> None:
    net = network_of("leaky")
    net(BATCHES[0].inputs)[0].sum().backward()
    before = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    noise = net.rnn.noise_state.clone()  # type: ignore[union-attr] - this one has noise
    for name in sparsify.METHODS:
        sparsify.sparsify(name, net, 0.2, data_of(name))
    for name, values in before.items():
        assert torch.equal(net.get_parameter(name).grad, values)  # type: ignore[arg-type]
    assert torch.equal(net.rnn.noise_state, noise)  # type: ignore[arg-type]


@given(st.integers(1, 5000), st.data(), st.integers(1, 60))
def test_rounds_leave_the_same_share_each(n_given: int, data: st.DataObject, rounds: int) -> None:
    n_kept = data.draw(st.integers(1, n_given))
    budgets = exponential(n_given, n_kept, rounds)
    assert len(budgets) == rounds
    assert budgets[-1] == n_kept
    assert budgets == sorted(budgets, reverse=True)
    assert budgets[0] <= n_given
    share = (n_kept / n_given) ** (1 / rounds)
    for before, after in zip([n_given, *budgets], budgets, strict=False):
        assert abs(after - before * share) <= 1.01


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.data())
def test_the_largest_are_exactly_as_many(scores: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(scores)))
    kept = largest(np.array(scores, dtype=float), k, np.random.default_rng(0))
    assert len(set(kept.tolist())) == k
    assert sorted(np.array(scores)[kept]) == sorted(scores)[-k:]


def test_equal_scores_are_ordered_by_chance() -> None:
    scores = np.array([1.0, 0, 0, 0, 0])
    counts = np.zeros(5)
    for seed in range(400):
        counts[largest(scores, 3, np.random.default_rng(seed))] += 1
    assert counts[0] == 400
    assert np.all(np.abs(counts[1:] - 200) < 5 * 10)


def test_what_went_stays_away_unless_it_may_come_back() -> None:
    """Scores that turn round after the first of two rounds."""

    def score(kept: np.ndarray) -> np.ndarray:
        return np.arange(6.0) if kept.all() else -np.arange(6.0)

    rng = np.random.default_rng(0)
    assert prune(score, 6, [3, 1], rng).nonzero()[0].tolist() == [3]
    assert prune(score, 6, [3, 1], rng, regrow=True).nonzero()[0].tolist() == [0]
    assert prune(score, 6, once(6, 2), rng).nonzero()[0].tolist() == [4, 5]


@given(st.lists(st.sampled_from([0.0, 1e-300, 1e-9, 0.3, 1.0, 7.0]), min_size=1), st.data())
@settings(deadline=None)
def test_a_draw_has_its_number_and_what_is_certain(scores: list[float], data: Any) -> None:
    k = data.draw(st.integers(1, len(scores)))
    probability = inclusion(np.array(scores), k)
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert probability.sum() == pytest.approx(k)
    drawn = exactly(probability, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert drawn.sum() == k
    assert drawn[probability == 1].all()
    assert not drawn[probability == 0].any()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.integers(0, 40))
def test_shares_differ_by_one_at_most(there: list[int], k: int) -> None:
    n_there, rng = np.array(there), np.random.default_rng(0)
    try:
        shares = equal_shares(n_there, k, rng)
    except srnn.SparseRnnError:
        each, rest = divmod(k, len(there))
        assert min(there) < each or sum(n > each for n in there) < rest
    else:
        assert shares.sum() == k
        assert np.ptp(shares) <= 1
        assert (shares <= n_there).all()


def test_random_masks_of_the_given_edges_alone() -> None:
    net = srnn.Network(*SIZES, random_mask(np.random.default_rng(0), 12, 0.7))
    for name in sparsify.METHODS:
        found = sparsify.sparsify(name, net, 0.15, data_of(name)).mask
        assert not (found.to_dense() & ~net.rnn.mask.to_dense()).any()
