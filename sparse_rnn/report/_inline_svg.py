"""SVG files made fit to stand in a page: no scripts, no outside addresses, ids of their own."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from sparse_rnn.errors import IncompatibleState
from sparse_rnn.report._html import Html
from sparse_rnn.system.files import read_regular
from sparse_rnn.system.output import plain
from sparse_rnn.system.palette import GREY, INK, PALE, PAPER

KEPT = frozenset(
    (
        *("svg", "g", "defs", "symbol", "use", "path", "rect", "circle", "ellipse", "line"),
        *("polyline", "polygon", "text", "tspan", "image", "clipPath", "mask", "pattern"),
        *("marker", "linearGradient", "radialGradient", "stop"),
    )
)
"""Elements that stay; others, such as scripts and style sheets, go with all that is in them."""

_IMAGE = re.compile(r"data:image/(png|jpeg);base64,")
_LINK = re.compile(r"url\(\s*['\"]?#([^)'\"]*)['\"]?\s*\)")
_POINTS = re.compile(r"([\d.]+)(pt|px)?")
_PX_PER_PT = 4 / 3

_ADAPTED = {INK: "currentColor", GREY: "var(--soft)", PAPER: "var(--paper)", PALE: "var(--pale)"}
"""What the colours of ink and paper become on a page that may be dark."""


def inline(path: Path, label: str, *, adapt: bool = False) -> Html:
    """Read an SVG file as an element of a page.

    Args:
        path: The file.
        label: What it shows, for screen readers.
        adapt: Whether black, grey and white become the ink and the paper of the page.

    Returns:
        The element. It is as wide as the page allows, and no wider than the file says.

    Raises:
        IncompatibleState: The file is no SVG.
        RunDamaged: It is no regular file, or too large.
    """
    try:
        text = read_regular(path)
        if adapt:
            for color, named in _ADAPTED.items():
                text = text.replace(color.encode(), named.encode())
        root = ElementTree.fromstring(text)
        return _inlined(root, path, label)
    except (ElementTree.ParseError, RecursionError, ValueError, LookupError) as error:
        raise IncompatibleState(f"{path} is no SVG: {error}.") from error


def _inlined(root: ElementTree.Element, path: Path, label: str) -> Html:
    if _local(root.tag) != "svg":
        raise IncompatibleState(f"{path} is no SVG: it holds <{_local(root.tag)}>.")
    width = _POINTS.fullmatch(root.get("width", ""))
    _clean(root, re.sub(r"\W", "-", path.stem) + "-")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", plain(label))
    if width is not None:
        px = float(width[1]) * (1 if width[2] != "pt" else _PX_PER_PT)
        root.set("style", f"max-width: {px:.0f}px; --wide: {px:.0f}px")
    return Html(ElementTree.tostring(root, encoding="unicode"))


def _clean(element: ElementTree.Element, prefix: str) -> None:
    """Take away what does not belong into a page, here and in what the element contains."""
    element.tag = _local(element.tag)
    for name, value in list(element.attrib.items()):
        del element.attrib[name]
        kept = _attribute(_local(name), value, prefix)
        if kept is not None:
            element.set(_local(name), kept)
    for child in list(element):
        if _local(child.tag) in KEPT:
            _clean(child, prefix)
        else:
            element.remove(child)


def _attribute(name: str, value: str, prefix: str) -> str | None:
    """The value that an attribute gets, or None where it must go."""
    if name.lower().startswith("on"):
        return None
    if name == "id":
        return prefix + value
    if name == "href":
        if value.startswith("#"):
            return f"#{prefix}{value[1:]}"
        return value if _IMAGE.match(value) else None
    linked = _LINK.sub(rf"url(#{prefix}\1)", value)
    # What is left of url(...) points out of the page.
    return None if "url(" in linked.lower().replace(f"url(#{prefix}".lower(), "") else linked


def _local(name: object) -> str:
    # Comments have a function in place of a name.
    return name.rpartition("}")[2] if isinstance(name, str) else ""
