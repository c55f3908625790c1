"""The ordered table of modifiers: how each stands in a task name, and its data.

A row is all that a modifier needs to be known by name. The grammar of task names and the settings
of `modcog.task` follow from it: a field ``velocity`` of the kind "Int" is the setting
``int_velocity``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from modcog.modifiers.integrate import IntModifier
from modcog.modifiers.sequence import SeqModifier
from modcog.trials.interfaces import Modifier

MODIFIERS: Mapping[str, Callable[..., Modifier]] = MappingProxyType(
    {"Int": IntModifier, "Seq": SeqModifier}
)
"""Modifier by the kind that stands in a task name (``_IntL``, ``_SeqR``)."""
