"""The tasks under the names that the released code gives its functions, for code written for that.

Where such code says ``from Mod_Cog.mod_cog_tasks import *`` it may say
``from modcog.envs.mod_cog_tasks import *``: each name is a function that makes the environment of
its task, with the settings of `modcog.make`.

Example:
    >>> from modcog.envs.mod_cog_tasks import dlygointl
    >>> dlygointl(dt=50).task_spec.name
    'DlyGo_IntL'
"""

from __future__ import annotations

import functools
from typing import Any

from modcog.catalog.suites import task_names

_NAMES = {name.replace("_", "").lower(): name for name in task_names()}

__all__ = list(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll] - see below


def __getattr__(name: str) -> Any:
    """The function that makes the environment of a task."""
    from modcog.envs.wrappers import make

    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return functools.partial(make, _NAMES[name])
