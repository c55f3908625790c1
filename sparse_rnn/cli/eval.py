"""The command `sparse-rnn eval`: a trained network on held-out trials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from sparse_rnn.cli import tables
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system import hardware
from sparse_rnn.system.output import say
from sparse_rnn.training.evaluation import confusion as count_answers, evaluate as scores_of
from sparse_rnn.training.run import load_run, streams


def evaluate(
    run: Annotated[
        tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN", help="Folder of a finished run.")
    ],
    batches: Annotated[
        int | None,
        tyro.conf.arg(help="Batches of held-out trials; by default as many as after training."),
    ] = None,
    seed: Annotated[
        int | None,
        tyro.conf.arg(help="Seed of other held-out trials; by default those of the run."),
    ] = None,
    *,
    confusion: tyro.conf.FlagCreatePairsOff[
        Annotated[bool, tyro.conf.arg(help="Also print what was answered where what was right.")]
    ] = False,
    out: Annotated[
        Path | None, tyro.conf.arg(aliases=("-o",), help="Table to write (csv).")
    ] = None,
) -> None:
    """Evaluate a trained network on held-out trials, and print a line for each task."""
    loaded = load_run(run)
    number = loaded.config.final_batches if batches is None else batches
    if number < 1:
        raise InvalidArgument("--batches", number, "at least 1")
    if seed is not None and seed < 0:
        raise InvalidArgument("--seed", seed, "at least 0")
    # With the seed of the run, the trials are those of its own evaluation at the end; with another
    # one they are those of another run, which this network never saw either.
    config = loaded.config if seed is None else loaded.config.model_copy(update={"seed": seed})
    final = streams(config)[1].final()
    device = hardware.device("auto")
    network = loaded.network.to(device)
    how = loaded.config.precision
    with hardware.precision(how), hardware.shortened(how, device):
        scores = scores_of(network, final, final.batches(0, number))
        counts = count_answers(network, final, final.batches(0, number)) if confusion else None
    say(tables.scores(scores))
    if counts is not None:
        say(f"\n{tables.confusion(counts)}")
    if out is not None:
        scores.write_csv(out)
