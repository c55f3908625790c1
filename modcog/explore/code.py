"""The Python that makes the trials of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modcog.explore.settings import Asked, Shown


def python_of(asked: Asked) -> str:
    """Code that makes exactly the trials that are shown.

    It defines ``inputs`` and ``target``, and where two tasks are compared also ``inputs_2`` and
    ``target_2``.

    Example:
        >>> from modcog.explore.settings import read
        >>> print(python_of(read({"task": "DlyGo_IntL", "dt": "20", "seed": "3"})))
        import modcog
        <BLANKLINE>
        env = modcog.make("DlyGo_IntL", dt=20)
        env.reset(seed=3)  # draws the trial
        inputs, target = env.unwrapped.ob, env.unwrapped.gt  # [time, channel], [time]
        <BLANKLINE>
    """
    imports = ["import modcog", ""]
    if any(shown.degrees for shown in asked.shown):
        imports.insert(0, "import math\n")
    blocks = [_block(shown, asked.seed, i) for i, shown in enumerate(asked.shown)]
    return "\n".join([*imports, *blocks])


def _block(shown: Shown, seed: int, position: int) -> str:
    env, inputs, target = _names(position)
    note, axes = ("  # draws the trial", "  # [time, channel], [time]")
    return (
        f"{env} = modcog.make({', '.join(_arguments(shown))})\n"
        f"{env}.reset(seed={seed}){note if not position else ''}\n"
        f"{inputs}, {target} = {env}.unwrapped.ob, {env}.unwrapped.gt"
        f"{axes if not position else ''}\n"
    )


def _names(position: int) -> Sequence[str]:
    suffix = f"_{position + 1}" if position else ""
    return [f"{name}{suffix}" for name in ("env", "inputs", "target")]


def _arguments(shown: Shown) -> list[str]:
    plain = [f"{key}={_literal(value)}" for key, value in shown.settings.items()]
    turned = [f"{key}=math.radians({value!r})" for key, value in shown.degrees.items()]
    return [f'"{shown.name}"', *plain, *turned]


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}": {ms!r}' for key, ms in value.items()) + "}"
    return repr(value)
