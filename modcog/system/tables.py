"""Tables whose rows say where a member is, so that a new member is one line and no import."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any


def members(package: str, rows: Iterable[str]) -> list[Any]:
    """The objects that rows such as "reach:GO" name: an attribute of a module of a package."""
    homes = (row.split(":") for row in rows)
    return [
        getattr(importlib.import_module(f"{package}.{module}"), attribute)
        for module, attribute in homes
    ]
