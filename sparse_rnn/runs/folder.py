"""The folder of a training run: what lies in it, and whether a run may use it.

| file | content |
|---|---|
| `config.json` | the configuration, and where the result came from (below) |
| `metrics.csv` | a line for each gradient step (`sparse_rnn.evaluation.history.COLUMNS`) |
| `evaluations.csv` | the evaluations on the way, a line for each task |
| `checkpoint/` | the two newest checkpoints (`runs.checkpoint`), where a longer run starts |
| `checkpoint.set-aside-1/` | checkpoints that were damaged, with what belonged to them |
| `.lock`, `.lock.json` | during a run: the lock, and the process that holds it |
| `tensorboard/` | events for TensorBoard, where it is installed |
| `evaluation.csv` | the final evaluation, a line for each task |
| `sparsity.csv` | with a sparsifier: what the recurrent matrix is like, a line an evaluation |
| `stages.csv` | of a run with stages: the scores of each task before training and at their ends, |
| | and the steps at which they ended |
| `curriculum.csv` | of a run with a policy: from which step on it drew each task how often |
| `summary.json` | steps, why the run ended, seconds, and the time to each level of each measure |
| `weights.safetensors` | the trained network; written last, so a run that has it is finished |

`config.json` also has the network with its kernels, the digests of its masks and of the weights
that it started from (as in `weights.safetensors` of a run that ended there), the number of
processes, the version of the streams of trials, the digest of the tasks' content (null where a
duration is a callable), the run that this one was continued from, package versions, git commit and
machine.

All of them are regular files: links are refused, so that a folder from somebody else has no say
about files outside it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from torch import nn

from sparse_rnn.errors import InvalidArgument, RunConflict, RunDamaged
from sparse_rnn.evaluation.history import COLUMNS
from sparse_rnn.evaluation.scores import COLUMNS as SCORES
from sparse_rnn.nn.cells import MaskedLayer
from sparse_rnn.nn.soft import softened
from sparse_rnn.runs.checkpoint import CHECKPOINT
from sparse_rnn.runs.identity import Identity
from sparse_rnn.runs.weights import WEIGHTS
from sparse_rnn.seeding import STREAMS
from sparse_rnn.system.files import atomic_writer, check_kind, read_regular
from sparse_rnn.system.hardware import device_of
from sparse_rnn.system.provenance import provenance

CONFIG = "config.json"
METRICS = "metrics.csv"
EVALUATIONS = "evaluations.csv"
SUMMARY = "summary.json"
EVALUATION = "evaluation.csv"
STAGES = "stages.csv"
CURRICULUM = "curriculum.csv"

SPARSITY = "sparsity.csv"

LOGS: Mapping[str, tuple[str, ...]] = {METRICS: COLUMNS, EVALUATIONS: ("step", *SCORES)}
"""Files that grow during a run, with their columns."""

OF_SPARSITY = (
    "step",
    "synapses",
    "density",
    "reachable",
    "units_without_inputs",
    "spectral_radius",
)
"""Columns of `sparsity.csv`, as `sparse_rnn.sparsify.SparseMeasures` means them; the radius is the
largest of all gates. Its lines are of step 0 and of all evaluations."""


def logs_of(identity: Identity) -> Mapping[str, tuple[str, ...]]:
    """The files that grow during a run, with their columns."""
    with_sparsifier = identity.settings.get("sparsifier") is not None
    return {**LOGS, SPARSITY: OF_SPARSITY} if with_sparsifier else LOGS


TASKS = "tasks_sha256"
"""What `config.json` calls the digest of the tasks' content."""

FIRST_STREAMS = 1
"""Version of the streams of trials of version 0.1, which did not write it down."""

_REMEDY = "Choose another folder, or move the file away."

_OWN_NETWORK = (
    "holds a run of sparse_rnn.fit, with a network that only your code can build. What it learned "
    f"is in {METRICS} and {EVALUATION}, which `sparse-rnn report` shows; its weights are in "
    f"{WEIGHTS}, for load_state_dict."
)
_LOG = logging.getLogger("sparse_rnn")
_OWN = (METRICS, EVALUATIONS, SPARSITY, EVALUATION, STAGES, CURRICULUM, SUMMARY, WEIGHTS)

ConfigT = TypeVar("ConfigT")
State = Literal["new", "unfinished", "finished"]


