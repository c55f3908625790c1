"""The training loop: Adam on masked cross entropy, with held-out evaluation."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sparse_rnn import checkpoint, run_folder, seeding
from sparse_rnn.config import TrainConfig
from sparse_rnn.data import Batch, TaskStream, task_stream
from sparse_rnn.errors import InvalidArgument, TrainingDiverged
from sparse_rnn.evaluation import evaluate
from sparse_rnn.metrics import History, Record, metrics_writer
from sparse_rnn.models import Network
from sparse_rnn.progress import Display, silent
from sparse_rnn.scores import TaskScores

_LOG = logging.getLogger("sparse_rnn")


@dataclass(frozen=True, eq=False)
class Run:
    """A finished training run.

    Attributes:
        config: Its configuration.
        network: The trained network.
        history: A record of each gradient step.
        evaluation: Scores at the end, on ``config.final_batches`` held-out batches.
        folder: Where its files lie, or None.
    """

    config: TrainConfig
    network: Network
    history: History
    evaluation: TaskScores
    folder: Path | None = None


def train(config: TrainConfig, out: Path | str | None = None, *, progress: Display = silent) -> Run:
    """Train a network (Khona et al. 2023, appendix A) and evaluate it on trials it never saw.

    Args:
        config: The configuration.
        out: Folder for the run's files (`sparse_rnn.run_folder`), made if need be; None keeps
            everything in memory. A finished run of the same configuration is read back instead of
            repeated; an unfinished one is started anew.
        progress: Shows the course of the run: `sparse_rnn.progress.automatic`, `bar`, `lines`.

    Returns:
        The run. One configuration gives the same network, bit for bit, on the same machine with
        the same number of threads; torch's global generator is not used.

    Raises:
        InvalidArgument: The suite is unknown, or settings do not fit each other.
        RunConflict: The folder holds a run of another configuration.
        TrainingDiverged: The loss or the gradient became NaN or infinite.
    """
    folder = None if out is None else Path(out)
    state = "new" if folder is None else run_folder.state_of(folder, config)
    if folder is not None and state == "finished":
        return load_run(folder)
    training, held_out, network = build(config)
    records: list[Record] = []
    with ExitStack() as stack:
        write = None
        if folder is not None:
            if state == "unfinished":
                _LOG.warning("%s holds an unfinished run; it starts anew.", folder)
            run_folder.write_config(folder, config)
            write = stack.enter_context(metrics_writer(folder / run_folder.METRICS))
        on_step = stack.enter_context(progress(config))
        for record in fit(network, training, held_out, config):
            records.append(record)
            if write is not None:
                write(record)
            on_step(record)
    last = records[-1]
    scores = _examine(
        network,
        held_out,
        held_out.batches(0, config.final_batches),
        (last.step, last.loss, last.grad_norm, _remedy(config)),
    )
    if folder is not None:
        scores.write_csv(folder / run_folder.EVALUATION)
        checkpoint.save_weights(folder / checkpoint.WEIGHTS, network)
    return Run(config, network, History.of(record.row() for record in records), scores, folder)


def load_run(folder: Path | str) -> Run:
    """Read a finished run from its folder.

    Raises:
        RunConflict: The folder holds no run.
        FileNotFoundError: The run has not ended.
        IncompatibleState: A file is damaged.
    """
    path = Path(folder)
    return Run(
        run_folder.read_config(path),
        checkpoint.load(path),
        History.read_csv(path / run_folder.METRICS),
        TaskScores.read_csv(path / run_folder.EVALUATION),
        path,
    )


def build(config: TrainConfig) -> tuple[TaskStream, TaskStream, Network]:
    """Make what a run needs from its configuration.

    Returns:
        The training stream, the held-out stream, whose trials are independent of it, and the
        network at its start.
    """
    training, held_out = streams(config)
    init = seeding.spawn(config.seed, 3)[0]  # The other two are those of the streams.
    network = Network(
        training.input_size,
        training.output_size,
        config.build_mask(),
        config.nonlinearity,
        config.backend,
        init=config.init,
        seed=init,
    )
    return training, held_out, network


def streams(config: TrainConfig) -> tuple[TaskStream, TaskStream]:
    """Make the training stream of a run and its held-out stream.

    Raises:
        InvalidArgument: The suite is unknown, or the batches hold no trial.
    """
    training, held_out = (
        task_stream(
            config.suite,
            batch_size=config.batch_size,
            seq_len=config.seq_len,
            seed=seed,
            dt=config.dt,
            noise=config.noise,
        )
        for seed in seeding.spawn(config.seed, 3)[1:]
    )
    return training, held_out


def fit(
    network: Network, training: TaskStream, held_out: TaskStream, config: TrainConfig
) -> Iterator[Record]:
    """Train a network in place, one gradient step a record.

    Args:
        network: The network.
        training: Where the batches of the steps come from.
        held_out: Where the batches of the evaluations come from, the same ones each time.
        config: Steps, learning rate, clipping and the evaluations.

    Yields:
        The record of each step.

    Raises:
        TrainingDiverged: The loss or the gradient became NaN or infinite.
    """
    parameters = list(network.parameters())
    optimiser = torch.optim.Adam(parameters, lr=config.lr)
    exam = list(held_out.batches(0, config.eval_batches))
    began_s = time.monotonic()
    for number, batch in enumerate(training.batches(0, config.steps), start=1):
        optimiser.zero_grad(set_to_none=True)
        loss = masked_cross_entropy(network(batch.inputs)[0], batch)
        loss.backward()
        # Absent synapses have no gradient, so this is the norm over the existing weights.
        limit = math.inf if config.clip is None else config.clip
        norm = float(nn.utils.clip_grad_norm_(parameters, limit))
        value = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingDiverged(number, value, norm, _remedy(config))
        optimiser.step()
        scores = None
        if number % config.eval_every == 0 or number == config.steps:
            scores = _examine(network, held_out, exam, (number, value, norm, _remedy(config)))
        yield Record(number, value, config.lr, norm, time.monotonic() - began_s, scores)


def masked_cross_entropy(logits: Tensor, batch: Batch) -> Tensor:
    """Cross entropy of every time step, weighted with the batch's mask.

    Args:
        logits: ``[T, B, O]``.
        batch: The batch that they answer.

    Returns:
        The weighted mean in nats, a scalar.
    """
    every_step = nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.targets.flatten(), reduction="none"
    )
    weights = batch.mask.flatten()
    return (every_step * weights).sum() / weights.sum()


def _examine(
    network: Network,
    held_out: TaskStream,
    exam: Iterable[Batch],
    course: tuple[int, float, float, str],
) -> TaskScores:
    try:
        return evaluate(network, held_out, exam)
    except InvalidArgument as error:
        if error.argument != "logits":
            raise
        raise TrainingDiverged(*course) from error


def _remedy(config: TrainConfig) -> str:
    clip = "no clip" if config.clip is None else f"clip {config.clip:g}"
    return (
        f"It ran with lr {config.lr:g} and {clip}; try a lower lr, a lower clip, "
        "or init='torch', whose recurrent weights are the smallest."
    )
