"""Public names of both packages with their signatures: ``python -m tests.public_api`` prints them.

`tests/public_api.txt` is the copy that a change of the interface has to change too.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import modcog

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = Path(__file__).with_suffix(".txt")
REWRITE = "make api"

INTERNAL = {"sparse_rnn.cli", "sparse_rnn.explore"}
"""Packages that are no interface of their own: commands."""


def modules() -> list[str]:
    """Modules whose names are public: both packages, and the modules that are public names there.

    Of `sparse_rnn` these are the packages inside it.
    """
    inner = sorted((ROOT / "sparse_rnn").glob("[a-z]*/__init__.py"))
    names = [f"sparse_rnn.{path.parent.name}" for path in inner]
    listed = [f"modcog.{n}" for n in modcog.__all__ if inspect.ismodule(getattr(modcog, n))]
    return ["modcog", *listed, "sparse_rnn", *(name for name in names if name not in INTERNAL)]


def module_of(name: str) -> ModuleType:
    """The module of a public name, which may lie elsewhere."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        package, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(package), attribute)


def names_of(module: str) -> list[str]:
    """Public names of a module: its ``__all__``, or what it defines or imports as itself."""
    value = module_of(module)
    tree = ast.parse(Path(str(value.__file__)).read_text(encoding="utf-8"))
    found = [name for node in tree.body for name in _bound(node)]
    listed = getattr(value, "__all__", found)
    return sorted({name for name in listed if not name.startswith("_")})


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names if alias.asname == alias.name)
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def public_objects() -> dict[str, Any]:
    """Every public object under its public name; modules are not among them."""
    objects = {
        f"{module}.{name}": getattr(module_of(module), name)
        for module in modules()
        for name in names_of(module)
    }
    return {name: value for name, value in objects.items() if not inspect.ismodule(value)}


def lines() -> Iterator[str]:
    """The interface as text: a line for each name, and an indented one for each member."""
    for name, value in public_objects().items():
        if inspect.isclass(value):
            yield f"class {name}{signature(value)}"
            yield from sorted(f"    {line}" for line in members(value))
        elif callable(value):
            yield f"{name}{signature(value)}"
        else:
            yield f"{name}: {type(value).__name__}"


def members(cls: type[Any]) -> Iterator[str]:
    """Public fields, properties and methods that these packages define."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] not in ("modcog", "sparse_rnn"):
            continue
        own = {**dict.fromkeys(inspect.get_annotations(base)), **vars(base)}
        for name, value in own.items():
            if name.startswith("_") or name in seen or name == "model_config":
                continue
            seen.add(name)
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            yield f"{name}{signature(function)}" if inspect.isfunction(function) else name


def signature(value: Any) -> str:
    """A signature as text, the same in all versions of Python and all processes."""
    if hasattr(value, "model_fields"):
        fields = value.model_fields.items()
        defaults = {k: "" if f.is_required() else f" = {f.default!r}" for k, f in fields}
        return f"(*, {', '.join(name + default for name, default in defaults.items())})"
    try:
        text = str(inspect.signature(value))
    except ValueError:  # an exception, whose constructor is C
        return "(...)"
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    text = re.sub(r"ForwardRef\('([^']*)'\)", r"\1", text)
    return re.sub(r"""(: |-> )(["'])((?:(?!\2).)*)\2""", r"\1\3", text)


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201 - this program's output
