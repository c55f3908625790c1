"""Environments as a stream: seeds, whole trials and played ones, what is refused, and `fit`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import modcog
import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.streams import digest
from tests.sparse_rnn.helpers import same_bits, same_outcome


class Louder(gym.Env[Any, Any]):
    """Says which of two channels was on average the larger one, in trials of 3 to 6 steps."""

    def __init__(self, *, start: int = 0) -> None:
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (2,))
        self.action_space = gym.spaces.Discrete(3, start=start)
        self.start = start

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.shown = self.draw()
        self.step_number = 0
        return self.shown[0], {}

    def draw(self) -> Any:
        ob = self.np_random.normal(size=(int(self.np_random.integers(3, 7)), 2))
        return ob + self.np_random.permutation([0.0, 1.0])

    def right(self) -> int:
        """0 at all steps but the last one, and then 1 or 2."""
        last = self.step_number == len(self.shown) - 1
        return self.start + (1 + int(self.shown.mean(0).argmax()) if last else 0)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        info = {"gt": self.right(), "number": self.step_number}
        over = self.step_number == len(self.shown) - 1
        self.step_number += 1
        shown = self.shown[min(self.step_number, len(self.shown) - 1)]
        return shown, 0.0, over, False, info


class Global(Louder):
    """Draws from numpy's global generator."""

    def draw(self) -> Any:
        return np.random.normal(size=(3, 2))  # noqa: NPY002, TID251 - what is refused


