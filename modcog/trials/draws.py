"""Named random draws: every number a trial depends on is drawn by name and can be given instead.

A trial is a pure function of its task and of one 64-bit key. Each quantity is a hash of the key and
of its own name, so that fixing one quantity, or drawing more trials beside it, leaves all others as
they were: a trial is the same alone, in a batch and in a vector environment. Quantities that say
something about each other are drawn together; fixing one of them leaves the others as they are
distributed among the trials that have this value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, mapping, unknown_keyword
from modcog.hashing import Space, below, words
from modcog.timing import draw_steps, steps
from modcog.trials.spec import TaskSpec

MOST_COMBINATIONS = 1 << 20
"""Combinations of values among which quantities are drawn together: some 10 MB a quantity."""

MOST_KEPT = 1 << 12
"""Tables of so many combinations are kept, as a trial alone takes less time than its table."""

Allowed = Callable[[Mapping[str, NDArray[np.float64]], frozenset[str]], NDArray[np.bool_]]
"""Says which combinations of values may be; see `Draws.jointly`."""


def trial_keys(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    """Draw the keys of n trials; uint64 ``[n]``. One by one they would be the same."""
    return rng.integers(0, 2**64 - 1, size=n, dtype=np.uint64, endpoint=True)


def rule_of(keys: NDArray[np.uint64], n_rules: int) -> NDArray[np.int64]:
    """The rule slot of trials, uniform and independent; int64 ``[n]``."""
    return below(n_rules, words(keys, Space.INTERNAL, "rule"))


class Draws:
    """The random numbers of n trials of one task.

    Args:
        keys: uint64 ``[n]``, the keys of the trials: the only source of randomness.
        given: Quantities that the caller fixes: a value for all trials or an array of n.

    Attributes:
        n: Number of trials.
    """

    def __init__(
        self, keys: NDArray[np.uint64], given: Mapping[str, ArrayLike] | None = None
    ) -> None:
        self.n = len(keys)
        self._keys = keys
        self._given = dict(mapping("given", given, "a mapping: name of a quantity -> values"))
        self._asked: list[str] = []
        self._n_hidden = 0

    def index(self, name: str, size: int) -> NDArray[np.int64]:
        """Uniform whole numbers in [0, size); int64 ``[n]``."""
        return self.replace(name, self._below(size, name), range(size))

    def coin(self, name: str) -> NDArray[np.bool_]:
        """Fair coins; bool ``[n]``."""
        return self.index(name, 2).astype(np.bool_)

    def choice(self, name: str, values: ArrayLike) -> NDArray[np.float64]:
        """Uniform choices among `values`; float64 ``[n]``. A given value need not be among them."""
        options = np.asarray(values, dtype=np.float64)
        return self.replace(name, options[self._below(options.size, name)])

    def hidden_index(self, size: int) -> NDArray[np.int64]:
        """Uniform whole numbers in [0, size) that have no name of their own; int64 ``[n]``."""
        self._n_hidden += 1
        return self._below(size, f"hidden {self._n_hidden}", Space.INTERNAL)

    def jointly(
        self,
        values: Mapping[str, Sequence[float]],
        allowed: Allowed,
        rule: str,
    ) -> dict[str, NDArray[np.float64]]:
        """Draw quantities that say something about each other: uniform over allowed combinations.

        Given values need not be among `values`. A trial whose given values are those that it drew
        keeps the others too; else they are drawn uniformly among those that may go with the given
        ones. Either way they are distributed as they are among all trials that have these values.

        Args:
            values: The values of each quantity.
            allowed: Takes m combinations, a float64 ``[m]`` for each quantity, and the names of
                those that the caller gives; says which may be, bool ``[m]``. It is hashable, and
                equal to another that allows the same.
            rule: What is allowed, for the error.

        Returns:
            float64 ``[n]`` for each quantity.

        Raises:
            InvalidArgument: Nothing that is allowed goes with the given values.
        """
        names = tuple(values)
        lists = tuple(map(tuple, values.values()))
        n_combinations = math.prod(map(len, lists))
        if n_combinations > MOST_COMBINATIONS:
            allowed_text = f"at most {MOST_COMBINATIONS} combinations of values"
            raise InvalidArgument(", ".join(names), f"{n_combinations} of them", allowed_text)
        combinations = _kept_combinations if n_combinations <= MOST_KEPT else _combinations

        def choose(
            rows: NDArray[np.int64] | slice, fixed: Mapping[str, float], turn: str
        ) -> NDArray[np.float64]:
            possible = combinations(names, lists, allowed, tuple(fixed.items()))
            if not possible.size:
                raise InvalidArgument(", ".join(fixed or names), list(fixed.values()), rule)
            keys = words(self._keys[rows], Space.INTERNAL, f"{turn} {names}")
            return possible[:, below(possible.shape[1], keys)]

        table = choose(slice(None), {}, "together")
        drawn = dict(zip(names, table, strict=True))
        asked = {name: self.replace(name, column) for name, column in drawn.items()}
        given = {name: values for name, values in asked.items() if name in self._given}
        if given:
            wanted = np.stack(list(given.values()))
            differs = (wanted != np.stack([drawn[name] for name in given])).any(axis=0)
            others = np.flatnonzero(differs)
            kinds, kind = np.unique(wanted[:, others], axis=1, return_inverse=True)
            for number, combination in enumerate(kinds.T.tolist()):
                rows = others[kind.ravel() == number]
                fixed = dict(zip(given, combination, strict=True))
                table[:, rows] = choose(rows, fixed, "once more")
        return drawn

    def given_index(self, name: str, size: int) -> NDArray[np.int64] | None:
        """The caller's whole numbers in [0, size), or None where the caller gives none."""
        drawn = self.replace(name, np.full(self.n, -1, dtype=np.int64), range(size))
        return drawn if name in self._given else None

    def replace(self, name: str, drawn: NDArray[Any], allowed: range | None = None) -> NDArray[Any]:
        """The caller's values where given, the drawn ones elsewhere.

        Args:
            name: Name of the quantity.
            drawn: What was drawn, ``[n]``; its dtype is kept.
            allowed: The whole numbers that may be given; None allows any number.

        Raises:
            InvalidArgument: A given value is not a number, or not allowed.
        """
        self._ask(name)
        if name not in self._given:
            return drawn
        values = self._array(name, drawn.dtype)
        if allowed is not None and not np.all((values >= allowed.start) & (values < allowed.stop)):
            text = f"a whole number in [{allowed.start}, {allowed.stop - 1}]"
            raise InvalidArgument(name, self._given[name], text)
        return values

    def is_given(self, name: str) -> bool:
        """Whether the caller fixes the quantity."""
        return name in self._given

    def period_steps(self, spec: TaskSpec) -> NDArray[np.int64]:
        """Durations of all periods; int64 ``[n, periods]`` in steps. Given ones are in ms."""
        table = np.empty((self.n, len(spec.periods)), dtype=np.int64)
        for position, period in enumerate(spec.periods):
            self._ask(period.name)
            argument = f"timing[{period.name!r}]"
            own_words = partial(words, self._keys, Space.PERIOD, period.name)
            if period.name in self._given:
                ms = self._array(period.name, np.float64)
                shortest = 0 if period.may_vanish else 1e-9
                if not np.all(np.isfinite(ms) & (ms >= shortest)):
                    allowed = "a duration in ms" + ("" if period.may_vanish else " above 0")
                    raise InvalidArgument(period.name, self._given[period.name], allowed)
                table[:, position] = steps(ms, spec.dt, period.name)
            else:
                table[:, position] = draw_steps(argument, period.duration, spec.dt, own_words)
        return table

    def noise_key(self) -> NDArray[np.uint64]:
        """Key of each trial's noise stream; uint64 ``[n]``."""
        self._ask("noise_key")
        if "noise_key" in self._given:
            return self._array("noise_key", np.uint64)
        return words(self._keys, Space.INTERNAL, "noise_key")

    def check_all_used(self, task: str) -> None:
        """Refuse given quantities that the task does not draw.

        Raises:
            UnknownName: Naming the quantity and what this task draws.
        """
        for name in self._given:
            if name not in self._asked:
                what = f"a quantity of {task}"
                near = unknown_keyword("trial quantity", name, self._asked, what).remedy
                listed = f"{task} draws: {', '.join(self._asked)}."
                remedy = f"{near} {listed}" if near.startswith("Did you mean") else listed
                raise unknown_keyword("trial quantity", name, self._asked, what, remedy)

    def _ask(self, name: str) -> None:
        # A name that stood for two quantities could not be given: the value would go to both.
        if name in self._asked:
            allowed = "drawn once a trial, and not the name of a period as well"
            raise InvalidArgument("trial quantity", name, allowed)
        self._asked.append(name)

    def _below(self, size: int, name: str, space: Space = Space.QUANTITY) -> NDArray[np.int64]:
        return below(size, words(self._keys, space, name))

    def _array(self, name: str, dtype: Any) -> NDArray[Any]:
        raw = as_numbers(self._given[name])
        if raw is None or raw.shape not in ((), (1,), (self.n,)):
            allowed = f"a number, or {self.n} numbers, one a trial"
            raise InvalidArgument(name, self._given[name], allowed)
        if not np.all(np.isfinite(raw)):
            raise InvalidArgument(name, self._given[name], "a finite number")
        values = _exactly(raw, np.dtype(dtype))
        if isinstance(values, str):
            raise InvalidArgument(name, self._given[name], values)
        return np.broadcast_to(values, (self.n,)).copy()


