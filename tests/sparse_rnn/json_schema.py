"""A judge of JSON Schemas, as far as this repository's own use it: it knows no other words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_Word = Callable[[Any, Any, Any, Any], bool]
"""Judges a value by what a word is told, the schema around it, and the whole schema."""

_SAID = {"$schema", "$defs", "title", "description", "default"}
_KINDS: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    ),
}


def valid(value: Any, schema: Any, root: Any = None) -> bool:
    """Whether a value in types of JSON is what a schema (2020-12) describes.

    Raises:
        KeyError: The schema has a word that this judge does not know.
    """
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    return all(
        _WORDS[word](value, told, schema, root)
        for word, told in schema.items()
        if word not in _SAID
    )


def _ref(value: Any, told: str, schema: Any, root: Any) -> bool:
    del schema
    target = root
    for part in told.removeprefix("#/").split("/"):
        target = target[part]
    return valid(value, target, root)


def _properties(value: Any, told: Any, schema: Any, root: Any) -> bool:
    del schema
    if not isinstance(value, dict):
        return True
    return all(valid(value[name], one, root) for name, one in told.items() if name in value)


def _additional(value: Any, told: Any, schema: Any, root: Any) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    return all(valid(one, told, root) for name, one in value.items() if name not in known)


def _items(value: Any, told: Any, schema: Any, root: Any) -> bool:
    del schema
    return not isinstance(value, list) or all(valid(one, told, root) for one in value)


def _contains(value: Any, told: Any, schema: Any, root: Any) -> bool:
    if not isinstance(value, list):
        return True
    return sum(valid(one, told, root) for one in value) >= schema.get("minContains", 1)


def _condition(value: Any, told: Any, schema: Any, root: Any) -> bool:
    return not valid(value, told, root) or valid(value, schema["then"], root)


def _sized(kind: type, fits: Callable[[int, int], bool]) -> _Word:
    return lambda value, told, _s, _r: not isinstance(value, kind) or fits(len(value), told)


def _number(fits: Callable[[float, float], bool]) -> _Word:
    return lambda value, told, _s, _r: not _KINDS["number"](value) or fits(value, told)


def _same(value: Any, told: Any) -> bool:
    """Whether two values are one in JSON, where 1.0 is 1 and true is not."""
    return value == told and isinstance(value, bool) == isinstance(told, bool)


def _pattern(value: Any, told: str, schema: Any, root: Any) -> bool:
    del schema, root
    return not isinstance(value, str) or bool(re.search(told, value))


_WORDS: dict[str, _Word] = {
    "$ref": _ref,
    "type": lambda value, told, _s, _r: _KINDS[told](value),
    "const": lambda value, told, _s, _r: _same(value, told),
    "enum": lambda value, told, _s, _r: value in told,
    "properties": _properties,
    "required": lambda value, told, _s, _r: not isinstance(value, dict) or set(told) <= set(value),
    "additionalProperties": _additional,
    "items": _items,
    "contains": _contains,
    "minContains": lambda _v, _t, _s, _r: True,
    "anyOf": lambda value, told, _s, root: any(valid(value, one, root) for one in told),
    "allOf": lambda value, told, _s, root: all(valid(value, one, root) for one in told),
    "if": _condition,
    "then": lambda _v, _t, _s, _r: True,
    "minimum": _number(lambda value, told: value >= told),
    "maximum": _number(lambda value, told: value <= told),
    "minLength": _sized(str, lambda length, told: length >= told),
    "maxLength": _sized(str, lambda length, told: length <= told),
    "minItems": _sized(list, lambda length, told: length >= told),
    "maxItems": _sized(list, lambda length, told: length <= told),
    "pattern": _pattern,
}
