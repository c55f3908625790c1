"""Scores of trials whose targets alone say what is right, against trials counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.trials import Segments, score_trials

LABELS = torch.tensor([[0, 0, 1], [0, 2, 1], [1, 2, 0], [1, 0, 0]])
MASK = torch.tensor([[1.0, 1, 1], [1, 0.5, 1], [1, 2, 0], [1, 1, 0]])
# Lane 0 has two trials, lane 1 one that is followed by a cut one, lane 2 one that is padded.
SOURCE = Segments(
    lane=np.array([0, 0, 1, 2]),
    start=np.array([0, 2, 0, 0]),
    length=np.array([2, 2, 3, 4]),
    task=np.array(["A", "B", "A", "B"]),
)
BATCH = srnn.Batch(torch.zeros(4, 3, 5), LABELS, MASK, SOURCE, n_labels=3)


def answers(says: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.one_hot(says, 3).float()


def test_trials_are_scored_by_their_steps_that_count() -> None:
    says = LABELS.clone()
    says[0, 0] = 1  # not the last step of the first trial
    says[3, 1] = 1  # of the trial that was cut
    says[3, 2] = 2  # padding
    says[1, 2] = 0  # the last step that counts
    scores = score_trials([(answers(says), BATCH)], tasks=["B", "A"])
    assert scores.tasks == ("B", "A")
    assert scores.n_trials.tolist() == [2, 2]
    assert scores.final_accuracy.tolist() == [0.5, 1.0]
    assert scores.performance.tolist() == [0.5, 1.0]
    assert scores.decision_accuracy.tolist() == [3 / 4, 4 / 5]
    assert scores.trajectory_performance.tolist() == [0.5, 0.5]
    assert scores.chance.tolist() == [1.0, 0.5]


def test_batches_are_pooled_by_trials() -> None:
    right, wrong = answers(LABELS), answers((LABELS + 1) % 3)
    scores = score_trials([(right, BATCH), (wrong, BATCH), (wrong, BATCH)])
    assert scores.n_trials.tolist() == [6, 6]
    assert scores.mean("final_accuracy") == pytest.approx(1 / 3)


def test_numbers_are_right_within_the_tolerance() -> None:
    targets = torch.tensor([[[0.0, 1.0], [0.5, 0.5]]])
    batch = srnn.Batch(torch.zeros(1, 2, 5), targets, torch.ones(1, 2))
    off = targets + torch.tensor([[[0.1, 0.0], [0.0, -0.3]]])
    scores = score_trials([(off, batch)], name="Reach", tolerance=0.2)
    assert scores.rows()[0]["final_accuracy"] == 0.5
    assert math.isnan(scores.chance[0])
    with pytest.raises(InvalidArgument, match="tolerance must be a number >= 0; got None"):
        score_trials([(off, batch)])


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"logits must be finite"):
        score_trials([(answers(LABELS) * math.nan, BATCH)])
    with pytest.raises(InvalidArgument, match=r"logits must be of shape \[4, 3, 3\]"):
        score_trials([(answers(LABELS)[..., :2], BATCH)])
    with pytest.raises(InvalidArgument, match="tolerance must be None where targets are labels"):
        score_trials([(answers(LABELS), BATCH)], tolerance=0.1)
    nothing = srnn.Batch(BATCH.inputs, LABELS, torch.zeros_like(MASK), n_labels=3)
    for none in ([], [(answers(LABELS), nothing)]):
        with pytest.raises(InvalidArgument, match="answers must be of trials with a step"):
            score_trials(none)
    with pytest.raises(InvalidArgument, match="n_labels must be given"):
        _ = srnn.Batch(BATCH.inputs, LABELS, MASK).n_outputs
