"""Tests that go through a long table, such as all tasks, a stretch of it in each test.

A test of its own for each row costs more than most rows do. A stretch stops at the first row that
fails, whose values the report has; the other stretches go on.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

STRETCH = 24


def every(
    names: str | tuple[str, ...], rows: Iterable[Any], *, at_once: int = STRETCH
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Parametrise a test as `pytest.mark.parametrize` does, with many rows in one test.

    For rows that leave nothing behind: what else the test asks for is made once for a stretch.

    Args:
        names: The parameter, or several in a tuple.
        rows: Their values: one a row, or a tuple a row.
        at_once: How many rows make a stretch.
    """
    keys = (names,) if isinstance(names, str) else names
    table = [(row,) if isinstance(names, str) else tuple(row) for row in rows]
    stretches = [table[start : start + at_once] for start in range(0, len(table), at_once)]
    labels = ["-".join(_label(value) for value in stretch[0]) + " ..." for stretch in stretches]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def each(stretch: list[tuple[Any, ...]], **others: Any) -> None:
            for row in stretch:
                try:
                    test(**dict(zip(keys, row, strict=True)), **others)
                except pytest.skip.Exception as skipped:
                    message = f"no row may be skipped, since the others would be too: {skipped}"
                    raise AssertionError(message) from skipped
                except Exception as error:
                    error.add_note(f"with {', '.join(map(_equation, keys, row))}")
                    raise

        kept = [p for p in inspect.signature(test).parameters.values() if p.name not in keys]
        first = inspect.Parameter("stretch", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        each.__signature__ = inspect.Signature([first, *kept])  # type: ignore[attr-defined]  # read by pytest
        return pytest.mark.parametrize("stretch", stretches, ids=labels)(each)

    return decorate


def _label(value: Any) -> str:
    return str(getattr(value, "name", value))


def _equation(key: str, value: Any) -> str:
    return f"{key}={value!r}"
