"""Hold-outs: which tasks of a suite are trained, and which are only tested; by conditions as well.

Public as `modcog.splits`. A split keeps all rule slots of its suite, so that a network that is
trained on ``split.weights`` has an input for each task that is held out, though it never sees it:

    modcog.BatchSampler(split.suite, weights=split.weights)        # trains
    modcog.BatchSampler(split.suite, weights=split.test_weights)   # tests, by the same channels
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from modcog.catalog.features import features
from modcog.catalog.filters import matching
from modcog.catalog.held_out import ConditionSplit, HeldOut, conditions
from modcog.catalog.settings import names_of, task, tasks_of
from modcog.errors import InvalidArgument, real_number, unknown_name, whole_number
from modcog.hashing import Purpose, Seed, generator
from modcog.modifiers import MODIFIERS

__all__ = [
    "ConditionSplit",
    "HeldOut",
    "Split",
    "conditions",
    "leave_one_out",
    "leave_out",
    "random",
    "swap",
]


@dataclass(frozen=True)
class Split:
    """A suite of which some tasks are trained and the others are held out.

    Attributes:
        suite: Task names, one per rule slot: those of the suite.
        train: The tasks that are trained, each once, in the order of their slots.
        test: The tasks that are held out, likewise.
    """

    suite: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def weights(self) -> dict[str, float]:
        """How often each task is drawn in training: 1, or 0 where it is held out."""
        return {name: float(name in self.train) for name in dict.fromkeys(self.suite)}

    @property
    def test_weights(self) -> dict[str, float]:
        """How often each task is drawn in a test of what was held out: 1, or 0 for the others."""
        return {name: float(name in self.test) for name in dict.fromkeys(self.suite)}

    @property
    def untrained(self) -> tuple[int, ...]:
        """Rule slots that exist though they are never trained."""
        return tuple(slot for slot, name in enumerate(self.suite) if name in self.test)

    @property
    def swapped(self) -> dict[str, str]:
        """For each task that is held out the next one, the last followed by the first.

        Whose rule to give in its stead is the control of Riveland & Pouget (2024): a network that
        follows the rule then does another task.
        """
        return dict(zip(self.test, (*self.test[1:], *self.test[:1]), strict=True))


def leave_out(suite: object, what: str | Iterable[str]) -> Split:
    """Hold out some tasks of a suite.

    Args:
        suite: Name of a suite, or a list of task names.
        what: The tasks that are held out:

            - "IntxSeq": those with both modifiers; trained are the base tasks, and those with Int
              or Seq alone. The same with other modifiers;
            - the name of a family, such as "decision", or of a task, such as "DlyGo_IntL";
            - an expression of features, as in `modcog.suite`: "delay & anti", "base=DlyGo";
            - a list of names of tasks.

    Raises:
        UnknownName: `what` is none of these.
        InvalidArgument: It holds for none of the tasks, or for all of them.

    Example:
        >>> from modcog import splits
        >>> split = splits.leave_out("mod-cog-126", "IntxSeq")
        >>> len(split.train), len(split.test), split.test[0], len(split.untrained)
        (82, 44, 'DlyGo_IntL_SeqL', 44)
        >>> splits.leave_out("cog-20", "matching").test
        ('DMS', 'DNMS', 'DMC', 'DNMC')
    """
    names = names_of(suite, "suite")
    held_out = _meant(names, what) if isinstance(what, str) else _listed(names, what)
    if not held_out or set(held_out) == set(names):
        allowed = "what holds for some tasks of the suite, and not for all"
        raise InvalidArgument("what", what, allowed)
    return _split(names, held_out)


def leave_one_out(suite: object) -> tuple[Split, ...]:
    """One split for each task of a suite, which holds out that task alone, in the order of slots.

    Args:
        suite: Name of a suite, or a list of task names.

    Raises:
        InvalidArgument: There are not two different tasks.

    Example:
        >>> from modcog import splits
        >>> [split.test for split in splits.leave_one_out(["Go", "Anti", "DMS"])]
        [('Go',), ('Anti',), ('DMS',)]
    """
    names = _several(suite)
    return tuple(_split(names, [name]) for name in dict.fromkeys(names))


def swap(suite: object, size: int = 5) -> tuple[Split, ...]:
    """Splits that hold out sets of tasks of different families; each task is in one set.

    Riveland & Pouget (2024, https://doi.org/10.1038/s41593-024-01607-5) hold out sets of five that
    mix families, so that training has relatives of each task, and test each set with the right
    instructions and with those of the next task of the set (`Split.swapped`). Tasks are dealt out
    to the sets family by family: of each family, and in all, no set has two more than another.

    Args:
        suite: Name of a suite, or a list of task names.
        size: Tasks of a set; sets are one smaller where the number of tasks asks for it.

    Raises:
        InvalidArgument: There are not two different tasks; `size` leaves fewer than two sets.

    Example:
        >>> from modcog import splits
        >>> folds = splits.swap("cog-20")
        >>> len(folds), folds[0].test
        (4, ('Go', 'RTAnti', 'CtxDM1', 'DlyDM2', 'DMS'))
        >>> folds[0].swapped["Go"]
        'RTAnti'
    """
    names = _several(suite)
    distinct = tuple(dict.fromkeys(names))
    size = whole_number("size", size, "tasks", most=len(distinct) - 1)
    n_sets = -(-len(distinct) // size)
    table = features(distinct)
    families = list(dict.fromkeys(row["family"] for row in table.values()))
    dealt = sorted(distinct, key=lambda name: families.index(table[name]["family"]))
    return tuple(_split(names, dealt[first::n_sets]) for first in range(n_sets))


def random(suite: object, fraction: float, seed: Seed = 0) -> Split:
    """Hold out a part of the tasks at random.

    Args:
        suite: Name of a suite, or a list of task names.
        fraction: Part of the different tasks that is held out, above 0 and below 1; of few tasks
            at least one is held out, and one is not.
        seed: A whole number, a list of them, or a `numpy.random.SeedSequence`.

    Raises:
        InvalidArgument: `fraction` is out of range, or there are not two different tasks.

    Example:
        >>> from modcog import splits
        >>> split = splits.random("cog-20", 0.25, seed=1)
        >>> len(split.train), len(split.test)
        (15, 5)
    """
    names = _several(suite)
    distinct = tuple(dict.fromkeys(names))
    allowed = "a number above 0 and below 1"
    part = real_number("fraction", fraction, allowed)
    if not 0 < part < 1:
        raise InvalidArgument("fraction", fraction, allowed)
    n_test = min(max(round(part * len(distinct)), 1), len(distinct) - 1)
    order = generator(seed, Purpose.HOLD_OUT).permutation(len(distinct))
    return _split(names, [distinct[i] for i in order[:n_test]])


def _split(names: tuple[str, ...], held_out: Iterable[str]) -> Split:
    test = set(held_out)
    distinct = tuple(dict.fromkeys(names))
    return Split(
        suite=names,
        train=tuple(name for name in distinct if name not in test),
        test=tuple(name for name in distinct if name in test),
    )


def _several(suite: object) -> tuple[str, ...]:
    names = names_of(suite, "suite")
    if len(set(names)) < 2:
        raise InvalidArgument("suite", suite, "at least two different tasks")
    return names


def _meant(names: tuple[str, ...], what: str) -> Sequence[str]:
    """The tasks that a name or an expression stands for."""
    table = features(names)
    families = list(dict.fromkeys(str(row["family"]) for row in table.values()))
    if what in names:
        return [what]
    if what in families:
        return [name for name, row in table.items() if row["family"] == what]
    if len(kinds := what.split("x")) > 1 and set(kinds) <= set(MODIFIERS):
        return [name for name, row in table.items() if all(row[kind] for kind in kinds)]
    known = next(iter(table.values()))
    if what.isidentifier() and what not in known:
        composed = [f"{one}x{other}" for one in MODIFIERS for other in MODIFIERS if one < other]
        told = (*families, *composed, *known, *names)
        raise unknown_name("what", what, told, "a family, a composition, a feature or a task")
    return matching(tasks_of(names), what, argument="what")


def _listed(names: tuple[str, ...], what: object) -> list[str]:
    if not isinstance(what, Iterable):
        allowed = "the name of a family or task, 'IntxSeq', an expression of features, or a list"
        raise InvalidArgument("what", what, allowed)
    listed = [task(cast("Any", name)).name for name in cast("Iterable[object]", what)]
    for name in listed:
        if name not in names:
            raise unknown_name("what", name, dict.fromkeys(names), "a task of the suite")
    return listed
