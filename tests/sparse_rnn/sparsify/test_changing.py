"""Methods that change synapses, edge for edge against dense references of their formulas.

The reference is a dense matrix in float64 with a mask of ones and zeros, the equations of the
network and of Adam written down as they are in the papers, and each entry with an age of its own.
It shares no code with the package.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import sparse_rnn as srnn
from sparse_rnn.data import Batch
from sparse_rnn.sparsify._evolving import at_random
from sparse_rnn.training.run import build
from tests.sparse_rnn.helpers import small_config

N, STEPS, EVERY = 12, 24, 4


class InDouble:
    """The batches of a stream with inputs in float64."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        for batch in self._stream.batches(start, stop):
            yield replace(batch, inputs=batch.inputs.double())


def trainer_of(method: str, **options: Any) -> tuple[srnn.Trainer, InDouble]:
    """A run in float64, before its first step."""
    config = small_config(
        radius=None,
        arch="dense",
        size=N,
        steps=STEPS,
        batch_size=3,
        clip=1e9,
        lr=0.01,
        sparsifier=method,
        sparsifier_options={"density": 0.25, "every": EVERY, **options},
    )
    training, held_out, network = build(config)
    batches = InDouble(training)
    trainer = srnn.Trainer(network.double(), batches, held_out, config)
    trainer.begin()
    return trainer, batches


def dense_of(network: srnn.Network) -> tuple[Tensor, Tensor]:
    """The recurrent matrix of a network, and which entries it has."""
    mask = torch.from_numpy(network.rnn.mask.to_dense())
    matrix = torch.zeros(N, N, dtype=torch.float64)
    matrix[mask] = network.rnn.weight_hh.detach()
    return matrix, mask


class Dense:
    """The reference: a dense network, Adam by hand, and an age of each recurrent weight."""

    def __init__(self, network: srnn.Network) -> None:
        self.w, self.mask = dense_of(network)
        rest = (
            network.rnn.weight_ih,
            network.rnn.bias,
            network.readout.weight,
            network.readout.bias,
        )
        self.rest = [values.detach().clone() for values in rest if values is not None]
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in (self.w, *self.rest)]
        self.age = torch.zeros(N, N, dtype=torch.float64)
        self.steps = 0

    def gradients(self, batch: Batch) -> list[Tensor]:
        """Of all entries of the matrix, those that the mask lacks included, and of the rest."""
        leaves = [p.clone().requires_grad_() for p in (self.w, *self.rest)]
        w, w_in, bias, w_out, b_out = leaves
        state, costs = torch.zeros(batch.inputs.shape[1], N, dtype=torch.float64), []
        for now, right in zip(batch.inputs, batch.targets, strict=True):
            state = torch.relu(now @ w_in.T + bias + state @ w.T)
            logits = state @ w_out.T + b_out
            costs.append(-logits.log_softmax(1)[torch.arange(len(right)), right])
        weights = batch.mask.double()
        loss = (torch.stack(costs) * weights).sum() / weights.sum()
        return list(torch.autograd.grad(loss, leaves))

    def adam(self, gradients: list[Tensor]) -> None:
        self.steps += 1
        self.age += self.mask
        for i, (p, g) in enumerate(zip((self.w, *self.rest), gradients, strict=True)):
            m, v = self.moments[i]
            age: Any = self.age.clamp(min=1) if i == 0 else self.steps
            m.copy_(0.9 * m + 0.1 * g)
            v.copy_(0.999 * v + 0.001 * g**2)
            step = 0.01 * (m / (1 - 0.9**age)) / ((v / (1 - 0.999**age)).sqrt() + 1e-8)
            p.sub_(step * self.mask if i == 0 else step)
        for values in self.moments[0]:
            values *= self.mask

    def take(self, mask: Tensor) -> None:
        """Have another mask: what is new starts from nothing, at age 0."""
        kept = mask & self.mask
        for values in (self.w, self.age, *self.moments[0]):
            values *= kept
        self.mask = mask

    def weakest(self, n: int) -> Tensor:
        """Which entries are kept where the n smallest go."""
        size = self.w.abs().masked_fill(~self.mask, math.inf)
        gone = torch.zeros(N * N, dtype=torch.bool)
        gone[size.flatten().argsort()[:n]] = True
        return self.mask & ~gone.view(N, N)


