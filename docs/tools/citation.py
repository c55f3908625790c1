"""BibTeX of what ``CITATION.cff`` lists, so that nobody has to write it by hand."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml

CFF = Path(__file__).resolve().parents[2] / "CITATION.cff"
ACCENTS = {"\u0301": "'", "\u0303": "~", "\u0308": '"', "\u0300": "`"}
"""Combining accents, and how BibTeX writes them."""


def bibtex() -> str:
    """The entries of the papers, then of the software."""
    citation = yaml.safe_load(CFF.read_text(encoding="utf-8"))
    papers = [_paper(reference) for reference in citation["references"]]
    return "\n\n".join([*papers, _software(citation)]) + "\n"


def _paper(reference: dict[str, Any]) -> str:
    fields = {
        "author": " and ".join(
            f"{who['family-names']}, {who['given-names']}" for who in reference["authors"]
        ),
        "title": f"{{{reference['title']}}}",
        "journal": reference["journal"],
        "volume": reference.get("volume"),
        "number": reference.get("issue"),
        "pages": f"{reference['start']}--{reference['end']}" if "start" in reference else None,
        "year": reference["year"],
        "doi": reference["doi"],
    }
    first = reference["authors"][0]["family-names"]
    return _entry("article", f"{_key(first)}{reference['year']}", fields)


def _software(citation: dict[str, Any]) -> str:
    fields = {
        "author": " and ".join(f"{{{who['name']}}}" for who in citation["authors"]),
        "title": f"{{{citation['title']}}}",
        "version": citation["version"],
        "note": f"Software, licence {citation['license']}",
    }
    return _entry("misc", citation["title"], fields)


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()
    return re.sub(r"\W", "", plain).lower()


def _entry(kind: str, key: str, fields: dict[str, Any]) -> str:
    lines = [f"  {name} = {{{_tex(str(value))}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def _tex(text: str) -> str:
    """ASCII with TeX's accents, which every BibTeX reads."""
    letters: list[str] = []
    for letter in unicodedata.normalize("NFD", text):
        if letter in ACCENTS:
            letters[-1] = f"{{\\{ACCENTS[letter]}{letters[-1]}}}"
        else:
            letters.append(letter)
    return "".join(letters)


def block() -> str:
    """The entries as a block of Markdown, which has a copy button."""
    return f"```text\n{bibtex()}```\n"


def filled(markdown: str) -> str:
    """A page with the entries at their place."""
    return markdown.replace("<!-- bibtex -->\n", block())
