"""What programs write into the README is what they would write now."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("yaml")
from docs.tools import citation, readme

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_and_measurements_agree() -> None:
    assert readme.filled(README) == README


@pytest.mark.parametrize("name", ["numbers", "curves", "bibtex"])
def test_a_marker_that_is_missing_or_doubled_is_an_error(name: str) -> None:
    for text in (README.replace(f"<!-- {name}:", "<!-- gone:"), README + README):
        with pytest.raises(LookupError, match="times"):
            readme.filled(text)


def test_numbers_follow_from_the_measurements(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for path in readme.RESULTS.glob("*.json"):
        text = re.sub(
            r'"nn.RNN, masked": [\d.]+(?=[,}\n])',
            '"nn.RNN, masked": 22.4',
            path.read_text(encoding="utf-8"),
        )
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(readme, "RESULTS", tmp_path)
    assert "| **22 times** |" in readme.numbers()


def test_shown_figures_are_there_for_light_and_for_dark_pages() -> None:
    shown = re.findall(r'(?:srcset|src)="(docs/figures/[^"]+)"', README)
    assert len(shown) == 4
    assert all((ROOT / path).stat().st_size < 600_000 for path in shown)
    assert {Path(path).name for path in shown if path.endswith(".svg")} == set(readme.LOOKS_OF)


def test_learning_curve_is_drawn_from_the_kept_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(readme, "FIGURES", tmp_path)
    readme.draw()
    for name in readme.LOOKS_OF:
        kept, drawn = (folder / name for folder in (ROOT / "docs" / "figures", tmp_path))
        words = [ElementTree.parse(path).getroot().itertext() for path in (kept, drawn)]
        assert "".join(words[0]).split() == "".join(words[1]).split()


def test_bibtex_has_what_the_citation_file_has() -> None:
    entries = citation.bibtex()
    assert entries.isascii()
    cff = citation.CFF.read_text(encoding="utf-8")
    dois = re.findall(r"doi: (\S+)", cff)
    assert re.findall(r"doi = \{(.*)\}", entries) == dois
    assert re.findall(r"@\w+\{(\w+),", entries) == [
        *("khona2023", "yang2019", "molanomazon2022", "modcog")
    ]
    assert "Molano-Maz{\\'o}n, Manuel" in entries
    assert "pages = {1850--1869}" in entries
    assert f"version = {{{re.search(r'^version: (.*)$', cff, re.M)[1]}}}" in entries
    for entry in entries.split("\n\n"):
        assert entry.count("{") == entry.count("}")
