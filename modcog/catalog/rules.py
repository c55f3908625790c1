"""Rule inputs: what tells a network which task is asked for.

An encoding is a function from the tasks of a list, one per rule slot, to an array ``[slots, d]``:
the rule channels show row i during the trials of slot i. `ENCODINGS` has those with a name, and
`FAMILIES` those whose name takes numbers, such as "orthogonal(3)". Whatever takes ``rules`` takes a
name, an encoding, or the array itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.catalog.settings import task, tasks_of
from modcog.catalog.suites import N_PAPER, N_YANG
from modcog.errors import InvalidArgument, truth_value, unknown_name, whole_number
from modcog.hashing import Purpose, Seed, generator, seed_sequence
from modcog.modifiers import MODIFIERS
from modcog.rendering.rule_input import RuleInput, of_table
from modcog.ring import SIDES
from modcog.system.limits import SEQ_STEPS
from modcog.tasks import BASE_TASKS
from modcog.trials.spec import TaskSpec

__all__ = [
    "ENCODINGS",
    "compose",
    "encode",
    "factor_names",
    "factors",
    "low_rank",
    "orthogonal",
]

Encoding = Callable[[Sequence[TaskSpec]], Any]
"""Returns what the rule channels show in each slot: numbers ``[slots, d]``."""

NONE = "none"
"""The side of a modifier that a task does not have."""


def one_hot(specs: Sequence[TaskSpec]) -> NDArray[np.float32]:
    """A channel for each rule slot, 1 during its trials."""
    return np.eye(len(specs), dtype=np.float32)


def none(specs: Sequence[TaskSpec]) -> NDArray[np.float32]:
    """No channels: a network has to find out by itself; `Trials.rule` keeps the slot."""
    return np.zeros((len(specs), 0), dtype=np.float32)


def factors(specs: Sequence[TaskSpec]) -> NDArray[np.float32]:
    """What a task is made of: a block for its base, and one for each kind of modifier.

    The first block is the base task, one-hot: the 20 tasks of Yang et al. (2019), and after them
    other bases in the order in which they occur. Then each kind of modifier has a block of three,
    (none, L, R), one-hot: Int, Seq, and after them other kinds that occur. Slots that differ in
    settings alone, or in the order of their modifiers, show the same.

    Example:
        >>> import modcog
        >>> from modcog import rules
        >>> rows = rules.factors([modcog.task("Go"), modcog.task("DlyGo_SeqR")])
        >>> rows.shape, rows[1].nonzero()[0]
        ((2, 26), array([ 2, 20, 25]))
    """
    names = factor_names(specs)
    column = {name: i for i, name in enumerate(names)}
    rows = np.zeros((len(specs), len(names)), dtype=np.float32)
    for row, spec in zip(rows, specs, strict=True):
        sides = {modifier.kind: modifier.direction for modifier in spec.modifiers}
        row[column["base", spec.base]] = 1
        for kind in dict.fromkeys(kind for kind, side in names if side == NONE):
            row[column[kind, sides.get(kind, NONE)]] = 1
    return rows


def factor_names(specs: Sequence[TaskSpec] = ()) -> tuple[tuple[str, str], ...]:
    """What the channels of `factors` stand for, in their order: pairs (block, value).

    Args:
        specs: The tasks; other bases and modifiers than those of the paper, among them, come last.

    Example:
        >>> from modcog import rules
        >>> rules.factor_names()[19:23]
        (('base', 'DNMC'), ('Int', 'none'), ('Int', 'L'), ('Int', 'R'))
    """
    bases = dict.fromkeys([*tuple(BASE_TASKS)[:N_YANG], *(spec.base for spec in specs)])
    kinds = dict.fromkeys(
        [*tuple(MODIFIERS)[:N_PAPER], *(m.kind for spec in specs for m in spec.modifiers)]
    )
    blocks = [(kind, side) for kind in kinds for side in (NONE, *SIDES)]
    return (*(("base", base) for base in bases), *blocks)


def orthogonal(seed: Seed = 0) -> Encoding:
    """As many channels as slots, with directions at random that are orthogonal and of length 1.

    It is a rotation of one-hot, so that nothing but the basis of the inputs differs.

    Args:
        seed: Where the rotation is drawn from, uniformly among all.

    Raises:
        InvalidArgument: It is no seed.

    Example:
        >>> import numpy as np
        >>> import modcog
        >>> rows = modcog.BatchSampler("cog-20", rules=modcog.rules.orthogonal(seed=1)).rules
        >>> rows.shape, bool(np.allclose(rows @ rows.T, np.eye(20), atol=1e-5))
        ((20, 20), True)
    """
    return partial(_orthogonal, seeds=seed_sequence(seed))


def low_rank(d: int, seed: Seed = 0) -> Encoding:
    """Some channels for all slots, with directions at random of length 1, each on its own.

    With fewer channels than slots they cannot be orthogonal, and the rules overlap.

    Args:
        d: Number of channels.
        seed: Where the directions are drawn from. Those of the first slots do not depend on how
            many follow.

    Raises:
        InvalidArgument: `d` is not a whole number of at least 1, or `seed` no seed.

    Example:
        >>> import modcog
        >>> modcog.BatchSampler("mod-cog-84", rules=modcog.rules.low_rank(8)).rules.shape
        (84, 8)
    """
    d = whole_number("d", d, "channels", most=SEQ_STEPS)
    return partial(_low_rank, d=d, seeds=seed_sequence(seed))


def _orthogonal(specs: Sequence[TaskSpec], *, seeds: np.random.SeedSequence) -> NDArray[np.float32]:
    rng = generator(seeds, Purpose.RULES, 0)
    rotation, upper = np.linalg.qr(rng.standard_normal((len(specs), len(specs))))
    # Without the signs some rotations would be more frequent (Mezzadri 2007, Notices AMS 54:592).
    rotation *= np.sign(np.diagonal(upper))
    return _rounded(rotation)


def _low_rank(
    specs: Sequence[TaskSpec], *, d: int, seeds: np.random.SeedSequence
) -> NDArray[np.float32]:
    rows = generator(seeds, Purpose.RULES, 1).standard_normal((len(specs), d))
    return _rounded(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _rounded(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Without the last bits, in which mathematical libraries differ between platforms."""
    return np.round(rows, 6).astype(np.float32)


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "one_hot": one_hot,
        "none": none,
        "factors": factors,
        "orthogonal": orthogonal(),
    }
)
"""Encodings by name."""

