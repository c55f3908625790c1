"""Every argument of the public callables changes something, or is refused.

`TABLE` (`tests/argument_rows.py`) has a row for each callable: what it is called with, two values
for each argument, and what is looked at. A value whose result is an error counts too, as nothing is
then ignored. `WRONG` (`tests/wrong_values.py`) has values for each argument that are refused by a
typed error that names it. An argument that has no values fails the tests, so that whoever adds an
argument adds them.
"""

from __future__ import annotations

import copy
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import modcog
from tests.argument_rows import TABLE, TRIALS, Row
from tests.every import every
from tests.wrong_values import CALLED, INSIDE, TAKEN, WRONG

NO_ARGUMENT_OF_INTEREST = {
    # Records, errors and data, whose fields are what they hold.
    *("AmbiguousIntervalWarning", "Batch", "Evaluation", "ExportFailed", "InvalidArgument"),
    *("ModcogError", "ModifierRefused", "Period", "Rendered", "Stimulus", "TaskEnv", "TaskSpec"),
    *("TaskVectorEnv", "TrialBank", "TrialLengths", "Trials", "UnknownName", "Draws", "Strategy"),
    # Those of one argument, which there is no way to ignore.
    *("chance_level", "chance_table", "describe", "pool", "suites", "task_from_json"),
    "task_names",
    # They raise or return nothing; their own tests try each argument.
    *("check_modifier", "check_task", "export", "Integrate", "Sequence"),
    *("register_suite", "register_task", "unregister"),
}


def result(call: Callable[..., Any], row: Row, name: str, value: Any) -> Any:
    """What is seen of the result of a call."""
    arguments = {**row.base, **row.at.get(name, {}), name: value}
    if "rng" in inspect.signature(call).parameters:
        arguments.setdefault("rng", 0)
    if isinstance(arguments.get("draws"), modcog.Draws):  # They are drawn once.
        arguments["draws"] = copy.deepcopy(arguments["draws"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", modcog.AmbiguousIntervalWarning)
        return row.seen(call(**arguments))


def outcome(call: Callable[..., Any], row: Row, name: str, value: Any) -> Any:
    """What a call comes to: what is seen of its result, or its error."""
    try:
        return result(call, row, name, value)
    except modcog.ModcogError as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("name", TABLE)
def test_every_argument_has_two_values(name: str) -> None:
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(getattr(modcog, name)).parameters.values()
    missing = {p.name for p in parameters if p.kind not in kinds} - TABLE[name].values.keys()
    assert not missing, f"give two values for these arguments of modcog.{name} in TABLE: {missing}"


def test_every_public_callable_has_a_row() -> None:
    callables = {name for name in modcog.__all__ if callable(getattr(modcog, name))}
    assert callables - NO_ARGUMENT_OF_INTEREST == TABLE.keys()


CASES = [(name, argument) for name, row in TABLE.items() for argument in row.values]


@every(("name", "argument"), CASES)
def test_every_argument_changes_something_or_is_refused(name: str, argument: str) -> None:
    call, row = getattr(modcog, name), TABLE[name]
    one, other = (outcome(call, row, name=argument, value=v) for v in row.values[argument])
    assert one != other, f"{argument} of modcog.{name} changes nothing"


@pytest.mark.parametrize("extra", [{"seed": 3}, {"given": {"delay": 300}}, {"dt": 20}])
def test_what_trials_leave_no_room_for_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(modcog.InvalidArgument, match="left out where trials are given"):
        modcog.plot_trial(TRIALS, **extra)


def test_every_argument_has_wrong_values() -> None:
    assert {argument for _, argument in CASES} == WRONG.keys()


@every(("name", "argument"), CASES)
def test_wrong_values_are_refused_by_name(name: str, argument: str) -> None:
    call, row = getattr(modcog, name), TABLE[name]
    called = {argument, *CALLED.get(argument, ())}
    taken = TAKEN.get((name, argument), ())
    wrong = [value for value in WRONG[argument] if not any(value is one for one in taken)]
    for value in wrong:
        refused = _refusal(call, row, argument, value)
        assert refused is not None, f"{argument} of modcog.{name} takes {value!r} in silence"
        assert re.split(r"\W", refused.argument)[0] in called, (value, str(refused))


@pytest.mark.parametrize(("name", "argument"), [case for case in CASES if case[1] in INSIDE])
def test_what_is_wrong_inside_a_value_is_refused(name: str, argument: str) -> None:
    for value in INSIDE[argument]:
        refused = _refusal(getattr(modcog, name), TABLE[name], argument, value)
        assert refused is not None, f"{argument} of modcog.{name} takes {value!r} in silence"


def _refusal(
    call: Callable[..., Any], row: Row, argument: str, value: Any
) -> modcog.InvalidArgument | None:
    try:
        result(call, row, argument, value)
    except modcog.InvalidArgument as error:
        return error
    return None
