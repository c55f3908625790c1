"""HTML from functions: all text is escaped, and a page asks for nothing beyond itself."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape as _escape
from importlib import resources
from typing import Any

from sparse_rnn.system.arguments import instance
from sparse_rnn.system.output import plain

VOID = frozenset({"br", "meta", "link"})

_ASSETS = resources.files("sparse_rnn.report") / "assets"


@dataclass(frozen=True)
class Html:
    """A piece of HTML that is already escaped."""

    text: str


def escape(text: str) -> str:
    """Text as HTML shows it, sign by sign."""
    return _escape(plain(text))


Node = Html | str | None
"""What an element may contain: HTML, text that is to be escaped, or nothing."""


def tag(name: str, /, *children: Node, **attributes: Any) -> Html:
    """An element.

    Args:
        name: Name of the element.
        *children: What it contains.
        **attributes: Its attributes: a trailing ``_`` is dropped and other ``_`` become ``-``. One
            that is None or False is left out, and True stands alone.

    Example:
        >>> tag("a", "2 < 3", class_="x", href='"').text
        '<a class="x" href="&quot;">2 &lt; 3</a>'
    """
    words = [name]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(attribute)
        elif value is not None and value is not False:
            words.append(f'{attribute}="{escape(str(value))}"')
    opening = f"<{' '.join(words)}>"
    return Html(opening if name in VOID else f"{opening}{join(*children).text}</{name}>")


def join(*children: Node) -> Html:
    """Pieces one after another."""
    return Html("".join(c.text if isinstance(c, Html) else escape(c) for c in children if c))


def data_link(content: bytes, kind: str, file_name: str, text: str) -> Html:
    """A link that saves content that lies in the page itself.

    Args:
        content: The content of the file.
        kind: Its media type.
        file_name: Name that the file gets.
        text: Text of the link.
    """
    address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return tag("a", text, href=address, download=file_name)


def table(head: tuple[Node, ...], rows: list[Html], *, label: str, class_: str = "") -> Html:
    """A table that scrolls on its own where it is wider than the page.

    Args:
        head: Cells of the head: elements, or text.
        rows: The rows, ``<tr>`` each.
        label: What the table shows, for screen readers.
        class_: Class of the table.
    """
    cells = [one if isinstance(one, Html) else tag("th", one, scope="col") for one in head]
    inner = tag(
        "table",
        tag("thead", tag("tr", *cells)),
        tag("tbody", *rows),
        class_=class_ or None,
    )
    # Who has no mouse scrolls a region that can be focused.
    return tag("div", inner, class_="wide", role="region", aria_label=label, tabindex="0")


def document(title: str, *body: Node, script: str = "chart.js") -> str:
    """A whole page with the style and a script of the reports.

    The page's security policy names its one script by checksum and forbids every request, so that
    nothing that comes from data can run or load anything.

    Args:
        title: Title of the page.
        *body: What it contains.
        script: Name of its script among the assets.
    """
    instance("title", title, str)
    style = (_ASSETS / "page.css").read_text(encoding="utf-8")
    program = (_ASSETS / script).read_text(encoding="utf-8")
    checksum = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'unsafe-inline'; script-src 'sha256-{checksum}'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Html(style)),
    )
    whole = tag("html", head, tag("body", *body, tag("script", Html(program))), lang="en")
    return f"<!doctype html>\n{whole.text}\n"