FAMILIES: Mapping[str, Callable[..., Encoding]] = MappingProxyType(
    {"orthogonal": orthogonal, "low_rank": low_rank}
)
"""What makes an encoding of whole numbers, by name: orthogonal(seed), low_rank(d, seed)."""

NAMES = (*ENCODINGS, "orthogonal(SEED)", "low_rank(D)", "low_rank(D, SEED)")
"""The names of encodings, for messages."""

_CALL = re.compile(r"\s*(\w+)\s*(?:\(([\d\s,]{0,64})\))?\s*")


def written(name: str) -> str:
    """The one way to write the name of an encoding that all equal ones share.

    Raises:
        UnknownName: There is no encoding of this name.
        InvalidArgument: A number in it is out of range, or the encoding takes another number.

    Example:
        >>> written("orthogonal( 0 )"), written("orthogonal(03)"), written("low_rank(8,0)")
        ('orthogonal', 'orthogonal(3)', 'low_rank(8)')
    """
    family, numbers = _read(name)
    if numbers and len(numbers) == _MOST[family] and numbers[-1] == 0:
        numbers = numbers[:-1]  # The seed is 0 where it is left out.
    listed = ", ".join(map(str, numbers))
    return f"{family}({listed})" if listed else family


def named(name: str) -> Encoding:
    """The encoding of a name; raises as `written`.

    Example:
        >>> named("low_rank(3)")([]).shape
        (0, 3)
    """
    family, numbers = _read(name)
    return FAMILIES[family](*numbers) if numbers else ENCODINGS[family]


