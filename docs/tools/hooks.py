"""What the site's build does beside rendering Markdown: pages that programs write.

mkdocs calls the functions named ``on_...`` (https://www.mkdocs.org/user-guide/plugins/#events).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))  # mkdocs loads this file by its path

import citation
import commands
import gallery
import player
import sessions
import tables
import which_task

import modcog

ROOT = Path(__file__).resolve().parents[2]
FROM_ROOT = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages that are files of the repository's root, where code hosts look for them."""

FIGURES = Path("benchmarks", "paper", "results")
"""Figures of findings; the page of results refers to them where they lie."""

NOTEBOOKS = "notebooks"
"""Notebooks, in the root and on the site; ``docs/notebooks`` has them as pages."""

GENERATED = {*FROM_ROOT, "commands.md"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out pages of the navigation that are not there."""
    there = {p.relative_to(config.docs_dir).as_posix() for p in Path(config.docs_dir).rglob("*.md")}
    config.nav = present(config.nav or [], there | GENERATED)
    return config


def present(nav: list[Any], pages: set[str]) -> list[Any]:
    """The entries of a navigation whose pages exist; sections without any go too."""
    kept: list[Any] = []
    for entry in nav:
        ((title, target),) = entry.items()
        if isinstance(target, list):
            inner = present(target, pages)
            kept += [{title: inner}] if inner else []
        elif target in pages:
            kept.append(entry)
    return kept


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the pictures and trials of the gallery."""
    for page, source in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=linked_from_docs(text)))
    files.append(File.generated(config, "commands.md", content=commands.page()))
    for figure in sorted((ROOT / FIGURES).rglob("*.svg")):
        address = figure.relative_to(ROOT / FIGURES.parent).as_posix()
        files.append(File.generated(config, address, abs_src_path=str(figure)))
    for name in modcog.task_names():
        picture = gallery.picture(name)
        files.append(File.generated(config, f"pictures/{name}.svg", content=picture))
        trials = f"{player.FOLDER}/trials/{name}.json"
        files.append(File.generated(config, trials, content=player.trials(name)))
    for notebook in sorted((ROOT / NOTEBOOKS).glob("*.py")):
        address = f"{NOTEBOOKS}/{notebook.name}"
        files.append(File.generated(config, address, abs_src_path=str(notebook)))
    for path, file in player.files().items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def linked_from_docs(text: str) -> str:
    """Rewrite the links of a page that lies in the root for one that lies in ``docs/``."""
    return re.sub(r"\]\((?![a-z]+:|#)(?:docs/)?", "](", text)


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what programs write, mend links to the root, and name the language of sessions."""
    del config, files
    if page.file.src_uri == "gallery.md":
        markdown = markdown.replace("<!-- gallery -->", gallery.cards())
    if page.file.src_uri == "which_task.md":
        markdown = which_task.filled(markdown)
    if page.file.src_uri == "citing.md":
        markdown = citation.filled(markdown)
    for name, source in FROM_ROOT.items():
        markdown = re.sub(rf"\]\(\.\./((?:\.\./)*){source}", rf"](\1{name}", markdown)
    markdown = markdown.replace(f"](../{FIGURES.as_posix()}/", f"]({FIGURES.name}/")
    markdown = markdown.replace(f"](../../{NOTEBOOKS}/", "](")
    markdown = sessions.DIRECTIVE.sub("", markdown)
    return re.sub(r"^```python\n(?=>>> )", "```pycon\n", markdown, flags=re.MULTILINE)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let copy buttons take the code of a session alone, and wide tables fold."""
    del page, config, files
    return tables.folding(sessions.with_copied_code(html))