class Alone(Louder):
    """Has a generator that nobody seeds."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self.own = np.random.default_rng(seed)

    def draw(self) -> Any:
        return self.own.normal(size=(3, 2))


class Turns(Louder):
    """Starts each second trial with a cue, whatever the seed."""

    n = 0

    def draw(self) -> Any:
        self.n += 1
        return np.concatenate([np.full((1, 2), self.n % 2), super().draw()])


class Same(Louder):
    """Draws nothing."""

    def draw(self) -> Any:
        return np.ones((3, 2))


def net(stream: Any, n_units: int = 16) -> srnn.Network:
    mask = srnn.masks.dense(n_units)
    return srnn.Network(stream.input_size, stream.output_size, mask, "tanh", seed=0)


def test_a_played_environment_shows_what_it_showed() -> None:
    stream = srnn.environment_stream(Louder(), batch_size=5, name="Louder")
    batch = stream.batch(3)
    assert (stream.input_size, stream.output_size, stream.seq_len) == (2, 3, "auto")
    lengths = batch.source.length
    assert batch.inputs.shape == (max(lengths), 5, 2)
    assert set(lengths.tolist()) <= {3, 4, 5, 6}
    for lane, n in enumerate(lengths):
        shown = batch.inputs[:n, lane]
        assert batch.mask[:, lane].tolist() == [1.0] * n + [0.0] * (len(batch.mask) - n)
        assert batch.targets[n - 1, lane] == 1 + shown.mean(0).argmax()
        assert not batch.targets[: n - 1, lane].any()
        assert not batch.inputs[n:, lane].any()


def test_trials_follow_each_other_in_a_lane_and_the_last_is_cut() -> None:
    stream = srnn.environment_stream(Louder(), batch_size=3, seq_len=20)
    batch = stream.batch(0)
    assert batch.steps_and_lanes == (20, 3)
    assert batch.mask.all()
    source = batch.source
    for lane in range(3):
        here = source.lane == lane
        ends = (source.start + source.length)[here]
        assert source.start[here].tolist() == [0, *ends[:-1]]
        assert 14 < ends[-1] <= 20
        assert batch.targets[:, lane].nonzero()[:, 0].tolist() == [int(end) - 1 for end in ends]


def test_a_batch_is_a_function_of_its_number_and_held_out_ones_are_others() -> None:
    env = Louder()
    stream = srnn.environment_stream(env, batch_size=2, seed=4)
    whole = [digest(batch) for batch in stream.batches(0, 6)]
    assert [digest(stream.batch(i)) for i in reversed(range(6))] == whole[::-1]
    shards = [stream.shard(rank, 2) for rank in (0, 1)]
    assert [digest(shards[i % 2].batch(i // 2)) for i in range(6)] == whole
    held_out = stream.held_out()
    streams = (stream, held_out, held_out.final(), srnn.environment_stream(env, batch_size=2))
    assert len({digest(s.batch(0)) for s in streams}) == 4
    assert len({s.identity for s in streams}) == 4
    assert not hasattr(env, "shown")  # the caller's is left as it is


def test_whole_trials_of_modcog_are_what_playing_them_shows() -> None:
    env = modcog.make("DlyGo_IntL")
    whole = srnn.environment_stream(env, batch_size=5)
    played = srnn.environment_stream(env, batch_size=6, act=lambda *_: 0)
    one, other = whole.batch(2), played.batch(2)  # the first trial there is that of the reset
    n_steps = one.steps_and_lanes[0]
    for name in ("inputs", "targets", "mask"):
        assert torch.equal(getattr(one, name), getattr(other, name)[:n_steps, 1:])


def test_an_answer_may_end_a_trial() -> None:
    env = modcog.make("Go")
    played, waited = (
        srnn.environment_stream(env, batch_size=6, label=lambda _, info: info["gt"], act=act)
        for act in (None, lambda *_: 0)
    )
    assert played.batch(0).source.length.sum() < waited.batch(0).source.length.sum()


def test_a_wrapper_that_acts_on_steps_is_not_passed_by() -> None:
    class Doubled(gym.ObservationWrapper[Any, Any, Any]):
        def observation(self, observation: Any) -> Any:
            return 2 * observation

    env = modcog.make("Go", noise=0.0)
    plain, doubled = (srnn.environment_stream(e, batch_size=8) for e in (env, Doubled(env)))
    assert float(plain.batch(0).inputs.max()) == 1
    assert float(doubled.batch(0).inputs.max()) == 2


def test_labels_of_the_caller() -> None:
    def late(env: Any, info: dict[str, Any]) -> int | None:
        del env
        return None if info["number"] < 2 else info["number"] - 2

    stream = srnn.environment_stream(Louder(start=5), label=late, n_labels=4)
    batch = stream.batch(0)
    assert stream.output_size == 4
    assert not batch.mask[:2].any()
    assert (batch.targets[2:] * batch.mask[2:]).max() == 3
    # Without them labels are those of the action space, whatever it begins with.
    one, other = (srnn.environment_stream(Louder(start=k)).batch(0) for k in (0, 5))
    assert torch.equal(one.targets, other.targets)


def test_numbers_as_right_answers() -> None:
    class Sum(Louder):
        def __init__(self) -> None:
            super().__init__()
            self.action_space = gym.spaces.Box(-9, 9, (1,))

        def right(self) -> Any:
            return self.shown[: self.step_number + 1].sum((0, 1), keepdims=True)[0]

    stream = srnn.environment_stream(Sum, tolerance=0.5, batch_size=4)
    batch = stream.batch(0)
    total = batch.inputs.sum(-1, keepdim=True).cumsum(0)
    torch.testing.assert_close(batch.targets, total * batch.mask[..., None])
    config = srnn.FitConfig(steps=2, objective="squared_error", eval_batches=1, final_batches=1)
    run = srnn.fit(net(stream), config, stream=stream)
    assert np.isnan(run.evaluation.chance).all()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (Global(), "whose trials follow from its seed"),
        (Alone(), "whose trials follow from its seed"),
        (Turns(), "A function that makes the environment begins each batch with a new one"),
        (Alone, "whose trials follow from its seed"),
        (lambda: Alone(3), "makes the same trials from each seed"),
        (Same(), "makes the same trials from each seed"),
    ],
)
def test_trials_that_do_not_follow_from_the_seed_are_refused(env: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        srnn.environment_stream(env)
    assert caught.value.argument == "env"


def test_a_function_begins_each_batch_with_a_new_environment() -> None:
    batch = srnn.environment_stream(Turns, batch_size=4).batch(9)
    assert batch.inputs[0, :, 0].tolist() == [0, 1, 0, 1]  # after the reset that seeds


class Uncopied(Louder):
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot be pickled")


class Wordless(Louder):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = gym.spaces.Discrete(3)


def told(what: Any) -> Callable[..., Any]:
    return lambda *_: what


@pytest.mark.parametrize(
    ("argument", "env", "how", "words"),
    [
        ("env", "CartPole-v1", {}, "gymnasium.make makes one of its name"),
        ("env", 3, {}, "an environment of gymnasium"),
        ("env", Uncopied(), {}, "a function that makes the environment"),
        ("env", Wordless(), {}, "a Box"),
        ("env", gym.make("CartPole-v1"), {}, "label"),
        ("env", Louder(), {"label": told(None)}, "label"),
        ("act", Louder(), {"act": told(7)}, "actions are in Discrete"),
        ("label", Louder(), {"label": "gt"}, "function"),
        ("act", Louder(), {"act": 0}, "function"),
        ("env", Louder(), {"label": told(3)}, "whole numbers from 0 to 2.*n_labels"),
        ("env", Louder(), {"label": told(0.5)}, "whole numbers from 0 to 2"),
        ("env", Louder(), {"label": told("left")}, "whole numbers from 0 to 2"),
        ("env", Louder(), {"label": told(np.nan)}, "whole numbers from 0 to 2"),
        ("n_labels", Louder(), {"n_labels": 0}, "must be"),
        ("tolerance", Louder(), {"tolerance": 0.5}, "None where right answers are labels"),
        ("seq_len", Louder(), {"seq_len": 2}, 'enough for a whole trial, or "auto"'),
        ("seq_len", Louder(), {"seq_len": "long"}, "must be"),
        ("batch_size", Louder(), {"batch_size": 0}, "must be"),
        ("seed", Louder(), {"seed": -1}, "must be"),
        ("name", Louder(), {"name": "no name"}, "must be"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(
    argument: str, env: Any, how: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        srnn.environment_stream(env, **how)
    assert caught.value.argument == argument


@pytest.mark.slow
def test_fit_learns_an_environment_and_goes_on_with_its_bits(tmp_path: Path) -> None:
    def asked(env: Any, info: dict[str, Any]) -> int | None:
        del env
        return info["gt"] - 1 if info["gt"] else None

    stream = srnn.environment_stream(Louder, label=asked, n_labels=2, batch_size=16, seq_len=30)
    config = srnn.FitConfig(steps=60, lr=2e-2, eval_batches=4, final_batches=8)
    whole = srnn.fit(net(stream), config, tmp_path / "whole", stream=stream)
    (row,) = whole.evaluation.rows()
    assert row["task"] == "Louder"
    assert row["chance"] < 0.65 < row["final_accuracy"]

    def stop(moment: srnn.Moment) -> None:
        if moment.record.step == 23:
            raise KeyboardInterrupt

    often = srnn.RunOptions(checkpoint_every=10)
    again = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        srnn.fit(net(stream), config, again, stream=stream, callbacks=[stop], options=often)
    run = srnn.fit(net(stream), config, again, stream=stream)
    assert same_bits(run.network.state_dict(), whole.network.state_dict())
    assert same_outcome(again, tmp_path / "whole")
