"""What a trial is worth: the default rewards, and their replacements, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from modcog.errors import InvalidArgument, real_number, unknown_name
from modcog.system.limits import LEVEL

REWARDS: Mapping[str, float] = {"abort": -0.1, "correct": 1.0, "fail": 0.0}
"""Default rewards: breaking fixation, a correct trial, a wrong or missing response."""


def check_rewards(rewards: object) -> dict[str, float]:
    """All rewards as floats, with replacements for some of `REWARDS`.

    Raises:
        InvalidArgument: Not a mapping, or a reward is no finite number of a size that float32 adds
            up.
        UnknownName: There is no such reward.
    """
    if rewards is None:
        return dict(REWARDS)
    if not isinstance(rewards, Mapping):
        raise InvalidArgument("rewards", rewards, "a mapping of name -> number")
    checked = dict(REWARDS)
    for name, value in cast("Mapping[Any, object]", rewards).items():
        if name not in REWARDS:
            raise unknown_name("rewards", name, REWARDS, "a reward")
        allowed = f"a finite number of at most {LEVEL:g} in size"
        number = real_number(f"rewards[{name!r}]", value, allowed)
        if abs(number) > LEVEL:
            raise InvalidArgument(f"rewards[{name!r}]", value, allowed)
        checked[name] = number
    return checked
