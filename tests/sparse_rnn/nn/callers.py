"""What torch does with modules: the rows that are tested, and what modules compute by other means.

The table is in docs/concepts/kernels.md; each row of it is tested in one of the files
`test_torch_*.py`, against the dense recurrent layers of torch in float64.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.cells import CELLS
from tests.sparse_rnn.helpers import CPU_BACKENDS

N_UNITS = 16

LOCAL = srnn.masks.locality((4, 4), radius=1)

# The table.

TESTS: defaultdict[str, list[str]] = defaultdict(list)
"""Names of the tests of each row."""

Test = Callable[..., None]


def row(*names: str) -> Callable[[Test], Test]:
    """Say which rows of the table a test shows to be right."""

    def listed(test: Test) -> Test:
        for name in names:
            TESTS[name].append(test.__name__)
        return test

    return listed


# Modules, and what they compute by other means.

MODULES: dict[str, Callable[..., Any]] = {
    **{kind.__name__: kind for kind in CELLS.values()},
    "Network": srnn.Network,
    "Network in chunks": srnn.Network,
}


class Case(NamedTuple):
    """A module on a backend."""

    kind: str
    backend: str

    def build(self, dtype: torch.dtype | None = torch.float64, **options: Any) -> Any:
        """The module: smooth, so that rounding flips no slope of it."""
        mask = srnn.masks.autapse(N_UNITS) if self.backend == "autapse" else LOCAL
        given: dict[str, Any] = {"backend": self.backend, "dtype": dtype, "seed": 3, **options}
        if self.kind in ("MaskedRNN", "LeakyRNN"):
            given["nonlinearity"] = "tanh"
        if self.kind == "LeakyRNN":
            given |= {"dt": 20.0, "tau": 50.0, "inhibitory": 0.25}
        if not self.kind.startswith("Network"):
            return MODULES[self.kind](5, mask, **given)
        net = srnn.Network(5, 3, mask, cell="gru" if self.kind == "Network" else "lstm", **given)
        net.chunk = None if self.kind == "Network" else 4
        return net


CASES = [Case(kind, backend) for kind in MODULES for backend in CPU_BACKENDS]

LAYERS = [case for case in CASES if not case.kind.startswith("Network")]

every_case = pytest.mark.parametrize("case", CASES, ids=" ".join)

every_layer = pytest.mark.parametrize("case", LAYERS, ids=" ".join)


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


INPUTS = drawn(6, 2, 5)


def layer_of(module: nn.Module) -> Any:
    return module.rnn if isinstance(module, srnn.Network) else module


def dense(layer: Any, weight: Tensor) -> Tensor:
    """The recurrent matrix ``[gates * N, N]`` of edge values."""
    targets, indices = map(torch.from_numpy, layer.mask.to_dense().nonzero())
    if layer.unit_signs is not None:
        weight = weight.abs() * layer.unit_signs.to(weight.dtype)[indices]
    rows = torch.atleast_2d(weight)
    matrices = [
        weight.new_zeros(N_UNITS, N_UNITS).index_put((targets, indices), one) for one in rows
    ]
    return torch.cat(matrices)


def exact(
    module: nn.Module, inputs: Tensor, h0: Any = None, given: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, Any]:
    """Outputs and last states by torch's own dense layers in float64; differentiable."""
    own = {**dict(module.named_parameters()), **(given or {})}
    own = {name.removeprefix("rnn."): value.double() for name, value in own.items()}
    layer, inputs = layer_of(module), inputs.double()
    w_ih, bias, w_hh = own["weight_ih"], own["bias"], dense(layer, own["weight_hh"])
    if layer.CELL == "leaky":
        state = inputs.new_zeros(1, inputs.shape[1], N_UNITS) if h0 is None else h0
        states: list[Tensor] = []
        for step in inputs:
            rate = torch.tanh(step @ w_ih.T + bias + state @ w_hh.T)
            state = (1 - layer.alpha) * state + layer.alpha * rate
            states.append(state[0])
        outputs, last = torch.stack(states), state
    else:
        kind = {"vanilla": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[layer.CELL]
        second = torch.zeros_like(bias)
        if "bias_hn" in own:
            second = torch.cat([second[: 2 * N_UNITS], own["bias_hn"]])
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights: dict[str, Tensor] = dict(zip(names, (w_ih, w_hh, bias, second), strict=True))
        torch_layer = kind(5, N_UNITS, dtype=torch.float64)
        outputs, last = torch.func.functional_call(torch_layer, weights, (inputs, h0))
    if isinstance(module, srnn.Network):
        outputs = nn.functional.linear(outputs, own["readout.weight"], own["readout.bias"])
    return outputs, last


def loss(outputs: Tensor) -> Tensor:
    """A number that depends on each output in its own way."""
    slopes = torch.linspace(-1, 2, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    return (slopes * outputs.square()).sum()


def found(outputs: Tensor, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs, and the gradients of all parameters."""
    grads = torch.autograd.grad(loss(outputs), list(parameters.values()))
    return {"outputs": outputs.detach(), **dict(zip(parameters, grads, strict=True))}


def assert_exact(
    outputs: Tensor, module: nn.Module, inputs: Tensor = INPUTS, *, rough: bool = False
) -> None:
    """Outputs of a module, and their gradients, are those of torch's dense layers."""
    parameters = dict(module.named_parameters())
    ours, theirs = found(outputs, parameters), found(exact(module, inputs)[0], parameters)
    for name, value in ours.items():
        other = theirs[name].double()
        rtol, atol = (0.05, 0.04) if rough else (1e-9, 1e-11)
        scale = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(value.double(), other, rtol=rtol, atol=atol * scale)


def outputs_of(module: nn.Module) -> Tensor:
    """For another process."""
    return module(INPUTS)[0].detach()


def theirs_of(case: Case, **options: Any) -> Any:
    """The layer of torch that a masked layer is called like."""
    kind = {"MaskedGRU": nn.GRU, "MaskedLSTM": nn.LSTM}.get(case.kind, nn.RNN)
    return kind(5, N_UNITS, dtype=torch.float64, **options)


TORCH_ERRORS = (RuntimeError, ValueError, AttributeError, IndexError)


def both_refuse(case: Case, *arguments: Any, match: str) -> None:
    """Our error says what is allowed; torch's layer raises too, whatever it says."""
    with pytest.raises(TORCH_ERRORS):
        theirs_of(case)(*arguments)
    with pytest.raises(InvalidArgument, match=match):
        case.build()(*arguments)


def state_of(case: Case, *shape: int, dtype: torch.dtype = torch.float64) -> Any:
    """A first state of a shape; of an LSTM a pair."""
    pair = tuple(drawn(*shape, seed=seed).to(dtype) for seed in (5, 6))
    return pair if case.kind == "MaskedLSTM" else pair[0]


# Shapes.


def as_pair(last: Any) -> tuple[Tensor, ...]:
    return last if isinstance(last, tuple) else (last,)
