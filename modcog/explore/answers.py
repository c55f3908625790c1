"""What the page asks for: the list of tasks, and the trials of one or two tasks."""

from __future__ import annotations

import base64
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.catalog.sentences import describe
from modcog.catalog.settings import task
from modcog.errors import AmbiguousIntervalWarning, ModifierRefused
from modcog.explore.code import python_of
from modcog.explore.settings import Shown, has_coherence, read
from modcog.modifiers import MODIFIERS
from modcog.plotting.palette import direction_colors
from modcog.rendering.reference import render
from modcog.ring import drift_in_words
from modcog.tasks import BASE_TASKS
from modcog.trials.plan import Trials
from modcog.trials.sampling import sample
from modcog.trials.spec import TaskSpec

# Python's filter of warnings belongs to the process, and requests run in threads.
_WARNINGS = threading.Lock()


def catalog(query: Mapping[str, str]) -> dict[str, Any]:
    """The base tasks: what each asks for, and why it refuses a modifier, where it does.

    Example:
        >>> tasks = {entry["name"]: entry for entry in catalog({})["tasks"]}
        >>> tasks["RTGo"]["refused"]["Int"]
        'RTGo answers at the go cue: there is no interval to time. Use Seq.'
    """
    del query
    return {
        "modifiers": {kind: ["L", "R"] for kind in MODIFIERS},
        "tasks": [_entry(name, spec) for name, spec in BASE_TASKS.items()],
    }


def _entry(name: str, spec: TaskSpec) -> dict[str, Any]:
    refused = {kind: _refusal(name, kind) for kind in MODIFIERS}
    return {
        "name": name,
        "family": spec.family,
        "sentence": describe(name),
        "interval": spec.interval,
        "coherence": has_coherence(name),
        "refused": {kind: reason for kind, reason in refused.items() if reason},
    }


def _refusal(name: str, kind: str) -> str | None:
    try:
        task(f"{name}_{kind}L")
    except ModifierRefused as refusal:
        return refusal.remedy or str(refusal)
    return None


def view(query: Mapping[str, str]) -> dict[str, Any]:
    """The trials that a query asks for (`modcog.explore.settings.read`), and their code.

    Example:
        >>> answer = view({"task": "Go", "noise": "0"})
        >>> answer["panels"][0]["inputs"]["shape"]
        [15, 34]
    """
    with _WARNINGS, warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", AmbiguousIntervalWarning)
        asked = read(query)
        panels = [_panel(shown, asked.seed) for shown in asked.shown]
    return {
        "panels": panels,
        "code": python_of(asked),
        "seed": asked.seed,
        "warnings": list(dict.fromkeys(str(warning.message) for warning in raised)),
    }


def _panel(shown: Shown, seed: int) -> dict[str, Any]:
    trials = sample(shown.spec, np.random.default_rng(seed), 1)
    rendered = render(trials, n_rules=1)
    return trial_panel(trials, rendered.observations[:, 0], rendered.targets[:, 0])


def trial_panel(
    trials: Trials, inputs: NDArray[np.float32], targets: NDArray[np.int64]
) -> dict[str, Any]:
    """A trial in JSON types: what is known about it, and its arrays bit for bit.

    Args:
        trials: The first of these is shown.
        inputs: float32 ``[time, 1 + 2 n + 1]``: fixation, ring 1, ring 2, and its rule input.
        targets: int64 ``[time]``.
    """
    spec = trials.tasks[int(trials.task_index[0])]
    facts = trials.describe(0)
    # A key of 64 bits is no number in JavaScript, and nothing that the page shows.
    del facts["noise_key"]
    return {
        "name": spec.name,
        "base": spec.base,
        "family": spec.family,
        "sentence": describe(spec),
        "dt": spec.dt,
        "dim_ring": spec.dim_ring,
        "interval": spec.interval,
        "noisy": any(period.noisy for period in spec.periods),
        "modifiers": [modifier.label for modifier in spec.modifiers],
        "trial": facts,
        "periods": _periods(trials),
        "inputs": packed(inputs),
        "targets": targets.tolist(),
        "continuous": _continuous(trials),
        "colors": direction_colors(spec.dim_ring),
        "drift": drift_in_words(drift) if (drift := facts["drift_velocity"]) else "",
    }


def packed(values: NDArray[np.float32]) -> dict[str, Any]:
    """A float32 array as JSON: its shape, and its bytes (little-endian, row by row) in base64."""
    raw = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return {"shape": list(values.shape), "data": base64.b64encode(raw).decode()}


def _periods(trials: Trials) -> list[dict[str, Any]]:
    names = trials.tasks[int(trials.task_index[0])].period_names
    lengths = trials.period_steps[0, : len(names)].tolist()
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    return [
        {"name": name, "start": start, "steps": steps}
        for name, start, steps in zip(names, starts, lengths, strict=True)
    ]


def _continuous(trials: Trials) -> list[float]:
    """The unquantised answer at each decision step, in degrees; empty where none is correct."""
    if not trials.responds[0]:
        return []
    elapsed_s = np.arange(int(trials.decision_steps[0])) * trials.dt / 1000
    angle = trials.angle[0] + trials.drift_velocity[0] * elapsed_s
    return (np.degrees(angle) % 360).round(3).tolist()
