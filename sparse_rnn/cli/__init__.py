"""The command `sparse-rnn`: train networks, look at them, and compare them in one figure."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import field, make_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import tyro
from pydantic import BaseModel

from sparse_rnn.cli import mask_flags, tables
from sparse_rnn.cli.analyze import analyze as analyze_command
from sparse_rnn.cli.explore import explore
from sparse_rnn.cli.info import info as info_command
from sparse_rnn.cli.mask_flags import MaskFlags
from sparse_rnn.cli.report import report
from sparse_rnn.cli.sweep import command as sweep_command, with_verb
from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import (
    Interrupted,
    InvalidArgument,
    PeerFailed,
    PeerGone,
    SparseRnnError,
)
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.checkpoint import CHECKPOINT
from sparse_rnn.runs.weights import WEIGHTS
from sparse_rnn.system import hardware
from sparse_rnn.system.backend import figures_to_files
from sparse_rnn.system.output import Courtesy, command_streams, complain, plain, say
from sparse_rnn.training import group as distributed, progress
from sparse_rnn.training.ensembles import train_ensemble
from sparse_rnn.training.evaluation import confusion as count_answers, evaluate
from sparse_rnn.training.optimiser import BURST_REMEDY
from sparse_rnn.training.run import load_run, streams, train

REFUSED = 2
"""Exit status where the input was refused or a file cannot be used."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the number of the signal."""

_ABOUT = """Train recurrent networks with fixed sparse connectivity on Mod-Cog tasks.

Exit status: 0 where all went well, also where a run was finished before; 2 where the input was
refused, a file cannot be used or written, or a run diverged; 128 + n where signal n ended a run,
which has then saved itself: 130 after Ctrl-C, 143 after SIGTERM, 138 after SIGUSR1. The same
command goes on with such a run.

Several processes train one network with: torchrun --nproc-per-node N -m sparse_rnn.cli train ...

The version: sparse-rnn --version

Completion for your shell: sparse-rnn --tyro-print-completion bash (or zsh, tcsh); write what it
prints to a file that your shell reads."""

_METAVARS = {
    "suite": "NAME [NAME ...]",
    "size": "UNITS",
    "arch": "FAMILY",
    "rates": "in_degree|GROUP=FACTOR[,...]",
}
_SEEDS = (
    "Train an ensemble, all networks at once: one number N for the seeds 0..N-1, or several seeds. "
    "Each has its own folder OUT/seed-N."
)
_CONTINUE = (
    "Folder of a run, finished or not, with fewer steps and the same other settings: this run goes "
    "on from its newest checkpoint, and ends with the bits of one that had --steps from the start."
)
_RUN = tyro.conf.arg(metavar="RUN", help="Folder of a finished run.")


