"""`lottery_ticket`: iterative magnitude pruning, a chain of runs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import cast

import numpy as np
from torch import nn

from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import made
from sparse_rnn.runs import weights
from sparse_rnn.sparsify._evolving import check_network
from sparse_rnn.sparsify._imp import LotteryTickets
from sparse_rnn.sparsify._magnitude import magnitude
from sparse_rnn.sparsify._result import Sparsified, apply
from sparse_rnn.system import hardware
from sparse_rnn.system.arguments import instance, whole
from sparse_rnn.system.files import read_regular
from sparse_rnn.training.callbacks import Moment
from sparse_rnn.training.parts import changed
from sparse_rnn.training.progress import Display, silent
from sparse_rnn.training.run import Run, build, fit, train

_DEFAULT = RunOptions()


def lottery_ticket(
    config: TrainConfig,
    out: Path | str | None = None,
    *,
    progress: Display = silent,
    options: RunOptions = _DEFAULT,
) -> tuple[Run, ...]:
    """Find a sparse network by iterative magnitude pruning: a lottery ticket.

    Frankle & Carbin 2018 (arXiv:1803.03635); with `rewind`, Frankle et al. 2019
    (arXiv:1903.01611). Level 0 trains the network of the configuration without its sparsifier,
    ``"imp"``, whose options say the rest. Each further level keeps the share `keep` of the synapses
    that the level before had, those with the largest trained weights, gives all weights and biases
    the values that they had at step `rewind` of level 0, and trains that network with a new
    optimiser. The last level keeps exactly ``round(density * N ** 2)`` synapses. From a dense
    network to a density of 4.4 % there are 14 levels after the first one, 15 trainings: what a
    comparison has to count.

    Each level is an ordinary run, of the same settings and trials. With a folder it has a folder of
    its own, ``level-00`` and so on, and the same call goes on where the last one was stopped, with
    the same bits. `sparse_rnn.load_run` reads a level. The settings of levels from 1 on are those
    of level 0, with two exceptions: `start` is the digest of the weights that they start
    from, in ``level-01.start.safetensors`` and so on, mask included; and `steps` is less by
    `rewind`. Their schedules and their batches begin anew.

    Args:
        config: A configuration with ``sparsifier="imp"`` and a dense or any wider mask.
        out: Folder for the folders of the levels, made if need be; None keeps all in memory.
        progress: Shows the course of each run, as in `sparse_rnn.train`.
        options: How the runs are carried out, as in `sparse_rnn.train`.

    Returns:
        The runs of all levels, in order. The last one has the ticket.

    Raises:
        InvalidArgument: The configuration has another sparsifier, or names weights that it starts
            from; the density is higher than that of the mask; the run has no step `rewind`, ended
            before it, or has stages and there is a `rewind`.
        RunConflict: The folder holds levels of other settings, or lacks the weights of step
            `rewind`; as in `sparse_rnn.train`, whose other errors come as well.

    Example:
        >>> import sparse_rnn as srnn
        >>> config = srnn.TrainConfig(
        ...     suite="Go",
        ...     arch="dense",
        ...     size=10,
        ...     steps=2,
        ...     sparsifier="imp",
        ...     sparsifier_options={"density": 0.5},
        ...     eval_batches=1,
        ...     final_batches=1,
        ... )
        >>> levels = srnn.lottery_ticket(config)
        >>> [run.network.rnn.mask.nnz for run in levels]
        [100, 80, 64, 51, 50]
    """
    instance("config", config, TrainConfig)
    method = (
        None if config.sparsifier is None else made(config.sparsifier, config.sparsifier_options)
    )
    if not isinstance(method, LotteryTickets):
        raise InvalidArgument("config.sparsifier", config.sparsifier, "'imp' for a lottery ticket")
    rewind = whole("sparsifier_options.rewind", method.rewind, 0, config.steps - 1)
    if config.start is not None:
        raise InvalidArgument("config.start", config.start, "left out for a lottery ticket")
    if rewind and config.stages is not None:
        allowed = "0 for a configuration with stages"
        raise InvalidArgument("sparsifier_options.rewind", rewind, allowed)
    config = changed(config, sparsifier=None, sparsifier_options={})
    first = build(config)[2]
    check_network(method, first)
    budgets = method.budgets(first.rnn.mask.nnz, first.rnn.hidden_size)
    folder = None if out is None else Path(out)
    origin = np.arange(first.rnn.mask.nnz)
    start = _Start(rewind, folder, first)
    run = train(
        config,
        None if folder is None else folder / _level(0),
        progress=progress,
        options=options,
        callbacks=[start],
    )
    runs = [run]
    shorter = changed(config, steps=config.steps - rewind)
    for number, n_kept in enumerate(budgets, 1):
        trained = runs[-1].network
        found = magnitude(trained, n_kept / trained.rnn.hidden_size**2, seed=config.seed)
        origin = origin[found.origin]
        given = start.network()
        ticket = Sparsified(found.mask, given.rnn.mask, origin)
        network = apply(given, ticket, rescale=False, backend=config.backend)
        network.to(hardware.device(options.device))
        at, begun = None, None
        if folder is not None:
            at = folder / _level(number)
            begun = _written(folder / f"{_level(number)}.start.safetensors", network)
        fitted = fit(network, shorter, at, progress=progress, options=options, start_from=begun)
        settings = cast("TrainConfig", fitted.config)
        outcome = fitted.history, fitted.evaluation, at, fitted.stage_matrix
        runs.append(Run(settings, fitted.network, *outcome))
    return tuple(runs)


def _level(number: int) -> str:
    return f"level-{number:02d}"


def _written(path: Path, network: Network) -> Path:
    """A file with a network; one that is there already has to hold the same."""
    content = weights.content_of(network)
    if path.exists():
        if read_regular(path, limit=None) != content:
            raise RunConflict(
                f"{path} holds the start of another level: of another keep, rewind, or "
                "configuration. Nothing was changed. Choose another folder."
            )
    else:
        weights.save_weights(path, network)
    return path


class _Start:
    """The network at a step of a run, to which levels go back; a callback of the run.

    Args:
        step: The step.
        folder: Where it is kept, or None.
        first: The network before the first step.
    """

    def __init__(self, step: int, folder: Path | None, first: Network) -> None:
        self._step = step
        self._path = None if folder is None else folder / f"step-{step:08d}.safetensors"
        self._kept = first if step == 0 else None

    def __call__(self, moment: Moment) -> None:
        if moment.record.step != self._step:
            return
        if self._path is None:
            self._kept = copy.deepcopy(_network(moment.network))
        else:
            weights.save_weights(self._path, _network(moment.network))

    def network(self) -> Network:
        """The network."""
        if self._kept is None and self._path is not None and self._path.exists():
            self._kept = weights.load(self._path)
        if self._kept is None:
            if self._path is None:
                raise InvalidArgument(
                    "sparsifier_options.rewind", self._step, "a step that the run of level 0 took"
                )
            raise RunConflict(
                f"{self._path} is missing, the weights of step {self._step} of level 0, which is "
                "finished: it was trained with another rewind, ended before that step, or somebody "
                "removed the file. Choose another folder."
            )
        return self._kept


def _network(module: nn.Module) -> Network:
    return instance("network", module, Network)
