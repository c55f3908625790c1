"""The commands `sparse-rnn sweep run | submit | status | collect`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from sparse_rnn import sweep
from sparse_rnn.cli.reading import later
from sparse_rnn.cli.refusals import Unfinished
from sparse_rnn.config.run import RunOptions
from sparse_rnn.errors import InvalidArgument, SparseRnnError
from sparse_rnn.system.output import say

_OPTIONS = (
    "workers", "scheduler", "threads", "retries", "jobs", "cluster", "parameters", "run_limit"
)  # fmt: skip
VERBS = ("run", "submit", "status", "collect")

_Spec = Annotated[
    tyro.conf.Positional[Path],
    tyro.conf.arg(metavar="SPEC", help="File with the runs, .toml or .json (docs/scaling.md)."),
]
_SomeSpec = Annotated[
    tyro.conf.Positional[Path | None],
    tyro.conf.arg(
        metavar="[SPEC]",
        help="File with the runs; by default all that the results have.",
        help_behavior_hint="(optional)",
    ),
]
_Results = Annotated[
    Path,
    tyro.conf.arg(help="Folder of the results. Sweeps may share it: a run is done once."),
]
_Written = Annotated[
    Path,
    tyro.conf.arg(
        name="out",
        aliases=("-o", "--results"),
        help="Folder of the results, --results of the other verbs. Sweeps may share it: a run is "
        "done once.",
    ),
]
_Threads = Annotated[int, tyro.conf.arg(help="Threads of each run.")]
_Retries = Annotated[
    int, tyro.conf.arg(help="How often a run that fails without progress is tried again.")
]
_RunLimit = Annotated[
    float | None,
    tyro.conf.arg(
        metavar="SECONDS", help="Longest time of a try of a run, after which it counts as failed."
    ),
]
_RESULTS = Path("runs/sweep")


def _run(  # noqa: PLR0913 - the options of a command
    spec: _Spec,
    *,
    results: _Written = _RESULTS,
    scheduler: Annotated[
        str | None,
        tyro.conf.arg(help="Running dask scheduler such as tcp://HOST:8786; by default none."),
    ] = None,
    workers: Annotated[
        int | None,
        tyro.conf.arg(
            help="Processes on this machine, by default one a core; 0: one run after another "
            "in this process."
        ),
    ] = None,
    threads: _Threads = 1,
    retries: _Retries = 2,
    run_limit: _RunLimit = None,
    checkpoint_every: Annotated[
        int, tyro.conf.arg(help="Gradient steps between checkpoints.")
    ] = sweep.OPTIONS.checkpoint_every,
    again: Annotated[
        tyro.conf.FlagCreatePairsOff[bool],
        tyro.conf.arg(help="Try runs again that failed in earlier calls."),
    ] = False,
    quiet: Annotated[
        tyro.conf.FlagCreatePairsOff[bool],
        tyro.conf.arg(aliases=("-q",), help="Print nothing but warnings and errors."),
    ] = False,
) -> None:
    """Carry out all runs of a file that are not done, and wait for them.

    The same command goes on with a sweep that was interrupted. Exit status 2 where a run failed.
    """
    options = RunOptions(tensorboard=False, checkpoint_every=checkpoint_every)
    with _in_spec(spec):
        reached = sweep.run(
            spec,
            results,
            scheduler=scheduler,
            workers=workers,
            threads=threads,
            retries=retries,
            run_limit=run_limit,
            again=again,
            progress=sweep.silent if quiet else sweep.automatic,
            options=options,
        )
    if not quiet:
        say(reached.text())
    if reached.damaged:
        raise SparseRnnError(
            f"{len(reached.damaged)} of {reached.total} runs are damaged, and were left as they "
            "are. Look at their folders, and move away what is damaged."
        )
    if reached.failed:
        raise SparseRnnError(
            f"{reached.failed} of {reached.total} runs failed. "
            f"`sparse-rnn sweep status {spec} --results {results} --tracebacks` says where; "
            "the same command with --again tries them again."
        )


def _submit(  # noqa: PLR0913 - the options of a command
    spec: _Spec,
    *,
    jobs: Annotated[int, tyro.conf.arg(help="Jobs of the array; each works through the runs.")],
    results: _Written = _RESULTS,
    threads: _Threads = 1,
    retries: _Retries = 2,
    run_limit: _RunLimit = None,
    minutes: Annotated[
        int, tyro.conf.arg(help="Longest time of a job; one that needs more is requeued.")
    ] = 240,
    partition: Annotated[str | None, tyro.conf.arg(help="Partition of Slurm.")] = None,
    memory_gb: Annotated[float | None, tyro.conf.arg(help="Memory of a job in GB.")] = None,
    sbatch: Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="[NAME=VALUE ...]", help="More options of sbatch: account=lab."),
    ] = (),
    cluster: Annotated[
        str,
        tyro.conf.arg(metavar="{slurm,local}", help="Where the jobs go; local: to this machine."),
    ] = "slurm",
) -> None:
    """Submit the runs of a file as an array of Slurm jobs, and exit.

    The jobs save themselves and go back into the queue when their time is over.
    """
    parameters: dict[str, Any] = {"timeout_min": minutes}
    if memory_gb is not None:
        parameters["mem_gb"] = memory_gb
    if partition is not None:
        parameters["slurm_partition"] = partition
    if sbatch:
        parameters["slurm_additional_parameters"] = dict(map(_pair, sbatch))
    with _in_spec(spec):
        ids = sweep.submit(
            spec,
            results,
            jobs=jobs,
            threads=threads,
            retries=retries,
            run_limit=run_limit,
            cluster=cluster,
            parameters=parameters,
        )
    say(
        f"Submitted {len(ids)} jobs: {ids[0]}" + (f" to {ids[-1]}" if len(ids) > 1 else "") + ".\n"
        f"`sparse-rnn sweep status {spec} --results {results}` says how far they are; their logs "
        f"are in {results / sweep.JOBS}."
    )


def _status(
    spec: _SomeSpec = None,
    *,
    results: _Results = _RESULTS,
    tracebacks: Annotated[
        tyro.conf.FlagCreatePairsOff[bool],
        tyro.conf.arg(help="Print where each error came from."),
    ] = False,
) -> None:
    """Say how far a sweep has come, and which runs failed.

    Exit status 0 where all runs are done, else 3.
    """
    _check_results(results)
    with _in_spec(spec):
        reached = sweep.status(spec, results)
    say(reached.text(tracebacks=tracebacks))
    if reached.done < reached.total:
        raise Unfinished


def _collect(
    spec: _SomeSpec = None,
    *,
    results: _Results = _RESULTS,
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            aliases=("-o",),
            help="Table of the runs; by default RESULTS/sweep.parquet. Learning curves and scores "
            "by task go beside it.",
        ),
    ] = None,
) -> None:
    """Write the results as Parquet tables, for pandas, polars or duckdb."""
    _check_results(results)
    if out is not None and out.suffix != ".parquet":
        raise InvalidArgument("--out", str(out), "a file name that ends in .parquet")
    with _in_spec(spec):
        table = sweep.collect(results, spec, out)
    path = out or results / sweep.TABLE
    done = table.column("state").to_pylist().count("done")
    say(f"{path}: {table.num_rows} runs, {done} of them done, {table.num_columns} columns.")
    for kind, about in (("curves", "learning curves"), ("tasks", "final scores by task")):
        say(f"{path.with_name(f'{path.stem}-{kind}.parquet')}: {about}.")


@contextmanager
def _in_spec(spec: Path | None) -> Generator[None]:
    """Say of a refused setting that it stands in the file, not on the command line."""
    try:
        yield
    except InvalidArgument as error:
        if spec is None or error.argument in _OPTIONS:
            raise
        raise SparseRnnError(f"{spec}: {error}") from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InvalidArgument("--sbatch", text, "of the form NAME=VALUE")
    return name.removeprefix("--"), value


def _check_results(results: Path) -> None:
    if not results.is_dir():
        raise InvalidArgument("--results", str(results), "a folder that exists")


_Verb = Union[  # noqa: UP007 - tyro reads it
    Annotated[Any, tyro.conf.subcommand(name="run", constructor=later(_run))],
    Annotated[Any, tyro.conf.subcommand(name="submit", constructor=later(_submit))],
    Annotated[Any, tyro.conf.subcommand(name="status", constructor=later(_status))],
    Annotated[Any, tyro.conf.subcommand(name="collect", constructor=later(_collect))],
]


@tyro.conf.configure(tyro.conf.OmitSubcommandPrefixes)
def command(verb: Annotated[_Verb, tyro.conf.arg(name="")]) -> None:
    """Carry out many runs, each once: run, submit, status, collect.

    `sparse-rnn sweep SPEC` is short for `sparse-rnn sweep run SPEC`.
    """
    verb()


def with_verb(words: Sequence[str]) -> list[str]:
    """Put the word "run" where `sweep` is followed by none of the verbs.

    Example:
        >>> with_verb(["sweep", "lr.toml"]), with_verb(["sweep", "status"])
        (['sweep', 'run', 'lr.toml'], ['sweep', 'status'])
    """
    short = len(words) > 1 and words[0] == "sweep" and words[1] not in (*VERBS, "-h", "--help")
    return [words[0], "run", *words[1:]] if short else list(words)
