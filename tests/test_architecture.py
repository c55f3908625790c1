"""What the import linter cannot see, and that it passes: each check runs in a fresh process."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import modcog
from sparse_rnn.masks import MASKS
from tests import architecture

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
PLUGINS = metadata.version("gymnasium").startswith("0.")
"""Whether gymnasium registers our ids by itself; elsewhere `import modcog` does, and imports it."""
HEAVY = {"torch", "scipy", "neurogym", "gymnasium", "matplotlib", "sparse_rnn"}
if not PLUGINS:
    HEAVY.remove("gymnasium")


def fresh(code: str, cwd: Path) -> Any:
    """Run code in a fresh interpreter outside the checkout; return the JSON that it prints last."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_importing_modcog_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = fresh("import modcog, sys, json; print(json.dumps(list(sys.modules)))", tmp_path)
    assert "modcog" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_importing_sparse_rnn_loads_torch_and_little_else(tmp_path: Path) -> None:
    # Of 2500 modules that it loaded once, 900 were those of these packages.
    loaded = fresh("import sparse_rnn, sys, json; print(json.dumps(list(sys.modules)))", tmp_path)
    assert "torch" in loaded
    late = {"scipy", "networkx", "rich", "numba", "matplotlib", "pandas", "pyarrow", "tyro", "dask"}
    assert late.isdisjoint(loaded)


def test_no_public_name_is_that_of_a_module() -> None:
    # Importing a module sets an attribute of its package, which would replace the public name.
    modules = {path.stem for path in (ROOT / "modcog").iterdir()}
    assert modules.isdisjoint(modcog.__all__)


def test_sampling_batches_needs_numpy_alone(tmp_path: Path) -> None:
    loaded = fresh(
        "import modcog, sys, json\n"
        "modcog.BatchSampler('cog-20', batch_size=2, seq_len=100, renderer='numpy').batch(0)\n"
        "print(json.dumps(list(sys.modules)))",
        tmp_path,
    )
    assert HEAVY.isdisjoint(loaded)


def test_importing_gymnasium_registers_every_id_and_loads_no_more(tmp_path: Path) -> None:
    ids, loaded = fresh(
        f"import {'gymnasium' if PLUGINS else 'modcog, gymnasium'}, sys, json\n"
        "ids = [key for key, spec in gymnasium.registry.items() if spec.namespace == 'modcog']\n"
        "print(json.dumps([ids, list(sys.modules)]))",
        tmp_path,
    )
    assert len(ids) == len(set(ids)) == 168
    assert "modcog/DlyGo_IntL_SeqR-v0" in ids
    assert {"torch", "neurogym", "matplotlib", "sparse_rnn", "modcog.envs.env"}.isdisjoint(loaded)


WITHOUT = """
import json, sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == MISSING:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
try:
    import sparse_rnn
except ImportError as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps("sparse_rnn was imported"))
"""


@pytest.mark.parametrize("missing", ["torch", "pydantic"])
def test_sparse_rnn_without_its_extra_names_the_command(tmp_path: Path, missing: str) -> None:
    message = fresh(WITHOUT.replace("MISSING", repr(missing)), tmp_path)
    assert "pip install" in message
    assert "[rnn]" in message


@pytest.mark.parametrize("package", ["modcog", "sparse_rnn", "benchmarks"])
def test_modules_are_short(package: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / package).rglob("*.py")
    }
    assert lengths
    assert {path: n for path, n in lengths.items() if n > MAX_LINES} == {}


def test_the_linter_sees_every_module() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--show-files", "."]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    seen = {Path(line).resolve() for line in told.splitlines()}
    folders = ("modcog", "sparse_rnn", "benchmarks", "tests")
    there = {path for folder in folders for path in (ROOT / folder).rglob("*.py")}
    assert sorted(there - seen) == []


def test_import_contracts_hold() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def measures() -> dict[str, list[str]]:
    return architecture.measures()


@pytest.mark.parametrize("name", architecture.LIMITS)
def test_the_house_keeps_to_its_measures(name: str, measures: dict[str, list[str]]) -> None:
    assert len(measures[name]) <= architecture.LIMITS[name], "\n".join(measures[name])


def test_the_measures_count(measures: dict[str, list[str]]) -> None:
    """A measure that saw nothing would hold for ever."""
    assert {"errors", "tasks", "trials"} <= set(measures["modcog: entries"])
    assert measures["sparse_rnn: floors"][0] == "errors"
    assert measures["sparse_rnn: floors"][-1] == "cli"
    # What starts a run and what takes its steps know the settings; its files do not. The gate of
    # arguments, in `system`, looks at the class alone.
    entered = {module.split(".")[1] for module in measures["modules that a configuration enters"]}
    assert entered == {"system", "training"}
    assert "sparse_rnn.nn.layer" in measures["modules that take a mask"]


def test_a_circle_is_seen_and_is_one_floor() -> None:
    imports = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")])
    assert architecture.circular(imports) == ["b", "c"]
    assert architecture.floors(imports) == [["d"], ["b", "c"], ["a"]]


def test_mask_families_are_blind_to_each_other() -> None:
    families = [family.__module__ for family in MASKS.values()]
    assert architecture.sees("sparse_rnn", families) == []
    assert architecture.sees("sparse_rnn", ["sparse_rnn.masks", *families])


def test_streams_are_derived_in_one_place_of_each_package() -> None:
    """Nobody else appends to a spawn key or spawns: two that do so by hand meet each other."""
    homes = {ROOT / "modcog" / "hashing.py", ROOT / "sparse_rnn" / "seeding.py"}
    for package in ("modcog", "sparse_rnn", "benchmarks"):
        for path in set((ROOT / package).rglob("*.py")) - homes:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    made = {keyword.arg for keyword in node.keywords}
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    assert "spawn_key" not in made, path
                    assert name not in ("spawn", "Philox"), path


def test_nothing_asks_for_a_family_by_its_name() -> None:
    """What a task or a mask has beyond the others, it says itself."""
    for package in ("modcog", "sparse_rnn", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Compare):
                    asked = getattr(node.left, "attr", "") == "family"
                    assert not (asked and isinstance(node.comparators[0], ast.Constant)), path
