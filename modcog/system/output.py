"""Text on its way out: to a terminal, into a figure, through streams that may be closed.

Names of folders and files, and the texts of errors, may come from somebody else. Whatever is said
goes through `say` or `complain`, whatever is drawn through `in_figure`.
"""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What a terminal acts on, what turns or hides other signs, and what no encoding has."""


def plain(text: str) -> str:
    r"""Text in which every sign that does more than being seen is written out.

    Example:
        >>> plain("done\x1b[2J")
        'done\\x1b[2J'
    """
    return _ACTIVE.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def in_figure(text: str) -> str:
    r"""Text as matplotlib shows it, sign by sign: no mathematics between dollars.

    Example:
        >>> print(in_figure("cost $a$"))
        cost \$a\$
    """
    return plain(text).replace("$", r"\$")


@contextmanager
def figures_to_files() -> Generator[None]:
    """Hide the backend that ``MPLBACKEND`` asks for, as matplotlib refuses one it cannot import.

    A notebook sets it to a backend of its own for all commands that it starts. A command writes its
    figures to files, which no backend is asked for.
    """
    before = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "agg"
    try:
        yield
    finally:
        del os.environ["MPLBACKEND"]
        if before is not None:
            os.environ["MPLBACKEND"] = before


def say(text: str) -> None:
    """Print on standard output; nothing is said to a reader that has gone.

    Raises:
        OSError: It could not be written, for example on a full disk.
    """
    _write(sys.stdout, f"{plain(text)}\n")


def complain(text: str) -> None:
    """Print one line on standard error, if there is anybody to read it."""
    with suppress(OSError):
        _write(sys.stderr, f"{plain(' '.join(text.split()))}\n")


@contextmanager
def warnings_in_a_line(program: str) -> Generator[None]:
    """Say each warning in one line, without the place in the code that Python prints.

    Args:
        program: Whose warnings they are, such as "modcog".
    """

    def tell(message: Warning | str, *_place: object, **_more: object) -> None:
        complain(f"{program}: warning: {message}")

    before, warnings.showwarning = warnings.showwarning, tell
    try:
        yield
    finally:
        warnings.showwarning = before


def _write(stream: TextIO | None, text: str) -> None:
    try:
        if stream is not None:
            stream.write(text)
            stream.flush()
    except BrokenPipeError:  # the reader, such as `head`, has what it wanted
        _discard(stream)
    except OSError:
        _discard(stream)
        raise


def _discard(stream: Any) -> None:
    """Have a stream write to nowhere from now on: the interpreter flushes it at its end."""
    with suppress(io.UnsupportedOperation, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


class Courtesy:
    """A stream for messages on the way: where they cannot be written, the work goes on without.

    Args:
        stream: Where to write; None is nowhere.
        ignored: The errors after which nothing is written any more.
    """

    def __init__(
        self, stream: TextIO | None, ignored: tuple[type[Exception], ...] = (OSError, ValueError)
    ) -> None:
        self._stream = stream
        self._ignored = ignored
        self._gone = stream is None

    def __getattr__(self, name: str) -> Any:
        """All else is that of the stream."""
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        """Write, or do nothing."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        self._try("flush")

    def _try(self, action: str, *arguments: str) -> None:
        if not self._gone:
            try:
                getattr(self._stream, action)(*arguments)
            except self._ignored:
                self._gone = True
                _discard(self._stream)


class _Plain(Courtesy):
    """A stream for what others print of words that a terminal would act on."""

    def isatty(self) -> bool:
        """No: what is written for a terminal would be written out as well."""
        return False

    def write(self, text: str) -> int:
        """Write it plainly."""
        super().write(plain(text))
        return len(text)


@contextmanager
def command_streams(words: Iterable[str] = ()) -> Generator[None]:
    """Let a command run whatever its standard streams are: closed, a broken pipe, or ASCII.

    Args:
        words: The words of the command line. The parser repeats what it refuses, such as the name
            of a file that a shell has put there, which may be anybody's.
    """
    # A file that is opened later must not get the number of a stream that is closed.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    before = sys.stdout, sys.stderr
    with ExitStack() as stack:
        streams: list[TextIO] = []
        for stream in before:
            if stream is None:  # pyright: ignore[reportUnnecessaryComparison] - of closed ones
                stream = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
                stack.callback(stream.reconfigure, errors="strict")
                stream.reconfigure(errors="backslashreplace")
            streams.append(stream)
        # What others print, such as the parser its help, is for a reader who may have gone as well.
        hostile = any(plain(word) != word for word in words)
        kind = _Plain if hostile else Courtesy
        sys.stdout = cast("TextIO", kind(streams[0], (BrokenPipeError,)))
        sys.stderr = cast("TextIO", _Plain(streams[1])) if hostile else streams[1]
        try:
            yield
        finally:
            for stream in streams:
                try:
                    stream.flush()
                except OSError:
                    _discard(stream)
            sys.stdout, sys.stderr = before
