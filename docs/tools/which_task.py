"""The page "Which task for my question?": its tables, from the features of the tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import modcog
from modcog.catalog.features import FEATURES

QUESTIONS = (
    ("How is a direction held in working memory?", "family=reach & delay"),
    ("What does a network do without any memory?", "family=reach & ~delay"),
    ("Can it answer against the stimulus (inhibition)?", "anti"),
    ("How does it react at once, and not at a go cue?", "reaction_time"),
    ("How is noisy evidence weighed?", "family=decision & ~delay & ~context"),
    ("How is a strength remembered, and compared with a later one?", "family=decision & delay"),
    ("How is what does not count ignored, by context?", "context"),
    ("How are two modalities combined?", "judged=both"),
    ("Are two stimuli the same (delayed match to sample)?", "match & ~category"),
    ("How are directions sorted into categories?", "category"),
    ("When is it right not to answer (go or no-go)?", "withholds"),
    ("The same stimuli, the opposite rule?", "nonmatch"),
    ("How is a time interval measured?", "Int & ~Seq"),
    ("How is a movement made that no input drives?", "Seq & ~Int"),
    ("Are operations composed that were learned apart?", "Int & Seq"),
    ("Which trials are short, for fast training?", "longest_steps<=15"),
    ("Where does no cheap strategy help?", "floor<0.1 & ~Int & ~Seq"),
)
"""What people ask, and the expression of the tasks that ask it of a network."""

BASE_COLUMNS = (
    *("family", "modality", "judged", "context", "anti", "reaction_time", "delay", "match"),
    *("category", "nonmatch", "mean_steps", "chance", "floor"),
)


def filled(markdown: str) -> str:
    """The page with its tables in the place of the marks."""
    tables = {
        "questions": questions(),
        "base tasks": base_tasks(),
        "features": meanings(),
        "all tasks": all_tasks(),
    }
    for mark, text in tables.items():
        markdown = markdown.replace(f"<!-- {mark} -->", text)
    return markdown


def questions() -> str:
    """A row for each question: the expression, the base tasks, and how many tasks there are."""
    table = modcog.features()
    rows: list[list[str]] = []
    for question, expression in QUESTIONS:
        names = modcog.suite(features=expression)
        bases = dict.fromkeys(str(table[name]["base"]) for name in names)
        others = [name for name in modcog.suite("cog-20") if name not in bases]
        told = ", ".join(bases)
        if len(others) < len(bases) / 2:
            told = f"all but {', '.join(others)}" if others else "all"
        rows.append([question, f"`{expression}`", told, str(len(names))])
    return _table(("question", "features", "base tasks", "tasks"), rows)


def base_tasks() -> str:
    """The 20 base tasks, and what tells them apart."""
    return _features_table("cog-20", BASE_COLUMNS)


def meanings() -> str:
    """What each feature means."""
    return _table(
        ("feature", "meaning"), [[f"`{name}`", row.meaning] for name, row in FEATURES.items()]
    )


def all_tasks() -> str:
    """Every feature of every task."""
    return _features_table(modcog.task_names(), tuple(FEATURES))


def _features_table(tasks: object, columns: Sequence[str]) -> str:
    table = modcog.features(tasks)
    rows = [[f"`{name}`", *(_cell(row[key]) for key in columns)] for name, row in table.items()]
    return _table(("task", *columns), rows)


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "yes" if value else ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
