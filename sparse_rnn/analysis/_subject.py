"""What an analysis is about: a network, by object, run or folder, and the tasks it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sparse_rnn.analysis._weights import InputColumns
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.data import RULES, TaskStream, task_stream
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.network import Network
from sparse_rnn.runs import folder as run_folder, weights as checkpoint
from sparse_rnn.runs.finished import FinishedRun as Run
from sparse_rnn.seeding import Seed

Source = nn.Module | Run | Path | str
"""A network, a finished run, or the folder of one."""

Suite = str | Sequence[str]
"""Name of a suite, or a list of task names, one per rule slot."""

DT_MS = 100.0
"""Time step where nothing says another one."""


@dataclass(frozen=True)
class Subject:
    """A network and what is known of its training.

    Attributes:
        module: The network.
        config: Configuration of its run; None for a network by object.
    """

    module: nn.Module
    config: FitConfig | None = None

    @classmethod
    def of(cls, source: Source) -> Subject:
        """Find the network.

        Raises:
            InvalidArgument: It is no network, run or folder.
            RunConflict: The folder holds no run.
            FileNotFoundError: The run has not ended.
            IncompatibleState: Its weights are damaged.
        """
        if isinstance(source, Run):
            return cls(source.network, source.config)
        if isinstance(source, nn.Module):
            return cls(source)
        if isinstance(source, Path | str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
            folder = Path(source)
            return cls(
                checkpoint.load(folder), run_folder.read_config(folder, TrainConfig.from_json)
            )
        raise InvalidArgument("network", source, "a network, a run, or the folder of a run")

    @property
    def network(self) -> Network:
        """The network, where the analysis looks into it.

        Raises:
            InvalidArgument: It is a module of another kind.
        """
        if not isinstance(self.module, Network):
            allowed = "a sparse_rnn.Network, a run, or the folder of a run"
            raise InvalidArgument("network", type(self.module).__name__, allowed)
        return self.module

    @property
    def dt(self) -> float:
        """Time step in ms: that of the run, else that of a leaky layer, else `DT_MS`."""
        if self.config is not None:
            return self.config.dt
        own = getattr(getattr(self.module, "rnn", None), "dt", DT_MS)
        return float(own)

    @property
    def rules(self) -> str:
        """What the rule inputs show: as in the run, else one-hot."""
        return RULES[0] if self.config is None else self.config.rules

    def columns(self, suite: Suite | None = None) -> InputColumns:
        """The input weights of the network, with the vector of each task's rule.

        Args:
            suite: The tasks, one per rule slot; None are those of its run. Of one-hot rules they
                need not be known.

        Raises:
            NotApplicable: The network has no rule inputs.
            InvalidArgument: As for `network` and `stream`.
        """
        network = self.network
        if self.rules == RULES[0] and suite is None:
            return InputColumns.of(network)
        return InputColumns.of(network, self.stream(suite, 0, 0.0).sampler.rules)

    def stream(self, suite: Suite | None, seed: Seed, noise: Any) -> TaskStream:
        """Trials of the network's tasks, with its time step.

        Args:
            suite: The tasks; None are those of its run.
            seed: Where they are drawn from.
            noise: Input noise in sqrt(ms), or "yang".

        Raises:
            InvalidArgument: No suite is known, the network has not the inputs for this one, or its
                outputs are none that say labels.
        """
        if self.config is not None and self.config.targets != "labels":
            allowed = "one of a run on labels, as analyses read outputs as logits"
            remedy = "Give the network itself and the suite, for what is about its states alone."
            found = f"a run with targets {self.config.targets!r}"
            raise InvalidArgument("network", found, allowed, remedy)
        if suite is None and self.config is None:
            raise InvalidArgument("suite", None, "given for a network that comes without its run")
        names = self.config.suite if suite is None and self.config else suite
        settings: dict[str, Any] = {"dt": self.dt, "noise": noise, "rules": self.rules}
        if isinstance(self.module, Network):
            settings["dim_ring"] = self.module.readout.out_features - 1
        assert names is not None
        stream = task_stream(names, batch_size=1, seq_len="auto", seed=seed, **settings)
        if isinstance(self.module, Network):
            n_inputs = self.module.rnn.input_size
            if stream.input_size != n_inputs:
                allowed = f"a suite for the network's {n_inputs} inputs"
                found = f"{stream.input_size} inputs"
                raise InvalidArgument("suite", names, allowed, f"(this one makes {found})")
        return stream


def numbered(argument: str, chosen: Any, n: int) -> NDArray[np.int64]:
    """Numbers of what was chosen of n things, by numbers, a slice or bool ``[n]``.

    Raises:
        InvalidArgument: It chooses what is not there, or nothing that has a number.
    """
    allowed = f"numbers from 0 to {n - 1}, or bool [{n}]"
    try:
        index = np.atleast_1d(np.arange(n)[chosen])
    except IndexError as error:
        raise InvalidArgument(argument, chosen, allowed) from error
    if index.ndim != 1:
        raise InvalidArgument(argument, chosen, allowed)
    return index
