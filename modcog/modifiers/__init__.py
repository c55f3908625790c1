"""The ordered table of modifiers: append only, as that of tasks.

A row is all that a modifier needs to be known by name. The grammar of task names, the settings of
`modcog.task`, the wrappers of `modcog.make` and the gymnasium ids follow from it: a field
``velocity`` of the kind "Int" is the setting ``int_velocity``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from modcog.system.tables import members
from modcog.trials.interfaces import Modifier

_TABLE = (
    "integrate:IntModifier",
    "sequence:SeqModifier",
)

MODIFIERS: Mapping[str, Callable[..., Modifier]] = MappingProxyType(
    {modifier.kind: modifier for modifier in members(__name__, _TABLE)}
)
"""Modifier by the kind that stands in a task name (``_IntL``, ``_SeqR``)."""
