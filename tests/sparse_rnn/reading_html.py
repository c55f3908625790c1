"""Pages taken apart with the parser of the standard library, for the tests of the report."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br"}


@dataclass
class Element:
    """An element with what it contains."""

    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def all(self, name: str = "", **attributes: str) -> list[Element]:
        """The elements in it of a name and with some attributes (``class_`` is one of several)."""
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                if child.is_a(name, **attributes):
                    found.append(child)
                found += child.all(name, **attributes)
        return found

    def is_a(self, name: str, **attributes: str) -> bool:
        """Whether it has this name (any for "") and these attributes."""
        given = dict(attributes)
        class_ = given.pop("class_", None)
        return (
            name in ("", self.name)
            and (class_ is None or class_ in self.attributes.get("class", "").split())
            and all(self.attributes.get(key) == value for key, value in given.items())
        )

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        parts = [c if isinstance(c, str) else c.text for c in self.children]
        return " ".join(" ".join(parts).split(" ")).strip()

    def rows(self) -> list[list[str]]:
        """Texts of the cells of a table, head first."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element)]
            for row in self.all("tr")
        ]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.name == tag, f"</{tag}> closes <{closed.name}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_page(text: str) -> Element:
    """Take a page apart; every element that is opened must be closed in its turn."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.open == [builder.root]
    return builder.root


def charts(page: Element) -> list[dict[str, Any]]:
    """The data of the charts of a page."""
    return [json.loads(one.text) for one in page.all("script", type="application/json")]
