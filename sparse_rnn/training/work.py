"""What a finished run has cost: updates, seconds and multiply-adds, read from its folder."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import IncompatibleState, RunDamaged
from sparse_rnn.evaluation.history import History
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Sparsifier, made
from sparse_rnn.runs import folder as run_folder, weights
from sparse_rnn.sparsify._softening import Softening
from sparse_rnn.system.files import read_lines
from sparse_rnn.training.folders import results

NETWORK = f"{Network.__module__}.{Network.__qualname__}"
"""What `config.json` calls a network of this package."""

PASSES = 3
"""Multiply-adds of a trained weight in a time step of a sequence: one in the forward pass, one for
its gradient, one to pass the gradient on."""


@dataclass(frozen=True, eq=False)
class Spent:
    """A finished run, as far as its costs are concerned.

    Attributes:
        folder: Its folder.
        config: Its configuration.
        record: What its `config.json` holds.
        network: The network, if it is one of this package.
        history: A record of each gradient step.
    """

    folder: Path
    config: FitConfig
    record: Mapping[str, Any]
    network: Network | None
    history: History

    @classmethod
    def read(cls, folder: Path) -> Spent:
        """Read a run.

        Raises:
            RunConflict: The folder holds no run.
            FileNotFoundError: The run has not ended.
            RunDamaged: A file is damaged; so also IncompatibleState.
        """
        parse = TrainConfig if _names_a_mask(folder) else FitConfig
        config = run_folder.read_config(folder, parse.from_json)
        record = run_folder.record_of(folder)
        path = weights.file_of(folder)
        of_ours = record.get("network", {}).get("class") == NETWORK
        network = weights.load(path) if of_ours else None
        return cls(folder, config, record, network, results(folder, config).history)

    @property
    def updates(self) -> int:
        """Gradient steps."""
        return len(self.history)

    @property
    def seconds(self) -> float:
        """Seconds of training, its evaluations on the way included."""
        return float(self.history["elapsed_s"][-1])

    @property
    def weights(self) -> int:
        """Number of weights at the end: all parameters but the biases."""
        if self.network is not None:
            return self.network.weight_counts()["total"]
        return sum(
            math.prod(shape)
            for name, shape in self._shapes.items()
            if "bias" not in name.rpartition(".")[2]
        )

    @property
    def density(self) -> float | None:
        """Recurrent synapses over units squared, at the end; None for another module."""
        return None if self.network is None else self.network.rnn.mask.density

    @property
    def n_units(self) -> int | None:
        """Number of recurrent units; None for another module."""
        return None if self.network is None else self.network.rnn.mask.n_units

    def work(self, multiply_adds: int | None = None) -> int:
        """Multiply-adds of the training: what is asked for, not what a kernel does.

        In each time step of each sequence a weight costs one in the forward pass, one for its
        gradient if it is trained, and one to pass the gradient on, which nobody needs of input
        weights. Nonlinearities, evaluations and the optimiser do not count. With a sparsifier,
        synapses count while they are there, as `sparsity.csv` says after every `eval_every` steps;
        those that soften weights keep all to the end. Where gradients of all N squared synapses
        are wanted, the absent ones cost one each; and a batch that a method looks at before the
        first step costs a pass in each of its rounds.

        Args:
            multiply_adds: In a time step of a sequence, forward and backward; None takes `PASSES`
                for each weight of another module, and counts for a network of this package.
        """
        net, lanes = self.network, self.config.batch_size * int(self.config.seq_len)
        if net is None or multiply_adds is not None:
            each = PASSES * self.weights if multiply_adds is None else multiply_adds
            return each * lanes * self.updates
        total = sum(self._a_step(self._synapses(step)) for step in range(1, self.updates + 1))
        if self.method is not None:
            total += sum(self._looks(step) for step in range(self.updates + 1))
        return total * lanes

    @cached_property
    def method(self) -> Sparsifier | None:
        """What chose the synapses."""
        config = self.config
        return (
            None
            if config.sparsifier is None
            else made(config.sparsifier, config.sparsifier_options)
        )

    @property
    def _shapes(self) -> Mapping[str, Sequence[int]]:
        return self.record["network"]["parameters"]

    @property
    def _start(self) -> int:
        """Synapses of the mask before a sparsifier has seen it."""
        assert self.network is not None
        rnn = self.network.rnn
        return math.prod(self._shapes.get("rnn.weight_hh", (rnn.GATES, rnn.mask.nnz))) // rnn.GATES

    def _synapses(self, step: int) -> int:
        """Synapses during a gradient step, from 1."""
        if self.method is None or isinstance(self.method, Softening):
            return self._start
        steps, counts = self._course
        return counts[max(bisect_right(steps, step - 1) - 1, 0)]

    @cached_property
    def _course(self) -> tuple[list[int], list[int]]:
        path = self.folder / run_folder.SPARSITY
        try:
            rows = list(csv.DictReader(read_lines(path)))
            course = [int(row["step"]) for row in rows], [int(row["synapses"]) for row in rows]
            if not rows:
                raise ValueError("no line")
        except RunDamaged:
            raise
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise IncompatibleState(f"{path} has no columns step and synapses.") from error
        return course

    def _a_step(self, synapses: int, frozen: Sequence[str] | None = None) -> int:
        """Multiply-adds of a time step of a sequence, with so many synapses."""
        assert self.network is not None
        rnn = self.network.rnn
        if frozen is None:
            fixed = ("recurrent",) if rnn.recurrence == "frozen" else ()
            frozen = (*self.config.freeze, *fixed)
        back = not {"input", "recurrent"} <= set(frozen)  # through readout and states
        return (
            rnn.weight_ih.numel() * (1 + ("input" not in frozen))
            + rnn.GATES * synapses * (1 + ("recurrent" not in frozen) + back)
            + self.network.readout.weight.numel() * (1 + ("readout" not in frozen) + back)
        )

    def _looks(self, step: int) -> int:
        """Multiply-adds, a time step of a sequence, of what a method looks at."""
        method, net = self.method, self.network
        assert method is not None
        assert net is not None
        if not method.due(step, self.config.steps):
            return 0
        needs = method.needs(step)
        synapses = self._synapses(step) if step else self._start
        absent = net.rnn.GATES * (net.rnn.mask.n_units**2 - synapses)
        more = max(needs.candidates - (needs.instead and step > 0), 0)
        looked_at = needs.batches * int(getattr(method, "rounds", 1))
        seen = looked_at * self._a_step(synapses, ("input", "readout"))
        return needs.candidates * absent + more * self._a_step(synapses) + seen


def _names_a_mask(folder: Path) -> bool:
    """Whether the configuration of a run is a `TrainConfig`."""
    known = (folder / run_folder.CONFIG).exists()  # If not, who reads it says so.
    return known and "arch" in run_folder.record_of(folder)["config"]