@figures_to_files()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `sparse-rnn`; by default those of the process.

    Returns:
        The exit status: 0; 2 where the input was refused or a run failed; 130 after Ctrl-C, and
        128 + n where another signal n ended a run.
        The parser itself leaves with `SystemExit`: 0 after ``--help``, 2 for unknown options.
    """
    words = with_verb(sys.argv[1:] if arguments is None else arguments)
    with command_streams(words):
        if words == ["--version"]:
            say(f"sparse-rnn {version('modcog')}")
            return 0
        return _run(words)


def _run(words: Sequence[str]) -> int:
    try:
        tyro.extras.subcommand_cli_from_dict(
            {
                "train": _train_command(),
                "info": info_command,
                "eval": _eval,
                "analyze": analyze_command,
                "report": report,
                "sweep": sweep_command,
                "explore": explore,
            },
            prog="sparse-rnn",
            description=_ABOUT,
            args=words,
        )
    except PeerGone as error:
        # Who has gone says nothing, so all that are left do.
        complain(f"sparse-rnn: {error}")
        return REFUSED
    except PeerFailed:
        return REFUSED  # The first process says why.
    except SparseRnnError as error:
        return _refuse(str(_as_typed(error)))
    except OSError as error:
        known = error.strerror is not None and error.filename is not None
        return _refuse(f"{error.filename}: {error.strerror}" if known else str(error))
    except Interrupted as interrupt:
        if str(interrupt):
            complain(f"sparse-rnn: {interrupt}")
        return 128 + interrupt.number
    except KeyboardInterrupt as interrupt:
        complain(f"sparse-rnn: interrupted. {interrupt}")
        return INTERRUPTED
    return 0


def _refuse(message: str) -> int:
    if distributed.is_first():
        complain(f"sparse-rnn: {message}")
    return REFUSED


def _as_typed(error: SparseRnnError) -> SparseRnnError:
    """Name a refused setting as the user typed it: `--batch-size`, not `batch_size`."""
    typed = (*TrainConfig.model_fields, *RunOptions.model_fields)
    if isinstance(error, InvalidArgument) and error.argument in typed:
        option = "--" + error.argument.replace("_", "-")
        return type(error)(option, error.value, error.allowed, error.remedy)
    if isinstance(error, InvalidArgument):
        name = error.argument.removeprefix("mask.")
        option = {
            "n_sources": "--sources",
            "unit": "--unit",
            "continue_from": "--continue-from",
        }.get(name)
        if name in mask_flags.names():
            option = mask_flags.typed(name)
        if option:
            return type(error)(option, error.value, error.allowed, error.remedy)
    return error


def _train_command() -> Callable[..., None]:
    """Build the command `train`: an option for each setting, and where to write."""
    settings_type = make_dataclass("Settings", _fields(TrainConfig), kw_only=True)
    options_type = make_dataclass("Options", _fields(RunOptions), kw_only=True)

    def command(  # noqa: PLR0913 - an option of the command line each
        settings: Any,
        options: Any,
        out: Path,
        seeds: tuple[int, ...],
        continue_from: Path | None,
        quiet: bool,  # noqa: FBT001
        verbose: bool,  # noqa: FBT001
    ) -> None:
        with _logged(logging.INFO if verbose else logging.WARNING):
            given: dict[str, Any] = vars(settings)
            given["mask_options"] = mask_flags.given(settings.mask_options)
            config, how = TrainConfig(**given), RunOptions(**vars(options))
            if not seeds:
                _train(config, how, out, continue_from, quiet=quiet)
            elif continue_from is None:
                _train_ensemble(config, how, out, seeds, quiet=quiet)
            else:
                allowed = "left out where --seeds is given"
                remedy = "Continue the runs in the folders seed-N one by one."
                raise InvalidArgument("--continue-from", str(continue_from), allowed, remedy)

    about_out = "Folder for the run's files. A finished run there is not repeated."
    flag = tyro.conf.FlagCreatePairsOff[bool]
    command.__annotations__ = {
        "settings": Annotated[settings_type, tyro.conf.arg(name="")],
        "options": Annotated[options_type, tyro.conf.arg(name="")],
        "out": Annotated[Path, tyro.conf.arg(help=about_out)],
        "seeds": Annotated[
            tuple[int, ...],
            tyro.conf.arg(help=_SEEDS, metavar="N", help_behavior_hint="(optional)"),
        ],
        "continue_from": Annotated[
            Path | None,
            tyro.conf.arg(help=_CONTINUE, metavar="RUN", help_behavior_hint="(optional)"),
        ],
        "quiet": Annotated[
            flag, tyro.conf.arg(aliases=("-q",), help="Print nothing but warnings and errors.")
        ],
        "verbose": Annotated[
            flag,
            tyro.conf.arg(aliases=("-v",), help="Say which backend is used and why, and more."),
        ],
        "return": None,
    }
    command.__kwdefaults__ = None
    command.__defaults__ = ((), None, False, False)
    command.__doc__ = (
        "Train a network, evaluate it on trials it never saw, and write a run folder.\n\n"
        "The same command goes on with a run that was interrupted or killed, and leaves a finished "
        "one as it is. Options from --checkpoint-every on do not change the result and may differ."
    )
    return command


def _fields(model: type[BaseModel]) -> list[tuple[str, Any, Any]]:
    """Fields of a dataclass with the settings of a model."""
    fields: list[tuple[str, Any, Any]] = []
    for name, info in model.model_fields.items():
        if name == "mask_options":
            about = tyro.conf.arg(name="mask", help=info.description)
            fields.append((name, Annotated[MaskFlags, about], field(default=MaskFlags())))
            continue
        # TrainConfig reads sizes such as "20x20" and rates itself, and checks what it is given.
        kind = str if name in ("size", "rates") else info.annotation
        about = tyro.conf.arg(help=info.description or "", metavar=_METAVARS.get(name))
        start = str(info.default) if name == "rates" else info.default
        default = field() if info.is_required() else field(default=start)
        fields.append((name, Annotated[kind, about], default))
    return fields


class _Formatter(logging.Formatter):
    """Messages without anything that a terminal acts on."""

    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record))


@contextmanager
def _logged(level: int) -> Generator[None]:
    """Write this package's log to standard error, in the first process."""
    log = logging.getLogger("sparse_rnn")
    before = log.level, log.propagate
    handler = logging.StreamHandler(cast("TextIO", Courtesy(sys.stderr)))
    handler.setFormatter(_Formatter("sparse-rnn: %(message)s"))
    log.addHandler(handler)
    log.setLevel(level if distributed.is_first() else logging.CRITICAL)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])


