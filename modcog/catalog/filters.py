"""Tasks chosen by what they are: expressions of features, such as ``delay & ~match``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from modcog.catalog.features import WORD, Features, features
from modcog.catalog.settings import tasks_of
from modcog.catalog.suites import named_suite, task_names
from modcog.errors import InvalidArgument, unknown_name
from modcog.trials.spec import TaskSpec

LONGEST = 10_000
"""Characters of the longest expression that is read."""

GRAMMAR = (
    "an expression of features such as 'delay & ~match' or 'family=reach | longest_steps<20', "
    "of names, &, |, ~ and parentheses"
)

_ORDER: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
)
_BINDS = {"|": 1, "&": 2, "~": 3}
_TOKEN = re.compile(rf"\s*(?:(?P<word>{WORD})|(?P<sign><=|>=|[<>=&|~()])|(?P<other>\S))")


def suite(name: str | None = None, *, features: str | None = None) -> tuple[str, ...]:
    """Task names of a suite, one per rule slot; a task may occupy more than one slot.

    Args:
        name: Name of the suite; by default all tasks that have a name (`modcog.task_names`), which
            takes `features`.
        features: Which of the tasks: an expression of what `modcog.features` says of them, with the
            signs ``~`` (not), ``&`` (and), ``|`` (or), which bind in this order, and parentheses.
            The name of a feature that is True or False, or a word or None, stands alone
            (``delay``, ``Int``); ``name=value`` asks for a word, a number or a truth value
            (``family=reach``, ``Int=L``), and ``<``, ``<=``, ``>``, ``>=`` compare numbers
            (``longest_steps<20``). Lengths are at a `dt` of 100 ms.

    Returns:
        The names in the order of the suite; none where no task is such.

    Raises:
        UnknownName: There is no such suite, feature or word; the message offers the nearest.
        InvalidArgument: The expression makes no sense; the message says where.

    Example:
        >>> from modcog import suite
        >>> len(suite("mod-cog-84")), len(set(suite("mod-cog-84")))
        (84, 82)
        >>> suite("cog-20", features="delay & ~match & judged=either")
        ('DlyGo', 'DlyAnti')
        >>> len(suite(features="Int & Seq=L"))
        36
    """
    if name is None and features is None:
        raise InvalidArgument("name", name, "given, or else 'features'")
    names = task_names() if name is None else named_suite(name)
    return names if features is None else matching(tasks_of(names), features)


def matching(
    specs: Sequence[TaskSpec], expression: str, argument: str = "features"
) -> tuple[str, ...]:
    """Names of those of some tasks that an expression holds for, in their order."""
    # All tasks, so that what is a word of a feature does not depend on which tasks are asked for.
    table = {**features(), **features(specs)}
    holds = dict(zip(table, _Reader(expression, table, argument).read().tolist(), strict=True))
    return tuple(spec.name for spec in specs if holds[spec.name])


class _Token(NamedTuple):
    """A word or a sign of an expression."""

    text: str
    start: int
    is_word: bool = False


class _Reader:
    """Reads an expression from left to right into bool ``[tasks]``, whether it holds for each task.

    By two stacks and no recursion, so that no nesting of parentheses is too deep.
    """

    def __init__(self, expression: str, table: Mapping[str, Features], argument: str) -> None:
        if not isinstance(cast("object", expression), str) or not expression.strip():
            raise InvalidArgument(argument, expression, GRAMMAR)
        if len(expression) > LONGEST:
            raise InvalidArgument(
                argument, f"{len(expression)} characters", f"at most {LONGEST} long"
            )
        self._argument, self._text, self._table = argument, expression, table
        self._columns = {name: None for row in table.values() for name in row}
        self._tokens = list(self._split())
        self._position = 0
        self._values: list[NDArray[np.bool_]] = []
        self._signs: list[_Token] = []

    def read(self) -> NDArray[np.bool_]:
        """The value of the whole expression."""
        wants_value = True
        while (token := self._next()) is not None:
            if wants_value:
                if token.is_word:
                    self._values.append(self._feature(token))
                    wants_value = False
                elif token.text in ("~", "("):
                    self._signs.append(token)
                else:
                    raise self._misplaced(token, "a feature")
            elif token.text == ")":
                while self._signs and self._signs[-1].text != "(":
                    self._apply()
                if not self._signs:
                    raise self._misplaced(token, "the end of a parenthesis that is open")
                self._signs.pop()
            elif token.text in ("&", "|"):
                while self._signs and _BINDS.get(self._signs[-1].text, 0) >= _BINDS[token.text]:
                    self._apply()
                self._signs.append(token)
                wants_value = True
            else:
                raise self._misplaced(token, "& or |")
        if wants_value:
            end = _Token("", len(self._text))
            raise self._misplaced(end, "a feature")
        while self._signs:
            if self._signs[-1].text == "(":
                raise self._misplaced(self._signs[-1], "closed by a parenthesis")
            self._apply()
        return self._values.pop()

    def _split(self) -> Iterable[_Token]:
        for found in _TOKEN.finditer(self._text):
            kind = str(found.lastgroup)
            token = _Token(found[kind], found.start(kind), kind == "word")
            if kind == "other":
                raise self._misplaced(token, "a name, a value or one of & | ~ ( ) = < >")
            yield token

    def _next(self) -> _Token | None:
        if self._position == len(self._tokens):
            return None
        self._position += 1
        return self._tokens[self._position - 1]

    def _apply(self) -> None:
        sign, last = self._signs.pop().text, self._values.pop()
        if sign == "~":
            self._values.append(~last)
        elif sign == "&":
            self._values[-1] = self._values[-1] & last
        else:
            self._values[-1] = self._values[-1] | last

    def _feature(self, token: _Token) -> NDArray[np.bool_]:
        """A feature that stands alone, or one that is compared."""
        name = token.text
        if name not in self._columns:
            texts = (f"{key}={word}" for key in self._columns for word in self._words(key))
            raise unknown_name(self._at(token), name, (*self._columns, *texts), "a feature")
        values = self._column(name)
        following = self._tokens[self._position] if self._position < len(self._tokens) else None
        if following is not None and following.text in _ORDER:
            self._position += 1
            operand = self._next()
            if operand is None or not operand.is_word:
                end = _Token("", len(self._text))
                raise self._misplaced(operand or end, f"a value of {name}")
            return self._compared(token, following.text, operand, values)
        if any(type(value) in (int, float) for value in values):
            allowed = f"compared with a number, as in {name}<20"
            raise InvalidArgument(self._at(token), name, allowed)
        if values and not any(value is None or isinstance(value, bool) for value in values):
            words = ", ".join(self._words(name))
            raise InvalidArgument(self._at(token), name, f"followed by = and one of {words}")
        return np.array([bool(value) for value in values], dtype=bool)

    def _compared(
        self, token: _Token, sign: str, operand: _Token, values: list[Any]
    ) -> NDArray[np.bool_]:
        text = operand.text
        if any(type(value) in (int, float) for value in values):
            try:
                number = float(text)
            except ValueError:
                raise InvalidArgument(self._at(operand), text, "a number") from None
            order = _ORDER[sign]
            return np.array([value is not None and order(value, number) for value in values])
        if sign != "=":
            allowed = f"= after {token.text}, which is no number"
            raise InvalidArgument(self._at(token), f"{token.text}{sign}{text}", allowed)
        words = [str(value) for value in values]
        if text not in words:
            possible = self._words(token.text)
            raise unknown_name(self._at(operand), text, possible, f"a value of {token.text}")
        return np.array([word == text for word in words])

    def _words(self, name: str) -> list[str]:
        """The values of a feature that is no number, in order of appearance."""
        values = self._column(name)
        if any(type(value) in (int, float) for value in values):
            return []
        return list(dict.fromkeys(map(str, values)))

    def _column(self, name: str) -> list[Any]:
        return [row.get(name) for row in self._table.values()]

    def _at(self, token: _Token) -> str:
        """Where a token stands, as the slice of the expression that it is."""
        return f"{self._argument}[{token.start}:{token.start + len(token.text)}]"

    def _misplaced(self, token: _Token, allowed: str) -> InvalidArgument:
        return InvalidArgument(self._at(token), token.text or "the end", allowed)
