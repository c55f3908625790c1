"""Records of folders that may come from somebody else: read within limits, or found damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from sparse_rnn.errors import RunDamaged
from sparse_rnn.system.files import LARGEST_RECORD, read_regular

DEPTH = 50
"""Levels of the deepest record that is read; those of a run have no more than six."""


def read_record(path: Path, limit: int = LARGEST_RECORD) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        limit: Bytes that it may have.

    Raises:
        RunDamaged: It is no regular file, too large, nested too deeply, or no JSON object.
        OSError: It cannot be opened.
    """
    try:
        record = json.loads(read_regular(path, limit))
    except RecursionError:
        raise RunDamaged(f"{path} is nested too deeply.") from None
    except ValueError as error:
        if isinstance(error, RunDamaged):
            raise
        raise RunDamaged(f"{path} cannot be read as JSON ({error}).") from error
    if not isinstance(record, dict):
        raise RunDamaged(f"{path} holds {kind_of(record)} where a JSON object belongs.")
    if is_deeper(record, DEPTH):
        raise RunDamaged(f"{path} is nested too deeply.")
    return cast("dict[str, Any]", record)


def is_deeper(value: object, depth: int) -> bool:
    """Whether lists and mappings are nested in more levels than this.

    Example:
        >>> is_deeper({"a": [1]}, 2), is_deeper({"a": [[1]]}, 2)
        (False, True)
    """
    level = [value]
    for _ in range(depth + 1):
        level = [
            member
            for one in level
            if isinstance(one, dict | list)
            for member in (
                cast("dict[str, Any]", one).values()
                if isinstance(one, dict)
                else cast("list[Any]", one)
            )
        ]
        if not level:
            return False
    return True


def kind_of(value: object) -> str:
    """What JSON calls the type of a value.

    Example:
        >>> kind_of([1]), kind_of(None)
        ('a list', 'null')
    """
    kinds: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
    }
    return "null" if value is None else kinds.get(type(value), "a number")
