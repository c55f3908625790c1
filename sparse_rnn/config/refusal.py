"""What a model of settings refuses, in this package's words."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sparse_rnn.errors import InvalidArgument, unknown_keyword


def refusal(error: ValidationError, known: dict[str, Any]) -> InvalidArgument:
    """The first refused setting of a validation, in this package's words.

    Args:
        error: The validation's error.
        known: The settings that there are.
    """
    details = error.errors(include_url=False)
    first = details[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidArgument):
        return cause
    if not first["loc"]:
        return InvalidArgument("configuration", first["input"], f"a JSON object ({first['msg']})")
    argument = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown_keyword("setting", argument, known, "a setting")
    if first["type"] == "missing":
        return InvalidArgument(argument, None, "given")
    # A setting of several types has a refusal for each of them.
    about = [detail["msg"] for detail in details if detail["loc"][:1] == first["loc"][:1]]
    allowed = " or ".join(dict.fromkeys(text.removeprefix("Input should be ") for text in about))
    return InvalidArgument(argument, first["input"], allowed)
