"""What the networks of the comparison cost: multiply-adds, and seconds.

Work is that of the board (`sparse_rnn.training.work.Spent.work`), summed over all trainings that a
network took.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.compare._chains import RidgeArm, TicketArm
from benchmarks.paper._arms import MEASURE, Arm, Trained
from sparse_rnn.evaluation.history import History
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.training.work import Spent


def trainings(arm: Arm, run: Trained) -> list[Path]:
    """Folders of all trainings that a network took, the last one its own."""
    chain = isinstance(arm, TicketArm)
    return sorted(run.folder.parent.glob("level-??")) if chain else [run.folder]


def multiply_adds(arm: Arm, run: Trained) -> int:
    """Multiply-adds of all trainings that a network took."""
    if not isinstance(arm, RidgeArm):
        return sum(Spent.read(folder).work() for folder in trainings(arm, run))
    # A forward pass, and the sums of products of states, the bias among them, with all there is.
    config, network = run.config, run.network()
    n_states, n_outputs = network.rnn.hidden_size + 1, network.readout.out_features
    a_step = network.weight_counts()["total"] + n_states * (n_states + n_outputs)
    return config.steps * config.batch_size * int(config.seq_len) * a_step


def seconds(arm: Arm, run: Trained) -> float:
    """Seconds of all trainings that a network took, evaluations aside.

    A step with an evaluation counts as the median step does.
    """
    return sum(_seconds(folder) for folder in trainings(arm, run))


def _seconds(folder: Path) -> float:
    history = History.read_csv(folder / run_folder.METRICS)
    taken = np.diff(history["elapsed_s"], prepend=0.0)
    # The first one has what came before it besides, such as the choice of synapses.
    later, evaluated = taken[1:], ~np.isnan(history[MEASURE][1:])
    if not evaluated.all():
        later[evaluated] = np.median(later[~evaluated])
    return float(taken.sum())
