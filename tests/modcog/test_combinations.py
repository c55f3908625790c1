"""Rule inputs, targets and schedules together: batches show what environments show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import modcog
from modcog import schedules
from modcog.batches.targets import TARGETS
from modcog.catalog.rules import ENCODINGS

RINGS = 33
TASKS = ["DlyGo_IntL", "DMS", "Go_SeqR"]
SIZE: dict[str, Any] = {"batch_size": 3, "seq_len": 90, "seed": 4}
RULES: dict[str, Any] = {
    **{name: name for name in ENCODINGS},
    "low_rank": modcog.rules.low_rank(2, seed=3),
    "array": np.arange(6.0).reshape(3, 2) / 7,
}
BLOCKS = schedules.blocks(("geometric", 2), hidden=True)
STAGES = schedules.stages([(["DMS"], 1), ({"Go_SeqR": 0}, 1), (None, 1)])


def played(source: Any, rules: Any, *, seed: int) -> tuple[Any, modcog.Trials]:
    """What an environment shows in one trial, step by step, ``[steps, channels]``; the trial."""
    env = modcog.make(source, rules=rules)
    shown = [env.reset(seed=seed)[0]]
    trials = env.unwrapped.trials
    for _ in range(int(trials.length[0]) - 1):
        shown.append(env.step(0)[0])
    return np.array(shown), trials


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("schedule", [BLOCKS, STAGES], ids=["blocks", "stages"])
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_batches_under_a_schedule_show_what_environments_show(
    rules: Any, schedule: Any, targets: str
) -> None:
    sampler = modcog.BatchSampler(TASKS, rules=rules, targets=targets, schedule=schedule, **SIZE)
    hidden = schedule is BLOCKS
    plain = modcog.BatchSampler(TASKS, schedule=schedule, **SIZE)
    envs = modcog.make_vec(TASKS, 3, rules=rules)
    first, _ = envs.reset(seed=5)
    for lane in range(3):
        shown, trials = played(TASKS, rules, seed=5 + lane)
        np.testing.assert_array_equal(first[lane], shown[0])
        batch = sampler.batch_of(trials)
        np.testing.assert_array_equal(batch.inputs[: len(shown), 0, :RINGS], shown[:, :RINGS])
        channels = np.zeros_like(shown[:, RINGS:]) if hidden else shown[:, RINGS:]
        np.testing.assert_array_equal(batch.inputs[: len(shown), 0, RINGS:], channels)
        np.testing.assert_array_equal(batch.targets, modcog.targets_of(trials, targets))
    for index in range(3):
        batch, bare = sampler.batch(index), plain.batch(index)
        assert batch.trials == bare.trials  # neither rules nor targets draw others
        assert batch.inputs[..., :RINGS].tobytes() == bare.inputs[..., :RINGS].tobytes()
        made = modcog.targets_of(batch.trials, targets, seq_len=90, n_lanes=3)
        assert batch.targets.tobytes() == made.tobytes()
        table = np.zeros_like(sampler.rules) if hidden else sampler.rules
        rows = modcog.render(batch.trials, rules=table, seq_len=90, n_lanes=3).observations
        assert batch.inputs.tobytes() == rows.tobytes()


def test_a_hidden_rule_is_kept_beside_the_inputs() -> None:
    sampler = modcog.BatchSampler(TASKS, rules="factors", schedule=BLOCKS, **SIZE)
    batch = sampler.batch(0)
    assert not batch.inputs[..., RINGS:].any()
    assert len(set(batch.trials.rule.tolist())) > 1
    assert [TASKS[slot] for slot in batch.trials.rule] == batch.trials.task.tolist()
