"""The words of a command line: read first, carried out afterwards.

Reading does nothing else, so words that cannot be read are read again: silently, to find the option
that was meant, and then aloud.
"""

from __future__ import annotations

import functools
import importlib
import io
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from textwrap import fill
from types import MappingProxyType
from typing import Any, Protocol, TextIO, cast

from sparse_rnn.errors import InvalidArgument, UnknownName, unknown_name
from sparse_rnn.system.output import Courtesy

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "--lr": "learning-rate eta alpha step-size adam-lr",
        "--size": "hidden-size hidden hidden-dim hidden-units units n-units neurons n-neurons n "
        "sheet",
        "--steps": "epochs n-epochs iterations iters n-iter n-steps max-steps updates "
        "gradient-steps training-steps",
        "--batch-size": "batch bs minibatch mini-batch lanes",
        "--seq-len": "sequence-length seq-length length time-steps timesteps bptt",
        "--out": "output output-dir outdir out-dir output-file log-dir logdir run-dir save "
        "save-dir folder",
        "--arch": "architecture mask-family family model connectivity",
        "--suite": "task tasks env",
        "--radius": "d distance range",
        "--nonlinearity": "activation nonlin act",
        "--cell": "rnn-type rnn cell-type",
        "--tau": "time-constant",
        "--noise": "sigma input-noise noise-std",
        "--l2": "weight-decay",
        "--clip": "grad-clip gradient-clip clip-norm max-grad-norm clip-grad-norm",
        "--schedule": "lr-schedule lr-scheduler",
        "--warmup": "warm-up",
        "--device": "gpu cuda cpu",
        "--precision": "dtype amp",
        "--init": "initialization initialisation init-method",
        "--inhibitory": "dale dales-law ei",
        "--eval-every": "eval-interval eval-freq validate-every",
        "--continue-from": "resume checkpoint from",
        "--mask.in-degree": "in-degree degree fan-in k",
        "--mask.probability": "density p",
        "--workers": "processes n-workers num-workers n-jobs",
        "--batches": "n-batches",
        "--trials": "n-trials",
    }
)
"""What the field calls an option where the spelling is not near, by the name that it has here.

A row counts for the commands that have its option.
"""

IMPORT = "--import"
"""What imports a module before a command is read."""

_OPTION = re.compile(r"(?:^|[│,])\s*(--[a-z][\w.-]*)", re.MULTILINE)


_BOX = re.compile(r"[\s╭│╰\x1b]|$")
"""How lines begin that are no prose."""


class Parser(Protocol):
    """Reads words, and leaves with `SystemExit` where there is nothing to carry out."""

    def __call__(self, words: Sequence[str]) -> Any:
        """Read, or say what is wrong or the help that was asked for."""
        ...


def later(command: Callable[..., Any]) -> Callable[..., Callable[[], None]]:
    """Make a command with the same options that gives its work, to be carried out afterwards."""

    @functools.wraps(command)
    def read(*arguments: Any, **options: Any) -> Callable[[], None]:
        return functools.partial(command, *arguments, **options)

    return read


def imported(words: Sequence[str]) -> list[str]:
    """Import the modules that ``--import MODULE`` names before a command, as `modcog` does.

    They register tasks and suites; those of the working directory are found as well.

    Returns:
        The words after them.

    Raises:
        InvalidArgument: A module cannot be imported.
    """
    left = list(words)
    while left and left[0].partition("=")[0] == IMPORT:
        _, equals, name = left.pop(0).partition("=")
        name = name if equals or not left else left.pop(0)
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        try:
            importlib.import_module(name)
        except (ImportError, ValueError) as error:
            allowed = "the name of a module that can be imported"
            raise InvalidArgument(IMPORT, name, allowed, f"({error})") from None
    return left


def read(words: Sequence[str], parse: Parser, commands: Mapping[str, Sequence[str]]) -> Any:
    """Read the words of a command line.

    Args:
        words: What was typed.
        parse: The parser.
        commands: The commands, and the verbs of those that have any.

    Returns:
        What the parser returns.

    Raises:
        UnknownName: There is no such command or option; the message has those that are meant.
        SystemExit: The help was asked for, or the words cannot be read; the parser has said so.
    """
    found, leaving, _ = _silently(parse, words)
    if leaving is None:
        return found
    if leaving.code:
        _check(words, parse, commands)
    with redirect_stdout(cast("TextIO", _Wrapped(sys.stdout))):
        return parse(words)


class _Wrapped(Courtesy):
    """A stream that breaks lines of prose between words; the parser leaves them to the terminal."""

    def write(self, text: str) -> int:
        """Write, with no line of prose wider than the terminal."""
        columns = shutil.get_terminal_size().columns
        lines = text.split("\n")
        super().write("\n".join(_broken(line, columns) for line in lines))
        return len(text)


def _broken(line: str, columns: int) -> str:
    if _BOX.match(line):
        return line
    # An option stays with its value in the line of usage.
    whole = re.sub(r"\[[^]]*\]", lambda option: option[0].replace(" ", "\0"), line)
    indent = " " * 7 if line.startswith("usage:") else ""
    text = fill(whole, columns, subsequent_indent=indent, break_on_hyphens=False)
    return text.replace("\0", " ")


def _check(words: Sequence[str], parse: Parser, commands: Mapping[str, Sequence[str]]) -> None:
    """Refuse the first word that no command, verb or option is called, if there is one."""
    if not words or words[0].startswith("-"):
        return
    name, *rest = words
    if name not in commands:
        raise unknown_name("command", name, commands, "a command of sparse-rnn")
    command = [name]
    if commands[name] and rest and rest[0] in commands[name]:
        command.append(rest.pop(0))
    known = _options(command, parse)
    typed = " ".join(["sparse-rnn", *command])
    for word in rest:
        option = word.partition("=")[0].replace("_", "-")
        if option.startswith("--") and option not in known:
            raise _unknown(option, known, typed)


def _unknown(option: str, known: Sequence[str], typed: str) -> UnknownName:
    word, what = option.removeprefix("--"), f"an option of {typed}"
    meant = [name for name in known if word in SYNONYMS.get(name, "").split()]
    # An option of a group, such as --mask.neighbours, is also meant by its last name.
    meant += [name for name in known if name.endswith(f".{word}")]
    if meant:
        remedy = f"Did you mean {meant[0]!r}?"
        return UnknownName("option", option, f"the name of {what}", remedy)
    error = unknown_name("option", option, known, what)
    near = "Did you mean" in error.remedy
    remedy = error.remedy if near else f"`{typed} --help` tells which there are."
    return UnknownName("option", option, error.allowed, remedy)


def _options(command: Sequence[str], parse: Parser) -> list[str]:
    """The options of a command, as its help has them."""
    *_, text = _silently(parse, [*command, "--help"])
    return list(dict.fromkeys(_OPTION.findall(text)))


def _silently(parse: Parser, words: Sequence[str]) -> tuple[Any, SystemExit | None, str]:
    """What reading gives, how it left if it did, and what it said."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            return parse(words), None, said.getvalue()
        except SystemExit as leaving:
            return None, leaving, said.getvalue()
