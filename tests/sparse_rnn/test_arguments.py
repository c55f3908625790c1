"""Every argument of the public callables of sparse_rnn changes something, or is refused.

The callables are found by the public names, and each has a row in `tests/sparse_rnn/argument_rows`:
for each argument values that come to different results, and wrong values that are refused by an
error that names the argument. Where either cannot be, the row has the reason. A new callable or
argument without a row fails the first test.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import sparse_rnn as srnn
from tests.every import every
from tests.public_api import public_objects
from tests.sparse_rnn.argument_rows import (
    analysis,
    board,
    configs,
    kernels,
    masks,
    networks,
    report,
    sparsify,
    streams,
    sweep,
    training,
)
from tests.sparse_rnn.argument_rows.exempt import EXEMPT
from tests.sparse_rnn.argument_rows.table import Row, World, made, plain

ROOMS = (
    *(networks, configs, training, streams, masks, kernels),
    *(sparsify, analysis, report, sweep, board),
)
TABLE: dict[str, Row] = {name: row for room in ROOMS for name, row in room.ROWS.items()}

KEYWORDS = inspect.Parameter.VAR_KEYWORD


def found() -> Iterator[tuple[str, Any]]:
    """Public callables of sparse_rnn, and the methods of public classes, each under one name."""
    seen: set[int] = set()
    for name, value in public_objects().items():
        if not name.startswith("sparse_rnn.") or not callable(value) or id(value) in seen:
            continue
        seen.add(id(value))
        yield name, value
        for base in value.__mro__ if inspect.isclass(value) else ():
            own = vars(base) if base.__module__.startswith("sparse_rnn") else {}
            for method, function in own.items():
                bare = getattr(function, "__func__", function)
                if inspect.isfunction(bare) and method[0] != "_" and id(bare) not in seen:
                    seen.add(id(bare))
                    if parameters(getattr(value, method), bound=bare is not function):
                        yield f"{name}.{method}", getattr(value, method)


def parameters(value: Any, *, bound: bool = True) -> dict[str, inspect.Parameter]:
    """Parameters by name; of a method without the object."""
    if inspect.isclass(value) and issubclass(value, BaseModel):
        kind = inspect.Parameter.KEYWORD_ONLY
        return {name: inspect.Parameter(name, kind) for name in value.model_fields}
    listed = list(inspect.signature(value).parameters.values())
    return {p.name: p for p in (listed if bound else listed[1:])}


CALLABLES = {name: value for name, value in found() if name not in EXEMPT}
CASES = [(name, argument) for name, row in TABLE.items() for argument in row.arguments]
SEEN = [case for case in CASES if TABLE[case[0]].arguments[case[1]].values]
WRONG = [case for case in CASES if not TABLE[case[0]].arguments[case[1]].free]


def test_every_public_callable_has_a_row() -> None:
    assert TABLE.keys() | EXEMPT.keys() == dict(found()).keys()
    assert not TABLE.keys() & EXEMPT.keys()


@every("name", CALLABLES)
def test_every_argument_is_tried_or_has_a_reason(name: str) -> None:
    row = TABLE[name]
    known = parameters(CALLABLES[name], bound=row.of is None or inspect.ismethod(CALLABLES[name]))
    # Without those that a caller cannot name, such as the object.
    named = {one for one, parameter in known.items() if parameter.kind != KEYWORDS}
    missing = named - row.arguments.keys()
    assert not missing, f"give {name} a row for {missing}"
    for argument, how in row.arguments.items():
        assert bool(how.unseen) != (len(how.values) > 1), f"{argument} of {name}: values or unseen"
        refused = bool(how.wrong or how.loud)
        assert bool(how.free) != refused, f"{argument} of {name}: wrong, loud or free"


@pytest.fixture
def world(tmp_path: Path, finished: srnn.Run) -> Callable[[], World]:
    numbers = itertools.count()

    def new() -> World:
        folder = tmp_path / f"{next(numbers)}"
        folder.mkdir()
        return World(folder, finished)

    return new


def result(name: str, argument: str, value: Any, world: World) -> Any:
    """What a call returns; what is made on the way is made by then."""
    row, how = TABLE[name], TABLE[name].arguments[argument]
    call = CALLABLES[name] if row.of is None else getattr(row.of(world), name.rpartition(".")[2])
    given = {one: made(it, world) for one, it in {**row.base, **how.at, argument: value}.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        returned = call(**given)
        if isinstance(returned, AbstractContextManager) and not hasattr(returned, "shape"):
            with returned as entered:
                return plain(row.seen(entered))
        return plain(row.seen(returned))


ERROR = "error "


def outcome(name: str, argument: str, value: Any, world: World) -> str:
    """What a call comes to, or its error; a value that is refused is not ignored."""
    try:
        told = result(name, argument, value, world)
    except (srnn.SparseRnnError, OSError) as error:
        told = f"{ERROR}{type(error).__name__}: {error}"
    return str(told).replace(str(world.folder), "")


@every(("name", "argument"), SEEN)
def test_every_argument_changes_something(
    name: str, argument: str, world: Callable[[], World]
) -> None:
    how = TABLE[name].arguments[argument]
    outcomes = [outcome(name, argument, value, world()) for value in how.values]
    assert len(set(outcomes)) == len(outcomes), f"{argument} of {name} changes nothing"
    assert how.by_error or not all(told.startswith(ERROR) for told in outcomes), outcomes


@every(("name", "argument"), WRONG)
def test_wrong_values_are_refused(name: str, argument: str, world: Callable[[], World]) -> None:
    how = TABLE[name].arguments[argument]
    for value in (*how.wrong, *how.loud):
        named = any(value is one for one in how.wrong)
        refusals = (srnn.SparseRnnError,) if named else LOUD
        told = _refusal(refusals, partial(result, name, argument, value, world()))
        assert told, f"{argument} of {name} takes {value!r} in silence"
        assert argument in told or not named, told


def _refusal(refusals: tuple[type[Exception], ...], call: Callable[[], object]) -> str:
    try:
        call()
    except refusals as error:
        return str(error) or type(error).__name__
    return ""


LOUD = (
    srnn.SparseRnnError,
    AttributeError,
    IndexError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What refuses in Python's or numpy's words, and so not in silence."""

TAKERS = [
    name
    for name, value in CALLABLES.items()
    if any(p.kind == KEYWORDS for p in parameters(value).values())
]


@pytest.mark.parametrize("name", TAKERS)
def test_keywords_that_nobody_takes_are_refused(name: str, world: Callable[[], World]) -> None:
    row, here = TABLE[name], world()
    given = {one: made(it, here) for one, it in row.base.items()}
    with pytest.raises(TypeError, match="no_such_keyword"):
        row.seen(CALLABLES[name](**given, no_such_keyword=[3]))
