"""Gymnasium ids of all tasks; their entry points are strings, so that no environment is imported.

Gymnasium 0.29 calls `register_all` through its plugin entry point when it is imported. Gymnasium
1.x has no plugins: there ``import modcog`` registers, and so does the id
``modcog:modcog/DlyGo-v0``, which makes gymnasium import this package.
"""

from __future__ import annotations

import sys
from importlib import metadata

from modcog.catalog.suites import task_names

VERSION = 0
"""Version suffix of the ids; a change that alters the trials of a task raises it."""


def env_id(name: str) -> str:
    """Gymnasium id of a task, such as ``modcog/DlyGo_IntL-v0``."""
    return f"modcog/{name}-v{VERSION}"


def register_all() -> None:
    """Register every task that is not registered yet."""
    from gymnasium.envs import registration

    # The plugin loader sets the namespace itself and would put it before the full id once more.
    prefix = "" if getattr(registration, "current_namespace", None) == "modcog" else "modcog/"
    for name in task_names():
        if env_id(name) not in registration.registry:
            registration.register(
                id=f"{prefix}{name}-v{VERSION}",
                entry_point="modcog.envs.wrappers:make",
                vector_entry_point=f"modcog.envs.vector_ids:{name}",
                kwargs={"task": name},
            )


def register_if_needed() -> None:
    """Register at import of `modcog`, unless gymnasium's plugins will do it when it is imported."""
    if "gymnasium" in sys.modules or not _has_plugins():
        register_all()


def _has_plugins() -> bool:
    """Whether the installed gymnasium, if any, loads plugins (0.26 to 0.29)."""
    try:
        return metadata.version("gymnasium").startswith("0.")
    except metadata.PackageNotFoundError:
        return True  # nothing to register with
