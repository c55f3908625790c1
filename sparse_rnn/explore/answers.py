"""What the page asks of a network: a trial, a unit, preferred directions, clusters."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparse_rnn import analysis
from sparse_rnn.analysis import Recording
from sparse_rnn.data import trial_panel
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.explore.tuning import Tuning, preferred, tuning
from sparse_rnn.explore.weights import synapses
from sparse_rnn.training.run import Run, streams

TUNING_TRIALS = 128
"""Trials of a task that a tuning curve averages over: about eight of each of 16 directions."""

CLUSTER_TRIALS = 32
"""Trials of each task that the task variance is taken over."""

MAX_CLUSTERS = 30
"""Most clusters that are tried: more could not be told apart on the page."""

MAX_SEED = 2**53

_CHOICES = {"noise": ("yes", "no"), "color": ("activity", "preferred", "clusters")}

Query = Mapping[str, str]
ItemT = TypeVar("ItemT")


class Explorer:
    """Answers about the network of a run.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tasks = streams(run.config)[0].tasks
        # Requests come in threads; a network computes for one of them at a time.
        self._busy = threading.Lock()
        self._clustering = threading.Lock()
        self._tuning_of = lru_cache(maxsize=None)(self._tuning)

    def answers(self) -> dict[str, Callable[[Query], Any]]:
        """The answer of each path."""
        return {
            "/api/about": self.about,
            "/api/address": self.address,
            "/api/trial": self.trial,
            "/api/unit": self.unit,
            "/api/preferred": self.preferred,
            "/api/clusters": self.clusters,
        }

    def about(self, query: Query) -> dict[str, Any]:
        """The network, its tasks with their final accuracies, and where its units lie."""
        _check_fields(query)
        config, mask = self._run.config, self._run.network.rnn.mask
        scores = self._run.evaluation
        accuracy = dict(zip(scores.tasks, scores.final_accuracy.tolist(), strict=True))
        folder = self._run.folder
        return {
            "name": folder.resolve().name if folder else "network",
            "arch": config.arch,
            "cell": config.cell,
            "suite": config.suite if isinstance(config.suite, str) else ", ".join(config.suite),
            "steps": len(self._run.history),
            "units": mask.n_units,
            "synapses": mask.nnz,
            "dim_ring": self._run.network.readout.out_features - 1,
            "sheet": self._sheet,
            "middle": self._middle,
            "tasks": [{"name": name, "accuracy": accuracy.get(name)} for name in self._tasks],
        }

    def address(self, query: Query) -> dict[str, Any]:
        """What of the address of a page can be shown, and sentences on what cannot.

        Query: ``slot``, or ``task`` with the name of one; ``seed``, ``noise``, ``unit``, ``color``.
        """
        fields, problems = dict[str, str](), list[str]()
        for name, text in query.items():
            try:
                field, value = self._field(name, text)
            except InvalidArgument as error:
                problems.append(str(error))
            else:
                fields[field] = value
        return {"fields": fields, "problems": problems}

    def _field(self, name: str, text: str) -> tuple[str, str]:
        if name == "task":
            if text not in self._tasks:
                raise unknown_name(name, text, self._tasks, "a task of this network")
            return "slot", str(self._tasks.index(text))
        if name in _CHOICES:
            _choice(name, text)
        elif name in ("slot", "unit", "seed"):
            ends = {"slot": len(self._tasks), "unit": self._run.network.rnn.mask.n_units}
            _whole({name: text}, name, 0, ends.get(name, MAX_SEED))
        else:
            known = ("task", "slot", "seed", "unit", *_CHOICES)
            raise unknown_name("field", name, known, "a field of this page")
        return name, text

    def trial(self, query: Query) -> dict[str, Any]:
        """A trial of a task, the answers of the network and the activity of its units.

        Query: ``slot``, ``seed``, and ``noise``: "yes" for input noise as in training.
        """
        _check_fields(query, "slot", "seed", "noise")
        slot = self._slot(query)
        seed = _whole(query, "seed", 0, MAX_SEED)
        noise = _choice("noise", query.get("noise", "no"))
        level = self._run.config.noise if noise == "yes" else 0.0
        recording = self._record(slot, 1, seed, level)
        inputs, targets = recording.inputs[:, 0], recording.targets[:, 0]
        answers = recording.logits[:, 0].argmax(axis=-1)
        return {
            **trial_panel(recording.trials, inputs, targets),
            "slot": slot,
            "seed": seed,
            "answers": answers.tolist(),
            "right": bool(answers[-1] == targets[-1]),
            "activity": levels(recording.hidden[:, 0]),
        }

    def unit(self, query: Query) -> dict[str, Any]:
        """A unit: its tuning in a task, its readout weights and its synapses.

        Query: ``unit`` and ``slot``.
        """
        _check_fields(query, "unit", "slot")
        unit = _whole(query, "unit", self._middle, self._run.network.rnn.mask.n_units)
        found = self._tuning_of(self._slot(query))
        readout = self._run.network.readout.weight.detach().cpu().numpy()[1:, unit]
        return {
            "unit": unit,
            "stimulus": _json(found.stimulus[unit]),
            "answer": _json(found.answer[unit]),
            "readout": _json(readout),
            **synapses(self._run.network.rnn, unit),
        }

    def preferred(self, query: Query) -> dict[str, Any]:
        """Preferred direction of each unit in the decision of a task, in degrees.

        Query: ``slot``.
        """
        _check_fields(query, "slot")
        angle, sharpness = preferred(self._tuning_of(self._slot(query)).answer)
        return {"angle": _json(np.degrees(angle)), "sharpness": _json(sharpness)}

    def clusters(self, query: Query) -> dict[str, Any]:
        """Clusters of units by their task variance; computed when first asked for.

        Raises:
            InvalidArgument: Too few units are active, or all of them are alike.
        """
        _check_fields(query)
        with self._clustering:
            return self._clusters

    @cached_property
    def _clusters(self) -> dict[str, Any]:
        run = analysis.recordings(self._run, trials_per_task=CLUSTER_TRIALS)
        variance = analysis.task_variance(self._one_by_one(run))
        found = analysis.cluster(variance, MAX_CLUSTERS)
        labels = np.full(variance.raw.shape[1], -1)
        labels[found.units] = found.labels
        return {
            "labels": labels.tolist(),
            "clusters": [
                {
                    "units": int((found.labels == k).sum()),
                    "tasks": _loudest(variance.values[:, found.labels == k], variance.tasks),
                }
                for k in range(found.n_clusters)
            ],
        }

    @cached_property
    def _sheet(self) -> list[int] | None:
        """Sides of a sheet of two dimensions; units are numbered row by row."""
        coords = self._run.network.rnn.mask.coords
        if coords is None or coords.shape[1] != 2:
            return None
        rows, columns = (int(side) + 1 for side in coords.max(axis=0))
        grid = np.indices((rows, columns)).reshape(2, -1).T
        return [rows, columns] if np.array_equal(coords, grid) else None

    @cached_property
    def _middle(self) -> int:
        """The unit that is shown first: those at a border look unlike the others."""
        if self._sheet is None:
            return self._run.network.rnn.mask.n_units // 2
        rows, columns = self._sheet
        return rows // 2 * columns + columns // 2

    def _slot(self, query: Query) -> int:
        return _whole(query, "slot", 0, len(self._tasks))

    def _record(self, slot: int, n_trials: int, seed: int, noise: Any) -> Recording:
        # A task may have two slots: the one that was asked for.
        name = [self._tasks[slot]]
        parts = analysis.recordings(self._run, None, n_trials, seed, noise, name)
        return next(part for part in self._one_by_one(parts) if part.slots[0] == slot)

    def _tuning(self, slot: int) -> Tuning:
        return tuning(self._record(slot, TUNING_TRIALS, 0, 0.0))

    def _one_by_one(self, parts: Iterable[ItemT]) -> Iterator[ItemT]:
        """The same, and others have their turn in between."""
        iterator = iter(parts)
        while True:
            with self._busy:
                part = next(iterator, None)
            if part is None:
                return
            yield part


