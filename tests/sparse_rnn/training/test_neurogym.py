"""neurogym's own environments in `fit`: whole trials, wrappers, and one that is learned."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument

pytest.importorskip("neurogym", reason="trains on its environments")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import neurogym
    from neurogym.envs.collections import yang19
    from neurogym.utils.scheduler import RandomSchedule
    from neurogym.wrappers import Noise, PassAction
    from neurogym.wrappers.block import ScheduleEnvs

pytestmark = [pytest.mark.neurogym, pytest.mark.filterwarnings("ignore")]

ID = "PerceptualDecisionMaking-v0"


def perceptual(**how: Any) -> Any:
    return neurogym.make(ID, **how)


def test_whole_trials_are_those_of_the_environment() -> None:
    env = perceptual(sigma=0.0)
    stream = srnn.environment_stream(env, batch_size=6)
    assert (stream.name, stream.input_size, stream.output_size) == (
        "PerceptualDecisionMaking",
        3,
        3,
    )
    batch = stream.batch(0)
    assert batch.mask.all()
    assert not batch.targets[:-1].any()  # the decision is one step
    assert (batch.targets[-1] > 0).all()
    stronger = batch.inputs[..., 1:].sum(0).argmax(-1)
    weak = batch.inputs[..., 1:].sum(0).diff().abs()[:, 0] < 1e-3  # coherence 0
    assert torch.equal((batch.targets[-1] - 1)[~weak], stronger[~weak])
    assert len({float(x) for x in batch.inputs[..., 1].sum(0)}) > 1


def test_wrappers_that_act_on_steps_are_played() -> None:
    first = srnn.environment_stream(PassAction(perceptual()), batch_size=2, act=lambda *_: 0)
    assert first.input_size == 4
    noisy = srnn.environment_stream(Noise(perceptual(sigma=0.0), std_noise=0.5), batch_size=2)
    assert float(noisy.batch(0).inputs[:, 0, 0].std()) > 0.1


def test_a_schedule_of_environments_keeps_its_rule_inputs() -> None:
    envs = [yang19.dlygo(), yang19.dm1()]
    both = ScheduleEnvs(envs, schedule=RandomSchedule(2), env_input=True)
    batch = srnn.environment_stream(both, batch_size=20, name="Both").batch(0)
    assert batch.inputs.shape[-1] == 35
    assert batch.inputs[0, :, -2:].sum(0).min() > 0
    assert (batch.inputs[0, :, -2:].sum(-1) == 1).all()


def test_an_environment_without_labels_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="says what is right"):
        srnn.environment_stream(neurogym.make("Bandit-v0"))


class Gated(torch.nn.Module):
    """A GRU of torch's."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)  # noqa: TID251 - torch.nn.GRU takes no generator
            self.rnn, self.readout = torch.nn.GRU(3, 24), torch.nn.Linear(24, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.readout(self.rnn(inputs)[0])


@pytest.mark.slow
def test_fit_learns_an_environment_above_chance() -> None:
    env = perceptual(timing={"decision": 500}, cohs=[25.6, 51.2])
    stream = srnn.environment_stream(env, batch_size=32)
    config = srnn.FitConfig(steps=120, lr=1e-2, eval_every=120, final_batches=10)
    (row,) = srnn.fit(Gated(), config, stream=stream).evaluation.rows()
    assert row["n_trials"] == 320
    assert row["chance"] < 0.6 < 0.9 < row["final_accuracy"]
    assert row["decision_accuracy"] > 0.9
