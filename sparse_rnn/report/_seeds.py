"""Runs that differ in their seed alone, put together."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.report._records import module_of
from sparse_rnn.runs.finished import FinishedRun
from sparse_rnn.training.run import Run


def by_seed(runs: Mapping[str, FinishedRun]) -> dict[str, tuple[FinishedRun, ...]]:
    """Group runs of the same settings but the seed that were evaluated at the same steps.

    Args:
        runs: Runs by label.

    Returns:
        The groups in the order of their first run. A run alone keeps its label; several have what
        their labels begin with, and their number.
    """
    groups: dict[tuple[object, ...], dict[str, FinishedRun]] = {}
    for label, run in runs.items():
        settings = run.config.model_copy(update={"seed": 0}).to_json()
        evaluated = tuple(run.history.curve(MEASURES[0])[0])
        # A run may have stopped at its target, and an evaluation may have missed a rare task.
        # The settings of a module of the caller's own do not say what it is.
        module = "" if isinstance(run, Run) else json.dumps(module_of(run))
        key = (settings, module, len(run.history), evaluated, run.evaluation.tasks)
        groups.setdefault(key, {})[label] = run
    named: dict[str, tuple[FinishedRun, ...]] = {}
    for group in groups.values():
        if len({run.config.seed for run in group.values()}) < len(group):
            # The same run twice is not two draws of a seed.
            named |= {label: (run,) for label, run in group.items()}
            continue
        label = _common(list(group))
        # Two groups may begin alike, or a group as a run alone is called.
        named[label if label not in named else ", ".join(group)] = tuple(group.values())
    return named


def mean_scores(scores: Sequence[TaskScores]) -> TaskScores:
    """Mean over runs of each measure of each task; trials are added up.

    Args:
        scores: Scores of the same tasks, at least one.
    """
    means = {
        name: np.mean([getattr(one, name) for one in scores], axis=0)
        for name in (*MEASURES, "chance")
    }
    trials = np.sum([one.n_trials for one in scores], axis=0)
    return replace(scores[0], n_trials=trials, **means)


def _common(labels: list[str]) -> str:
    if len(labels) == 1:
        return labels[0]
    alike = itertools.takewhile(lambda signs: len(set(signs)) == 1, zip(*labels, strict=False))
    beginning = "".join(signs[0] for signs in alike)
    name = re.sub(r"[\s/_.,=-]*(seeds?|s)?[\s/_.,=-]*$", "", beginning)
    return f"{name} ({len(labels)} seeds)" if name else f"{len(labels)} seeds"