def levels(values: NDArray[np.float32]) -> dict[str, Any]:
    """Activity in 256 levels, as a picture needs it.

    Args:
        values: float32 ``[time, unit]``.

    Returns:
        The shape, the lowest and the highest value, and the levels as bytes in base64. An activity
        that is never negative has the lowest value 0.
    """
    low, high = min(0.0, float(values.min())), float(values.max())
    steps = np.round((values - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)
    data = base64.b64encode(steps.tobytes()).decode()
    return {"shape": list(values.shape), "low": low, "high": high, "data": data}


def _loudest(values: NDArray[np.float64], tasks: tuple[str, ...]) -> list[str]:
    """The three tasks in which the units of a cluster vary most."""
    order = np.argsort(-values.mean(axis=1), kind="stable")
    return list(dict.fromkeys(tasks[int(row)] for row in order))[:3]


def _json(values: NDArray[Any]) -> list[float | None]:
    """Numbers with six digits; None for what is not known."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


def _choice(name: str, text: str) -> str:
    if text not in _CHOICES[name]:
        raise unknown_name(name, text, _CHOICES[name], "a choice")
    return text


def _check_fields(query: Query, *known: str) -> None:
    for field in query:
        if field not in known:
            if not known:
                raise InvalidArgument("field", field, "left out: this answer has no fields")
            raise unknown_name("field", field, known, "a field of this answer")


def _whole(query: Query, name: str, default: int, end: int) -> int:
    text = query.get(name, str(default))
    digits = text.isascii() and text.isdecimal() and len(text) <= 17
    if not digits or int(text) >= end:
        raise InvalidArgument(name, text, f"a whole number from 0 to {end - 1}")
    return int(text)
