"""The command `sparse-rnn`: train networks, look at them, and compare them in one figure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType

import tyro

from sparse_rnn.cli import (
    analyze,
    compare,
    eval,
    explore,
    info,
    reading,
    refusals,
    report,
    sweep,
    train,
    zoo,
)
from sparse_rnn.system.output import command_streams, figures_to_files, say, warnings_in_a_line

COMMANDS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "train": train.command(),
        "info": info.info,
        "eval": eval.evaluate,
        "analyze": analyze.analyze,
        "report": report.report,
        "compare": compare.compare,
        "sweep": sweep.command,
        "explore": explore.explore,
        "zoo": zoo.zoo,
    }
)
"""Each command is a file and a row: parameters are its options, and the docstring is its help."""

_VERBS = {name: sweep.VERBS if name == "sweep" else () for name in COMMANDS}

_ABOUT = """Train recurrent networks with fixed sparse connectivity on Mod-Cog tasks.

Exit status: 0 where all went well, also where a run was finished before;
2 where the input was refused, a file cannot be used or written, or a run
failed; 3 where `sweep status` finds runs that are not done; 128 + n where
signal n ended a run, which has then saved itself: 130 after Ctrl-C, 143 after
SIGTERM, 138 after SIGUSR1. The same command goes on with such a run.

Several processes train one network with:
torchrun --nproc-per-node N -m sparse_rnn.cli train ...

Tasks and suites of your own, registered by a module, here or installed:
sparse-rnn --import MODULE train ...

The version: sparse-rnn --version

Completion for your shell: sparse-rnn --tyro-print-completion bash (or zsh,
tcsh); write what it prints to a file that your shell reads."""


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
    words = sys.argv[1:] if arguments is None else arguments
    with command_streams(words), warnings_in_a_line("sparse-rnn"):
        if words == ["--version"]:
            say(f"sparse-rnn {version('modcog')}")
            return 0
        return refusals.told(lambda: reading.read(_with_imports(words), _parse, _VERBS)())


def _with_imports(words: Sequence[str]) -> list[str]:
    """The words of a command, once the modules before it are imported."""
    return sweep.with_verb(reading.imported(words))


def _parse(words: Sequence[str]) -> Callable[[], object]:
    return tyro.extras.subcommand_cli_from_dict(
        {name: reading.later(command) for name, command in COMMANDS.items()},
        prog="sparse-rnn",
        description=_ABOUT,
        args=words,
    )
