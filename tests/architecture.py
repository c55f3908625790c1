"""What the house measures: ``make house`` prints it, and `test_architecture` holds it to `LIMITS`.

Imports are read by grimp, the reader of import-linter, those for type checkers included. What a
configuration passes through is not read but watched, in a run of one step.
"""

from __future__ import annotations

import ast
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from types import FrameType
from typing import Any

import grimp
import networkx as nx
from torch.optim.optimizer import register_optimizer_step_pre_hook

import sparse_rnn as srnn
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.training.progress import silent

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("modcog", "sparse_rnn")

LIMITS = {
    "modcog: entries": 18,
    "sparse_rnn: entries": 18,
    "modcog: floors": 10,
    "sparse_rnn: floors": 8,
    "modcog: modules in circles": 0,
    "sparse_rnn: modules in circles": 0,
    "modcog: rooms in circles": 0,
    "sparse_rnn: rooms in circles": 0,
    "modules that a configuration enters": 7,
    "modules that take a mask": 14,
    "lines of the longest contract": 2,
}
"""The most of each."""


def measures() -> dict[str, list[str]]:
    """What is counted, by the names of `LIMITS`; the count is the length of the list."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        modules, rooms = graph(package), rooms_of(graph(package))
        found[f"{package}: entries"] = sorted(rooms.nodes)
        found[f"{package}: floors"] = [" ".join(floor) for floor in floors(rooms)]
        found[f"{package}: modules in circles"] = circular(modules)
        found[f"{package}: rooms in circles"] = circular(rooms)
    found["modules that a configuration enters"] = entered_by_a_configuration()
    found["modules that take a mask"] = taking("Mask", "sparse_rnn")
    found["lines of the longest contract"] = longest_contract()
    return found


def graph(package: str) -> nx.DiGraph:
    """Modules of a package; an edge leads to what is imported.

    The package itself is its public face: it lists names of all rooms, is part of none, and loads
    what it lists when it is asked for. So it is left out, and ``__main__`` with it.
    """
    read = grimp.build_graph(package, cache_dir=None, exclude_type_checking_imports=False)
    made = nx.DiGraph((one, other) for one in read.modules for other in imported(read, one))
    made.add_nodes_from(read.modules)
    made.remove_nodes_from([package, f"{package}.__main__"])
    return made


def imported(read: grimp.ImportGraph, module: str) -> set[str]:
    """The modules that a module names in its imports."""
    return read.find_modules_directly_imported_by(module)


def rooms_of(modules: nx.DiGraph) -> nx.DiGraph:
    """The entries at the top of a package: folders, and modules that stand alone."""
    room = {module: module.split(".")[1] for module in modules}
    made = nx.DiGraph((room[a], room[b]) for a, b in modules.edges if room[a] != room[b])
    made.add_nodes_from(room.values())
    return made


def floors(rooms: nx.DiGraph) -> list[list[str]]:
    """Rooms by floor, the lowest first: a room stands above all that it imports."""
    whole = nx.condensation(rooms)  # a circle is one room
    members = whole.nodes(data="members")
    return [
        sorted(name for group in floor for name in members[group])
        for floor in nx.topological_generations(whole.reverse())
    ]


def sees(package: str, homes: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of modules of which the first imports the second, by however long a way."""
    read = grimp.build_graph(package, cache_dir=None)
    return [pair for pair in permutations(sorted(set(homes)), 2) if read.chain_exists(*pair)]


def circular(imports: nx.DiGraph) -> list[str]:
    """Nodes that import each other, by however long a way."""
    circles = [group for group in nx.strongly_connected_components(imports) if len(group) > 1]
    return sorted(name for group in circles for name in group)


class FirstStep(Exception):
    """The loop takes its first gradient step."""


def entered_by_a_configuration() -> list[str]:
    """Modules of `sparse_rnn` that a configuration passes between `train` and the first step.

    A tiny network is trained until its gradients would be applied. A module counts as soon as one
    of its functions has the configuration in a variable, or takes a setting from it, by whatever
    name and inside whatever object it got there. The rooms of the configuration itself, which
    defines what it is, do not count.
    """
    seen: set[str] = set()

    def enter(frame: FrameType | None) -> None:
        module = "" if frame is None else str(frame.f_globals.get("__name__"))
        if module.startswith("sparse_rnn.") and not module.startswith("sparse_rnn.config"):
            seen.add(module)

    def watch(frame: FrameType, event: str, argument: object) -> None:
        del argument
        module = str(frame.f_globals.get("__name__"))
        inside = event in ("call", "return") and module.startswith("sparse_rnn.")
        if inside and any(isinstance(value, FitConfig) for value in frame.f_locals.values()):
            enter(frame)

    def stop(*_: object) -> None:
        raise FirstStep

    config = srnn.TrainConfig(
        suite=("Go",), arch="autapse", size=2, steps=1, batch_size=1, seq_len=45, eval_batches=1
    )
    hook = register_optimizer_step_pre_hook(stop)
    before = sys.getprofile()
    with tempfile.TemporaryDirectory() as folder, reads(enter):
        try:
            sys.setprofile(watch)
            srnn.train(config, Path(folder) / "run", progress=silent)
        except FirstStep:
            return sorted(seen)
        finally:
            sys.setprofile(before)
            hook.remove()
    raise AssertionError("no gradient step was taken")


@contextmanager
def reads(told: Any) -> Iterator[None]:
    """Tell from which frame each setting of a configuration is read."""
    plain = FitConfig.__getattribute__

    def read(self: FitConfig, name: str) -> Any:
        if name in type(self).model_fields:
            told(sys._getframe(1))
        return plain(self, name)

    FitConfig.__getattribute__ = read
    try:
        yield
    finally:
        del FitConfig.__getattribute__


def taking(kind: str, package: str) -> list[str]:
    """Modules with a function or a dataclass that is given a kind, by its annotation."""
    found: list[str] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        given = [node for node in ast.walk(tree) if isinstance(node, (ast.arg, ast.AnnAssign))]
        written = [part for one in given if one.annotation for part in ast.walk(one.annotation)]
        if kind in {getattr(one, "id", getattr(one, "attr", "")) for one in written}:
            found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def longest_contract() -> list[str]:
    """Lines between the brackets of the longest list among the import contracts."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    assert contracts
    written = text.partition("[[tool.importlinter.contracts]]")[2]
    lists = [part.partition("\n]")[0].splitlines() for part in written.split("= [\n")[1:]]
    return [line.strip() for line in max(lists, key=len, default=[])]


def report() -> str:
    """The measures as text: name, count, limit, and what was counted."""
    lines: list[str] = []
    for name, counted in measures().items():
        lines.append(f"{name}: {len(counted)} (at most {LIMITS[name]})")
        lines += [f"    {one}" for one in counted]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(report())
