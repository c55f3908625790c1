"""Suites: ordered lists of task names, one per rule input.

What a name means is in `modcog.catalog.settings`. Append only: the order of tasks is the order of
rule inputs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from modcog.errors import InvalidArgument, known_name
from modcog.modifiers import MODIFIERS
from modcog.tasks import BASE_TASKS

N_YANG, N_PAPER = 20, 2
"""The first rows of the tables: the tasks of Yang et al. (2019) and the modifiers of the paper."""


def _with(bases: Iterable[str], *kinds: str) -> tuple[str, ...]:
    """Names of all bases with the given modifiers, in all their directions."""
    return tuple(
        "_".join([base, *(kind + direction for kind, direction in zip(kinds, pick, strict=True))])
        for base in bases
        for pick in itertools.product("LR", repeat=len(kinds))
    )


@cache
def _suites() -> Mapping[str, tuple[str, ...]]:
    """The named suites; append only, since the order of tasks is the order of rule inputs."""
    # A task that joins the table later enters none of these suites: their rule inputs are fixed.
    cog_20 = tuple(BASE_TASKS)[:N_YANG]
    delayed = [name for name in cog_20 if BASE_TASKS[name].interval == "delay"]
    undelayed = [name for name in cog_20 if BASE_TASKS[name].interval == "stimulus"]
    mod_cog_82 = (*cog_20, *_with(delayed, "Int"), *_with(cog_20, "Seq"))
    mod_cog_126 = (*mod_cog_82, *_with(delayed, "Int", "Seq"))
    twice_int, twice_composed = _with(["DlyAnti"], "Int"), _with(["DlyAnti"], "Int", "Seq")
    return MappingProxyType(
        {
            "cog-20": cog_20,
            "mod-cog-82": mod_cog_82,
            "mod-cog-84": (*mod_cog_82, *twice_int),
            "mod-cog-126": mod_cog_126,
            "mod-cog-132": (*mod_cog_126, *twice_int, *twice_composed),
            "mod-cog-168": (
                *mod_cog_126,
                *_with(undelayed, "Int"),
                *_with(undelayed, "Int", "Seq"),
            ),
        }
    )


OWN: dict[str, tuple[str, ...]] = {}
"""Suites that a user has registered (`modcog.catalog.registry`)."""


def suites() -> tuple[str, ...]:
    """Names of the task suites, smallest first; then those that were registered."""
    return (*_suites(), *OWN)


def named_suite(name: str) -> tuple[str, ...]:
    """Task names of a suite, one per rule slot.

    Raises:
        UnknownName: There is no such suite.
    """
    return {**_suites(), **OWN}[known_name("suite", name, suites(), "a suite")]


@cache
def task_names() -> tuple[str, ...]:
    """All distinct task names, each a gymnasium id.

    Those of `mod-cog-168`, then what the rows that joined the tables later, and registered tasks,
    make with the others: every such task alone, with one modifier of the paper and with both, in
    their order; and every task with one such modifier. Names of tasks that refuse a modifier are
    left out. Whatever else registered suites list comes last.
    """
    tasks, kinds = tuple(BASE_TASKS), tuple(MODIFIERS)
    later, paper = tasks[N_YANG:], kinds[:N_PAPER]
    chosen = [some for n in range(N_PAPER + 1) for some in itertools.combinations(paper, n)]
    made = [name for some in chosen for name in _with(_taking(later, *some), *some)]
    made += [name for kind in kinds[N_PAPER:] for name in _with(_taking(tasks, kind), kind)]
    listed = itertools.chain.from_iterable(OWN.values())
    return tuple(dict.fromkeys((*_suites()["mod-cog-168"], *made, *listed)))


def _taking(bases: Iterable[str], *kinds: str) -> list[str]:
    """The base tasks that take these modifiers."""

    def takes(base: str) -> bool:
        spec = BASE_TASKS[base]
        try:
            for kind in kinds:
                spec = MODIFIERS[kind]("L").rewrite(spec)
        except InvalidArgument:  # such as a period that Int times and that the task fixes
            return False
        return True

    return [base for base in bases if takes(base)]
