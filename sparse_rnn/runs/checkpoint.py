"""Checkpoints of runs: two are kept, each whole or absent, each with its checksum.

None is lost but by being replaced: `Store.save` removes the ones before the newest two. What is
damaged or does not fit is set aside, in ``DIR/checkpoint.set-aside-1``, or the run is refused.

A checkpoint is two files in ``DIR/checkpoint``: ``step-N.safetensors`` with all tensors and
``step-N.json`` with everything else, which is written last and holds the checksum of both. Neither
can hold code. The data need no entry: batch i of a stream is a pure function of i.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of, save as bytes_of
from torch import Tensor, nn

from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunConflict, RunDamaged
from sparse_rnn.system.files import atomic_path, check_kind, digest_of, read_regular, set_aside

CHECKPOINT = "checkpoint"
"""Folder of the checkpoints in a run folder."""

KEPT = 2

_FORMAT = "sparse_rnn.runs.weights/1"
_LIKE_PARAMETERS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer")
"""Parts of an optimiser's state that have the shape of the parameter."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment.

    Attributes:
        facts: JSON types; ``step`` is the number of gradient steps taken.
        tensors: Tensors on the CPU, by name.
    """

    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


class Store:
    """The checkpoints of one run folder.

    Args:
        folder: The run folder, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CHECKPOINT

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, and remove all but the two newest ones.

        Raises:
            OSError: It could not be written; those before are as they were.
        """
        check_kind(self.folder, "folder")
        self.folder.mkdir(exist_ok=True)
        content = bytes_of(dict(snapshot.tensors))
        facts = {**snapshot.facts, "format": _FORMAT, "tensors_sha256": _sha256(content)}
        record = {"facts": facts, "facts_sha256": _sha256(_canonical(facts))}
        step = int(facts["step"])
        with atomic_path(self._path(step, "safetensors")) as temporary:
            temporary.write_bytes(content)
        with atomic_path(self._path(step, "json")) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        # Only what this one replaces goes: those before it, and halves of theirs.
        kept = {step, *[one for one in self.steps() if one < step][: KEPT - 1]}
        for path in self.folder.glob("step-*"):
            number = _number(path)
            if number is not None and number < step and number not in kept:
                path.unlink(missing_ok=True)

    def steps(self) -> list[int]:
        """Steps of the checkpoints that are there, whole or not, the newest first.

        Raises:
            RunDamaged: The folder of the checkpoints is a link or a file.
        """
        check_kind(self.folder, "folder")
        numbers = [_number(path) for path in self.folder.glob("step-*.json")]
        return sorted((number for number in numbers if number is not None), reverse=True)

    def newest(
        self, refusal: Callable[[Mapping[str, Any]], str], limit: int | None = None
    ) -> tuple[Snapshot | None, dict[int, str]]:
        """Read the newest checkpoint that is whole and fits; changes nothing.

        Args:
            refusal: Says why a whole checkpoint does not fit what lies beside it, or "".
            limit: Step of the newest one that is wanted, where there are newer ones.

        Returns:
            The checkpoint, or None where there is none or all are damaged; and why each of the
            newer ones cannot be used, by step.

        Raises:
            RunConflict: One is whole, and none that is whole fits.
            RunDamaged: A file is no regular file.
            OSError: A file is there and cannot be read.
        """
        for path in self.folder.glob("step-*"):
            check_kind(path)  # Also those that will be replaced only later on.
        unusable: dict[int, str] = {}
        whole: int | None = None
        for step in self.steps():
            if limit is not None and step > limit:
                continue
            try:
                snapshot = self._read(step)
            except IncompatibleState as error:
                unusable[step] = str(error)
                continue
            try:
                why = refusal(snapshot.facts)
            except (KeyError, TypeError) as error:
                why = f"its facts are incomplete ({error})"
            if not why:
                return snapshot, unusable
            unusable[step] = why
            whole = step if whole is None else whole
        if whole is not None:
            raise RunConflict(
                f"The checkpoint of step {whole} in {self.folder} is whole and does not fit: "
                f"{unusable[whole]}. Nothing was changed. Put right what differs, choose another "
                "folder, or move the checkpoint away to start anew."
            )
        return None, unusable

    def set_aside(self, steps: Iterable[int], more: Iterable[Path] = ()) -> Path:
        """Move checkpoints, and more that belongs to them, to where nothing reads or removes them.

        Returns:
            The folder where they are.
        """
        files = [self._path(step, suffix) for step in steps for suffix in ("json", "safetensors")]
        return set_aside([*files, *more], self.folder)

    def _read(self, step: int) -> Snapshot:
        try:
            record = json.loads(read_regular(self._path(step, "json")))
            facts = record["facts"]
            if record["facts_sha256"] != _sha256(_canonical(facts)):
                raise IncompatibleState("the checksum of its JSON file is wrong")
            if facts["format"] != _FORMAT or facts["step"] != step:
                raise IncompatibleState(f"it is none of step {step} in format {_FORMAT}")
            tensors = self._path(step, "safetensors")
            # Before it takes memory, as it may have any size.
            if facts["tensors_sha256"] != digest_of(tensors):
                raise IncompatibleState("the checksum of its tensors is wrong")
            return Snapshot(facts, tensors_of(read_regular(tensors, limit=None)))
        except FileNotFoundError as error:
            raise IncompatibleState("its tensors are missing") from error
        except (KeyError, TypeError, ValueError, RecursionError, SafetensorError) as error:
            if isinstance(error, (IncompatibleState, RunDamaged)):
                raise
            raise IncompatibleState(f"it cannot be read ({error})") from error

    def _path(self, step: int, suffix: str) -> Path:
        return self.folder / f"{_stem(step)}.{suffix}"


class Optimised(Protocol):
    """An optimiser, as checkpoints hold it: parameters by name, and torch's optimiser over them."""

    parameters: Mapping[str, nn.Parameter]
    inner: torch.optim.Optimizer


