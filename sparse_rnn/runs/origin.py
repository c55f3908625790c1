"""`Origin`: a run that another one goes on from, to more steps."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sparse_rnn.errors import InvalidArgument, RunConflict, RunInUse
from sparse_rnn.evaluation.history import COLUMNS, csv_line
from sparse_rnn.nn.rewiring import named
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.checkpoint import CHECKPOINT, Snapshot, Store
from sparse_rnn.runs.folder import FIRST_STREAMS, METRICS
from sparse_rnn.runs.identity import Identity
from sparse_rnn.runs.weights import WEIGHTS
from sparse_rnn.seeding import STREAMS
from sparse_rnn.system.files import Mark, digest_of
from sparse_rnn.system.lock import is_held


@dataclass(frozen=True, eq=False)
class Origin:
    """A run at its newest checkpoint, for another one of more steps.

    Attributes:
        folder: Its folder, which is only read.
        identity: What it is.
        snapshot: The checkpoint.
        logs: What its logs hold up to there, by name.
    """

    folder: Path
    identity: Identity
    snapshot: Snapshot
    logs: Mapping[str, bytes]

    def rows(self) -> list[list[str]]:
        """The rows of its `metrics.csv`."""
        return _cells(self.logs[METRICS])[1:]

    def record(self) -> dict[str, Any]:
        """What `config.json` says of it, in JSON types: what it was, by content."""
        return {
            "folder": str(self.folder),
            "step": self.snapshot.facts["step"],
            "steps": self.identity.settings["steps"],
            "config_sha256": hashlib.sha256(self.identity.text.encode()).hexdigest(),
            "checkpoint_sha256": self.snapshot.facts["tensors_sha256"],
            "weights_sha256": _digest_of(self.folder / WEIGHTS),
        }


def read(folder: Path, identity: Identity, processes: int) -> Origin:
    """Read the run that a longer one goes on from.

    The longer run has the bits of one that had its number of steps from the start. What depends
    on the number of steps is therefore refused, or undone: the evaluation at the last step, where
    the longer run has none.

    Args:
        folder: The folder of the run, finished or not.
        identity: The longer run.
        processes: Number of processes that train it.

    Raises:
        InvalidArgument: The learning rate of a step that was taken, or a change of the synapses,
            depends on `steps`, or there are not more steps than were taken.
        RunConflict: The folder has no checkpoint to go on from, or its run is another one, has
            reached its target or is still on its way.
        RunDamaged: A file is damaged.
    """
    theirs = run_folder.read_config(folder, identity.parse)
    different = theirs.differences(identity)
    different.pop("steps", None)
    if different:
        listed = "; ".join(f"{name}: {a!r} there, {b!r} here" for name, (a, b) in different.items())
        raise RunConflict(
            f"A run that continues from {folder} may differ from it in its steps alone ({listed})."
        )
    run_folder.state_of(folder, theirs)  # Raises what keeps anybody from going on with it.
    if is_held(folder):
        raise RunInUse(f"{folder} is still in use. Continue from it once its run has ended.")

    snapshot, _ = Store(folder).newest(partial(unfit, folder, theirs, processes))
    if snapshot is None:
        raise RunConflict(
            f"{folder} has no {CHECKPOINT} to continue from: that of a finished run is removed in "
            "a sweep, or somebody has removed it. Its weights alone lack the state of the "
            "optimiser, so that the run cannot be continued, only trained anew with more steps."
        )
    facts = snapshot.facts
    step = int(facts["step"])
    settings: Mapping[str, Any] = identity.settings
    if settings["steps"] <= step:
        raise InvalidArgument("steps", settings["steps"], f"more than the {step} that {folder} has")
    if any(theirs.rate(k) != identity.rate(k) for k in range(1, step + 1)):
        raise InvalidArgument(
            "continue_from",
            str(folder),
            f"a run whose learning rate does not depend on steps; the schedule "
            f"{settings['schedule']!r} "
            "does",
            f"Its {step} steps are none of a run of {settings['steps']}: train that one anew.",
        )
    examined = step % settings["eval_every"] == 0
    if facts["ended"] == "target" and examined:
        raise RunConflict(f"{folder} has reached its target, so that more steps change nothing.")
    sparsifier = settings["sparsifier"]
    if sparsifier is not None and named(sparsifier).CHANGES:
        allowed = "a run whose synapses stay as they are: when they change follows from steps"
        raise InvalidArgument("continue_from", str(folder), allowed)
    logs = known_lines(folder, facts)
    if facts["pending"] is None and step == theirs.settings["steps"] and not examined:
        logs = _without_last_evaluation(logs, step)
    return Origin(folder, theirs, Snapshot({**facts, "ended": ""}, snapshot.tensors), logs)


def unfit(folder: Path, identity: Identity, processes: int, facts: Mapping[str, Any]) -> str:
    """Why a checkpoint does not fit the logs, or ""; raises what concerns all checkpoints."""
    _check_run(folder, facts, identity, processes)
    lost = sorted(facts["logs"].keys() - known_lines(folder, facts))
    return " and ".join(f"{name} has lost or changed lines that it knows" for name in lost)


def _check_run(folder: Path, facts: Mapping[str, Any], identity: Identity, processes: int) -> None:
    """Refuse a checkpoint that is not one of a run.

    Settings are compared as they are read, so that one that came with a later version has its
    default in a checkpoint from before.

    Args:
        folder: The run folder.
        facts: Those of the checkpoint.
        identity: The run.
        processes: Number of processes that train.

    Raises:
        RunConflict: It is of another version of the streams, another configuration or another
            number of processes.
    """
    where = f"The checkpoint of step {facts['step']} in {folder}"
    streams = facts.get("streams", FIRST_STREAMS)
    if streams != STREAMS:
        raise RunConflict(
            f"{where} was written on the streams of trials number {streams}, and this version has "
            f"number {STREAMS}: going on would mix the two. Nothing was changed; choose another "
            "folder."
        )
    try:
        theirs = identity.parse(json.dumps(facts["config"]))
    except InvalidArgument as error:
        raise RunConflict(
            f"{where} has settings that this version does not understand: {error} Nothing was "
            "changed; go on with the version that wrote it, or choose another folder."
        ) from error
    different = theirs.differences(identity)
    if different:
        listed = "; ".join(f"{name}: {a!r} there, {b!r} here" for name, (a, b) in different.items())
        raise RunConflict(
            f"{where} is one of another configuration ({listed}). Nothing was changed; choose "
            "another folder, or the configuration of that run."
        )
    if facts["processes"] != processes:
        raise RunConflict(
            f"{folder} was begun by {facts['processes']} processes and this is {processes}: they "
            "would see other batches. Use as many, or another folder."
        )


def known_lines(folder: Path, facts: Mapping[str, Any]) -> dict[str, bytes]:
    """What the logs of a run hold up to a checkpoint, by name; without those that have lost it."""
    marks: Mapping[str, Any] = facts["logs"]
    found = {name: Mark(**mark).known(folder / name) for name, mark in marks.items()}
    return {name: known for name, known in found.items() if known is not None}


def _without_last_evaluation(logs: Mapping[str, bytes], step: int) -> dict[str, bytes]:
    """Take out the evaluation after a step that was the last of a run, and is none of a longer."""
    metrics = _cells(logs[METRICS])
    plain = COLUMNS.index("elapsed_s") + 1
    metrics[-1][plain:] = [""] * (len(COLUMNS) - plain)
    others = {name: _cells(content) for name, content in logs.items() if name != METRICS}
    rows = {name: [row for row in all_ if row[0] != str(step)] for name, all_ in others.items()}
    return {
        name: "".join(csv_line(row) for row in lines).encode()
        for name, lines in {METRICS: metrics, **rows}.items()
    }


def _cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def _digest_of(path: Path) -> str | None:
    return digest_of(path) if path.exists() else None