def compare(trainer: srnn.Trainer, dense: Dense) -> None:
    network: Any = trainer.network
    w, mask = dense_of(network)
    assert torch.equal(mask, dense.mask)
    torch.testing.assert_close(w, dense.w, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(network.readout.weight.detach(), dense.rest[2])


def test_rigl_is_its_dense_reference() -> None:
    trainer, stream = trainer_of("rigl", share=0.6)
    network: Any = trainer.network
    dense, end, changed = Dense(network), 0.75 * STEPS, 0
    for number, batch in enumerate(stream.batches(0, STEPS), 1):
        gradients = dense.gradients(batch)
        if number % EVERY or number > end:
            dense.adam(gradients)
        else:
            budget = int(dense.mask.sum())
            n = int(0.6 / 2 * (1 + math.cos(math.pi * number / end)) * budget)
            kept = dense.weakest(n)
            promise = gradients[0].abs().masked_fill(kept, -math.inf)
            grown = torch.zeros(N * N, dtype=torch.bool)
            grown[promise.flatten().argsort(descending=True)[:n]] = True
            new = kept | grown.view(N, N)
            changed += int((new & ~dense.mask).sum())
            dense.take(new)
            assert int(new.sum()) == budget
        trainer.advance(batch)
        compare(trainer, dense)
    assert changed > 10


def test_set_drops_the_weakest_and_grows_as_many() -> None:
    trainer, stream = trainer_of("set", share=0.4)
    network: Any = trainer.network
    dense, counts = Dense(network), np.zeros(N * N)
    for number, batch in enumerate(stream.batches(0, STEPS), 1):
        dense.adam(dense.gradients(batch))
        trainer.advance(batch)
        if number % EVERY == 0 and number < STEPS:
            n = int(0.4 * 36)
            kept, new = dense.weakest(n), dense_of(network)[1]
            assert not (kept & ~new).any()
            assert int(new.sum()) == 36
            counts += (new & ~kept).flatten().numpy()
            dense.take(new)
        compare(trainer, dense)
    assert (counts > 0).sum() > 40  # All over the matrix.


def test_random_growth_is_of_all_others_alike() -> None:
    grow = at_random(9)
    kept = np.array([0, 1, 7, 80])
    rng, counts = np.random.default_rng(0), np.zeros(81)
    for _ in range(4000):
        found = grow(kept, 5, rng)
        assert np.unique(found).size == 5
        counts[found] += 1
    assert not counts[kept].any()
    others = np.delete(counts, kept)
    assert others.min() > 180
    assert others.max() < 350  # 260 each, of standard deviation 15.


@pytest.mark.parametrize("method", ["set", "rigl", "srigl", "selfish"])
def test_every_change_keeps_the_budget_and_the_kernel_is_right(method: str) -> None:
    trainer, stream = trainer_of(method)
    network: Any = trainer.network
    reference = srnn.Network(network.rnn.input_size, 17, srnn.masks.dense(N), "relu", "reference")
    for batch in stream.batches(0, STEPS):
        trainer.advance(batch)
        state = network.state_dict()
        state["rnn.weight_hh"] = dense_of(network)[0].flatten()
        state["rnn._extra_state"] = reference.rnn.get_extra_state()
        reference.double().load_state_dict({name: state[name] for name in reference.state_dict()})
        assert network.rnn.mask.nnz == 36
        torch.testing.assert_close(network(batch.inputs)[0], reference(batch.inputs)[0])


def test_srigl_is_its_dense_reference() -> None:
    trainer, stream = trainer_of("srigl", share=0.8, gamma=0.7)
    network: Any = trainer.network
    dense, end, ablated = Dense(network), 0.75 * STEPS, 0
    for number, batch in enumerate(stream.batches(0, STEPS), 1):
        gradients = dense.gradients(batch)
        if number % EVERY or number > end:
            dense.adam(gradients)
        else:
            n = int(0.8 / 2 * (1 + math.cos(math.pi * number / end)) * 36)
            kept, promise = dense.weakest(n), gradients[0].abs()
            others = promise.masked_fill(kept, -math.inf).flatten()
            grown = torch.zeros(N * N, dtype=torch.bool)
            grown[others.argsort(descending=True)[:n]] = True
            salient = (kept | grown.view(N, N)).sum(dim=1)
            active = dense.mask.any(dim=1)
            k = 36 / int(active.sum())
            active = active & (salient >= 0.7 * k)
            expected = kept.clone()
            trainer.advance(batch)
            new = dense_of(network)[1]
            degrees = new.sum(dim=1)
            assert int(new.sum()) == 36
            assert torch.equal(degrees > 0, active)
            assert int(degrees[active].max() - degrees[active].min()) <= 1
            for unit in range(N):  # Each row by itself.
                degree = int(degrees[unit])
                if int(kept[unit].sum()) > degree:
                    size = dense.w[unit].abs().masked_fill(~kept[unit], -math.inf)
                    expected[unit] = False
                    expected[unit, size.argsort(descending=True)[:degree]] = True
                n_grown = degree - int(expected[unit].sum())
                best = promise[unit].masked_fill(expected[unit], -math.inf)
                expected[unit, best.argsort(descending=True)[:n_grown]] = True
            assert torch.equal(new, expected)
            ablated = max(ablated, int((degrees == 0).sum()))
            dense.take(new)
            compare(trainer, dense)
            continue
        trainer.advance(batch)
        compare(trainer, dense)
    assert ablated > 0


def test_srigl_ablates_no_more_units_than_the_others_can_make_up_for() -> None:
    trainer, stream = trainer_of("srigl", density=0.9, gamma=1.0)
    network: Any = trainer.network
    for batch in stream.batches(0, STEPS):
        trainer.advance(batch)
        assert network.rnn.mask.nnz == 130
        assert network.rnn.mask.in_degree().max() <= N


def test_selfish_exchanges_fewer_and_fewer() -> None:
    trainer, stream = trainer_of("selfish")
    network: Any = trainer.network
    dense = Dense(network)
    for number, batch in enumerate(stream.batches(0, STEPS), 1):
        dense.adam(dense.gradients(batch))
        trainer.advance(batch)
        if number % EVERY == 0 and number < STEPS:
            n = int(0.5 / 2 * (1 + math.cos(math.pi * number / STEPS)) * 36)
            kept, new = dense.weakest(n), dense_of(network)[1]
            assert not (kept & ~new).any()
            assert int(new.sum()) == 36
            dense.take(new)
        compare(trainer, dense)


def test_gradual_is_its_dense_reference() -> None:
    trainer, stream = trainer_of("gradual", begin=0.2, end=0.9)
    network: Any = trainer.network
    dense, left = Dense(network), [N * N]
    changes = [8, 12, 16, 20]  # Multiples of 4 from 0.2 to 0.9 of 24.
    for number, batch in enumerate(stream.batches(0, STEPS), 1):
        dense.adam(dense.gradients(batch))
        if number in changes:
            gone = (changes.index(number) + 1) / len(changes)
            wanted = 36 + round((N * N - 36) * (1 - gone) ** 3)
            dense.take(dense.weakest(int(dense.mask.sum()) - wanted))
            left.append(wanted)
        trainer.advance(batch)
        compare(trainer, dense)
    assert left == [144, 82, 50, 38, 36]
