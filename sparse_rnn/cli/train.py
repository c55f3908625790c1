"""The command `sparse-rnn train`: a network, or an ensemble of them."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import tyro
from pydantic.fields import FieldInfo

from sparse_rnn.cli import mask_flags, tables
from sparse_rnn.cli.mask_flags import MaskFlags
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import Interrupted, InvalidArgument
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.checkpoint import CHECKPOINT
from sparse_rnn.runs.weights import WEIGHTS
from sparse_rnn.system.output import Courtesy, plain, say
from sparse_rnn.training import group as distributed, parts, progress, run as training
from sparse_rnn.training.ensembles import train_ensemble
from sparse_rnn.training.optimiser import BURST_REMEDY
from sparse_rnn.training.session import identity_of

_METAVARS = {
    "suite": "NAME [NAME ...]",
    "size": "UNITS",
    "arch": "FAMILY",
    "lr": "FLOAT",
    "init": "STR",
    "rates": "in_degree|GROUP=FACTOR[,...]",
    "optimiser_options": "NAME=VALUE[,...]",
    "continual_options": "NAME=VALUE[,...]",
    "sparsifier_options": "NAME=VALUE[,...]",
    "weights": "TASK[=WEIGHT][+...]",
    "stages": "TASK[=WEIGHT][+...]:STEPS|MEASURE=SCORE[+at_most=STEPS][,...]",
    "steps": "INT",
}
_WRITTEN = {
    "rates": "",
    "optimiser_options": "",
    "continual_options": "",
    "sparsifier_options": "",
    "weights": "",
    "stages": "",
}
"""Settings that a command line writes in words, with their default."""

_GROUPS = {
    "tasks": "What the network learns.",
    "network": "Its units and connections, and what they begin with.",
    "training": "How it learns.",
    "evaluation": "When it is evaluated on trials that it never learns from.",
    "run": "How the run is carried out. These do not change the result and may differ when it goes "
    "on.",
}
"""What options are about: a heading of the help each."""

_TASKS = ("suite", "weights", "stages", "rules", "dt", "noise")
OPEN = ("steps", "lr", "rates", "init")
"""Settings that follow from others where they are left open."""

NO_OPTIONS = ("curriculum",)
"""Settings that go with a function, which no command line can give."""

_EVALUATION = ("eval_every", "eval_batches", "final_batches")
_SEEDS = (
    "Train an ensemble, all networks at once: one number N for the seeds 0..N-1, or several seeds. "
    "Each has its own folder OUT/seed-N."
)
_CONTINUE = (
    "Folder of a run, finished or not, with fewer steps and the same other settings: this run goes "
    "on from its newest checkpoint, and ends with the bits of one that had --steps from the start."
)

_START = (
    "Folder of a finished run, or its weights file: this run starts from its weights instead of "
    "drawn ones. The digest of them belongs to the run."
)


def command() -> Callable[..., None]:
    """Build the command: an option for each setting, and where to write."""
    groups = {name: _group(name, fields) for name, fields in grouped().items()}

    def train(  # noqa: PLR0913 - an option of the command line each
        tasks: Any,
        network: Any,
        training: Any,
        evaluation: Any,
        run: Any,
        out: Path,
        seeds: tuple[int, ...],
        continue_from: Path | None,
        start_from: Path | None,
        quiet: bool,  # noqa: FBT001 - an option
        verbose: bool,  # noqa: FBT001 - an option
    ) -> None:
        with _logged(logging.INFO if verbose else logging.WARNING):
            given: dict[str, Any] = {}
            for settings in (tasks, network, training, evaluation):
                given |= vars(settings)
            given["mask_options"] = mask_flags.given(network.mask_options)
            for name in OPEN:
                if given[name] in (None, ""):
                    del given[name]  # It follows from other settings.
            config, how = TrainConfig(**given), RunOptions(**vars(run))
            if not seeds:
                _train_one(config, how, out, (continue_from, start_from), quiet=quiet)
                return
            one = "left out where --seeds is given"
            if continue_from is not None:
                remedy = "Continue the runs in the folders seed-N one by one."
                raise InvalidArgument("--continue-from", str(continue_from), one, remedy)
            if start_from is not None:
                raise InvalidArgument("--start-from", str(start_from), one)
            _train_ensemble(config, how, out, seeds, quiet=quiet)

    about_out = "Folder for the run's files. A finished run there is not repeated."
    flag = tyro.conf.FlagCreatePairsOff[bool]
    train.__annotations__ = {
        **groups,
        "out": Annotated[Path, tyro.conf.arg(aliases=("-o",), help=about_out)],
        "seeds": Annotated[
            tuple[int, ...],
            tyro.conf.arg(help=_SEEDS, metavar="N", help_behavior_hint="(optional)"),
        ],
        "continue_from": Annotated[
            Path | None,
            tyro.conf.arg(help=_CONTINUE, metavar="RUN", help_behavior_hint="(optional)"),
        ],
        "start_from": Annotated[
            Path | None,
            tyro.conf.arg(help=_START, metavar="RUN", help_behavior_hint="(optional)"),
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
    train.__kwdefaults__ = None
    train.__defaults__ = ((), None, None, False, False)
    train.__doc__ = (
        "Train a network, evaluate it on trials it never saw, and write a run folder.\n\n"
        "The same command goes on with a run that was interrupted or killed, and\n"
        "leaves a finished one as it is."
    )
    return train


def grouped() -> dict[str, dict[str, FieldInfo]]:
    """The settings by what they are about, in the order of the help."""
    found: dict[str, dict[str, FieldInfo]] = {name: {} for name in _GROUPS}
    for name, info in TrainConfig.model_fields.items():
        if name not in NO_OPTIONS:
            found[_group_of(name)][name] = info
    found["run"] = dict(RunOptions.model_fields)
    return found


def _group_of(name: str) -> str:
    if name in _TASKS:
        return "tasks"
    if name in _EVALUATION:
        return "evaluation"
    return "training" if name in FitConfig.model_fields else "network"


def _group(name: str, fields: Mapping[str, FieldInfo]) -> Any:
    """The type of a parameter whose fields are options under one heading."""
    kind = make_dataclass(name.capitalize(), _fields(fields), kw_only=True)
    return Annotated[kind, tyro.conf.arg(name=name, help=_GROUPS[name])]


def _fields(settings: Mapping[str, FieldInfo]) -> list[tuple[str, Any, Any]]:
    """Fields of a dataclass with settings of a model."""
    fields: list[tuple[str, Any, Any]] = []
    for name, info in settings.items():
        if name == "mask_options":
            about = tyro.conf.arg(name="mask", prefix_name=False, help=info.description)
            fields.append((name, Annotated[MaskFlags, about], field(default=MaskFlags())))
            continue
        # TrainConfig reads these itself, such as sizes "20x20", and checks what it is given.
        kind = str if name in ("size", *_WRITTEN) else info.annotation
        metavar, start, hint = _METAVARS.get(name), _WRITTEN.get(name, info.default), None
        if name == "steps":
            kind, start, hint = int | None, None, f"(default: {info.default}, or sum of stages)"
        if name == "lr":
            kind, start = float | None, None
        if name == "init":
            kind, start = str | None, None
        if name in ("lr", "rates", "init"):
            hint = "(optional)"
        about = tyro.conf.arg(
            prefix_name=False,
            help=info.description or "",
            metavar=metavar,
            help_behavior_hint=hint,
        )
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


def _train_one(
    config: TrainConfig,
    options: RunOptions,
    out: Path,
    sources: tuple[Path | None, Path | None],
    *,
    quiet: bool,
) -> None:
    quiet = quiet or not distributed.is_first()
    # Where kernels say that they are being compiled.
    logging.getLogger("sparse_rnn.kernels").setLevel(logging.ERROR if quiet else logging.NOTSET)
    continue_from, start_from = sources
    config, _ = parts.starting_from(config, start_from, out, continue_from)
    finished = run_folder.state_of(out, identity_of(config)) == "finished"
    began_s = time.monotonic()
    display = progress.silent if quiet else progress.automatic
    try:
        run = training.train(
            config,
            out,
            progress=display,
            options=options,
            continue_from=continue_from,
            start_from=start_from,
        )
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_what_is_left(out)) from None
    if quiet:
        return
    how = "was finished before" if finished else f"took {time.monotonic() - began_s:.0f} s"
    if len(run.history) < config.steps:
        reached = f"reached {config.stop_measure} {config.stop_at}"
        why = "ended by a callback" if config.stop_at is None else reached
        how += f", {why} at step {len(run.history)}"
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
