"""Trials of which a caller chooses some quantities, for one task or a task drawn among several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument
from modcog.trials.draws import rule_of, trial_keys
from modcog.trials.gate import check_trials
from modcog.trials.plan import Trials, interleave, place
from modcog.trials.sampling import sample_keys, sample_mixed
from modcog.trials.spec import TaskSpec

_CANDIDATES, _ROUNDS = 64, 64
"""Trials of which one with a given answer is taken: so many at once, so often at most."""


def from_keys(
    specs: Sequence[TaskSpec], keys: NDArray[np.uint64], given: Mapping[str, Any]
) -> Trials:
    """The trials that belong to given keys, as an environment plays them.

    Args:
        specs: The tasks, one per rule slot.
        keys: uint64 ``[n]``.
        given: As for `modcog.sample`, a value for all trials or n of them; where there are several
            tasks also ``rule``, the rule slot, which is drawn otherwise.

    Raises:
        InvalidArgument: A value is out of range.
        UnknownName: A task that is played draws no such quantity.
    """
    rest = dict(given)
    if len(specs) == 1:
        rules = np.zeros(len(keys), dtype=np.int64)
    elif "rule" in rest:
        rules = _slots(rest.pop("rule"), len(specs), len(keys))
    else:
        rules = rule_of(keys, len(specs))
    if len(specs) == 1 or len(keys) == 1:
        trials = sample_keys(specs[int(rules[0])], keys, rest)
    elif not rest:
        return sample_mixed(specs, keys, rules)
    else:
        rows = [np.flatnonzero(rules == rule) for rule in np.unique(rules)]
        parts: list[Trials] = []
        for own in rows:
            mine = {name: _of_rows(name, value, own, len(keys)) for name, value in rest.items()}
            parts.append(sample_keys(specs[int(rules[own[0]])], keys[own], mine))
        trials = interleave(parts, rows)
        trials.lane[:] = np.arange(len(trials))  # a place of its own, until they are given theirs
    trials.rule[:] = rules
    check_trials(trials)
    return trials


def with_answer(
    specs: Sequence[TaskSpec], rng: np.random.Generator, answer: object, given: Mapping[str, Any]
) -> Trials:
    """One trial with a given answer: the first of a stream that has it.

    It is distributed as the trials of these tasks are, given that they have this answer.

    Args:
        specs: The tasks, one per rule slot.
        rng: The stream.
        answer: Ring index of the answer at the first decision step.
        given: As for `from_keys`.

    Raises:
        InvalidArgument: It is no ring index, or no trial has this answer.
        UnknownName: A task that is played draws no such quantity.
    """
    n = specs[0].dim_ring
    if isinstance(answer, bool | np.bool_) or answer not in range(n):
        raise InvalidArgument("ground_truth", answer, f"a ring index in [0, {n - 1}]")
    zero = np.zeros(1, dtype=np.int64)
    for _ in range(_ROUNDS):
        trials = from_keys(specs, trial_keys(rng, _CANDIDATES), given)
        found = np.flatnonzero(trials.response == answer)
        if found.size:
            return place(trials[found[:1]], zero, zero.copy())
    allowed = f"an answer of {specs[0].name}, and one that the given quantities allow"
    raise InvalidArgument("ground_truth", answer, allowed)


def _slots(rule: object, n_rules: int, n: int) -> NDArray[np.int64]:
    slots = np.asarray(rule)
    if (
        slots.dtype.kind not in "iu"
        or slots.shape not in ((), (1,), (n,))
        or not np.all((slots >= 0) & (slots < n_rules))
    ):
        raise InvalidArgument("rule", rule, f"a rule slot in [0, {n_rules - 1}]")
    return np.broadcast_to(slots, (n,)).astype(np.int64)


def _of_rows(name: str, value: Any, rows: NDArray[np.int64], n: int) -> Any:
    """What is given for some of n trials."""
    values = np.asarray(value)
    if values.shape not in ((), (1,), (n,)):
        raise InvalidArgument(name, value, f"a number, or {n} numbers, one a trial")
    return values[rows] if values.shape == (n,) and n > 1 else values
