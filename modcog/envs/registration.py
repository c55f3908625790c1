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

from modcog.catalog import registry
from modcog.catalog.suites import task_names
from modcog.errors import InvalidArgument
from modcog.trials.spec import TaskSpec

VERSION = 0
"""Version suffix of the ids; a change that alters the trials of a task raises it."""


_VECTOR = "vector_of_"
"""Begins the vector entry points, so that no name of a task is one of this module's."""


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
                vector_entry_point=f"{__name__}:{_VECTOR}{name}",
                kwargs={"task": name},
            )


def register_task(spec: TaskSpec, *, replace: bool = False) -> None:
    """Give a task of one's own a name, as the tasks of the package have.

    From then on, in this process, `modcog.task`, `modcog.make`, samplers and commands know the
    name, alone and with modifiers; its specification goes through JSON, also with settings; and
    gymnasium has ids such as ``modcog/RingGo-v0`` and ``modcog/RingGo_IntL-v0``. No suite gets
    longer; `modcog.register_suite` makes one. Other processes have to register it too: put the
    call into a module, and import that, by ``modcog --import MODULE`` in the shell, or by
    ``gymnasium.make("MODULE:modcog/RingGo-v0")``.

    Args:
        spec: The task, without modifiers. Its name (`TaskSpec.base`) has letters and digits alone.
            The same task may be registered again.
        replace: Whether it takes the place of a registered task of that name, as where a cell of a
            notebook runs again. Those of the package are never replaced.

    Raises:
        InvalidArgument: The name is taken or no name of a task; the task has modifiers; JSON does
            not give its parameters back as they were; or it is not what a registered suite needs.

    Example:
        >>> import dataclasses, modcog
        >>> spec = modcog.task("DM1", coherences=(0.04, 0.08))
        >>> modcog.register_task(dataclasses.replace(spec, base="HardDM"))
        >>> modcog.task("HardDM_IntL_SeqR", dt=50).params.coherences
        (0.04, 0.08)
        >>> modcog.unregister("HardDM")
    """
    before = task_names()
    registry.add_task(spec, replace=replace)
    _follow(before)


def register_suite(name: str, tasks: object, *, replace: bool = False) -> None:
    """Give a list of tasks a name, as the suites of the package have.

    From then on, in this process, whatever takes the name of a suite takes this one, and each of
    its tasks has a gymnasium id. A run of `sparse_rnn` keeps the digest of its tasks, and refuses
    to go on with a suite or a task that changed under its name: give what changes another name.

    Args:
        name: The name; letters, digits, ``-``, ``_`` and ``.``.
        tasks: Task names, one per rule slot. Their order is that of the rule inputs, and a network
            that was trained on the suite depends on it.
        replace: Whether it takes the place of a registered suite of that name.

    Raises:
        UnknownName: A task is not known; a task of one's own is registered first.
        InvalidArgument: The name is taken or no such name; there are no tasks, or one is a
            specification with settings, which no name holds.

    Example:
        >>> import modcog
        >>> modcog.register_suite("reach-and-delay", modcog.suite(features="family=reach & delay"))
        >>> modcog.BatchSampler("reach-and-delay", batch_size=4).input_size
        51
        >>> modcog.unregister("reach-and-delay")
    """
    before = task_names()
    registry.add_suite(name, tasks, replace=replace)
    _follow(before)


def unregister(name: str) -> None:
    """Forget a task or a suite that was registered, with its gymnasium ids.

    Args:
        name: Its name.

    Raises:
        UnknownName: No such task or suite was registered.
        InvalidArgument: A registered suite lists the task.
    """
    before = task_names()
    registry.remove(name)
    _follow(before)


def _follow(before: tuple[str, ...]) -> None:
    """Bring gymnasium's ids in line with the names that there are now."""
    register_if_needed()
    if "gymnasium" in sys.modules:
        from gymnasium.envs import registration

        for name in {*before}.difference(task_names()):
            registration.registry.pop(env_id(name), None)


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
    """Give the vector entry point of a task, which is named after it.

    Gymnasium 0.29 does not hand the arguments of an id to its vector entry point, so each id has an
    entry point that knows them.
    """
    from modcog.catalog.settings import tasks_of

    if not name.startswith(_VECTOR):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    task = name.removeprefix(_VECTOR)
    try:
        tasks_of(task)
    except InvalidArgument as error:
        raise AttributeError(str(error)) from error
    return functools.partial(_make_vec, task=task)


def _make_vec(**arguments: Any) -> Any:
    """The vector environment of an id, which notes what it was made from."""
    from modcog.envs.vector import make_vec

    made = functools.partial(make_vec, **arguments)
    envs = made()
    envs.made_from_id = made
    return envs
