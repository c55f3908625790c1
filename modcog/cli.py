"""The command `modcog`: list the tasks, show one, and export batches."""

from __future__ import annotations

import argparse
import importlib
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modcog import __version__
from modcog.batches.sampler import BatchSampler
from modcog.batches.targets import TARGETS
from modcog.catalog.chance import chance_table
from modcog.catalog.features import features_of
from modcog.catalog.filters import matching, suite
from modcog.catalog.rules import ENCODINGS
from modcog.catalog.sentences import describe
from modcog.catalog.settings import OWN_SETTINGS, task, tasks_of
from modcog.catalog.suites import suites
from modcog.catalog.trial_lengths import trial_lengths
from modcog.errors import InvalidArgument, ModcogError, unknown_name
from modcog.exporting.export import export
from modcog.ring import BUMP_HEIGHT, BUMP_WIDTH
from modcog.system.output import (
    command_streams,
    complain,
    figures_to_files,
    say,
    warnings_in_a_line,
)
from modcog.system.progress import ProgressBar
from modcog.trials.spec import TaskSpec

USAGE_ERROR = 2
INTERRUPTED = 130

RENAMED = {"--output": "--out"}
"""Options that go with the next release, and what they are called now."""


@figures_to_files()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `modcog`; by default those of the process.

    Returns:
        The exit status: 0, 2 where the input was refused, or 130 after Ctrl-C.
    """
    words = sys.argv[1:] if arguments is None else arguments
    with command_streams(words), warnings_in_a_line("modcog"):
        options, unread = _parser().parse_known_args(_renamed(words))
        return _run(options, unread)


def _renamed(words: Sequence[str]) -> list[str]:
    """The words with the names of today, and a warning for each that goes."""
    read: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if name in RENAMED:
            complain(f"modcog: warning: {name} is called {RENAMED[name]} now, and will go.")
        read.append(RENAMED.get(name, name) + equals + value)
    return read


def _run(options: argparse.Namespace, unread: Sequence[str]) -> int:
    try:
        if unread:
            raise _unknown(unread[0], options)
        _import(options.modules)
        return options.run(options)
    except ModcogError as error:
        complain(f"modcog {options.command}: {error}")
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        complain(f"modcog {options.command}: {what}")
    return USAGE_ERROR


def _import(modules: Sequence[str]) -> None:
    """Import the modules that are to register something, also those of the working directory."""
    if modules:
        sys.path.insert(0, str(Path.cwd()))
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            allowed = "the name of a module that can be imported"
            raise InvalidArgument("--import", name, allowed, f"({error})") from None


def _unknown(word: str, options: argparse.Namespace) -> InvalidArgument:
    """The error for a word that no option or argument of a command has read."""
    if not word.startswith("-"):
        return InvalidArgument("argument", word, "left out: the command takes no more of them")
    known = dict.fromkeys(re.findall(r"--[a-z-]+", options.text))
    name = word.partition("=")[0]
    return unknown_name("option", name, known, f"an option of modcog {options.command}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="modcog",
        description="The 168 Mod-Cog tasks: list them, see one, export batches.",
    )
    parser.add_argument("--version", action="version", version=f"modcog {__version__}")
    parser.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="module, here or installed, that registers tasks and suites of your own",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    listing = commands.add_parser("list", help="list the tasks of a suite", formatter_class=_Help)
    named = f"one of {', '.join(suites())} (default: mod-cog-168)"
    listing.add_argument("suite", nargs="?", metavar="SUITE", help=named)
    listing.add_argument("--suite", dest="also", metavar="SUITE", help="the same, as an option")
    listing.add_argument(
        "--features",
        metavar="EXPRESSION",
        help="which of them, by what modcog.features says, such as 'delay & ~match & Int=L'",
    )
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="draw a trial of a task and print its facts")
    show.add_argument("name", help="a task, such as DlyGo_IntL_SeqR")
    show.add_argument(
        "-o", "--out", type=Path, help="picture to write (png, svg or pdf; default: NAME.png)"
    )
    show.add_argument("--seed", type=int, default=0, help="seed of the trial (default: 0)")
    _add_settings(show)
    show.set_defaults(run=_show)

    exporting = commands.add_parser(
        "export", help="write batches of a suite to a file: HDF5, npz or zarr"
    )
    exporting.add_argument("suite", help="a suite, such as mod-cog-82, or a task")
    exporting.add_argument("--batches", type=int, required=True, help="number of batches")
    exporting.add_argument(
        "-o", "--out", type=Path, required=True, help="file to write (.h5, .npz or .zarr)"
    )
    exporting.add_argument("--first", type=int, default=0, help="first batch (default: 0)")
    exporting.add_argument("--batch-size", type=int, default=64, help="lanes (default: 64)")
    exporting.add_argument("--seq-len", default="auto", help="steps of a lane (default: auto)")
    exporting.add_argument("--seed", type=int, default=0, help="seed of the trials (default: 0)")
    exporting.add_argument(
        "--rules",
        default="one_hot",
        help=f"rule inputs: {', '.join(ENCODINGS)} (default: one_hot)",
    )
    exporting.add_argument(
        "--targets", default="labels", help=f"{', '.join(TARGETS)} (default: labels)"
    )
    _add_settings(exporting)
    there = exporting.add_mutually_exclusive_group()
    there.add_argument("--overwrite", action="store_true", help="replace the file")
    there.add_argument("--resume", action="store_true", help="go on with an unfinished export")
    exporting.set_defaults(run=_export)

    exploring = commands.add_parser("explore", help="open a local page that shows trials of tasks")
    exploring.add_argument("task", nargs="?", help="task to begin with, such as DlyGo_IntL_SeqR")
    exploring.add_argument(
        "--port", type=int, default=8168, help="port on this machine; 0: any (default: 8168)"
    )
    exploring.add_argument(
        "--no-browser", action="store_true", help="print the address and open no browser"
    )
    exploring.set_defaults(run=_explore)
    for command in (listing, show, exporting, exploring):
        command.set_defaults(text=command.format_help())
    return parser


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dt", type=float, default=100.0, help="time step in ms (default: 100)")
    command.add_argument("--dim-ring", type=int, default=16, help="ring directions (default: 16)")
    command.add_argument(
        "--noise",
        default="1.0",
        help="noise in sqrt(ms); two with a comma, one a ring; or 'yang' (default: 1.0)",
    )
    width, height = f"default: {BUMP_WIDTH:.3g}", f"default: {BUMP_HEIGHT:g}"
    command.add_argument(
        "--bump-width", type=float, default=BUMP_WIDTH, help=f"of the stimuli, in rad ({width})"
    )
    command.add_argument(
        "--bump-height", type=float, default=BUMP_HEIGHT, help=f"at strength 1 ({height})"
    )


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    settings = {name: getattr(options, name) for name in OWN_SETTINGS}
    return {**settings, "noise": _noise(options.noise)}


def _noise(text: str) -> float | str | tuple[float, ...]:
    """A level of noise: a number, one a ring, or "yang"."""
    if text == "yang":
        return text
    try:
        levels = tuple(float(level) for level in text.split(","))
    except ValueError:
        allowed = "a number, two with a comma between them, or 'yang'"
        raise InvalidArgument("--noise", text, allowed) from None
    return levels[0] if len(levels) == 1 else levels


def _list(options: argparse.Namespace) -> int:
    if options.suite and options.also:
        raise InvalidArgument("--suite", options.also, "left out where a suite is named before it")
    chosen = options.suite or options.also or "mod-cog-168"
    names = suite(chosen)
    specs = tasks_of(chosen)
    listed = names if options.features is None else matching(specs, options.features, "--features")
    width = max(len(name) for name in names)
    say(f"{'slot':>4}  {'task':{width}}  {'family':8}  steps at dt=100 ms")
    for slot, spec in enumerate(specs):
        if spec.name not in listed:
            continue
        support, _ = spec.length_distribution()
        shortest, longest = int(support[0]), int(support[-1])
        span = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        say(f"{slot:>4}  {spec.name:{width}}  {spec.family:8}  {span}")
    what = f"{chosen}: {len(listed)}"
    if options.features is not None:
        what += f" of {len(names)}"
    say(f"{what} rule slots, {len(set(listed))} distinct tasks.")
    return 0


def _show(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if options.seed < 0:
        raise InvalidArgument("--seed", options.seed, "a whole number of at least 0")
    spec = task(options.name, **settings)
    path: Path = options.out or Path(f"{spec.name}.png")
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise InvalidArgument("--out", str(path), "a file name that ends in .png, .svg or .pdf")
    if not path.parent.is_dir():
        raise InvalidArgument("--out", str(path), "in a folder that exists")

    from modcog.explore.pictures import (
        plot_trial,  # matplotlib is slow to import, and not always needed
    )

    plot_trial(spec, seed=options.seed).savefig(path, dpi=150)
    lengths = trial_lengths(spec)
    say(f"{spec.name} ({spec.family} family): {describe(spec)}")
    say(f"  periods   {', '.join(spec.period_names)}")
    say(f"  features  {' & '.join(_told(spec))}")
    say(f"  length    {lengths.shortest} to {lengths.longest} steps, mean {lengths.mean:.4g}")
    say("  scores of simple strategies   final_accuracy  performance")
    for strategy, level in chance_table(spec).items():
        say(f"    {strategy:27} {level.final_accuracy:14.3f} {level.performance:12.3f}")
    say(f"Picture: {path}")
    return 0


def _told(spec: TaskSpec) -> list[str]:
    """What features say of a task, as `modcog list --features` takes it: no names, no numbers."""
    rows = ((k, v) for k, v in features_of(spec).items() if k not in ("base", "family"))
    return [k if v is True else f"{k}={v}" for k, v in rows if v is True or isinstance(v, str)]


def _export(options: argparse.Namespace) -> int:
    seq_len = options.seq_len
    if seq_len != "auto":
        seq_len = int(seq_len) if seq_len.isdecimal() else _refuse_seq_len(seq_len)
    sampler = BatchSampler(
        options.suite,
        batch_size=options.batch_size,
        seq_len=seq_len,
        seed=options.seed,
        rules=options.rules,
        targets=options.targets,
        **_settings(options),
    )
    bar = ProgressBar("batches")

    def progress(done: int, total: int) -> None:
        bar(done, total)
        interrupt.check()

    interrupt = _Interrupt()
    try:
        path = export(
            sampler,
            options.out,
            options.batches,
            first=options.first,
            overwrite=options.overwrite,
            resume=options.resume,
            progress=progress,
        )
    except KeyboardInterrupt:
        bar.close()
        complain(
            f"modcog export: stopped after {bar.done} of {options.batches} batches. "
            "Give the same command with --resume to go on."
        )
        return INTERRUPTED
    finally:
        interrupt.restore()
        bar.close()
    say(f"{path}: {options.batches} batches of {sampler.seq_len} x {sampler.batch_size} steps.")
    return 0


def _explore(options: argparse.Namespace) -> int:
    from modcog.explore import site  # the other commands need no server
    from modcog.explore.serving import serve

    query = f"?task={task(options.task).name}" if options.task else ""
    serve(site(), options.port, browser=not options.no_browser, query=query)
    return 0


class _Help(argparse.HelpFormatter):
    """Help whose lines do not break within the name of a suite."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)


class _Interrupt:
    """Ctrl-C between two batches; Python may lose one that comes while an object is destroyed.

    A second Ctrl-C stops at once.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)

    def check(self) -> None:
        """Raise KeyboardInterrupt if it was asked for."""
        if self._asked:
            raise KeyboardInterrupt

    def restore(self) -> None:
        """Treat Ctrl-C as before."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: object) -> None:
        del number, frame
        self._asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _refuse_seq_len(text: str) -> int:
    raise InvalidArgument("--seq-len", text, 'a whole number of steps, or "auto"')
