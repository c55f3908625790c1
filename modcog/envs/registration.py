"""Gymnasium ids of all tasks; their entry points are strings, so that no environment is imported.

Gymnasium 0.29 calls `register_all` through its plugin entry point when it is imported. Gymnasium
1.x has no plugins: there ``import modcog`` registers, and so does the id
``modcog:modcog/DlyGo-v0``, which makes gymnasium import this package.
"""

from __future__ import annotations

import functools
import sys
from importlib import metadata
from typing import Any

from modcog.catalog.suites import task_names
from modcog.errors import InvalidArgument

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
                vector_entry_point=f"{__name__}:{name}",
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


def __getattr__(name: str) -> Any:
    """Give the vector entry point of a task, which is named as it.

    Gymnasium 0.29 does not hand the arguments of an id to its vector entry point, so each id has an
    entry point that knows them.
    """
    from modcog.catalog.settings import tasks_of

    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        tasks_of(name)
    except InvalidArgument as error:
        raise AttributeError(str(error)) from error
    return functools.partial(_make_vec, task=name)


def _make_vec(**arguments: Any) -> Any:
    """The vector environment of an id, which notes what it was made from."""
    from modcog.envs.vector import make_vec

    made = functools.partial(make_vec, **arguments)
    envs = made()
    envs.made_from_id = made
    return envs
