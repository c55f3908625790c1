"""What a visitor asks for: the fields of a query as tasks, a seed and settings.

The values are checked by `modcog` itself. Only what would make a trial too large for a page is
refused here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from modcog.catalog.settings import modifier_settings, parse_name, task
from modcog.errors import InvalidArgument, unknown_name
from modcog.ring import VELOCITY
from modcog.tasks import BASE_TASKS
from modcog.trials.spec import TaskSpec

MAX_SEED = 2**53
"""Seeds below are whole numbers in JavaScript as well."""

MAX_STEPS = 4000
LONGEST_MS = 10_000.0
SMALLEST_DT = 1.0
LARGEST = {"dim_ring": 128, "noise": 100.0}
FASTEST = 3600.0


@dataclass(frozen=True)
class Shown:
    """One task with its settings.

    Attributes:
        name: The task.
        settings: Arguments of `modcog.make` that differ from its defaults.
        degrees: Those of them that the page gives in degrees per second.
        spec: The task with these settings.
    """

    name: str
    settings: Mapping[str, Any]
    degrees: Mapping[str, float]
    spec: TaskSpec


@dataclass(frozen=True)
class Asked:
    """What a query asks for.

    Attributes:
        shown: One task, or two to compare.
        seed: Seed of the trial.
    """

    shown: tuple[Shown, ...]
    seed: int


def read(query: Mapping[str, str]) -> Asked:
    """Read a query.

    Args:
        query: Field -> text: ``task``; ``compare``, a second task; ``seed``; and settings, which
            reach the tasks that have them: ``dt`` (ms), ``dim_ring``, ``noise``, ``interval`` (ms),
            ``coherence``, ``int_velocity`` and ``seq_velocity`` (degrees per second).

    Raises:
        UnknownName: A field or a task is unknown.
        ModifierRefused: A task cannot take a modifier.
        InvalidArgument: A value is out of range.

    Example:
        >>> read({"task": "dlygointl", "dt": "20"}).shown[0].settings
        {'dt': 20}
    """
    known = ("task", "compare", "seed", *_READERS)
    for field in query:
        if field not in known:
            raise unknown_name("field", field, known, "a field of this page")
    seed = whole("seed", query.get("seed", "0"))
    if not 0 <= seed < MAX_SEED:
        raise InvalidArgument("seed", seed, f"a whole number from 0 to {MAX_SEED - 1}")
    values = {name: reader(name, query[name]) for name, reader in _READERS.items() if name in query}
    _check_size(values)
    shown = [_shown(query.get("task", "DlyGo"), values)]
    if query.get("compare"):
        try:
            shown.append(_shown(query["compare"], values))
        except InvalidArgument as error:
            if error.argument != "task":
                raise
            raise type(error)("compare", error.value, error.allowed, error.remedy) from None
    return Asked(tuple(shown), seed)


def whole(name: str, text: str) -> int:
    """Read a whole number.

    Raises:
        InvalidArgument: It is none.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 17):
        raise InvalidArgument(name, text, "a whole number")
    return int(text)


def _number(name: str, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise InvalidArgument(name, text, "a number") from None
    # Whole numbers read better in the code: dt=20.
    return int(value) if value.is_integer() and abs(value) < MAX_SEED else value


_READERS: Mapping[str, Callable[[str, str], float | int]] = MappingProxyType(
    {
        "dt": _number,
        "dim_ring": whole,
        "noise": _number,
        "interval": _number,
        "coherence": _number,
        "int_velocity": _number,
        "seq_velocity": _number,
    }
)


def _check_size(values: Mapping[str, float | int]) -> None:
    if 0 < (dt := values.get("dt", math.inf)) < SMALLEST_DT:
        raise InvalidArgument("dt", dt, f"at least {SMALLEST_DT:g} ms on this page")
    if (interval := values.get("interval", 0)) > LONGEST_MS:
        raise InvalidArgument("interval", interval, f"at most {LONGEST_MS:g} ms on this page")
    for name, most in LARGEST.items():
        if most < (value := values.get(name, 0)) < math.inf:
            raise InvalidArgument(name, value, f"at most {most:g} on this page")
    for name in modifier_settings():
        if not 0 < values.get(name, 1) <= FASTEST:
            allowed = f"a number of degrees per second above 0, at most {FASTEST:g} on this page"
            raise InvalidArgument(name, values[name], allowed)


def _shown(name: str, values: Mapping[str, float | int]) -> Shown:
    base, modifiers = parse_name(name)
    settings: dict[str, Any] = {k: values[k] for k in ("dt", "dim_ring", "noise") if k in values}
    settings = {k: v for k, v in settings.items() if v != getattr(BASE_TASKS[base], k)}
    if "coherence" in values and has_coherence(base):
        settings["coherences"] = (values["coherence"],)
    kinds = {kind for kind, _ in modifiers}
    interval = BASE_TASKS[base].interval
    if "interval" in values and interval:
        own = BASE_TASKS[base].period(interval).duration
        delays = [
            key
            for key, (kind, field) in modifier_settings().items()
            if kind in kinds and field == "delay"
        ]
        if delays:
            settings |= dict.fromkeys(delays, (values["interval"], values["interval"]))
        elif values["interval"] != own:
            settings["timing"] = {interval: values["interval"]}
    degrees = {
        key: values[key]
        for key, (kind, _) in modifier_settings().items()
        if kind in kinds and key in values and math.radians(values[key]) != VELOCITY
    }
    radians = {key: math.radians(value) for key, value in degrees.items()}
    spec = task(name, **settings, **radians)
    lengths, _ = spec.length_distribution()
    if (longest := int(lengths[-1])) > MAX_STEPS:
        remedy = f"A trial of {spec.name} would have {longest} steps; {MAX_STEPS} fit on this page."
        raise InvalidArgument("dt", spec.dt, "longer here", remedy)
    return Shown(spec.name, settings, degrees, spec)


def has_coherence(base: str) -> bool:
    """Whether a base task has coherences to choose."""
    return hasattr(BASE_TASKS[base].params, "coherences")
