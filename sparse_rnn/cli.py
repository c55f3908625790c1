"""The command `sparse-rnn`: train networks, look at them, and compare them in one figure."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from sparse_rnn import masks, progress, run_folder
from sparse_rnn.checkpoint import WEIGHTS
from sparse_rnn.config import TrainConfig, parse_size
from sparse_rnn.data import task_stream
from sparse_rnn.errors import InvalidArgument, SparseRnnError
from sparse_rnn.evaluation import evaluate
from sparse_rnn.models import Network
from sparse_rnn.scores import MEASURES, TaskScores
from sparse_rnn.training import load_run, streams, train

REFUSED = 2
"""Exit status where the input was refused or a file cannot be used."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

FIGURE_TYPES = (".png", ".pdf", ".svg")

_METAVARS = {"suite": "NAME [NAME ...]", "size": "UNITS", "arch": "FAMILY"}
_RUN = tyro.conf.arg(metavar="RUN", help="Folder of a finished run.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `sparse-rnn`; by default those of the process.

    Returns:
        The exit status: 0; 2 where the input was refused or a run failed; 130 after Ctrl-C.
        The parser itself leaves with `SystemExit`: 0 after ``--help``, 2 for unknown options.
    """
    try:
        tyro.extras.subcommand_cli_from_dict(
            {"train": _train_command(), "info": _info, "eval": _eval, "report": _report},
            prog="sparse-rnn",
            description="Train recurrent networks with fixed sparse connectivity on Mod-Cog tasks.",
            args=None if arguments is None else list(arguments),
        )
    except SparseRnnError as error:
        return _refuse(str(_as_typed(error)))
    except BrokenPipeError:
        # The reader, such as `head`, has what it wanted; the interpreter must not complain either.
        sys.stdout = None
        return 0
    except OSError as error:
        known = error.strerror is not None and error.filename is not None
        return _refuse(f"{error.filename}: {error.strerror}" if known else str(error))
    except KeyboardInterrupt as interrupt:
        print(f"sparse-rnn: interrupted. {interrupt}".rstrip(), file=sys.stderr)
        return INTERRUPTED
    return 0


def _refuse(message: str) -> int:
    print(f"sparse-rnn: {' '.join(message.split())}", file=sys.stderr)
    return REFUSED


def _as_typed(error: SparseRnnError) -> SparseRnnError:
    """Name a refused setting as the user typed it: `--batch-size`, not `batch_size`."""
    if isinstance(error, InvalidArgument) and error.argument in TrainConfig.model_fields:
        option = "--" + error.argument.replace("_", "-")
        return type(error)(option, error.value, error.allowed, error.remedy)
    return error


def _train_command() -> Callable[..., None]:
    """Build the command `train`: an option for each field of `TrainConfig`, and where to write."""
    fields: list[tuple[str, Any, Any]] = []
    for name, info in TrainConfig.model_fields.items():
        # TrainConfig reads sizes such as "20x20" itself, and checks what it is given.
        kind = str if name == "size" else info.annotation
        about = tyro.conf.arg(help=info.description or "", metavar=_METAVARS.get(name))
        default = field() if info.is_required() else field(default=info.default)
        fields.append((name, Annotated[kind, about], default))
    settings_type = make_dataclass("Settings", fields, kw_only=True)

    def command(settings: Any, out: Path) -> None:
        _train(TrainConfig(**vars(settings)), out)

    command.__annotations__ = {
        "settings": Annotated[settings_type, tyro.conf.arg(name="")],
        "out": Annotated[
            Path,
            tyro.conf.arg(help="Folder for the run's files. A finished run there is not repeated."),
        ],
        "return": None,
    }
    command.__doc__ = "Train a network, evaluate it on trials it never saw, and write a run folder."
    return command


def _train(config: TrainConfig, out: Path) -> None:
    finished = run_folder.state_of(out, config) == "finished"
    began_s = time.monotonic()
    try:
        run = train(config, out, progress=progress.automatic)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_what_is_left(out)) from None
    how = "was finished before" if finished else f"took {time.monotonic() - began_s:.0f} s"
    means = ", ".join(f"{name} {run.evaluation.mean(name):.3f}" for name in MEASURES)
    print(f"{out} ({how}). Means over {len(run.evaluation.tasks)} tasks: {means}.")


def _what_is_left(out: Path) -> str:
    """Say in one sentence what an interrupted run has left on the disk."""
    known = (run_folder.CONFIG, run_folder.METRICS, run_folder.EVALUATION, WEIGHTS)
    files = [name for name in known if (out / name).exists()]
    if not files:
        return "Nothing was written."
    if WEIGHTS in files:
        return f"{out} holds a finished run."
    return (
        f"{out} holds {', '.join(files)} of an unfinished run and no weights; "
        "the same command starts it anew."
    )


def _info(
    arch: Annotated[
        str, tyro.conf.arg(metavar="FAMILY", help="Mask family: " + ", ".join(masks.MASKS) + ".")
    ],
    size: Annotated[
        str, tyro.conf.arg(metavar="UNITS", help="Number of units, or sides such as 50x50.")
    ],
    radius: Annotated[
        float | None, tyro.conf.arg(help="Longest synapse in lattice units (locality only).")
    ] = None,
    suite: Annotated[str, tyro.conf.arg(help="Suite that the weights are counted for.")] = "cog-20",
) -> None:
    """Print the size of a network: units, synapses, density, in-degrees, weights."""
    mask = masks.build(arch, parse_size(size), **({} if radius is None else {"radius": radius}))
    stream = task_stream(suite, batch_size=1, seq_len="auto", seed=0)
    counts = Network(stream.input_size, stream.output_size, mask).weight_counts()
    n_units, own = mask.n_units, int((mask.indices == mask.targets()).sum())
    others = mask.nnz - own
    pairs = n_units * (n_units - 1)
    in_degree = mask.in_degree()
    print(f"{mask!r}")
    print(f"  units                          {n_units:>10}")
    print(f"  synapses                       {mask.nnz:>10}")
    print(f"    without self-connections     {others:>10}")
    print(f"  density                        {mask.density:>10.6f}")
    print(f"    without self-connections     {others / pairs if pairs else 0:>10.6f}")
    print(f"  smallest and largest in-degree {in_degree.min():>10} {in_degree.max()}")
    print(f"Weights for {suite} ({stream.input_size} inputs, {stream.output_size} outputs):")
    for kind, count in counts.items():
        print(f"  {kind:30} {count:>10}")
    print("Weights are counted without biases, as in the paper.")


def _eval(
    run: Annotated[tyro.conf.Positional[Path], _RUN],
    batches: Annotated[
        int | None,
        tyro.conf.arg(help="Batches of held-out trials; by default as many as after training."),
    ] = None,
    out: Annotated[
        Path | None, tyro.conf.arg(aliases=("-o",), help="Table to write (csv).")
    ] = None,
) -> None:
    """Evaluate a trained network on held-out trials, and print a line for each task."""
    loaded = load_run(run)
    number = loaded.config.final_batches if batches is None else batches
    if number < 1:
        raise InvalidArgument("--batches", number, "at least 1")
    _, held_out = streams(loaded.config)
    scores = evaluate(loaded.network, held_out, held_out.batches(0, number))
    print(_table(scores))
    if out is not None:
        scores.write_csv(out)


def _table(scores: TaskScores) -> str:
    columns = (*MEASURES, "chance")
    width = max(len("mean"), *(len(task) for task in scores.tasks))
    header = "  ".join([f"{'task':{width}}", "trials", *columns])
    lines = [header]
    for row in scores.rows():
        cells = [f"{row[name]:{len(name)}.3f}" for name in columns]
        lines.append("  ".join([f"{row['task']:{width}}", f"{row['n_trials']:6d}", *cells]))
    means = [f"{scores.mean(name):{len(name)}.3f}" for name in columns]
    lines.append("  ".join([f"{'mean':{width}}", f"{int(scores.n_trials.sum()):6d}", *means]))
    return "\n".join(lines)


def _report(
    run: Annotated[tyro.conf.Positional[Path], _RUN],
    more: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="[RUN ...]", help="More of them.", help_behavior_hint="(optional)"),
    ] = (),
    *,
    out: Annotated[
        Path,
        tyro.conf.arg(aliases=("-o",), help="Figure to write: " + ", ".join(FIGURE_TYPES) + "."),
    ],
) -> None:
    """Draw learning curves and a table of accuracies by task of one or more runs."""
    runs = (run, *more)
    if out.suffix.lower() not in FIGURE_TYPES:
        allowed = "a file name that ends in " + ", ".join(FIGURE_TYPES)
        raise InvalidArgument("--out", str(out), allowed)
    if not out.parent.is_dir():
        raise InvalidArgument("--out", str(out), "in a folder that exists")

    from sparse_rnn import report  # matplotlib is slow to import, and the other commands need none

    names = [folder.resolve().name for folder in runs]
    labels = names if len(set(names)) == len(names) else [str(folder) for folder in runs]
    if len(set(labels)) < len(labels):
        raise InvalidArgument("RUN", labels, "a different folder each")
    loaded = {label: load_run(folder) for label, folder in zip(labels, runs, strict=True)}
    report.overview(loaded).savefig(out, dpi=150)
    print(f"Figure: {out}")
