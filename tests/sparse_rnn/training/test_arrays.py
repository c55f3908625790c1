"""Arrays as a stream: the split, the order, what is refused, and `fit` on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, RunConflict
from tests.sparse_rnn.helpers import masked_cross_entropy, same_bits, same_outcome

T, N = 6, 150


def arrays(n: int = N) -> tuple[Any, Any, Any]:
    """Which sign the sum of all inputs had, asked at the last step."""
    x = np.random.default_rng(0).normal(size=(T, n, 2))
    y = np.broadcast_to((x.sum((0, 2)) > 0).astype(int), (T, n))
    mask = np.zeros((T, n))
    mask[-1] = 1
    return x, y, mask


def network(stream: Any, n_units: int = 12) -> srnn.Network:
    return srnn.Network(
        stream.input_size, stream.output_size, srnn.masks.dense(n_units), "tanh", seed=0
    )


def numbered(n: int, **how: Any) -> Any:
    """A stream whose inputs are the numbers of the trials."""
    return srnn.array_stream(np.arange(n)[None, :, None], np.zeros((1, n), int), **how)


def seen(stream: Any, start: int, stop: int) -> list[int]:
    return [int(k) for batch in stream.batches(start, stop) for k in batch.inputs.flatten()]


def test_fit_learns_arrays() -> None:
    stream = srnn.array_stream(*arrays(300), name="Sign")
    config = srnn.FitConfig(steps=100, lr=1e-2, eval_every=50)
    run = srnn.fit(network(stream), config, stream=stream)
    assert run.config.suite == "own:Sign"
    assert (run.config.batch_size, run.config.seq_len) == (20, T)
    (row,) = run.evaluation.rows()
    assert (row["task"], row["n_trials"]) == ("Sign", 60)
    assert row["chance"] < 0.65 < 0.85 < row["performance"] == row["final_accuracy"]


def test_each_step_is_that_of_plain_torch() -> None:
    stream = srnn.array_stream(*arrays(), batch_size=8, seed=3)
    ours, theirs = network(stream), network(stream)
    config = srnn.FitConfig(steps=4, clip=None, eval_batches=1, final_batches=1)
    run = srnn.fit(ours, config, stream=stream)
    optimiser = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    losses: list[float] = []
    for batch in stream.batches(0, 4):
        loss = masked_cross_entropy(theirs(batch.inputs)[0], batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    np.testing.assert_allclose(run.history["loss"], losses, rtol=1e-6)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


@given(
    n=st.integers(2, 30),
    batch_size=st.integers(1, 40),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_each_trial_is_trained_once_before_any_comes_again_and_none_that_is_held_out(
    n: int, batch_size: int, share: float, seed: int
) -> None:
    stream = numbered(n, batch_size=batch_size, held_out=share, seed=seed)
    aside = seen(stream.held_out(), 0, 40)
    assert seen(stream.held_out().final(), 0, 40) == aside
    assert len(set(aside)) == len(aside)
    k = n - len(aside)
    assert 1 <= len(aside) < n
    trained = seen(stream, 0, 2 * n // batch_size + 2)
    for begin in (0, k):
        assert set(trained[begin : begin + k]) == set(range(n)) - set(aside)


def test_a_batch_is_a_function_of_its_number() -> None:
    stream = numbered(50, batch_size=7, seed=1)
    whole = [seen(stream, i, i + 1) for i in range(20)]
    assert [x for part in whole for x in part] == seen(stream, 0, 20)
    assert [seen(stream, i, i + 1) for i in reversed(range(20))] == whole[::-1]
    shards = [stream.shard(rank, 2) for rank in (0, 1)]
    assert [seen(shards[i % 2], i // 2, i // 2 + 1) for i in range(20)] == whole
    assert seen(stream.shard(1, 2).shard(0, 3), 1, 2) == whole[7]
    assert seen(numbered(50, batch_size=7, seed=2), 0, 5) != seen(stream, 0, 5)


def test_tasks_are_split_and_scored_for_themselves() -> None:
    x, y, mask = arrays()
    tasks = ["rare" if i < 10 else "often" for i in range(N)]
    stream = srnn.array_stream(x, y, mask, tasks=tasks)
    assert stream.tasks == ("rare", "often")
    aside = stream.held_out()
    scores = srnn.evaluate(network(stream), aside, aside.batches(0, 50))
    assert (scores.tasks, scores.n_trials.tolist()) == (("rare", "often"), [2, 28])


def test_numbers_are_trained_with_squared_error() -> None:
    x, _, mask = arrays()
    stream = srnn.array_stream(x, x.cumsum(0).sum(-1, keepdims=True), mask, tolerance=0.5)
    config = srnn.FitConfig(
        steps=60, lr=1e-2, objective="squared_error", stop_at=0.99, eval_every=30
    )
    run = srnn.fit(network(stream), config, stream=stream)
    assert stream.output_size == 1
    assert run.history["loss"][-1] < run.history["loss"][0] / 3
    with pytest.raises(InvalidArgument, match="objective must be one for the targets"):
        srnn.fit(network(stream), srnn.FitConfig(), stream=stream)


class Killed(BaseException):
    """Ends a process as SIGKILL would."""


class Fragile(srnn.Network):
    """Dies in its third pass."""

    passes = 0

    def forward(self, *args: Any, **how: Any) -> Any:
        self.passes += self.training
        if self.passes == 3:
            raise Killed
        return super().forward(*args, **how)


def test_a_run_goes_on_with_its_bits_and_with_no_other_arrays(tmp_path: Path) -> None:
    x, y, mask = arrays()
    stream = srnn.array_stream(x, y, mask)
    config = srnn.FitConfig(steps=5, eval_every=2, eval_batches=1, final_batches=1)
    often = srnn.RunOptions(checkpoint_every=1)
    whole = srnn.fit(network(stream), config, tmp_path / "whole", stream=stream)
    fragile = Fragile(2, 2, srnn.masks.dense(12), "tanh", seed=0)
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        srnn.fit(fragile, config, folder, stream=stream, options=often)
    x[0, 0, 0] += 1e-3
    other = srnn.array_stream(x, y, mask)
    with pytest.raises(RunConflict, match="tasks that had other content"):
        srnn.fit(network(stream), config, folder, stream=other)
    with pytest.raises(RunConflict, match="seed is 0 there and 1 here"):
        srnn.fit(network(stream), config, folder, stream=srnn.array_stream(*arrays(), seed=1))
    with pytest.raises(RunConflict, match="suite is 'own:arrays' there and 'own:Other' here"):
        srnn.fit(network(stream), config, folder, stream=("Other", stream))
    again = srnn.fit(network(stream), config, folder, stream=stream)
    assert same_bits(again.network.state_dict(), whole.network.state_dict())
    assert same_outcome(folder, tmp_path / "whole")
    # The configuration of the run, read back, is one of the same run.
    read = srnn.FitConfig.from_json(again.config.to_json())
    assert srnn.fit(network(stream), read, folder, stream=stream).evaluation.rows()
    longer = read.model_copy(update={"steps": 7})
    more = srnn.fit(network(stream), longer, stream=stream, continue_from=folder)
    alone = srnn.fit(network(stream), longer, stream=stream)
    assert same_bits(more.network.state_dict(), alone.network.state_dict())


X, Y, MASK = arrays(4)


@pytest.mark.parametrize(
    ("argument", "how"),
    [
        ("inputs", {"inputs": X[0]}),
        ("inputs", {"inputs": X[:, :0]}),
        ("inputs", {"inputs": X * np.nan}),
        ("inputs", {"inputs": X + 1e300}),
        ("inputs", {"inputs": X.astype(complex)}),
        ("inputs", {"inputs": X.astype(object)}),
        ("targets", {"targets": Y.T}),
        ("targets", {"targets": Y - 1}),
        ("targets", {"targets": Y.astype(float)}),
        ("targets", {"targets": Y > 0}),
        ("targets", {"targets": X[1:], "tolerance": 1.0}),
        ("targets", {"targets": X * np.inf, "tolerance": 1.0}),
        ("tolerance", {"targets": X}),
        ("tolerance", {"tolerance": 1.0}),
        ("n_labels", {"n_labels": 1}),
        ("n_labels", {"targets": X, "tolerance": 1.0, "n_labels": 2}),
        ("mask", {"mask": MASK[0]}),
        ("mask", {"mask": -MASK}),
        ("mask", {"mask": MASK * 0}),
        ("mask", {"mask": MASK * np.nan}),
        ("tasks", {"tasks": ["Go"]}),
        ("tasks", {"tasks": "GoGo"}),
        ("tasks", {"tasks": [1, 2, 3, 4]}),
        ("tasks", {"tasks": ["Go", "Go", "Go", "Anti"]}),
        ("name", {"name": "no name"}),
        ("batch_size", {"batch_size": 0}),
        ("seed", {"seed": -1}),
        ("held_out", {"held_out": 0.0}),
        ("held_out", {"held_out": 1.0}),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(argument: str, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        srnn.array_stream(**{"inputs": X, "targets": Y, "mask": MASK, **how})
    assert caught.value.argument == argument


def test_arrays_are_copied() -> None:
    x, y, mask = arrays()
    x, y, mask = x.astype(np.float32), y.copy(), mask.astype(np.float32)
    stream = srnn.array_stream(x, y, mask)
    before = stream.identity
    x += 1
    y[:] = 0
    mask += 1
    again = srnn.array_stream(*arrays())
    assert before == again.identity
    for one, other in zip(stream.batches(0, 2), again.batches(0, 2), strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.mask, other.mask)
