"""What each task is: a table of features, one row a task.

What is special about a task is said by its parameters and its modifiers (the method ``features``,
see `modcog.trials.interfaces`); all else follows from the specification. Nothing is read from a
name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from modcog.catalog.chance import IGNORED, floor
from modcog.catalog.lengths import TrialLengths, lengths_of
from modcog.catalog.settings import tasks_of
from modcog.catalog.suites import task_names
from modcog.errors import InvalidArgument
from modcog.modifiers import MODIFIERS
from modcog.tasks import BASE_TASKS
from modcog.trials.interfaces import Feature
from modcog.trials.spec import TaskSpec

Features = Mapping[str, Feature]

WORD = r"[\w.+-]+"
"""What a word is where a feature has words: expressions have to tell it from their signs."""


@dataclass(frozen=True)
class Row:
    """A column of the table.

    Attributes:
        meaning: What it says, for people.
        of: Its value for a task; where the task brings it, what holds for those that do not.
        brought: Whether tasks and modifiers may bring it.
    """

    meaning: str
    of: Callable[[TaskSpec], Feature]
    brought: bool = False


def _flag(meaning: str) -> Row:
    return Row(meaning, lambda _: False, brought=True)


def _word(meaning: str) -> Row:
    return Row(meaning, lambda _: None, brought=True)


def _direction(kind: str) -> Row:
    def of(spec: TaskSpec) -> Feature:
        return next((m.direction for m in spec.modifiers if m.kind == kind), None)

    return Row(f"Direction of {kind}, L or R; None without", of)


FEATURES: Mapping[str, Row] = MappingProxyType(
    {
        "base": Row("Name of the base task", lambda spec: spec.base),
        "family": Row("Name of the family", lambda spec: spec.family),
        "modality": _word(
            "Rings that show stimuli: ring1, ring2, both, or either (drawn in each trial)"
        ),
        "judged": _word("Rings that decide the answer, in the same words"),
        "context": _flag("A ring shows stimuli that do not count"),
        "anti": _flag("The answer lies opposite to the stimulus"),
        "reaction_time": _flag("The stimulus is the go cue: the answer is due at once"),
        "delay": Row(
            "A delay lies between the stimuli, or before the answer",
            lambda spec: "delay" in spec.period_names,
        ),
        "two_stimuli": _flag("Two places are shown, at once or one after the other"),
        "match": _flag("Whether two stimuli match decides if an answer is due"),
        "category": _flag("What matches is the half of the ring, not the direction"),
        "nonmatch": _flag("An answer is due where the stimuli do not match"),
        "withholds": Row(
            "On some trials the right behaviour is to keep fixating",
            lambda spec: spec.p_response < 1,
        ),
        **{kind: _direction(kind) for kind in MODIFIERS},
        "timed": _word("The period whose length the network has to measure"),
        "tracks": Row("The answer moves during the decision", lambda spec: spec.tracks),
        "shortest_steps": Row(
            "Length of the shortest trial in steps", lambda spec: _length(spec, "shortest")
        ),
        "mean_steps": Row("Mean length in steps", lambda spec: _length(spec, "mean")),
        "longest_steps": Row(
            "Length of the longest trial in steps", lambda spec: _length(spec, "longest")
        ),
        "chance": Row(
            "Final accuracy of the best strategy that ignores the stimuli",
            lambda spec: _floor(spec, "stimuli").final_accuracy,
        ),
        "chance_performance": Row(
            "The same for the performance of Yang et al. (2019)",
            lambda spec: _floor(spec, "stimuli").performance,
        ),
        "floor": Row(
            "Final accuracy of the best strategy that ignores strengths and matches",
            lambda spec: _floor(spec, "evidence").final_accuracy,
        ),
        "floor_performance": Row(
            "The same for the performance of Yang et al. (2019)",
            lambda spec: _floor(spec, "evidence").performance,
        ),
    }
)
"""The features, in the order of the table."""


def features(tasks: object = None, **settings: Any) -> dict[str, dict[str, Feature]]:
    """What each task is, as a table: task name -> feature -> value.

    A value is True or False, a word, a number, or None where there is none:

    - ``base`` and ``family``: names of the base task and of its family;
    - ``modality``: rings that show stimuli, "ring1", "ring2", "both", or "either" where each trial
      draws its ring; ``judged``: rings that decide, in the same words; ``context``: whether a ring
      shows stimuli that do not count;
    - ``anti``, ``reaction_time``, ``two_stimuli``: whether the answer lies opposite, is due when
      the stimulus comes, and whether a trial shows two places;
    - ``match``, ``category``, ``nonmatch``, ``withholds``: whether a match of two stimuli decides,
      whether it is one of categories, whether non-matches are answered, and whether some trials
      are not to be answered;
    - ``delay``: whether there is a period of that name; ``timed``: the period whose length has to
      be measured; ``tracks``: whether the answer moves;
    - ``Int``, ``Seq`` and further modifiers: "L", "R" or None;
    - ``shortest_steps``, ``mean_steps``, ``longest_steps``: lengths of trials in steps of `dt`;
      None where a duration is a callable;
    - ``chance``, ``floor``: the final accuracy of the best strategy that ignores the stimuli, or
      that ignores strengths and matches (`modcog.chance_level`); ``chance_performance``,
      ``floor_performance``: the same for the performance of Yang et al. (2019).

    Features that a task of one's own brings under other names come last; where others do not have
    them, they are None.

    Args:
        tasks: Name of a suite or of one task, or a list of task names and `TaskSpec`; by default
            all tasks that have a name (`modcog.task_names`).
        **settings: As for `modcog.task`: lengths and floors follow them.

    Returns:
        The table, in the order of the tasks; a task in two rule slots has one row. It is made of
        what JSON holds, and a data frame reads it: ``pandas.DataFrame(table).T``.

    Raises:
        UnknownName: A name is not known.
        InvalidArgument: Two different tasks have one name; a setting is out of range.

    Example:
        >>> from modcog import features
        >>> table = features()
        >>> table["DlyGo_IntL"]["delay"], table["DlyGo_IntL"]["Int"], table["RTGo"]["Int"]
        (True, 'L', None)
        >>> [name for name, row in features("cog-20").items() if row["context"]]
        ['CtxDM1', 'CtxDM2', 'CtxDlyDM1', 'CtxDlyDM2']
    """
    if tasks is None and not settings:
        table = _named(task_names(), tuple(BASE_TASKS.values()))
    else:
        table = _table(tasks_of(task_names() if tasks is None else tasks, **settings))
    absent: dict[str, Feature] = dict.fromkeys(
        (name for row in table.values() for name in row), None
    )
    return {name: {**absent, **row} for name, row in table.items()}


@lru_cache(maxsize=1)
def _named(names: tuple[str, ...], bases: tuple[TaskSpec, ...]) -> Mapping[str, Features]:
    """The rows of all names, which stand for the same tasks as long as the base tasks do."""
    del bases
    return _table(tasks_of(names))


def _table(specs: Iterable[TaskSpec]) -> Mapping[str, Features]:
    chosen: dict[str, TaskSpec] = {}
    for spec in specs:
        if chosen.setdefault(spec.name, spec) != spec:
            allowed = f"a list with one task of the name {spec.name}"
            raise InvalidArgument("tasks", "two different ones", allowed)
    return MappingProxyType({name: features_of(spec) for name, spec in chosen.items()})


@lru_cache(maxsize=1024)
def features_of(spec: TaskSpec) -> Features:
    """The features of one task, in the order of `FEATURES`; those it has beside these come last."""
    found = {name: row.of(spec) for name, row in FEATURES.items()}
    for member in (spec.params, *spec.modifiers):
        own: Mapping[str, Feature] = getattr(member, "features", _none)(spec)
        for name, value in own.items():
            _check(spec, name, value)
        found |= own
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def _lengths(spec: TaskSpec) -> TrialLengths | None:
    if any(callable(period.duration) for period in spec.periods):
        return None
    return lengths_of([spec])


def _length(spec: TaskSpec, which: str) -> Feature:
    return getattr(_lengths(spec), which, None)


# One task is looked at after the other, in several columns each.
_floor = lru_cache(maxsize=len(IGNORED))(floor)


def _none(spec: TaskSpec) -> dict[str, Feature]:
    del spec
    return {}


def _check(spec: TaskSpec, name: object, value: object) -> None:
    """Refuse a feature that no table and no expression could hold."""
    where = f"features of {spec.name}"
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidArgument(where, name, "named by words of letters, digits and underscores")
    if name in FEATURES and not FEATURES[name].brought:
        allowed = "other than those that follow from the specification"
        raise InvalidArgument(where, name, allowed)
    is_word = isinstance(value, str) and re.fullmatch(WORD, value)
    if not (value is None or is_word or isinstance(value, bool | int | float)):
        raise InvalidArgument(f"{where}: {name}", value, "True or False, a word, a number or None")
