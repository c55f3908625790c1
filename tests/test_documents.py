"""The documents are true where a program can tell; their examples run as doctests."""

from __future__ import annotations

import importlib
import io
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest

import modcog

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
WRITTEN_BY_THE_BUILD = {"commands.md", "../commands.md", "changelog.md"}
"""Pages of the site that are no files; the strict build follows the links to them."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMMANDS = tuple(PROJECT["project"]["scripts"])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Anchors of the headings, made as GitHub makes them, and those that are written as such."""
    headings = re.findall(r"^#+ +(.+)$", without_code(text), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    written = re.findall(r'<span id="([^"]+)">', text)
    return {*written, *(heading.strip().replace(" ", "-") for heading in plain)}


def named(command: str, documents: tuple[str, ...] = ("README.md", "CONTRIBUTING.md")) -> set[str]:
    """First words after a command, in code blocks of the shell and in code spans."""
    text = "\n".join(text_of(ROOT / name) for name in documents)
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", without_code(text))
    pattern = rf"(?:^|[\s/]){re.escape(command)} +([a-z][a-z-]*)"
    code = re.sub(r"#.*", "", "\n".join(blocks)) + "\n" + "\n".join(spans)
    return set(re.findall(pattern, code, flags=re.MULTILINE))


def table_under(text: str, heading: str) -> Iterator[list[str]]:
    """Cells of the first table under a heading, without its head."""
    section = text.split(f"\n{heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    assert rows is not None
    for line in rows[0].splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_and_their_anchors_resolve(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(path))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        if name in WRITTEN_BY_THE_BUILD:
            continue
        file = path.parent / name if name else path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(text_of(file)), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_prose_is_wrapped(path: Path) -> None:
    lines = without_code(text_of(path)).splitlines()
    assert [
        line for line in lines if len(line) > 100 and not line.startswith(("|", "<summary>", "!["))
    ] == []


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        (ROOT / "README.md", "## Task suites"),
        (ROOT / "docs" / "fidelity.md", "## The count: 82 and 84, 126 and 132"),
    ],
    ids=["README.md", "fidelity.md"],
)
def test_table_of_suites_is_right(path: Path, heading: str) -> None:
    told = [
        (name.strip("`"), int(slots), int(distinct))
        for name, slots, distinct, _ in table_under(text_of(path), heading)
    ]
    suites = [(name, modcog.suite(name)) for name in modcog.suites()]
    assert told == [(name, len(tasks), len(set(tasks))) for name, tasks in suites]


def test_table_of_commands_is_whole() -> None:
    told = {row[0].strip("`") for row in table_under(text_of(ROOT / "README.md"), "## Commands")}
    assert told == {f"{command} {word}" for command in COMMANDS for word in subcommands(command)}


def test_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", text_of(ROOT / "Makefile"), flags=re.MULTILINE)
    words = named("make")
    assert {"demo", "test", "env"} <= words
    assert words <= set(targets)


@pytest.mark.parametrize("command", COMMANDS)
def test_subcommands_exist(command: str) -> None:
    words = named(command)
    assert words
    assert words <= subcommands(command)


def subcommands(command: str) -> set[str]:
    """Names in the list of commands that ``--help`` prints."""
    shown = help_of(command)
    found = re.search(r"\{([a-z,-]+)\}", shown)
    assert found is not None, shown
    return set(found[1].split(","))


def help_of(command: str, *words: str) -> str:
    """What a command prints with ``--help``."""
    main = importlib.import_module(f"{command.replace('-', '_')}.cli").main
    with redirect_stdout(io.StringIO()) as shown, suppress(SystemExit):
        main([*words, "--help"])
    return shown.getvalue()


def test_train_example_has_options_that_exist() -> None:
    example = re.search(r"^sparse-rnn train .*?[^\\]$", text_of(ROOT / "README.md"), re.M | re.S)
    assert example is not None
    options = set(re.findall(r" (--[a-z-]+)", example[0]))
    assert options
    assert options <= set(re.findall(r"--[a-z-]+", help_of("sparse-rnn", "train")))


def test_readme_names_the_mask_families() -> None:
    from sparse_rnn.masks import MASKS

    text = text_of(ROOT / "README.md")
    (sentence,) = re.findall(r"^The mask families are (.*?)\.$", text, re.M | re.S)
    assert re.findall(r"`(\w+)`", sentence) == list(MASKS)


def test_table_of_kernels_is_whole() -> None:
    from sparse_rnn.kernels import KERNELS

    text = text_of(ROOT / "docs" / "concepts" / "kernels.md")
    told = [row[0].strip("`") for row in table_under(f"\n{text}", "# Kernels")]
    assert sorted(told) == sorted(KERNELS)


def test_table_of_mask_families_is_whole() -> None:
    from sparse_rnn.masks import MASKS

    text = text_of(ROOT / "docs" / "concepts" / "masks.md")
    assert [row[0].strip("`") for row in table_under(text, "## The families")] == list(MASKS)


