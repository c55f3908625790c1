"""The ordered table of base tasks: append only, since its order is the order of rule inputs.

The specifications are imported when they are first looked up; the names cost nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modcog.trials.spec import TaskSpec

_TABLE = (
    # name, where its specification is, which period Int times
    ("Go", "reach:GO", "stimulus"),
    ("RTGo", "reach:RT_GO", None),
    ("DlyGo", "reach:DLY_GO", "delay"),
    ("Anti", "reach:ANTI", "stimulus"),
    ("RTAnti", "reach:RT_ANTI", None),
    ("DlyAnti", "reach:DLY_ANTI", "delay"),
    ("DM1", "decision:DM_1", "stimulus"),
    ("DM2", "decision:DM_2", "stimulus"),
    ("CtxDM1", "decision:CTX_DM_1", "stimulus"),
    ("CtxDM2", "decision:CTX_DM_2", "stimulus"),
    ("MultiDM", "decision:MULTI_DM", "stimulus"),
    ("DlyDM1", "decision:DLY_DM_1", "delay"),
    ("DlyDM2", "decision:DLY_DM_2", "delay"),
    ("CtxDlyDM1", "decision:CTX_DLY_DM_1", "delay"),
    ("CtxDlyDM2", "decision:CTX_DLY_DM_2", "delay"),
    ("MultiDlyDM", "decision:MULTI_DLY_DM", "delay"),
    ("DMS", "matching:DMS", "delay"),
    ("DNMS", "matching:DNMS", "delay"),
    ("DMC", "matching:DMC", "delay"),
    ("DNMC", "matching:DNMC", "delay"),
)

INTERVALS: Mapping[str, str | None] = MappingProxyType({row[0]: row[2] for row in _TABLE})
"""The 20 task names in the order of Yang et al. (2019, Fig. 1), with the period that Int times."""


class _Tasks(Mapping[str, "TaskSpec"]):
    """A read-only mapping of name to specification that imports a family on first use."""

    def __init__(self) -> None:
        self._homes = {name: home for name, home, _ in _TABLE}

    def __getitem__(self, name: str) -> TaskSpec:
        module, attribute = self._homes[name].split(":")
        return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


BASE_TASKS: Mapping[str, TaskSpec] = _Tasks()
"""Specification of each base task by name, in order."""
