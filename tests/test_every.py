"""A test over a stretch of rows runs each of them, and says which one failed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.every import every


def stretches(test: Any) -> list[list[tuple[Any, ...]]]:
    return test.pytestmark[-1].args[1]


def test_every_row_is_run_once_and_with_what_else_the_test_asks_for() -> None:
    seen = []

    @pytest.mark.parametrize("last", [True])
    @every("number", range(7), at_once=3)
    @pytest.mark.usefixtures("capsys")
    def test(number: int, tmp_path: str, last: bool) -> None:
        seen.append((number, tmp_path, last))

    assert list(inspect.signature(test).parameters) == ["stretch", "tmp_path", "last"]
    marks = [mark.name for mark in test.pytestmark]  # type: ignore[attr-defined]  # pytest's
    assert marks == ["usefixtures", "parametrize", "parametrize"]
    (mark,) = (mark for mark in test.pytestmark if mark.args[0] == "stretch")  # type: ignore[attr-defined]  # pytest's
    assert mark.kwargs["ids"] == ["0 ...", "3 ...", "6 ..."]
    for stretch in mark.args[1]:
        test(stretch=stretch, tmp_path="here", last=True)
    assert seen == [(number, "here", True) for number in range(7)]


def test_the_row_that_fails_is_named() -> None:
    @every(("name", "number"), [("Go", 1), ("DMS", 2)])
    def test(name: str, number: int) -> None:
        assert (name, number) != ("DMS", 2), "two"

    with pytest.raises(AssertionError, match="two") as caught:
        test(stretch=stretches(test)[0])
    assert caught.value.__notes__ == ["with name='DMS', number=2"]


def test_no_row_is_skipped_in_silence() -> None:
    @every("number", [1, 2])
    def test(number: int) -> None:
        pytest.skip(f"not today: {number}")

    with pytest.raises(AssertionError, match="no row may be skipped, .*: not today: 1"):
        test(stretch=stretches(test)[0])
