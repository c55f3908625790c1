"""The ordered table of base tasks: append only, since its order is the order of rule inputs.

Tasks that a user registers (`modcog.catalog.registry`) come after its rows.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from types import MappingProxyType

from modcog.system.tables import members
from modcog.trials.spec import TaskSpec

_TABLE = (
    "reach:GO",
    "reach:RT_GO",
    "reach:DLY_GO",
    "reach:ANTI",
    "reach:RT_ANTI",
    "reach:DLY_ANTI",
    "decision:DM_1",
    "decision:DM_2",
    "decision:CTX_DM_1",
    "decision:CTX_DM_2",
    "decision:MULTI_DM",
    "decision:DLY_DM_1",
    "decision:DLY_DM_2",
    "decision:CTX_DLY_DM_1",
    "decision:CTX_DLY_DM_2",
    "decision:MULTI_DLY_DM",
    "matching:DMS",
    "matching:DNMS",
    "matching:DMC",
    "matching:DNMC",
)

BUILT_IN: dict[str, TaskSpec] = {spec.base: spec for spec in members(__name__, _TABLE)}
"""The rows of the table by name."""

OWN: dict[str, TaskSpec] = {}
"""Base tasks that a user has registered."""

BASE_TASKS: Mapping[str, TaskSpec] = MappingProxyType(ChainMap(OWN, BUILT_IN))
"""Specification of each base task by name; the first 20 in the order of Yang et al. (2019, Fig. 1).
"""
