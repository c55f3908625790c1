"""Networks with more rules and outputs: the old ones bit for bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings, strategies as st

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.cells import CELLS
from tests.sparse_rnn.helpers import CPU_BACKENDS, small_config

MASK = srnn.masks.locality((4, 4), radius=1)


@settings(max_examples=20, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    rules=st.integers(0, 3),
    outputs=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_the_old_is_kept_to_the_bit_and_the_new_is_drawn(
    cell: str, rules: int, outputs: int, seed: int
) -> None:
    net = srnn.Network(5, 3, MASK, cell=cell, seed=seed)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    if rules + outputs == 0:
        with pytest.raises(InvalidArgument, match="rules must be at least 1"):
            srnn.extend(net)
        return
    more = srnn.extend(net, rules=rules, outputs=outputs, seed=seed)
    after = more.state_dict()
    assert after["rnn.weight_ih"].shape[1] == 5 + rules == more.rnn.input_size
    assert after["readout.weight"].shape == (3 + outputs, 16)
    assert after["readout.bias"].shape == (3 + outputs,)
    for name, value in before.items():
        assert torch.equal(net.state_dict()[name], value)
        kept = after[name][tuple(slice(side) for side in value.shape)]
        assert torch.equal(kept, value), name
    new = after["rnn.weight_ih"][:, 5:]
    assert bool((new.abs() <= 0.25).all())
    assert new.unique().numel() == new.numel()
    again = srnn.extend(net, rules=rules, outputs=outputs, seed=seed)
    other = srnn.extend(net, rules=rules, outputs=outputs, seed=seed + 1)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in after.items())
    assert any(not torch.equal(other.state_dict()[name], value) for name, value in after.items())


@pytest.mark.parametrize("backend", [name for name in CPU_BACKENDS if name != "autapse"])
def test_answers_on_old_rules_are_those_of_before(backend: str) -> None:
    net = srnn.Network(5, 3, MASK, backend=backend, dtype=torch.float64)
    more = srnn.extend(net, rules=2, outputs=1).eval()
    assert more.rnn.backend == backend
    inputs = torch.randn((9, 2, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits, hidden = more(torch.cat([inputs, torch.zeros(9, 2, 2, dtype=torch.float64)], -1))
    expected = net(inputs)
    torch.testing.assert_close(hidden, expected[1], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(logits[..., :3], expected[0], rtol=1e-12, atol=1e-14)


def test_what_a_network_has_besides_comes_along() -> None:
    net = srnn.Network(
        5, 3, MASK, cell="leaky", recurrent_noise=0.1, inhibitory=0.25, recurrence="frozen"
    ).double()
    net.chunk = 4
    net.eval()
    more = srnn.extend(net, rules=1)
    assert (more.chunk, more.training, more.rnn.weight_ih.dtype) == (4, False, torch.float64)
    assert more.rnn.settings() == net.rnn.settings()
    assert "rnn.weight_hh" not in dict(more.named_parameters())


def test_a_new_rule_is_learned_on_a_network_that_stays_as_it_is() -> None:
    first = srnn.train(small_config(steps=2))
    net = srnn.extend(first.network, rules=1)
    tasks = ("Go", "DlyGo", "Anti")
    given_ = small_config().model_dump(include=set(srnn.FitConfig.model_fields))
    run = srnn.fit(net, srnn.FitConfig(**{**given_, "suite": tasks, "new_rules": 1}))
    old = first.network.state_dict()
    for name, value in run.network.state_dict().items():
        if name == "rnn.weight_ih":
            assert torch.equal(value[:, :-1], old[name])
        else:
            assert torch.equal(value, old[name]), name
