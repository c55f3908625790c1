"""What mask families share of their arguments, beside their sizes."""

from __future__ import annotations

from typing import Literal

from sparse_rnn.system.arguments import choice

SelfConnections = Literal["random", "never", "always"]
"""Whether units have a synapse onto themselves: drawn as any other, never, or always."""


def self_rule(value: object) -> str:
    """Check the option `self_connections`."""
    return choice("self_connections", value, ("random", "never", "always"))
