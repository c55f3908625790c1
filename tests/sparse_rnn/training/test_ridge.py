"""The readout of a reservoir: against numpy's least squares, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.data import Batch, task_stream
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.training.run import build


def _stream(targets: str = "labels") -> Any:
    return task_stream("Go", batch_size=3, seq_len=60, seed=0, targets=targets)


def _reservoir(stream: Any, **options: Any) -> srnn.Network:
    sizes = stream.input_size, stream.batch(0).n_outputs
    how: dict[str, Any] = {
        "init": "spectral_radius",
        "init_gain": 0.9,
        "recurrence": "frozen",
        **options,
    }
    return srnn.Network(*sizes, srnn.masks.random(12, in_degree=3), "tanh", **how)


def _by_numpy(net: srnn.Network, batches: list[Batch], ridge: float) -> np.ndarray[Any, Any]:
    """The readout ``[O, N + 1]``, the bias last: rows times roots of weights, and rows of ridge."""
    states, goals, weights = [], [], []
    for batch in batches:
        with torch.no_grad():
            hidden = net(batch.inputs.to(net.readout.weight.dtype))[1]
        states.append(hidden.flatten(0, 1).double().numpy())
        labels = batch.targets.dim() == 2
        flat = batch.targets.flatten(0, 1).numpy()
        goals.append(np.eye(batch.n_outputs)[flat] if labels else flat)
        weights.append(batch.mask.flatten().numpy())
    x, y, m = np.concatenate(states), np.concatenate(goals), np.concatenate(weights)
    x = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.sqrt(ridge * m.sum()) * np.eye(x.shape[1])[:-1]
    root = np.sqrt(m)[:, None]
    a, b = (
        np.vstack([root * x, penalty]),
        np.vstack([root * y, np.zeros((len(penalty), y.shape[1]))]),
    )
    return np.linalg.lstsq(a, b)[0].T


@pytest.mark.parametrize("targets", ["labels", "ring"])
@pytest.mark.parametrize("ridge", [1e-6, 1e-2])
def test_the_readout_is_that_of_least_squares(targets: str, ridge: float) -> None:
    stream = _stream(targets)
    net = _reservoir(stream, dtype=torch.float64)
    batches = [stream.batch(i) for i in range(3)]
    mask = batches[1].mask.clone()
    mask[:30] *= 0.25  # Weights that are neither 0 nor 1.
    batches[1] = replace(batches[1], mask=mask)
    fitted = srnn.ridge_readout(net, iter(batches), ridge=ridge).readout
    found = np.hstack([fitted.weight.detach().numpy(), fitted.bias.detach().numpy()[:, None]])
    np.testing.assert_allclose(found, _by_numpy(net, batches, ridge), rtol=1e-7, atol=1e-9)


def test_it_leaves_all_but_the_readout_of_a_copy() -> None:
    stream = _stream()
    net = _reservoir(stream).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    fitted = srnn.ridge_readout(net, stream.batches(0, 2))
    assert net.training
    assert fitted.training
    for name, value in fitted.state_dict().items():
        assert torch.equal(net.state_dict()[name], before[name])
        assert torch.equal(value, before[name]) != name.startswith("readout"), name
    assert fitted.readout.weight.requires_grad
    assert fitted.readout.weight.data_ptr() != net.readout.weight.data_ptr()


def test_activations_in_chunks_and_float32_give_the_same_readout() -> None:
    stream = _stream()
    net, long = _reservoir(stream), _reservoir(stream, dtype=torch.float64)
    expected = srnn.ridge_readout(long, stream.batches(0, 2)).readout.weight
    for chunk in (None, 7):
        net.chunk = chunk
        found = srnn.ridge_readout(net, stream.batches(0, 2)).readout.weight
        torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-4)


def test_the_same_batches_twice_change_nothing() -> None:
    stream = _stream()
    net = _reservoir(stream, dtype=torch.float64)
    batches = [stream.batch(0)]
    once = srnn.ridge_readout(net, batches, ridge=0.1).readout.weight
    torch.testing.assert_close(srnn.ridge_readout(net, batches * 2, ridge=0.1).readout.weight, once)


def test_what_cannot_be_fitted_is_refused() -> None:
    stream = _stream()
    net = _reservoir(stream)
    batch = stream.batch(0)
    with pytest.raises(InvalidArgument, match="some steps that count"):
        srnn.ridge_readout(net, [replace(batch, mask=batch.mask * 0)])
    with pytest.raises(InvalidArgument, match="one for 3 outputs"):
        srnn.ridge_readout(net, [_stream("sin_cos").batch(0)])
    with torch.no_grad():
        net.rnn.weight_hh.zero_()
        net.rnn.weight_ih[1] = net.rnn.weight_ih[0]  # Twins: no readout tells them apart.
        assert net.rnn.bias is not None
        net.rnn.bias[1] = net.rnn.bias[0]
    with pytest.raises(NotApplicable, match="take a larger one"):
        srnn.ridge_readout(net, [batch], ridge=1e-320)
    with torch.no_grad():
        net.rnn.weight_hh[0] = torch.nan
    with pytest.raises(NotApplicable, match="diverged"):
        srnn.ridge_readout(net, [batch])


def test_a_reservoir_is_trained_by_adam_as_well() -> None:
    """Frozen recurrence of a spectral radius; the input weights are trained, or frozen too."""
    settings: dict[str, Any] = {
        "suite": "Go",
        "arch": "random",
        "size": 12,
        "mask_options": {"in_degree": 3},
        "init": "spectral_radius",
        "init_gain": 0.9,
        "nonlinearity": "tanh",
        "recurrence": "frozen",
        "steps": 2,
        "eval_batches": 1,
        "final_batches": 1,
    }

    def run(**more: Any) -> srnn.Network:
        return srnn.train(srnn.TrainConfig(**settings, **more)).network

    start = build(srnn.TrainConfig(**settings))[2]
    radius = srnn.sparsify.measure(start).spectral_radius[0]
    assert radius == pytest.approx(0.9, rel=1e-5)
    inputs_trained, readout_alone = run(), run(freeze=("input",))
    for net in (inputs_trained, readout_alone):
        assert torch.equal(net.rnn.weight_hh, start.rnn.weight_hh)
        assert not torch.equal(net.readout.weight, start.readout.weight)
    assert not torch.equal(inputs_trained.rnn.weight_ih, start.rnn.weight_ih)
    assert torch.equal(readout_alone.rnn.weight_ih, start.rnn.weight_ih)