def state_of(folder: Path, identity: Identity) -> State:
    """Say how far a run has come in a folder.

    Args:
        folder: The folder; it need not exist.
        identity: The run that wants to use it.

    Raises:
        RunConflict: The folder holds another run, or files that no run left there.
        RunDamaged: A file is damaged, or is no regular file.
    """
    if folder.exists() and not folder.is_dir():
        raise RunConflict(f"{folder} is a file, and a run needs a folder. Choose another name.")
    for name in (CONFIG, *_OWN):
        check_kind(folder / name)
    check_kind(folder / CHECKPOINT, "folder")
    if not (folder / CONFIG).exists():
        strangers = [name for name in _OWN if (folder / name).exists()]
        if strangers:
            raise RunConflict(
                f"{folder} has {', '.join(strangers)} but no {CONFIG}, so it is not known which "
                "run they belong to. Choose another folder, or move them away."
            )
        return "new"
    different = read_config(folder, identity.parse).differences(identity)
    if different:
        listed = "; ".join(
            f"{name} is {theirs!r} there and {ours!r} here"
            for name, (theirs, ours) in different.items()
        )
        remedy = "Choose another folder, or the configuration of that run."
        if different.keys() == {"steps"}:
            remedy = (
                "To train that network for longer, choose another folder and continue from this "
                "one: continue_from, or --continue-from."
            )
        raise RunConflict(f"{folder} holds a run of another configuration: {listed}. {remedy}")
    check_streams(folder)
    check_tasks(folder, identity.tasks)
    return "finished" if (folder / WEIGHTS).exists() else "unfinished"


def write_config(folder: Path, config: str, facts: Mapping[str, Any] | None = None) -> None:
    """Make the folder and write `config.json`.

    Args:
        folder: The run folder.
        config: The configuration as JSON.
        facts: More that is worth keeping, in JSON types, such as the backend in use.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {"config": json.loads(config), "streams": STREAMS, **(facts or {}), **provenance()}
    write_json(folder / CONFIG, record)


def note_continuation(
    folder: Path, step: int, network: nn.Module, kernels: Mapping[str, Any]
) -> None:
    """Add to `config.json` where and with what the run goes on.

    A continuation with other versions or another commit is allowed, and is a warning: it may not
    give the same bits.

    Args:
        folder: The run folder.
        step: Gradient steps taken before.
        network: The network.
        kernels: What its layers compute with, as in `config.json`.
    """
    record = record_of(folder)
    now = provenance()
    for what in ("versions", "git"):
        if record.get(what) != now[what]:
            _LOG.warning(
                "%s began with other %s and goes on with those of now; config.json has both.",
                folder,
                {"versions": "package versions", "git": "code"}[what],
            )
    before = record.get("continued")
    legs = cast("list[Any]", before) if isinstance(before, list) else []
    on = {"device": str(device_of(network)), "kernels": dict(kernels)}
    record["continued"] = [*legs, {"step": step, **on, **now}]
    write_json(folder / CONFIG, record)


def kernels_of(folder: Path, device: str) -> dict[str, dict[str, Any]] | None:
    """The kernels that a run last computed with on a kind of device, by the layer's name.

    Args:
        folder: The run folder.
        device: Type of the device, such as "cpu".

    Returns:
        What was written down of each: ``kernel`` is its name. Of a run from before that was done,
        the kernel of the layer ``rnn`` alone. None for a run that has not been on such a device.

    Raises:
        RunDamaged: `config.json` is damaged.
    """
    continued = record_of(folder).get("continued")
    legs = cast("list[Any]", continued) if isinstance(continued, list) else []
    for leg in [*reversed(legs), _network(folder)]:
        if str(leg.get("device")).partition(":")[0] != device:
            continue
        if isinstance(known := leg.get("kernels"), dict):
            each = cast("dict[str, Any]", known).items()
            return {name: one for name, one in each if isinstance(one, dict) and "kernel" in one}
        return {"rnn": {"kernel": leg["backend"], "why": "recorded"}} if leg.get("backend") else {}
    return None


def check_streams(folder: Path) -> None:
    """Refuse to go on with a run whose trials are those of another version.

    Raises:
        RunConflict: They are.
    """
    streams = record_of(folder).get("streams", FIRST_STREAMS)
    if streams != STREAMS:
        raise RunConflict(
            f"{folder} holds a run on the streams of trials number {streams}, and this version "
            f"has number {STREAMS}: the same seed gives other trials, so that going on would mix "
            "the two. load_run, eval and analyze read its network; train again in another folder, "
            "or go on with the version that config.json names."
        )


def check_tasks(folder: Path, ours: Callable[[], str | None]) -> None:
    """Refuse a run whose tasks have other content than their names have now.

    A run of before version 0.2 has not written down what its tasks were, and is taken.

    Args:
        folder: The run folder.
        ours: Computes the digest of the tasks of now, as an `Identity` does.

    Raises:
        RunConflict: It is another one.
        UnknownName: A task or a suite of that name is not known.
    """
    record = record_of(folder)
    if TASKS in record and record[TASKS] != ours():
        raise RunConflict(
            f"{folder} holds a run on tasks that had other content than those of the same names "
            "have now: one was registered anew, or the version has changed it. load_run reads a "
            "finished run as it was. Choose another folder or another name, or register the tasks "
            "as they were."
        )


def check_network(folder: Path, network: nn.Module) -> None:
    """Refuse a network that is not the one that a run in a folder has begun with.

    Raises:
        RunConflict: Its parameters have other shapes or its masks other synapses.
    """
    ours = describe(network)
    check_masks(folder, ours["masks"])
    if _network(folder).get("parameters", ours["parameters"]) != ours["parameters"]:
        raise RunConflict(
            f"{folder} holds a run of a network with other parameters than this one. Choose "
            "another folder."
        )


def check_masks(
    folder: Path, ours: Mapping[str, str], theirs: Mapping[str, str] | None = None
) -> None:
    """Refuse masks that are not those that a run in a folder, finished or not, has begun with.

    Args:
        folder: The run folder.
        ours: Digest of the mask of each layer, by the layer's name.
        theirs: Those of the run; None reads what `config.json` says, if it does.

    Raises:
        RunConflict: They have other synapses.
        RunDamaged: `config.json` is damaged.
    """
    if (_network(folder).get("masks", ours) if theirs is None else theirs) != ours:
        raise RunConflict(
            f"{folder} holds a run whose mask has other synapses than that of its configuration "
            "now, so that the file that the mask comes from has changed since, or the version. "
            "load_run reads a finished run as it was. Choose another folder, or put the file back."
        )


def ending(folder: Path) -> object:
    """Why the finished run of a folder ended, as its `summary.json` says.

    Raises:
        RunDamaged: The file is damaged.
    """
    path = folder / SUMMARY
    try:
        record = json.loads(read_regular(path))
    except RunDamaged:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise RunDamaged(f"{path} cannot be read as JSON ({error}). {_REMEDY}") from error
    return cast("dict[str, object]", record).get("ended") if isinstance(record, dict) else None


def _network(folder: Path) -> dict[str, Any]:
    theirs = record_of(folder).get("network")
    return cast("dict[str, Any]", theirs) if isinstance(theirs, dict) else {}


def describe(network: nn.Module) -> dict[str, Any]:
    """What is worth knowing of a network beside its configuration, in JSON types.

    Returns:
        ``class``, ``backend``, ``device``, the shapes of ``parameters``, without those by which a
        sparsifier softens weights during the run, and ``masks``: the digest of the mask of each
        masked layer, by the layer's name.
    """
    passing = {p for one in softened(network) for p in one.parameters()}
    layer = getattr(network, "rnn", None)
    return {
        "class": f"{type(network).__module__}.{type(network).__qualname__}",
        "backend": getattr(layer, "backend", None),
        "device": str(device_of(network)),
        "parameters": {
            name: list(p.shape) for name, p in network.named_parameters() if p not in passing
        },
        "masks": {
            name: layer.mask.digest
            for name, layer in network.named_modules()
            if isinstance(layer, MaskedLayer)
        },
    }


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON, atomically."""
    with atomic_writer(path) as file:
        json.dump(record, file, indent=2)
        file.write("\n")


