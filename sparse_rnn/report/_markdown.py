"""Text as Markdown shows it, sign by sign."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from sparse_rnn.system.output import plain

WIDTH = 100


def line(cells: Sequence[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def filled(text: str, indent: str = "") -> str:
    """Prose in lines of the width of a page; no line but the first can begin a list or heading."""
    marker = re.match(r"- ", text)
    plain = escaped(text[marker.end() :] if marker else text)
    # A sign that stands alone may come to stand first in a line.
    plain = re.sub(r" (?=(?:[-+=]|\d+[.)]) )", "\N{NO-BREAK SPACE}", plain)
    return textwrap.fill(
        ("- " if marker else "") + plain,
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    plain = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", _one_line(text))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A code span in a table, which a bar would end and a backtick too."""
    plain = _one_line(text).replace("`", "'").replace("|", r"\|")
    return f"`{plain}`" if plain else ""


def _one_line(text: str) -> str:
    # Not `str.split`: it would take the narrow spaces out of numbers.
    return plain(re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip(" "))
