"""Vector entry points of gymnasium ids, each named as its task.

Gymnasium 0.29 does not hand the arguments of an id to its vector entry point, so each id has an
entry point that knows them.
"""

from __future__ import annotations

import functools
from typing import Any

from modcog.catalog.settings import tasks_of
from modcog.envs.vector import TaskVectorEnv, make_vec
from modcog.errors import InvalidArgument


def _from_id(**arguments: Any) -> TaskVectorEnv:
    """The vector environment of an id, which notes what it was made from."""
    envs = make_vec(**arguments)
    envs.made_from_id = arguments
    return envs


def __getattr__(name: str) -> Any:
    """Give the vector entry point of a task."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        tasks_of(name)
    except InvalidArgument as error:
        raise AttributeError(str(error)) from error
    return functools.partial(_from_id, task=name)