def _train(
    config: TrainConfig,
    options: RunOptions,
    out: Path,
    continue_from: Path | None,
    *,
    quiet: bool,
) -> None:
    quiet = quiet or not distributed.is_first()
    # Where kernels say that they are being compiled.
    logging.getLogger("sparse_rnn.kernels").setLevel(logging.ERROR if quiet else logging.NOTSET)
    finished = run_folder.state_of(out, config) == "finished"
    began_s = time.monotonic()
    display = progress.silent if quiet else progress.automatic
    try:
        run = train(config, out, progress=display, options=options, continue_from=continue_from)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_what_is_left(out)) from None
    if quiet:
        return
    how = "was finished before" if finished else f"took {time.monotonic() - began_s:.0f} s"
    if len(run.history) < config.steps:
        how += f", reached {config.stop_measure} {config.stop_at} at step {len(run.history)}"
    means = ", ".join(f"{name} {run.evaluation.mean(name):.3f}" for name in MEASURES)
    say(f"{out} ({how}). Means over {len(run.evaluation.tasks)} tasks: {means}.")
    if told := run.history.told_bursts():
        say(f"Mind the {told}. They come of {BURST_REMEDY}.")


def _train_ensemble(
    config: TrainConfig, options: RunOptions, out: Path, seeds: tuple[int, ...], *, quiet: bool
) -> None:
    if config.seed:
        raise InvalidArgument("seed", config.seed, "left out where --seeds is given")
    began_s = time.monotonic()
    display = progress.silent if quiet else progress.automatic
    number_or_list = seeds[0] if len(seeds) == 1 else seeds
    runs = train_ensemble(config, out, seeds=number_or_list, progress=display, options=options)
    if quiet:
        return
    say(
        f"{out} ({len(runs)} networks, took {time.monotonic() - began_s:.0f} s). "
        "Means over tasks, mean and standard deviation over networks: "
        f"{tables.spread([run.evaluation for run in runs])}."
    )
    for run in runs:
        if told := run.history.told_bursts():
            say(f"Seed {run.config.seed}: mind the {told}. They come of {BURST_REMEDY}.")


def _what_is_left(out: Path) -> str:
    """Say in one sentence what an interrupted run has left on the disk."""
    known = (run_folder.CONFIG, run_folder.METRICS, run_folder.EVALUATIONS, CHECKPOINT, WEIGHTS)
    files = [name for name in known if (out / name).exists()]
    if not files:
        return "Nothing was written."
    if WEIGHTS in files:
        return f"{out} holds a finished run."
    return (
        f"{out} holds {', '.join(files)} of an unfinished run and no weights; the same command "
        f"{'goes on from the newest checkpoint' if CHECKPOINT in files else 'starts it anew'}."
    )


def _eval(
    run: Annotated[tyro.conf.Positional[Path], _RUN],
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
        scores = evaluate(network, final, final.batches(0, number))
        counts = count_answers(network, final, final.batches(0, number)) if confusion else None
    say(tables.scores(scores))
    if counts is not None:
        say(f"\n{tables.confusion(counts)}")
    if out is not None:
        scores.write_csv(out)


if __name__ == "__main__":
    raise SystemExit(main())
