"""Recordings: the states that a network has in whole trials, and what was drawn for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.errors import InvalidArgument, RunConflict

TASKS = ["DlyGo", "DMS", "DlyGo_IntL"]


def network(cell: str = "vanilla", n_rules: int = 3, **options: Any) -> srnn.Network:
    mask = srnn.masks.locality((4, 4), radius=1)
    return srnn.Network(33 + n_rules, 17, mask, cell=cell, **options)


@pytest.mark.parametrize("cell", ["vanilla", "leaky", "gru", "lstm"])
def test_states_are_those_of_the_network_and_padding_is_zero(cell: str) -> None:
    net = network(cell)
    rec = analysis.record(net, TASKS, trials_per_task=5, noise=1.0)
    logits, hidden = net.eval()(torch.from_numpy(rec.inputs))
    assert rec.hidden.shape == (len(rec.mask), 15, 16)
    inside = rec.mask[..., None]
    np.testing.assert_allclose(rec.hidden, hidden.detach().numpy() * inside, atol=1e-6)
    np.testing.assert_allclose(rec.logits, logits.detach().numpy() * inside, atol=1e-6)
    np.testing.assert_array_equal(rec.mask.sum(axis=0), rec.trials.length)
    assert rec.mask[0].all()


@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize("cell", ["vanilla", "lstm"])
def test_chunks_change_no_recorded_state(cell: str, chunk: int) -> None:
    net = network(cell)
    whole = analysis.record(net, TASKS, trials_per_task=3)
    net.chunk = chunk
    found = analysis.record(net, TASKS, trials_per_task=3)
    np.testing.assert_array_equal(found.hidden, whole.hidden)
    np.testing.assert_array_equal(found.logits, whole.logits)
    assert net.chunk == chunk
    assert np.ptp(whole.hidden, axis=0).max() > 0  # The states are not the same at every step.


class Borders(nn.Module):
    """A network that returns the last state alone."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, hidden = self.net(inputs)
        return logits, hidden[-1:]


def test_states_of_some_steps_alone_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"network that returns logits and states of \["):
        analysis.record(Borders(), TASKS, trials_per_task=3)


def test_trials_are_five_of_each_slot_in_order_with_their_rule_on() -> None:
    rec = analysis.record(network(), TASKS, trials_per_task=5)
    assert rec.tasks == tuple(TASKS)
    np.testing.assert_array_equal(rec.task_index, np.repeat([0, 1, 2], 5))
    np.testing.assert_array_equal(rec.trials.task, np.repeat(TASKS, 5))
    np.testing.assert_array_equal(rec.inputs[0, :, 33:], np.eye(3)[rec.task_index])
    for trial in range(15):
        label = rec.targets[rec.trials.length[trial] - 1, trial]
        assert label == (1 + rec.trials.response[trial] if rec.trials.responds[trial] else 0)


def test_a_task_that_has_two_rule_slots_is_recorded_with_each() -> None:
    rec = analysis.record(network(), ["Go", "Anti", "Go"], trials_per_task=4)
    assert rec.tasks == ("Go", "Anti", "Go")
    np.testing.assert_array_equal(rec.trials.rule, np.repeat([0, 1, 2], 4))
    assert rec.of_task("Go").hidden.shape[1] == 8


def test_some_tasks_have_the_trials_that_they_have_among_all() -> None:
    every = analysis.record(network(), TASKS, trials_per_task=4, noise=1.0)
    one = analysis.record(network(), TASKS, trials_per_task=4, noise=1.0, tasks=["DMS"])
    assert one.tasks == ("DMS",)
    np.testing.assert_array_equal(one.slots, [1])
    np.testing.assert_array_equal(one.task_index, [0] * 4)
    same = every.of_task("DMS")
    np.testing.assert_array_equal(one.inputs, same.inputs[: len(one.inputs)])
    np.testing.assert_allclose(one.hidden, same.hidden[: len(one.hidden)], atol=1e-6)


def test_recordings_one_by_one_are_the_whole_recording() -> None:
    whole = analysis.record(network(), TASKS, trials_per_task=3)
    parts = list(analysis.recordings(network(), TASKS, trials_per_task=3))
    assert [part.tasks for part in parts] == [(name,) for name in TASKS]
    for row, part in enumerate(parts):
        same = whole.hidden[: len(part.hidden), whole.task_index == row]
        np.testing.assert_allclose(part.hidden, same, atol=1e-6)


def test_same_seed_same_bits_and_noise_and_seed_change_the_inputs() -> None:
    def inputs(**settings: Any) -> Any:
        return analysis.record(network(), TASKS, trials_per_task=3, **settings).inputs

    np.testing.assert_array_equal(inputs(), inputs())
    assert not np.array_equal(inputs(), inputs(seed=1))
    assert not np.array_equal(inputs(), inputs(noise=1.0))


def test_a_run_and_its_folder_need_no_suite(finished: srnn.Run) -> None:
    assert finished.folder is not None
    by_run = analysis.record(finished, trials_per_task=3)
    by_folder = analysis.record(finished.folder, trials_per_task=3)
    by_object = analysis.record(finished.network, finished.config.suite, trials_per_task=3)
    assert by_run.tasks == ("Go", "DlyGo")
    np.testing.assert_array_equal(by_run.hidden, by_folder.hidden)
    np.testing.assert_array_equal(by_run.hidden, by_object.hidden)


def test_the_time_step_is_that_of_the_run_or_of_the_layer() -> None:
    leaky = network("leaky", dt=20, tau=100)
    rec = analysis.record(leaky, TASKS, trials_per_task=2)
    assert rec.dt == rec.trials.dt == 20
    assert analysis.record(network(), TASKS, trials_per_task=2).dt == 100


def test_the_network_keeps_its_mode_and_any_module_with_states_will_do() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.readout = nn.GRU(36, 5), nn.Linear(5, 17)

        def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = self.rnn(inputs)[0]
            return self.readout(hidden), hidden

    own = Own().train()
    assert analysis.record(own, TASKS, trials_per_task=2).hidden.shape[1:] == (6, 5)
    assert own.training


def test_what_cannot_be_recorded_is_refused(tmp_path: Any) -> None:
    with pytest.raises(InvalidArgument, match="suite must be given for a network"):
        analysis.record(network())
    with pytest.raises(InvalidArgument, match=r"suite must be a suite for the network's 36 inputs"):
        analysis.record(network(), "cog-20")
    with pytest.raises(InvalidArgument, match="tasks must be among DlyGo, DMS, DlyGo_IntL; got "):
        analysis.record(network(), TASKS, tasks=["Go"])
    with pytest.raises(InvalidArgument, match="network must be a network, a run, or the folder"):
        analysis.record(3)
    with pytest.raises(InvalidArgument, match="network that returns logits"):
        analysis.record(nn.Linear(36, 17), TASKS)
    with pytest.raises(InvalidArgument, match="task must be one of DlyGo"):
        analysis.record(network(), TASKS, trials_per_task=2).of_task("Go")
    with pytest.raises(InvalidArgument, match="trials_per_task must be"):
        analysis.record(network(), TASKS, trials_per_task=-1)
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises((RunConflict, srnn.SparseRnnError)):
        analysis.record(tmp_path)
    with pytest.raises(FileNotFoundError):
        analysis.record(tmp_path / "none")
