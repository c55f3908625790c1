"""The command: ``python -m benchmarks.paper [ID ...] --scale SCALE``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks._status import status
from benchmarks.paper import _cost as cost
from benchmarks.paper._account import write_account
from benchmarks.paper._arms import Results
from benchmarks.paper._experiment import Experiment, evaluate
from benchmarks.paper._reporting import write_page, write_summary
from benchmarks.paper._scales import SCALES, Scale, scale_of
from benchmarks.paper.claims import CLAIMS, Claim
from benchmarks.paper.table import EXPERIMENTS
from sparse_rnn import sweep
from sparse_rnn.errors import unknown_name

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Program:
    """A command of experiments.

    Attributes:
        module: Its module, such as "benchmarks.paper".
        about: What it does, for the help.
        experiments: Its experiments by id.
        claims: What each of them claims.
        scales: Names of the scales that they have.
    """

    module: str
    about: str
    experiments: Mapping[str, Experiment]
    claims: Mapping[str, Claim]
    scales: tuple[str, ...] = tuple(SCALES)

    @property
    def name(self) -> str:
        """The last part of its module."""
        return self.module.rpartition(".")[2]


PAPER = Program(
    "benchmarks.paper",
    "Run the experiments of the paper and write a finding for each.",
    EXPERIMENTS,
    CLAIMS,
)


def chosen(names: Sequence[str], experiments: Mapping[str, Experiment]) -> dict[str, Experiment]:
    """The experiments of some ids; all for none.

    Raises:
        UnknownName: There is no such experiment.
    """
    for name in names:
        if name not in experiments:
            raise unknown_name("ID", name, experiments, "an experiment")
    return {name: experiments[name] for name in names or experiments}


def plan(experiments: dict[str, Experiment], scale: Scale, results: Results) -> str:
    """A table of runs and estimated costs; what is finished, or counted above, costs nothing."""
    lines = [f"{'experiment':16} {'runs':>5} {'finished':>9} {'new':>5} {'core-minutes':>13}"]
    counted: set[str] = set()
    n_total, total = 0, 0.0
    for name, experiment in experiments.items():
        runs = experiment.runs(scale)
        done = {sweep.identity(run.config) for run in results.of(runs)}
        new = [run for run in runs if sweep.identity(run) not in done | counted]
        planned = {sweep.identity(run): run for run in experiment.left(results, scale)}
        more = [run for name, run in planned.items() if name not in counted]
        minutes = cost.core_minutes(new) + sum(map(cost.seconds, more)) / 60
        counted |= {sweep.identity(run) for run in (*new, *more)}
        total += minutes
        n_total += len(new) + len(more)
        lines.append(
            f"{name:16} {len(runs):5} {len(done):9} {len(new) + len(more):5} {minutes:13.1f}"
        )
    lines.append(f"{'total':16} {'':5} {'':9} {n_total:5} {total:13.1f}")
    lines.append("Runs that several experiments share count where they come first.")
    return "\n".join(lines)


def train(
    experiments: dict[str, Experiment], scale: Scale, results: Results, options: argparse.Namespace
) -> list[str]:
    """Carry out all runs that are not finished.

    Returns:
        What failed, a line each.
    """
    # Seed by seed, so that what is finished early compares all networks of an experiment.
    configs = [
        run
        for experiment in experiments.values()
        for run in sorted(experiment.runs(scale), key=lambda run: run.seed)
    ]
    told: list[str] = []
    if configs:
        status = sweep.run(
            configs,
            results.folder,
            scheduler=options.scheduler,
            workers=None if options.scheduler else options.workers,
            progress=sweep.automatic,
        )
        told = [f"{one.folder}: {one.failures[-1].error}" for one in status.failures]
    for experiment in experiments.values():
        if experiment.work is not None:
            experiment.work(results, scale)
    return told


def conclude(
    experiments: dict[str, Experiment], scale: Scale, results: Results, folder: Path
) -> None:
    """Write the findings and print the verdicts."""
    width = max(map(len, experiments))
    for name, experiment in experiments.items():
        finding = evaluate(name, experiment, results, scale, folder)
        print(f"{name:{width}}  {finding.verdict:14}  {finding.title}", flush=True)


def parser(program: Program) -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog=f"python -m {program.module}",
        description=program.about,
        epilog="Ids: " + ", ".join(program.experiments),
    )
    made.add_argument("ids", nargs="*", metavar="ID", help="experiments; all by default")
    made.add_argument("--scale", choices=program.scales, default="smoke")
    runs = Path("runs") / program.name
    made.add_argument("--runs", type=Path, default=runs, help="folder of all runs")
    made.add_argument(
        "--results",
        type=Path,
        default=HERE / "results",
        help="folder of the findings, with a folder for each scale in it",
    )
    made.add_argument("--page", type=Path, help="HTML file (default: in the folder of all runs)")
    made.add_argument("--summary", type=Path, help="Markdown file about the findings of all scales")
    made.add_argument(
        "--account", type=Path, help="Markdown page whose blocks are filled with the findings"
    )
    made.add_argument("--workers", type=int, help="processes; by default one a core")
    made.add_argument("--scheduler", help="address of a running dask scheduler")
    made.add_argument("--dry-run", action="store_true", help="say what would run and what it costs")
    made.add_argument(
        "--finished", action="store_true", help="train nothing; judge the runs that are finished"
    )
    made.add_argument(
        "--pages", action="store_true", help="write page and summary of the findings that are there"
    )
    return made


def main(arguments: Sequence[str] | None = None, program: Program = PAPER) -> int:
    """Run experiments from the command line.

    Args:
        arguments: The words after the module's name; by default those of the process.
        program: Which experiments.

    Returns:
        The exit status: 0; 1 where a run failed; 2 for what cannot work; 130 after Ctrl-C.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = parser(program).parse_args(words)
    torch.set_num_threads(1)
    return status(program.module, words, lambda: _work(program, options))


def _work(program: Program, options: argparse.Namespace) -> Sequence[str]:
    """Do what was asked; a line for each run that failed."""
    experiments = chosen(options.ids, program.experiments)
    scale, results = scale_of(options.scale), Results(options.runs, options.workers)
    if options.dry_run:
        print(plan(experiments, scale, results))
        return ()
    folder = options.results / scale.name
    failed: list[str] = []
    if not (options.finished or options.pages):
        failed = train(experiments, scale, results, options)
    if not options.pages:
        conclude(experiments, scale, results, folder)
    page = options.page or options.runs / f"report-{scale.name}.html"
    write_page(folder, page)
    print(f"Page: {page}")
    if options.summary is not None:
        write_summary(options.results, options.summary, {**CLAIMS, **program.claims})
        print(f"Summary: {options.summary}")
    if options.account is not None:
        write_account(options.results, options.account, {**CLAIMS, **program.claims})
        print(f"Account: {options.account}")
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
