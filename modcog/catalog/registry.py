"""Tasks and suites of one's own, by name: what is registered is found wherever names are read.

A registered task is one more row of the table of base tasks: grammar, settings, modifiers, JSON and
all else follow, as for the rows of the package.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from modcog import tasks
from modcog.catalog import suites
from modcog.catalog.peers import YANG_NAMES
from modcog.catalog.settings import fold, names_of, task, task_from_json
from modcog.errors import InvalidArgument, truth_value, unknown_name
from modcog.modifiers import MODIFIERS
from modcog.trials.spec import TaskSpec


def add_task(spec: TaskSpec, *, replace: bool) -> None:
    """Register a task: see `modcog.register_task`."""
    if not isinstance(cast("object", spec), TaskSpec):
        raise InvalidArgument("spec", spec, "a TaskSpec")
    if spec.modifiers:
        allowed = "a base task: its name with modifiers follows"
        raise InvalidArgument("spec", spec.name, allowed, f"Register {spec.base} alone.")
    _check_task_name(spec.base)
    if tasks.BASE_TASKS.get(spec.base) == spec:
        return
    _check_free("base", spec.base, tasks.OWN, replace=replace)
    with _restored_on_failure(tasks.OWN):
        tasks.OWN[spec.base] = spec
        _check_json(spec)
        for name, listed in suites.OWN.items():
            for member in listed:
                _check_member(name, member)


def add_suite(name: str, source: object, *, replace: bool) -> None:
    """Register a suite: see `modcog.register_suite`."""
    if not isinstance(cast("object", name), str) or not re.fullmatch(r"\w[\w.-]*", name):
        allowed = "a name of letters, digits, '-', '_' and '.'"
        raise InvalidArgument("name", name, allowed)
    listed = names_of(source)
    if suites.OWN.get(name) == listed:
        return
    _check_free("name", name, suites.OWN, replace=replace)
    with _restored_on_failure(suites.OWN):
        suites.OWN[name] = listed


def remove(name: str) -> None:
    """Forget a task or a suite: see `modcog.unregister`."""
    own = tasks.OWN if name in tasks.OWN else suites.OWN
    if name not in own:
        known = (*tasks.OWN, *suites.OWN)
        raise unknown_name("name", name, known, "a task or suite that was registered")
    users = [
        suite
        for suite, listed in suites.OWN.items()
        if own is tasks.OWN and any(task(member).base == name for member in listed)
    ]
    if users:
        allowed = f"a task that no registered suite lists, as {users[0]} does"
        raise InvalidArgument("name", name, allowed)
    with _restored_on_failure(own):
        del own[name]


@contextmanager
def _restored_on_failure(own: dict[str, Any]) -> Generator[None]:
    """Change a table as a whole or not at all; what was made from it is made anew."""
    before = dict(own)
    try:
        yield
    except BaseException:  # Whatever it is, Ctrl-C included: it goes on after this.
        own.clear()
        own.update(before)
        raise
    finally:
        suites.task_names.cache_clear()


def _check_task_name(name: object) -> None:
    allowed = "a name of letters and digits that begins with a letter, such as 'RingGo'"
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
        raise InvalidArgument("base", name, allowed)
    if re.fullmatch(rf".*(?:{'|'.join(MODIFIERS)})[lr]", name, re.IGNORECASE):
        raise InvalidArgument("base", name, "a name that does not end as that of a modifier does")


def _check_free(argument: str, name: str, own: Mapping[str, object], *, replace: bool) -> None:
    if truth_value("replace", replace) and name in own:
        return
    taken = {fold(other): other for other in (*tasks.BASE_TASKS, *YANG_NAMES, *suites.suites())}
    other = taken.get(fold(name)) or _task_called(name)
    if other is not None:
        remedy = "Give replace=True to put this in its place." if other in own else ""
        raise InvalidArgument(argument, name, f"a name that is not taken, as {other} is", remedy)


def _task_called(name: str) -> str | None:
    try:
        return task(name).name
    except InvalidArgument:
        return None


def _check_json(spec: TaskSpec) -> None:
    """Refuse parameters that JSON changes; a duration that it cannot hold says so when asked."""
    if any(callable(period.duration) for period in spec.periods):
        return
    try:
        same = task_from_json(spec.to_json()) == spec
    except (TypeError, ValueError) as error:
        why = f"({error})"
    else:
        if same:
            return
        why = "Lists come back as lists: let __post_init__ of the parameters make them tuples."
    raise InvalidArgument("spec", spec.base, "a task that JSON gives back as it was", why)


def _check_member(suite: str, name: str) -> None:
    try:
        task(name)
    except InvalidArgument as error:
        allowed = f"a task with which the registered suite {suite} still has its {name}"
        raise InvalidArgument("spec", name, allowed, str(error)) from error
