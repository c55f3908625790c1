"""Named random draws: every number a trial depends on is drawn by name and can be given instead.

A trial is a pure function of its task and of one 64-bit key. Each quantity is a hash of the key and
of its own name, so that fixing one quantity, or drawing more trials beside it, leaves all others as
they were: a trial is the same alone, in a batch and in a vector environment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog import noise
from modcog.errors import InvalidArgument, unknown_keyword
from modcog.spec import TaskSpec
from modcog.timing import draw_steps, steps


def trial_keys(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    """Draw the keys of n trials; uint64 ``[n]``. One by one they would be the same."""
    return rng.integers(0, 2**64 - 1, size=n, dtype=np.uint64, endpoint=True)


def rule_of(keys: NDArray[np.uint64], n_rules: int) -> NDArray[np.int64]:
    """The rule slot of trials, uniform and independent; int64 ``[n]``."""
    return _below(n_rules, _words(keys, "rule"))


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
        self._given = dict(given or {})
        self._asked: list[str] = []
        self._n_hidden = 0

    def index(self, name: str, size: int) -> NDArray[np.int64]:
        """Uniform whole numbers in [0, size); int64 ``[n]``."""
        return self.replace(name, _below(size, _words(self._keys, name)), range(size))

    def coin(self, name: str) -> NDArray[np.bool_]:
        """Fair coins; bool ``[n]``."""
        return self.index(name, 2).astype(np.bool_)

    def choice(self, name: str, values: ArrayLike) -> NDArray[np.float64]:
        """Uniform choices among `values`; float64 ``[n]``. A given value need not be among them."""
        options = np.asarray(values, dtype=np.float64)
        return self.replace(name, options[_below(options.size, _words(self._keys, name))])

    def hidden_index(self, size: int) -> NDArray[np.int64]:
        """Uniform whole numbers in [0, size) that have no name of their own; int64 ``[n]``."""
        self._n_hidden += 1
        return _below(size, _words(self._keys, f"hidden {self._n_hidden}"))

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

    def redraw(self, rows: NDArray[np.bool_], current: NDArray[Any], values: ArrayLike) -> None:
        """Draw the rows of `current` anew, in place, uniformly among `values`."""
        options = np.asarray(values, dtype=np.float64)
        current[rows] = options[self.hidden_index(len(options))[rows]]

    def is_given(self, name: str) -> bool:
        """Whether the caller fixes the quantity."""
        return name in self._given

    def period_steps(self, spec: TaskSpec) -> NDArray[np.int64]:
        """Durations of all periods; int64 ``[n, periods]`` in steps. Given ones are in ms."""
        table = np.empty((self.n, len(spec.periods)), dtype=np.int64)
        for position, period in enumerate(spec.periods):
            drawn = draw_steps(period.duration, spec.dt, _words(self._keys, period.name))
            self._ask(period.name)
            if period.name in self._given:
                ms = self._array(period.name, np.float64)
                shortest = 0 if period.may_vanish else 1e-9
                if not np.all(np.isfinite(ms) & (ms >= shortest)):
                    allowed = "a duration in ms" + ("" if period.may_vanish else " above 0")
                    raise InvalidArgument(period.name, self._given[period.name], allowed)
                drawn = steps(ms, spec.dt)
            table[:, position] = drawn
        return table

    def noise_key(self) -> NDArray[np.uint64]:
        """Key of each trial's noise stream; uint64 ``[n]``."""
        self._ask("noise_key")
        if "noise_key" in self._given:
            return self._array("noise_key", np.uint64)
        return _words(self._keys, "noise_key")

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

    def _array(self, name: str, dtype: Any) -> NDArray[Any]:
        raw = np.asarray(self._given[name])
        allowed = f"a number, or {self.n} numbers, one a trial"
        if raw.dtype.kind not in "buif" or raw.shape not in ((), (1,), (self.n,)):
            raise InvalidArgument(name, self._given[name], allowed)
        if not np.all(np.isfinite(raw)):
            raise InvalidArgument(name, self._given[name], "a finite number")
        if np.dtype(dtype).kind == "u" and np.any(raw < 0):
            raise InvalidArgument(name, self._given[name], "a whole number of at least 0")
        values = raw.astype(dtype)
        if not np.array_equal(values.astype(raw.dtype), raw):
            raise InvalidArgument(name, self._given[name], "a whole number")
        return np.broadcast_to(values, (self.n,)).copy()


@cache
def _salt(name: str) -> np.uint64:
    """A number for a name, the same on every machine."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _words(keys: NDArray[np.uint64], name: str) -> NDArray[np.uint64]:
    """Uniform 64-bit words of one quantity; uint64 ``[n]``."""
    return noise.mix(keys ^ _salt(name))


def _below(size: int, words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Uniform whole numbers in [0, size) from uniform words; off by less than size / 2**32."""
    return ((words >> np.uint64(32)) * np.uint64(size) >> np.uint64(32)).astype(np.int64)