def read_config(folder: Path, parse: Callable[[str], ConfigT]) -> ConfigT:
    """Read the configuration of a run.

    Args:
        folder: The run folder.
        parse: Reads it from JSON, as ``TrainConfig.from_json`` does.

    Raises:
        RunConflict: There is no `config.json` in the folder, or it is of a network of the caller's
            own where one of this package is asked for.
        RunDamaged: It is not one of a run.
    """
    path = folder / CONFIG
    if not path.exists():
        raise RunConflict(f"{folder} holds no run: there is no {CONFIG} in it.")
    config = record_of(folder)["config"]
    try:
        return parse(json.dumps(config))
    except InvalidArgument as error:
        if error.argument == "arch" and is_own(folder):
            raise RunConflict(f"{folder} {_OWN_NETWORK}") from error
        raise RunDamaged(f"{path} holds no valid configuration: {error} {_REMEDY}") from error


def is_own(folder: Path) -> bool:
    """Whether a folder holds a run of a network of the caller's own.

    Raises:
        RunDamaged: Its `config.json` is not one of a run.
    """
    if not (folder / CONFIG).exists():
        return False
    config = record_of(folder)["config"]
    return "steps" in config and "arch" not in config


def record_of(folder: Path) -> dict[str, Any]:
    """What `config.json` of a run holds.

    Raises:
        RunDamaged: It is not one of a run.
    """
    path = folder / CONFIG
    try:
        record = json.loads(read_regular(path))
    except RunDamaged:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise RunDamaged(f"{path} cannot be read as JSON ({error}). {_REMEDY}") from error
    found = cast("dict[str, Any]", record) if isinstance(record, dict) else {}
    if not isinstance(found.get("config"), dict):
        raise RunDamaged(f"{path} has no entry 'config', so no run wrote it. {_REMEDY}")
    return found