_PLAIN = (bool, int, float, str, type(None))
"""Types of what an optimiser keeps beside tensors."""


def check_state(state: Mapping[Any, Mapping[str, object]]) -> None:
    """Refuse an optimiser whose state a checkpoint cannot hold.

    Args:
        state: That of torch's optimiser: parameter -> name -> value.

    Raises:
        InvalidArgument: A part of it is no tensor and no plain value, or has a dot in its name.
    """
    for parts in state.values():
        for name, value in parts.items():
            if not isinstance(value, (Tensor, *_PLAIN)) or "." in name:
                allowed = "one whose state is tensors, numbers and words, under names without dots"
                raise InvalidArgument("optimiser", f"{name}: {type(value).__name__}", allowed)


def capture(network: nn.Module, optimiser: Optimised) -> dict[str, Tensor]:
    """Copy all tensors that training changes.

    Returns:
        Parameters and buffers as ``network.NAME``, the optimiser's state as
        ``optimiser.exp_avg.NAME`` and so on, and the states of generators that modules have as
        attributes (for recurrent noise, say) as ``generator.NAME``. torch's global generator is not
        among them.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for name, parameter in optimiser.parameters.items():
        for part, value in optimiser.inner.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{part}.{name}"] = value
    for name, generator in _generators(network).items():
        tensors[f"generator.{name}"] = generator.get_state()
    return {
        name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()
    }


def capture_plain(optimiser: Optimised) -> dict[str, Any]:
    """Copy what an optimiser keeps beside tensors, in JSON types.

    Returns:
        ``state``: parameter's name -> name -> value; ``groups``: name -> value of each group of
        parameters, where an optimiser may count its steps.
    """
    state = {
        name: {
            part: value
            for part, value in optimiser.inner.state.get(parameter, {}).items()
            if isinstance(value, _PLAIN)
        }
        for name, parameter in optimiser.parameters.items()
    }
    groups = [
        {name: value for name, value in group.items() if isinstance(value, _PLAIN)}
        for group in optimiser.inner.param_groups
    ]
    return {"state": {name: parts for name, parts in state.items() if parts}, "groups": groups}


def restore(
    tensors: Mapping[str, Tensor],
    network: nn.Module,
    optimiser: Optimised,
    plain: Mapping[str, Any] | None = None,
) -> None:
    """Put back what `capture` and `capture_plain` copied.

    Raises:
        IncompatibleState: They are those of another network.
    """
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "optimiser": {}, "generator": {}}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        # Before version 0.2 the optimiser was Adam, and named so.
        parts.get("optimiser" if kind == "adam" else kind, {})[rest] = value
    try:
        network.load_state_dict(parts["network"])
        for name, generator in _generators(network).items():
            generator.set_state(parts["generator"][name])
    except (IncompatibleState, RuntimeError, KeyError) as error:  # torch's own, for other shapes.
        raise IncompatibleState(f"The checkpoint is one of another network: {error}") from error
    found: dict[str, dict[str, Any]] = {
        name: dict(values) for name, values in (plain or {}).get("state", {}).items()
    }
    for name, value in parts["optimiser"].items():
        part, _, parameter = name.partition(".")
        found.setdefault(parameter, {})[part] = value
    _put_back(optimiser, found, (plain or {}).get("groups"))


def _put_back(
    optimiser: Optimised,
    found: Mapping[str, dict[str, Any]],
    groups: list[dict[str, Any]] | None,
) -> None:
    """Give an optimiser its state by the names of the parameters."""
    for name, parts in found.items():
        parameter = optimiser.parameters.get(name)
        if parameter is None:
            raise IncompatibleState(f"The checkpoint has a state of {name}, which is not trained")
        shapes = {**dict.fromkeys(_LIKE_PARAMETERS, parameter.shape), "age": parameter.shape[-1:]}
        for part, shape in shapes.items():
            if isinstance(value := parts.get(part), Tensor) and value.shape != shape:
                raise IncompatibleState(f"The checkpoint has a {part} of {name} of a wrong shape")
    inner = optimiser.inner
    state = inner.state_dict()
    state["state"] = {
        i: found[name] for i, name in enumerate(optimiser.parameters) if name in found
    }
    if groups is not None:
        if len(groups) != len(state["param_groups"]):
            raise IncompatibleState("The checkpoint has another number of groups of parameters")
        pairs = zip(state["param_groups"], groups, strict=True)
        state["param_groups"] = [{**group, **kept} for group, kept in pairs]
    inner.load_state_dict(state)
    # torch casts what it loads to the type of the parameter; the bits are those that were saved.
    for name, parts in found.items():
        loaded = inner.state[optimiser.parameters[name]]
        for part, value in parts.items():
            if isinstance(value, Tensor) and loaded[part].dtype != value.dtype:
                loaded[part] = value.to(loaded[part].device)


def pack(snapshot: Snapshot | None) -> bytes:
    """Write a snapshot as bytes, for the other processes of a run."""
    if snapshot is None:
        return b""
    return bytes_of(dict(snapshot.tensors), {"facts": json.dumps(snapshot.facts)})


def unpack(content: bytes) -> Snapshot | None:
    """Read what `pack` wrote."""
    if not content:
        return None
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return Snapshot(json.loads(header["__metadata__"]["facts"]), tensors_of(content))


def _generators(network: nn.Module) -> dict[str, torch.Generator]:
    return {
        f"{path}.{name}": value
        for path, module in network.named_modules()
        for name, value in cast("dict[str, object]", vars(module)).items()
        if isinstance(value, torch.Generator)
    }


def _stem(step: int) -> str:
    return f"step-{step:08d}"


def _number(path: Path) -> int | None:
    """Step of a file of a checkpoint, or None of another file."""
    digits = path.stem.removeprefix("step-")
    number = int(digits) if digits.isdecimal() and len(digits) < 20 else -1
    return number if path.stem == _stem(number) else None


def _canonical(facts: Any) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