def _combinations(
    names: tuple[str, ...],
    lists: tuple[tuple[float, ...], ...],
    allowed: Allowed,
    fixed: tuple[tuple[str, float], ...],
) -> NDArray[np.float64]:
    """The combinations that may be, with some values fixed; float64 ``[names, m]``, read-only."""
    axes = [np.asarray(values, dtype=np.float64) for values in lists]
    grid = dict(zip(names, map(np.ravel, np.meshgrid(*axes, indexing="ij")), strict=True))
    given = dict(fixed)
    for name, value in given.items():
        grid[name] = np.full_like(grid[name], value)
    table = np.stack(list(grid.values()))[:, allowed(grid, frozenset(given))]
    table.flags.writeable = False
    return table


_kept_combinations = lru_cache(maxsize=64)(_combinations)


def as_numbers(values: ArrayLike) -> NDArray[Any] | None:
    """What a caller gives as an array of numbers, whole ones exactly; None if it is none.

    Of whole numbers above and below 2**63 numpy makes floats, which hold 53 bits of them.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind in "fO" and not isinstance(values, np.ndarray | np.generic):
            items = np.asarray(values, dtype=object)
            if all(isinstance(item, int | np.integer) for item in items.ravel()):
                array = np.array(
                    items.tolist(), dtype=np.uint64 if np.all(items >= 0) else np.int64
                )
    except (ValueError, OverflowError):  # no rectangle, or beyond 64 bits
        return None
    return array if array.dtype.kind in "buif" else None


def _exactly(raw: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any] | str:
    """The same numbers in another type, or what they would have to be."""
    if dtype.kind == "f":
        fits = raw.dtype.kind not in "iu" or np.all(raw.astype(dtype).astype(object) == raw)
        return raw.astype(dtype) if fits else "a number that a float64 holds"
    limits = np.iinfo(dtype)
    if raw.dtype.kind == "f":
        if not np.all(raw == np.floor(raw)):
            return "a whole number"
        if dtype.kind == "u":
            # What was rounded on its way here can no longer be told from what was meant.
            return "a whole number of an integer type, as a float holds 53 bits alone"
    least, most = (int(raw.min()), int(raw.max())) if raw.size else (0, 0)
    if dtype.kind == "u" and least < 0:
        return "a whole number of at least 0"
    if least < limits.min or most > limits.max:
        return f"a whole number of at most {limits.max}"
    return raw.astype(dtype)