def test_diagram_of_layers_agrees_with_the_contracts() -> None:
    contracts = {
        contract["containers"][0]: contract["layers"]
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    }
    (diagram,) = re.findall(r"^```text\n(.*?)^```", text_of(ROOT / "CONTRIBUTING.md"), re.M | re.S)
    joined = re.sub(r"\n +<", " <", diagram)
    for line in joined.splitlines():
        package, order = line.split(maxsplit=1)
        layers = [re.findall(r"\w+", layer) for layer in reversed(contracts[package])]
        height = {module: i for i, layer in enumerate(layers) for module in layer}
        told = [re.findall(r"\w+", step) for step in order.split("<")]
        heights = [[height[module] for module in step] for step in told]
        assert all(len(set(step)) == 1 for step in heights), line
        assert [step[0] for step in heights] == sorted({step[0] for step in heights}), line


def test_citation_file_is_valid_and_of_this_version() -> None:
    text = text_of(ROOT / "CITATION.cff")
    version = PROJECT["project"]["version"]
    assert re.findall(r"^version: (\S+)$", text, re.M) == [version]
    assert modcog.__version__ == version
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load(text)
    assert {"cff-version", "message", "title", "authors", "type"} <= set(citation)
    assert citation["license"] == PROJECT["project"]["license"]
    assert len(citation["references"]) == 3
    for reference in citation["references"]:
        assert reference["authors"]
        assert all({"family-names", "given-names"} == set(who) for who in reference["authors"])
        assert reference["doi"] in text_of(ROOT / "README.md")


def test_changelog_has_the_current_version_or_none_yet() -> None:
    headings = re.findall(r"^## \[(.+?)\]", text_of(ROOT / "CHANGELOG.md"), re.M)
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [PROJECT["project"]["version"]])


EXECUTED = {"python", "pycon", "sh"}
"""Languages of blocks that tests run: sessions as doctests, pages in `tests/test_copied.py`."""

NOT_EXECUTED = {
    "docs/export.md": {"matlab", "py"},  # MATLAB and JAX are not there
    "docs/inputs_and_targets.md": {"py"},  # a language model, which nothing here needs
    "docs/scaling.md": {"py", "toml", "yaml"},  # a cluster's files; the .toml is a kept example
    "docs/reinforcement_learning.md": {"py"},  # the core of a script, which a test runs
}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_of_code_are_of_a_kind_that_tests_run(path: Path) -> None:
    languages = set(re.findall(r"^```(\w+)", text_of(path), flags=re.MULTILINE)) - {"text"}
    assert languages - EXECUTED == NOT_EXECUTED.get(path.relative_to(ROOT).as_posix(), set())
    sessions = re.findall(r"^```python\n(.*)", text_of(path), flags=re.MULTILINE)
    if path.parent.name != "notebooks":  # whose pages show cells, which tests run as notebooks
        assert all(first.startswith(">>> ") for first in sessions)


def test_excerpt_of_a_script_is_in_the_script() -> None:
    text = text_of(ROOT / "docs" / "reinforcement_learning.md")
    (excerpt,) = re.findall(r"^```py\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    script = re.sub(r"\s", "", text_of(ROOT / "docs" / "examples" / "recurrent_ppo.py"))
    script = script.replace("STEPS=150_000", "")
    for line in excerpt.splitlines():
        words = re.sub(r"\s", "", line)
        assert words.startswith(("ENV=", "agent=", "agent.learn", "seed=", "envs=")) or (
            words in script
        ), line


def test_badges_are_true() -> None:
    images = ROOT / "docs" / "images"
    versions = [
        name.rpartition(" ")[2]
        for name in PROJECT["project"]["classifiers"]
        if name.startswith("Programming Language :: Python :: 3.")
    ]
    told = {
        path.stem: re.search("<title>(.*)</title>", text_of(path))[1]
        for path in images.glob("badge-*.svg")
    }
    assert told == {
        "badge-python": f"Python: {versions[0]} to {versions[-1]}",
        "badge-tasks": f"tasks: {len(modcog.task_names())}",
        "badge-license": f"licence: {PROJECT['project']['license']}",
    }
    shown = set(re.findall(r"images/(badge-\w+)\.svg", text_of(ROOT / "README.md")))
    assert shown == set(told)


@pytest.mark.slow
def test_shown_pictures_are_drawn_by_the_script(tmp_path: Path) -> None:
    drawn = tmp_path / "docs"
    drawn.mkdir()
    script = drawn / "make_images.py"
    script.write_text(text_of(ROOT / "docs" / "make_images.py"), encoding="utf-8")
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True)
    kept = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert {path.name for path in (drawn / "images").iterdir()} == kept
    assert (ROOT / "docs" / "images" / "drift.gif").stat().st_size < 1_000_000
