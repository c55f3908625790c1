"""What a training costs: multiply-adds, and seconds.

Work is a count of the arithmetic that a method asks for, not of what a kernel does: a multiply-add
for each weight, lane and time step of the forward pass, one for its gradient if it is trained, and
one to pass the gradient on to the states. Nobody needs the gradient of the inputs. Elementwise
operations, the optimiser and evaluations are left out; they are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare._chains import RidgeArm, TicketArm
from benchmarks.paper._arms import MEASURE, Arm, Trained
from benchmarks.paper._cost import N_OUTPUTS, n_inputs
from sparse_rnn import TrainConfig, sparsify
from sparse_rnn.evaluation.history import History
from sparse_rnn.nn.rewiring import made
from sparse_rnn.runs import folder as run_folder, weights
from sparse_rnn.training.parts import changed

EIGENVALUES, LYAPUNOV = 5, 16
"""Multiply-adds over N cubed: all eigenvalues of a matrix, and a Lyapunov equation by a Schur form
(Golub & Van Loan 2013, sections 7.5.6 and 7.6.3, a flop being half of one)."""


@dataclass(frozen=True)
class Sizes:
    """What the work of a pass depends on besides the mask.

    Attributes:
        n_units: N.
        n_inputs: Input channels.
        n_outputs: Outputs.
        n_places: Lanes times time steps of a batch.
    """

    n_units: int
    n_inputs: int
    n_outputs: int
    n_places: int

    @classmethod
    def of(cls, config: TrainConfig) -> Sizes:
        """The sizes of a run."""
        n_units = int(np.prod(config.size))
        length = config.seq_len
        assert isinstance(length, int)  # As the comparison has it.
        return cls(n_units, n_inputs(config), N_OUTPUTS, config.batch_size * length)

    def update(self, synapses: int, *, frozen: Sequence[str] = (), kept: int | None = None) -> int:
        """Multiply-adds of a forward and a backward pass over a batch.

        Args:
            synapses: Recurrent weights that the pass runs with.
            frozen: Groups that are not trained, of "input", "recurrent" and "readout".
            kept: Recurrent weights whose gradient is computed; None for those that it runs with.

        Example:
            >>> sizes = Sizes(n_units=10, n_inputs=3, n_outputs=2, n_places=1)
            >>> sizes.update(40), sizes.update(40, kept=100)
            (240, 300)
            >>> sizes.update(40, frozen=("input", "recurrent", "readout"))
            90
        """
        weights_of = {
            "input": self.n_units * self.n_inputs,
            "recurrent": synapses,
            "readout": self.n_units * self.n_outputs,
        }
        forward = sum(weights_of.values())
        trained = dict(weights_of, recurrent=synapses if kept is None else kept)
        own = sum(size for group, size in trained.items() if group not in frozen)
        below = {"input", "recurrent"} - set(frozen)
        states = weights_of["recurrent"] + weights_of["readout"] if below else 0
        return self.n_places * (forward + own + states)


def start(config: TrainConfig) -> int:
    """Multiply-adds of choosing the synapses before the first gradient step.

    Example:
        >>> settings = {"suite": "cog-20", "arch": "dense", "size": 10, "batch_size": 1}
        >>> options = {"density": 0.1, "batches": 2}
        >>> snip = TrainConfig(**settings, sparsifier="snip", sparsifier_options=options)
        >>> start(snip) == 2 * Sizes.of(snip).update(100, frozen=("input", "readout"))
        True
    """
    if config.sparsifier is None or config.sparsifier not in sparsify.METHODS:
        return 0
    method: Any = made(config.sparsifier, config.sparsifier_options)
    sizes, cubed = Sizes.of(config), int(np.prod(config.size)) ** 3
    dense = sizes.n_units**2
    # Pruned synapses have a weight of 0 in these passes, which are as those of a dense network.
    rounds = int(getattr(method, "rounds", 1))
    passes = {"snip": 1, "iterative_snip": rounds, "force": rounds, "grasp": 2}
    if config.sparsifier in passes:
        one = sizes.update(dense, frozen=("input", "readout"))
        return passes[config.sparsifier] * method.batches * one
    if config.sparsifier == "jacobian":
        forward = sizes.update(dense, frozen=("input", "recurrent", "readout"))
        # Each of the last steps passes on, back, and gives a gradient.
        ends = 3 * dense * config.batch_size * method.steps
        return method.batches * (forward + ends)
    if config.sparsifier == "synflow":
        return rounds * (EIGENVALUES * cubed + cubed // 3 + 2 * dense)
    return (EIGENVALUES + LYAPUNOV) * cubed if config.sparsifier == "noise_prune" else 0


def of_run(config: TrainConfig, synapses: Sequence[tuple[int, int]]) -> int:
    """Multiply-adds of a training.

    Args:
        config: Its configuration.
        synapses: How many synapses there were after so many gradient steps, the start first.
    """
    sizes, total = Sizes.of(config), start(config)
    frozen = (*config.freeze, *(("recurrent",) if config.recurrence == "frozen" else ()))
    ends = [step for step, _ in synapses[1:]] + [config.steps]
    for (begin, number), end in zip(synapses, ends, strict=True):
        total += (end - begin) * sizes.update(number, frozen=frozen)
    if config.sparsifier is None or config.sparsifier not in sparsify.CHANGING:
        return total
    method, counts = made(config.sparsifier, config.sparsifier_options), dict(synapses)
    there = synapses[0][1]
    for step in range(1, config.steps + 1):
        looked_at = method.needs(step).candidates if method.due(step, config.steps) else 0
        if looked_at:
            # One pass is that of the step, which has the gradients of all synapses besides.
            total += sizes.n_places * (sizes.n_units**2 - there)
            total += (looked_at - 1) * sizes.update(there, kept=sizes.n_units**2)
        there = counts.get(step, there)
    return total


def course(run: Trained) -> list[tuple[int, int]]:
    """How many synapses a run computed with after so many gradient steps, as its records say."""
    config = run.config
    # Before they leave at the end, the synapses of soft weights are all there.
    if config.sparsifier is None or config.sparsifier in sparsify.SOFTENING:
        return [(0, config.build_mask().nnz)]
    rows = np.genfromtxt(run.folder / run_folder.SPARSITY, delimiter=",", names=True)
    return [
        (int(row["step"]), int(row["synapses"]))
        for row in np.atleast_1d(rows)
        if row["step"] < config.steps
    ]


def levels(run: Trained) -> list[Trained]:
    """All trainings of a lottery ticket of which this is the last one."""
    config = changed(run.config, sparsifier=None, sparsifier_options={})
    return [Trained(config, folder) for folder in sorted(run.folder.parent.glob("level-??"))]


def multiply_adds(arm: Arm, run: Trained) -> int:
    """Multiply-adds of all trainings that a network took."""
    if isinstance(arm, TicketArm):
        return sum(
            of_run(one.config, [(0, weights.load(one.folder).rnn.mask.nnz)]) for one in levels(run)
        )
    if isinstance(arm, RidgeArm):
        sizes, n_states = Sizes.of(run.config), int(np.prod(run.config.size)) + 1
        mask = run.config.build_mask()
        forward = sizes.update(mask.nnz, frozen=("input", "recurrent", "readout"))
        sums = sizes.n_places * n_states * (n_states + sizes.n_outputs)
        return run.config.steps * (forward + sums) + n_states**3 // 6
    return of_run(run.config, course(run))


def seconds(arm: Arm, run: Trained) -> float:
    """Seconds of all trainings that a network took, evaluations aside.

    A step with an evaluation counts as the median step does.
    """
    folders = [one.folder for one in levels(run)] if isinstance(arm, TicketArm) else [run.folder]
    return sum(_seconds(folder) for folder in folders)


def _seconds(folder: Path) -> float:
    history = History.read_csv(folder / run_folder.METRICS)
    taken = np.diff(history["elapsed_s"], prepend=0.0)
    # The first one has what came before it besides, such as the choice of synapses.
    later, evaluated = taken[1:], ~np.isnan(history[MEASURE][1:])
    if not evaluated.all():
        later[evaluated] = np.median(later[~evaluated])
    return float(taken.sum())
