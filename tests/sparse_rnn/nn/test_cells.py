"""The cells: their equations, their backends, and what they leave alone."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn import kernels
from sparse_rnn.nn import cells
from sparse_rnn.nn.cells import CELLS
from tests.sparse_rnn.helpers import CPU_BACKENDS, random_mask, same_bits, small_config, weights_of
from tests.sparse_rnn.layers_made import AUTAPSE, LOCAL, drawn, layer_of

RAGGED = random_mask(np.random.default_rng(1), 9, 0.3)


def last_states(last: Any) -> tuple[torch.Tensor, ...]:
    """The last state of any cell as a tuple."""
    return last if isinstance(last, tuple) else (last,)


def first_states(name: str, n_units: int, lanes: int = 3) -> Any:
    """A first state as the cell wants it."""
    states = tuple(drawn(1, lanes, n_units, seed=8 + k) for k in range(2))
    return states if name == "lstm" else states[0]


@pytest.mark.parametrize("name", CELLS)
def test_layers_are_called_like_those_of_torch(name: str) -> None:
    layer, inputs, first = layer_of(name), drawn(7, 3, 5), first_states(name, 12)
    output, last = layer(inputs, first)
    assert output.shape == (7, 3, 12)
    assert all(state.shape == (1, 3, 12) for state in last_states(last))
    assert torch.equal(last_states(last)[0], output[-1:])
    other = layer_of(name, batch_first=True)
    swapped, again = other(inputs.transpose(0, 1), first)
    assert torch.equal(swapped, output.transpose(0, 1))
    for one, two in zip(last_states(last), last_states(again), strict=True):
        assert torch.equal(one, two)
    # A sequence may be cut in two.
    head, middle = layer(inputs[:3], first)
    tail, end = layer(inputs[3:], middle)
    torch.testing.assert_close(torch.cat([head, tail]), output)
    for one, two in zip(last_states(last), last_states(end), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("name", CELLS)
def test_a_seed_is_a_layer_and_torch_is_left_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    noise = {"recurrent_noise": 0.1} if name == "leaky" else {}
    one, two = layer_of(name, seed=3, **noise), layer_of(name, seed=3, **noise)
    assert same_bits(one.state_dict(), two.state_dict())
    inputs = drawn(4, 2, 5)
    assert torch.equal(one(inputs)[0], two(inputs)[0])
    other = weights_of(layer_of(name, seed=4, **noise))
    assert not any(torch.equal(value, other[key]) for key, value in weights_of(one).items())
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_every_cell_on_every_backend(name: str, backend: str) -> None:
    """Against finite differences, and against the reference."""
    mask = AUTAPSE if backend == "autapse" else RAGGED
    layer = layer_of(name, mask, backend=backend, seed=2)
    assert layer.backend == backend
    names = [key for key, _ in layer.named_parameters()]
    values = [value.detach().clone().requires_grad_() for _, value in layer.named_parameters()]
    inputs, first = drawn(3, 2, 5), first_states(name, mask.n_units, lanes=2)

    def run(which: cells.MaskedLayer, *parameters: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, last = torch.func.functional_call(
            which, dict(zip(names, parameters, strict=True)), (inputs, first)
        )
        return output, *last_states(last)

    assert torch.autograd.gradcheck(lambda *p: run(layer, *p), values)
    reference = layer_of(name, mask, backend="reference", seed=2)
    for ours, exact in zip(run(layer, *values), run(reference, *values), strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_reach_inputs_and_first_states(name: str) -> None:
    layer = layer_of(name, backend="sparse_cpu")
    inputs = drawn(4, 2, 5).requires_grad_()
    first = [state.requires_grad_() for state in last_states(first_states(name, 12, lanes=2))]
    layer(inputs, tuple(first) if name == "lstm" else first[0])[0].sum().backward()
    for leaf in (inputs, *first):
        assert leaf.grad is not None
        assert leaf.grad.any()


# The leaky cell.


def test_a_leaky_step_is_its_equation() -> None:
    layer = layer_of("leaky", tau=80.0)
    assert isinstance(layer, srnn.LeakyRNN)
    assert layer.alpha == 0.25
    inputs, first = drawn(5, 2, 5), first_states("leaky", 12, lanes=2)
    matrix = kernels.Edges.of(LOCAL).scatter(layer.weight_hh)
    state, expected = first[0], []
    for now in inputs:
        drive = now @ layer.weight_ih.T + layer.bias + state @ matrix.T
        state = 0.75 * state + 0.25 * torch.tanh(drive)
        expected.append(state)
    torch.testing.assert_close(layer(inputs, first)[0], torch.stack(expected))


@pytest.mark.parametrize("nonlinearity", sorted(kernels.NONLINEARITIES))
def test_without_leak_and_noise_it_is_the_vanilla_cell(nonlinearity: str) -> None:
    options: dict[str, Any] = {"seed": 5, "dtype": torch.float64}
    vanilla = srnn.MaskedRNN(5, LOCAL, nonlinearity, **options)
    inputs = drawn(6, 2, 5)
    for dt in (100.0, 20.0):
        leaky = srnn.LeakyRNN(5, LOCAL, nonlinearity, dt=dt, tau=dt, **options)
        assert same_bits(leaky.state_dict(), vanilla.state_dict())
        assert torch.equal(leaky(inputs)[0], vanilla(inputs)[0])
    almost = srnn.LeakyRNN(5, LOCAL, nonlinearity, dt=100, tau=100 * (1 + 1e-12), **options)
    torch.testing.assert_close(almost(inputs)[0], vanilla(inputs)[0])


def test_processes_have_noise_of_their_own_and_the_same_state() -> None:
    layers = [srnn.LeakyRNN(5, srnn.masks.autapse(4), recurrent_noise=0.1) for _ in range(3)]
    layers[1].noise_stream = 1
    one, other, again = (layer(torch.zeros(6, 2, 5))[0] for layer in layers)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert same_bits(layers[0].state_dict(), layers[1].state_dict())


def test_the_noise_is_scaled_with_the_step_and_goes_through_the_nonlinearity() -> None:
    sigma, lanes, steps = 0.3, 50, 40
    for dt in (100.0, 20.0):
        layer = srnn.LeakyRNN(
            5, srnn.masks.autapse(40), "tanh", dt=dt, recurrent_noise=sigma, bias=False
        )
        quiet = torch.zeros(steps, lanes, 5)
        with torch.no_grad():
            layer.weight_hh.zero_()
            states = layer(quiet)[0]
        alpha = dt / 100
        before = torch.cat([torch.zeros(1, lanes, 40), states[:-1]])
        noise = torch.atanh(((states - (1 - alpha) * before) / alpha).double())
        size = math.sqrt(2 / alpha) * sigma
        n = noise.numel()
        assert float(noise.std()) == pytest.approx(size, rel=5 / math.sqrt(2 * n))
        assert abs(float(noise.mean())) < 5 * size / math.sqrt(n)
        # Independent between steps.
        correlation = float((noise[1:] * noise[:-1]).mean()) / size**2
        assert abs(correlation) < 5 / math.sqrt(n)


def test_noise_differs_from_call_to_call_and_goes_on_from_a_state() -> None:
    options: dict[str, Any] = {"recurrent_noise": 0.1, "dtype": torch.float64}
    layer, inputs = srnn.LeakyRNN(5, LOCAL, seed=1, **options), drawn(4, 2, 5)
    calls = [layer(inputs)[0]]
    saved = copy.deepcopy(layer.state_dict())
    calls += [layer(inputs)[0], layer(inputs)[0]]
    assert not torch.equal(calls[0], calls[1])
    assert not torch.equal(calls[1], calls[2])
    other = srnn.LeakyRNN(5, LOCAL, seed=9, **options)
    other.load_state_dict(saved)
    for call in calls[1:]:
        assert torch.equal(other(inputs)[0], call)


def test_there_is_no_noise_in_evaluation_mode() -> None:
    options: dict[str, Any] = {"seed": 1, "dt": 20.0, "dtype": torch.float64}
    noisy = srnn.LeakyRNN(5, LOCAL, recurrent_noise=0.1, **options).eval()
    inputs = drawn(4, 2, 5)
    assert torch.equal(noisy(inputs)[0], srnn.LeakyRNN(5, LOCAL, **options)(inputs)[0])
    assert noisy.noise_state is not None
    assert noisy.noise_state[1] == 0
    assert "noise_state" not in srnn.LeakyRNN(5, LOCAL).state_dict()


# Gated cells.


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("name", "theirs"), [("gru", nn.GRU), ("lstm", nn.LSTM)], ids=["gru", "lstm"]
)
def test_with_a_dense_mask_gated_cells_are_those_of_torch(
    name: str, theirs: type[nn.GRU | nn.LSTM], bias: bool
) -> None:
    other = theirs(5, 8, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for number, parameter in enumerate(other.parameters()):
            parameter.copy_(drawn(*parameter.shape, seed=number) / 3)
    read = srnn.from_torch_gru_state if name == "gru" else srnn.from_torch_lstm_state
    layer = read(other.state_dict(), srnn.masks.dense(8))
    inputs, first = drawn(7, 3, 5), first_states(name, 8)
    for arguments in ((inputs,), (inputs, first)):
        output, last = layer(*arguments)
        expected, their_last = other(*arguments)
        torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
        for one, two in zip(last_states(last), last_states(their_last), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_weights_of_absent_synapses_do_not_exist(name: str) -> None:
    gates = {"gru": 3, "lstm": 4}.get(name, 1)
    net = srnn.Network(5, 3, LOCAL, cell=name)
    assert net.rnn.weight_hh.numel() == gates * LOCAL.nnz
    counts = {"recurrent": gates * 60, "input": gates * 12 * 5, "output": 36}
    assert net.weight_counts() == {**counts, "total": sum(counts.values())}
    biases = sum(p.numel() for key, p in net.named_parameters() if "bias" in key)
    assert sum(p.numel() for p in net.parameters()) == sum(counts.values()) + biases
    assert sum(value.numel() for value in weights_of(net).values()) == sum(
        p.numel() for p in net.parameters()
    )


# Frozen recurrences.


@pytest.mark.parametrize("name", CELLS)
def test_a_frozen_recurrence_is_no_parameter_and_stays(name: str) -> None:
    net = srnn.Network(5, 3, LOCAL, cell=name, recurrence="frozen")
    trained = srnn.Network(5, 3, LOCAL, cell=name)
    assert same_bits(net.state_dict(), trained.state_dict())
    assert {key for key, _ in trained.named_parameters()} - {
        key for key, _ in net.named_parameters()
    } == {"rnn.weight_hh"}
    before = copy.deepcopy(weights_of(net))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    net(torch.ones(4, 2, 5))[0].sum().backward()
    optimiser.step()
    assert net.rnn.weight_hh.grad is None
    for key, value in weights_of(net).items():
        assert torch.equal(value, before[key]) == (key == "rnn.weight_hh")
    counts = net.weight_counts()
    assert counts == {**trained.weight_counts(), "frozen": counts["recurrent"]}


def test_frozen_autapses_of_the_paper_have_weight_one() -> None:
    net = srnn.Network(5, 3, AUTAPSE, recurrence="frozen", init="identity")
    assert torch.equal(net.rnn.weight_hh, torch.ones(6))
    assert "recurrence='frozen'" in repr(net)


# Names and refusals.


def test_every_option_of_a_cell_changes_something() -> None:
    changes: dict[str, Any] = {
        "nonlinearity": "softplus",
        "inhibitory": 0.4,
        "dt": 50.0,
        "tau": 300.0,
        "recurrent_noise": 0.2,
        "init": "he",
        "init_gain": 0.5,
    }
    inputs = torch.ones(5, 2, 5)
    for name, cell in CELLS.items():
        plain = srnn.Network(5, 3, LOCAL, cell=name)(inputs)[1]
        for option in (*cell.OPTIONS, "init", "init_gain"):
            net = srnn.Network(5, 3, LOCAL, cell=name, **{option: changes[option]})
            assert not torch.equal(net(inputs)[1], plain), (name, option)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gruu"}, r"'gruu'\. Did you mean 'gru'\?"),
        ({"cell": "gru", "nonlinearity": "relu"}, r"nonlinearity must be left out for 'gru' cells"),
        ({"cell": "lstm", "inhibitory": 0.2}, r"inhibitory .*option of vanilla, leaky"),
        ({"tau": 50.0}, r"tau must be left out for 'vanilla' .* argument 'tau'. \(it is an option"),
        ({"cell": "leaky", "tau": 50.0}, r"tau must be a finite number of ms of at least dt, 100"),
        ({"cell": "leaky", "dt": 0.0}, r"dt must be a finite number of ms above 0"),
        ({"cell": "leaky", "tau": math.inf}, r"tau must be a finite"),
        ({"cell": "leaky", "recurrent_noise": -1.0}, r"recurrent_noise must be"),
        ({"recurrence": "frosen"}, r"'frosen'\. Did you mean 'frozen'\?"),
        ({"inhibitory": 0.0}, r"inhibitory must be above 0 and below 1"),
        ({"init_gain": 0.0}, r"init_gain must be a finite number above 0"),
        ({"nonlinearity": "rellu"}, r"'rellu'\. Did you mean 'relu'\?"),
        ({"colour": 3}, r"colour must be left out .*no cell takes it"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(srnn.SparseRnnError, match=message):
        srnn.Network(5, 3, LOCAL, **options)


@pytest.mark.parametrize("name", CELLS)
def test_wrong_shapes_are_refused(name: str) -> None:
    layer = layer_of(name)
    for shape in ((6, 4), (6, 2, 4), (0, 2, 5)):
        with pytest.raises(srnn.SparseRnnError, match="inputs must be of shape"):
            layer(torch.zeros(shape))
    wrong = drawn(1, 3, 12)
    with pytest.raises(srnn.SparseRnnError, match="h0 must be of shape"):
        layer(drawn(6, 2, 5), (wrong, wrong) if name == "lstm" else wrong)


@pytest.mark.parametrize("name", CELLS)
def test_types_that_are_not_those_of_the_weights_are_refused(name: str) -> None:
    layer, inputs, first = layer_of(name), drawn(6, 2, 5), first_states(name, 12, 2)
    with pytest.raises(srnn.SparseRnnError, match=r"inputs must be of type torch\.float64"):
        layer(inputs.float())
    short = tuple(one.float() for one in first) if name == "lstm" else first.float()
    with pytest.raises(srnn.SparseRnnError, match=r"h0 must be of type torch\.float64"):
        layer(inputs, short)
    layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(inputs.bfloat16(), short)[0].dtype == torch.float32
        with pytest.raises(srnn.SparseRnnError, match=r"inputs must be of type torch\.float32"):
            layer(inputs)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("name", CELLS)
def test_the_last_state_is_no_view_of_the_output(name: str, backend: str) -> None:
    mask = srnn.masks.autapse(12) if backend == "autapse" else LOCAL
    layer, inputs = layer_of(name, mask, backend=backend), drawn(7, 3, 5)
    output, last = layer(inputs)
    before = output.detach().clone()
    for state in last_states(last):
        with torch.no_grad():
            state.zero_()
        state.detach_()
    assert torch.equal(output, before)
    output.square().sum().backward()  # Nothing that the gradient needs has changed.
    found = layer.weight_hh.grad
    assert found is not None
    layer.weight_hh.grad = None
    layer(inputs)[0].square().sum().backward()
    assert torch.equal(layer.weight_hh.grad, found)


def test_a_sparse_product_a_step_pays_at_lower_densities() -> None:
    mask = srnn.masks.locality((10, 10), radius=3)  # 29 % of the matrix
    found = {name: cells.build(name, 5, mask).backend for name in CELLS}
    whole = dict.fromkeys(("vanilla", "leaky"), "sparse_cpu")  # A whole sequence at once.
    assert found == {**whole, "gru": "dense", "lstm": "dense"}
    sparser = srnn.masks.locality((20, 20), radius=3)
    assert {cells.build(name, 5, sparser).backend for name in CELLS} == {"sparse_cpu"}


def test_an_lstm_has_two_states() -> None:
    layer, right = layer_of("lstm"), drawn(1, 2, 12)
    with pytest.raises(srnn.SparseRnnError, match=r"h0 must be a pair of states, \(h0, c0\)"):
        layer(drawn(6, 2, 5), right)
    with pytest.raises(srnn.SparseRnnError, match="c0 must be of shape"):
        layer(drawn(6, 2, 5), (right, right[0]))


@pytest.mark.parametrize("name", CELLS)
def test_networks_of_every_cell_learn_and_can_be_copied(name: str) -> None:
    net = srnn.Network(5, 3, LOCAL, cell=name)
    twin = copy.deepcopy(net)
    inputs, targets = drawn(6, 4, 5).float(), torch.arange(24) % 3
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    losses: list[float] = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs)[0].flatten(0, 1), targets)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert same_bits(twin.state_dict(), srnn.Network(5, 3, LOCAL, cell=name).state_dict())


@pytest.mark.parametrize("name", CELLS)
def test_runs_of_every_cell_are_the_same_bit_for_bit(name: str, tmp_path: Path) -> None:
    noise = {"recurrent_noise": 0.1, "dt": 50.0, "tau": 100.0} if name == "leaky" else {}
    config = small_config(cell=name, seq_len=100, **noise)
    run = srnn.train(config, tmp_path / "run")
    twin = srnn.train(config)
    assert same_bits(run.network.state_dict(), twin.network.state_dict())
    loaded = srnn.load_run(tmp_path / "run")
    assert same_bits(run.network.state_dict(), loaded.network.state_dict())
    assert loaded.config == config
    if noise:
        # A call a gradient step; evaluations make no noise.
        assert loaded.network.rnn.noise_state[1] == config.steps
        quiet = srnn.train(small_config(cell=name, seq_len=100, dt=50.0, tau=100.0))
        assert not torch.equal(quiet.network.rnn.weight_hh, run.network.rnn.weight_hh)


def test_the_old_name_of_with_noise_warns() -> None:
    layer, projected = srnn.LeakyRNN(5, LOCAL), drawn(4, 2, 12)
    with pytest.warns(DeprecationWarning, match="driven is now with_noise"):
        assert torch.equal(layer.driven(projected), layer.with_noise(projected))