_MOST = {**dict.fromkeys(ENCODINGS, 0), "orthogonal": 1, "low_rank": 2}
"""Numbers that a name may take."""


def _read(name: str) -> tuple[str, list[int]]:
    found = _CALL.fullmatch(name)
    family = found[1] if found else name
    if found is None or family not in _MOST:
        raise unknown_name("rules", name, NAMES, "a rule encoding")
    words = [] if found[2] is None else found[2].split(",")
    numbers = [int(word) for word in words if word.strip().isdecimal()]
    fits = len(numbers) == len(words) <= _MOST[family] and (numbers or family in ENCODINGS)
    if not fits or (found[2] is not None and not numbers):
        raise InvalidArgument("rules", name, "one of " + ", ".join(NAMES))
    if numbers:
        FAMILIES[family](*numbers)  # Refuses what is out of range.
    return family, numbers


def rule_input_of(
    specs: Sequence[TaskSpec], rules: object = None, rule_input: object = None, *, default: bool
) -> RuleInput:
    """What the rule channels of tasks show: the one place that the two arguments are read in.

    Args:
        specs: The tasks, one per rule slot.
        rules: The name of an encoding, an `Encoding`, an array ``[slots, d]``, or None: one-hot
            where there are channels.
        rule_input: Whether there are rule channels; None: where `rules` are given, as they say.
        default: Whether there are, where neither is given.

    Raises:
        InvalidArgument: `rules` is none of these, or not finite; `rule_input` is no truth value, or
            says otherwise than `rules`.
        UnknownName: There is no encoding of this name.
    """
    wanted = None if rule_input is None else truth_value("rule_input", rule_input)
    if rules is None:
        rules = "one_hot" if (default if wanted is None else wanted) else "none"
    shown = _resolved(specs, rules)
    if wanted is not None and wanted != (shown.n_channels > 0):
        allowed = "left out, or True, where rules are given" if shown.n_channels else "left out"
        remedy = f"These rules have {shown.n_channels} channels."
        raise InvalidArgument("rule_input", wanted, allowed, remedy)
    return shown


def _resolved(specs: Sequence[TaskSpec], rules: object) -> RuleInput:
    if isinstance(rules, str):
        rules = named(rules)
    return of_table("rules", rules(specs) if callable(rules) else rules, len(specs))


def encode(name: str, encoding: object = "factors", suite: object = None) -> NDArray[np.float32]:
    """What the rule channels show for one task.

    Args:
        name: Name of the task, or an alias.
        encoding: As ``rules`` of `modcog.BatchSampler`.
        suite: The tasks among which it has its slot, as for `modcog.BatchSampler`; None: it alone.

    Returns:
        float32 ``[d]``. Of a task in several slots, what the first one shows.

    Raises:
        UnknownName: There is no such task, or not in this suite.
        InvalidArgument: `encoding` is none.

    Example:
        >>> from modcog import rules
        >>> rules.encode("DMS", "one_hot", suite="cog-20").nonzero()[0]
        array([16])
    """
    spec = task(name)
    specs = (spec,) if suite is None else tasks_of(suite)
    names = [one.name for one in specs]
    if spec.name not in names:
        raise unknown_name("name", name, names, "a task of the suite")
    return _resolved(specs, encoding).array[names.index(spec.name)]


def compose(name: str) -> NDArray[np.float32]:
    """The `factors` of a task, to add and subtract: A - B + C, as with the meanings of words.

    The sums are exact, as the factors of a task are 0 and 1. For another encoding see `encode`.

    Args:
        name: Name of the task.

    Returns:
        float32 ``[d]``, as `factor_names` says.

    Raises:
        UnknownName: There is no such task.

    Example:
        >>> from modcog import rules
        >>> c = rules.compose
        >>> made = c("DlyGo_IntL") - c("DlyGo") + c("DlyGo_SeqR")
        >>> bool((made == c("DlyGo_IntL_SeqR")).all())
        True
    """
    return encode(name, factors)
