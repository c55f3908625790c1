"""Networks in files: safetensors and JSON, so that a file from a stranger cannot run code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunDamaged
from sparse_rnn.masks import Mask
from sparse_rnn.nn.cells import CELLS
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewirable import EDGES, edges_of
from sparse_rnn.system.files import atomic_path, open_regular

WEIGHTS = "weights.safetensors"
"""Name of the weights file in a run folder."""

_FORMAT = "sparse_rnn.Network/1"
_MASK_TENSORS = ("mask.indptr", "mask.indices")
_COORDS = "mask.coords"
_MASK_RECORD = ("format", "family", "parameters", "mask_digest")
_LAYER = "rnn."
_DIGEST = f"{_LAYER}_extra_state"


# What damaged or made-up content can raise on its way into a network: RuntimeError is torch's.
_REFUSED = (
    SafetensorError,
    InvalidArgument,
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def save_state(path: Path, module: nn.Module) -> None:
    """Write any module's parameters and buffers to a file, atomically.

    A `Network` is written as `save_weights` does, with its mask.

    Args:
        path: The file; its folder exists.
        module: The module.
    """
    _write(path, content_of(module))


def content_of(module: nn.Module) -> bytes:
    """The content of the file that `save_state` writes; the same for equal modules."""
    if isinstance(module, Network):
        return _content_of_network(module)
    tensors = {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in module.state_dict().items()
    }
    return save(tensors, {"format": "sparse_rnn.state/1"})


def load_state(path: Path, module: nn.Module, *, with_edges: bool = False) -> None:
    """Read parameters and buffers that `save_state` wrote into a module like the one it was given.

    Args:
        path: The file.
        module: The module.
        with_edges: Whether a `Network` takes over the edges of the file, where they are others.

    Raises:
        FileNotFoundError: There is no such file.
        IncompatibleState: The file is damaged or is that of another module.
    """
    try:
        _, tensors = _read(path)
        if isinstance(module, Network):
            # The file has its own mask; the layer compares.
            mask = _mask(tensors)
            edges = edges_of(mask, _LAYER)
            tensors |= edges if with_edges else {_DIGEST: edges[_DIGEST]}
        module.load_state_dict(tensors)
    except RunDamaged:
        raise
    except _REFUSED as error:
        raise IncompatibleState(f"{path} is damaged or of another network: {error}") from error


def save_weights(path: Path, network: Network) -> None:
    """Write a network to a file, atomically.

    The file holds the parameters under their names in ``network.state_dict()`` (the recurrent
    weights as the values of the edges), the mask as ``mask.indptr`` and ``mask.indices`` (and
    ``mask.coords`` where units have positions), and in its metadata the cell's settings and the
    mask's provenance and digest. Equal networks give equal bytes.

    Args:
        path: The file; its folder exists.
        network: The network.
    """
    _write(path, _content_of_network(network))


def _content_of_network(network: Network) -> bytes:
    mask = network.rnn.mask
    state = network.state_dict()
    for name in EDGES:  # The file has the edges of every network, under names of its own.
        state.pop(_LAYER + name, None)
    tensors = {name: value.cpu().contiguous() for name, value in state.items()}
    tensors["mask.indptr"] = torch.tensor(mask.indptr)
    tensors["mask.indices"] = torch.tensor(mask.indices)
    if mask.coords is not None:
        tensors[_COORDS] = torch.tensor(mask.coords).contiguous()
    record = {
        "format": _FORMAT,
        "family": mask.family,
        "parameters": dict(mask.parameters),
        "mask_digest": mask.digest,
        **network.rnn.settings(),
    }
    # One entry, as safetensors writes several in a random order.
    return save(tensors, {"network": json.dumps(record, sort_keys=True)})


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        # Not by save_file, which tells of a full disk in an error of its own kind.
        temporary.write_bytes(content)


def _read(path: Path) -> tuple[dict[str, str] | None, dict[str, Tensor]]:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise RunDamaged(
            f"{path} has a name that is no Unicode, which safetensors cannot open. Rename it."
        ) from None
    # The library opens paths alone; that this one is a regular file is seen first.
    with open_regular(path), safe_open(path, framework="pt") as file:
        metadata = cast("dict[str, str] | None", file.metadata())
        return metadata, {name: cast("Tensor", file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - no mapping


def load(run: Path | str) -> Network:
    """Read a network from a run folder or a weights file.

    Args:
        run: A folder that `sparse_rnn.train` made, or its weights file.

    Returns:
        The network, with ``backend="auto"``.

    Raises:
        FileNotFoundError: There is no such file; a run that has not ended has no weights yet.
        IncompatibleState: The file is damaged or is not a network of this package.
        RunDamaged: It is no regular file.
    """
    path = file_of(run)
    try:
        metadata, tensors = _read(path)
        return _network(_network_record(metadata), tensors)
    except RunDamaged:
        raise
    except _REFUSED as error:
        why = " ".join(str(error).split())  # torch says it in several lines
        raise IncompatibleState(f"{path} is damaged or holds no network: {why}") from error


def file_of(run: Path | str) -> Path:
    """The weights file of a run folder, or the file that is given.

    Raises:
        FileNotFoundError: There is no such file; a run that has not ended has no weights yet.
    """
    path = Path(run)
    # What a folder holds may be somebody else's doing; a link that is given is the caller's.
    path = path / WEIGHTS if path.is_dir() else path.resolve()
    if not os.path.lexists(path):
        raise FileNotFoundError(f"{path} does not exist. Has the run ended?")
    return path


def load_start(path: Path, module: nn.Module) -> None:
    """Read weights that `save_state` wrote into a module that is to be trained from there.

    Recurrent noise is that of the module: it belongs to a run, not to weights.

    Raises:
        IncompatibleState: The file is damaged or is that of another network: in sizes, mask, cell
            or nonlinearity.
    """
    noise = {
        name: buffer.clone() for name, buffer in module.named_buffers() if name.endswith(_NOISE)
    }
    if isinstance(module, Network):
        theirs = load(path)
        for what in _ALIKE:
            here, there = (getattr(net.rnn, what, None) for net in (module, theirs))
            if here != there:
                raise IncompatibleState(
                    f"{path} is of another network: its {what.lower()} is {there!r}, and that of "
                    f"the network that is to start from it is {here!r}."
                )
        state = {k: v for k, v in theirs.state_dict().items() if not k.endswith(_NOISE)}
        _load_into(module, {**state, **noise}, path)
        return
    load_state(path, module)
    module.load_state_dict(noise, strict=False)


def _load_into(module: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(state)
    except (RuntimeError, IncompatibleState) as error:
        why = " ".join(str(error).split())
        more = "To give a network more rules or outputs, use sparse_rnn.extend and fit."
        raise IncompatibleState(f"{path} is of another network: {why} {more}") from error


_NOISE = "noise_state"
_ALIKE = ("CELL", "nonlinearity")


def _network_record(metadata: dict[str, str] | None) -> dict[str, Any]:
    record = json.loads((metadata or {}).get("network", "{}"))
    if not isinstance(record, dict) or cast("dict[str, Any]", record).get("format") != _FORMAT:
        raise IncompatibleState(f"its metadata does not say that its format is {_FORMAT}")
    return cast("dict[str, Any]", record)


def _mask(tensors: dict[str, Tensor], **provenance: Any) -> Mask:
    """The mask of a file; its tensors are taken out."""
    indptr, indices = (tensors.pop(name).numpy() for name in _MASK_TENSORS)
    coords = tensors.pop(_COORDS).numpy() if _COORDS in tensors else None
    n_units = len(indptr) - 1
    return Mask(indptr, indices, (n_units, n_units), coords, **provenance)


def _network(record: dict[str, Any], tensors: dict[str, Tensor]) -> Network:
    if not isinstance(record["family"], str):
        raise TypeError(f"the mask family is {record['family']!r}")
    parameters = {
        name: tuple(cast("list[Any]", value)) if isinstance(value, list) else value
        for name, value in record["parameters"].items()
    }
    mask = _mask(tensors, family=record["family"], parameters=parameters)
    if record.get("mask_digest", mask.digest) != mask.digest:
        raise IncompatibleState("its mask is not the one that its weights were written with")
    # Before a network of this size takes memory: a tensor without numbers may claim any shape.
    height = CELLS[record["cell"]].GATES * mask.n_units
    for name, axis, size in (("rnn.weight_ih", 0, height), ("readout.weight", 1, mask.n_units)):
        shape = tensors[name].shape
        if len(shape) != 2 or shape[axis] != size:
            raise IncompatibleState(f"{name} has shape {list(shape)}, and axis {axis} is {size}")
    weight_ih, readout = tensors["rnn.weight_ih"], tensors["readout.weight"]
    network = Network(
        weight_ih.shape[1],
        readout.shape[0],
        mask,
        dtype=weight_ih.dtype,
        **{name: value for name, value in record.items() if name not in _MASK_RECORD},
    )
    try:
        # The weights are values of the edges in the same file, also where no digest says so.
        network.load_state_dict({_DIGEST: network.rnn.get_extra_state(), **tensors})
    except RuntimeError as error:  # What torch raises for missing names and wrong shapes.
        raise IncompatibleState(str(error)) from error
    return network
