"""Networks that are no single run: lottery tickets, and reservoirs with a computed readout."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path

import sparse_rnn as srnn
from benchmarks.paper._arms import Arm
from benchmarks.paper._rounds import OwnArm
from benchmarks.paper._scales import Scale
from sparse_rnn.evaluation.history import COLUMNS, Record
from sparse_rnn.nn.rewiring import made
from sparse_rnn.runs import folder as run_folder, weights
from sparse_rnn.sparsify._imp import LotteryTickets
from sparse_rnn.sweep import identity
from sparse_rnn.system.files import atomic_writer
from sparse_rnn.training.run import build

RIDGE = "ridge"
"""What is a setting of a `RidgeArm` and none of a run."""


def n_levels(config: srnn.TrainConfig) -> int:
    """Prunings of a lottery ticket from a dense network."""
    method = made("imp", config.sparsifier_options)
    assert isinstance(method, LotteryTickets)  # Which is what the name stands for.
    mask = config.build_mask()
    return len(method.budgets(mask.nnz, mask.n_units))


@dataclass(frozen=True)
class TicketArm(OwnArm):
    """A lottery ticket: a chain of trainings, the last of which is compared."""

    def place(self, results: Path, config: srnn.TrainConfig) -> Path:
        """The folder of the last level."""
        return results / "tickets" / identity(config) / f"level-{n_levels(config):02d}"

    def train(self, config: srnn.TrainConfig, folder: Path) -> None:
        """Train all levels."""
        srnn.lottery_ticket(config, folder.parent)


@dataclass(frozen=True)
class RidgeArm(OwnArm):
    """A reservoir whose readout is computed, of as many batches as others take gradient steps."""

    def configs(self, scale: Scale) -> tuple[srnn.TrainConfig, ...]:
        """Its runs, one a seed; the penalty is none of their settings."""
        settings = {name: value for name, value in self.settings.items() if name != RIDGE}
        return Arm(self.label, settings, self.seeds).configs(scale)

    def place(self, results: Path, config: srnn.TrainConfig) -> Path:
        """A folder of its own for each penalty."""
        return results / RIDGE / f"{identity(config)}-{self.settings[RIDGE]:g}"

    def train(self, config: srnn.TrainConfig, folder: Path) -> None:
        """Compute the readout, and score it as runs are scored at their ends."""
        training, held_out, network = build(config)
        began_s = time.monotonic()
        batches = training.batches(0, config.steps)
        fitted = srnn.ridge_readout(network, batches, ridge=self.settings[RIDGE])
        seconds = time.monotonic() - began_s
        final = held_out.final()
        scores = srnn.evaluate(fitted, final, final.batches(0, config.final_batches))
        folder.mkdir(parents=True, exist_ok=True)
        nothing = float("nan")
        record = Record(config.steps, nothing, nothing, nothing, seconds, scores)
        with atomic_writer(folder / run_folder.METRICS) as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, record.row()])
        scores.write_csv(folder / run_folder.EVALUATION)
        # Written last: who has it is finished.
        weights.save_weights(folder / weights.WEIGHTS, fitted)
