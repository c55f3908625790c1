"""Networks in files: whole, equal, and free of code."""

from __future__ import annotations

import errno
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import sparse_rnn as srnn
from sparse_rnn.errors import IncompatibleState
from sparse_rnn.runs.weights import load, load_state, save_state, save_weights
from tests.sparse_rnn.helpers import same_bits

MASKS = [
    srnn.masks.locality((4, 4), 1, periodic=False),
    srnn.masks.autapse(9),
    srnn.masks.dense((2, 3)),
    srnn.Mask.from_edges(5, [0, 4, 4], [1, 0, 3]),
]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of a small network."""
    path = tmp_path / "weights.safetensors"
    save_weights(path, srnn.Network(5, 3, MASKS[0], "softplus", seed=1))
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mask", MASKS, ids=lambda mask: mask.family)
def test_networks_come_back_as_they_were(
    tmp_path: Path, mask: srnn.Mask, dtype: torch.dtype
) -> None:
    net = srnn.Network(5, 3, mask, "tanh", seed=1, dtype=dtype)
    save_weights(tmp_path / "weights.safetensors", net)
    inputs = torch.ones((4, 2, 5), dtype=dtype)
    # By the file, a link to it, and the folder that it lies in.
    (tmp_path / "link").symlink_to("weights.safetensors")
    for place in (tmp_path / "weights.safetensors", tmp_path / "link", str(tmp_path)):
        again = srnn.load(place)
        assert same_bits(net.state_dict(), again.state_dict())
        assert torch.equal(net(inputs)[0], again(inputs)[0])
        other = again.rnn.mask
        assert other == mask
        assert (other.family, dict(other.parameters)) == (mask.family, dict(mask.parameters))
        assert (other.coords is None) == (mask.coords is None)
        assert mask.coords is None or (other.coords == mask.coords).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "leaky", "dt": 20.0, "tau": 80.0, "recurrent_noise": 0.1, "inhibitory": 0.2},
        {"cell": "leaky", "nonlinearity": "softplus"},
        {"cell": "vanilla", "recurrence": "frozen"},
        {"cell": "vanilla", "inhibitory": 0.3},
        {"cell": "gru", "recurrence": "frozen"},
        {"cell": "lstm"},
    ],
    ids=str,
)
def test_networks_of_every_cell_come_back(tmp_path: Path, settings: dict[str, Any]) -> None:
    net = srnn.Network(5, 3, MASKS[0], seed=1, **settings)
    inputs = torch.ones((4, 2, 5))
    net(inputs)
    save_weights(tmp_path / "weights", net)
    again = srnn.load(tmp_path / "weights")
    assert again.rnn.settings() == net.rnn.settings()
    assert {**net.rnn.settings(), **settings} == net.rnn.settings()
    assert same_bits(net.state_dict(), again.state_dict())
    assert len(list(net.parameters())) == len(list(again.parameters()))
    assert again.weight_counts() == net.weight_counts()
    # In training mode, with the noise that is next.
    assert torch.equal(net(inputs)[0], again(inputs)[0])


def test_files_of_unknown_settings_are_refused(weights: Path) -> None:
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    record = json.loads(metadata["network"])
    for change in ({"cell": "gruu"}, {"cell": "gru"}, {"colour": 1}, {"dtype": "float64"}):
        save_file(tensors, weights, {"network": json.dumps({**record, **change})})
        with pytest.raises(IncompatibleState, match="is damaged or holds no network"):
            load(weights)


def test_equal_networks_give_equal_bytes(weights: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "again", srnn.Network(5, 3, MASKS[0], "softplus", seed=1))
    assert (tmp_path / "again").read_bytes() == weights.read_bytes()
    save_weights(tmp_path / "other", srnn.Network(5, 3, MASKS[0], "softplus", seed=2))
    assert (tmp_path / "other").read_bytes() != weights.read_bytes()


def test_a_file_is_json_and_numbers(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = weights.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert json.loads(header["__metadata__"]["network"])["nonlinearity"] == "softplus"
    assert {"rnn.weight_hh", "mask.indptr", "mask.indices"} < set(header)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a weights file was unpickled")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, refuse)
    load(weights)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_cut_files_are_refused(weights: Path, kept: int) -> None:
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(IncompatibleState, match="is damaged or holds no network"):
        load(weights)


def test_files_of_other_kinds_are_refused(weights: Path) -> None:
    for content in (pickle.dumps({"weight": [1, 2]}), b"\x00" * 500, b"PK\x03\x04 torch.save"):
        weights.write_bytes(content)
        with pytest.raises(IncompatibleState, match="is damaged or holds no network"):
            load(weights)
    save_file({"weight": torch.zeros(3)}, weights)
    with pytest.raises(IncompatibleState, match=r"its format is sparse_rnn\.Network/1"):
        load(weights)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mask.indptr", None),
        ("mask.indices", torch.zeros(3, dtype=torch.int32)),
        ("rnn.weight_hh", torch.zeros(4)),
        ("rnn.weight_ih", None),
        ("readout.weight", torch.zeros(3, 4)),
        ("stranger", torch.zeros(1)),
    ],
)
def test_tensors_that_do_not_fit_each_other_are_refused(
    weights: Path, name: str, value: torch.Tensor | None
) -> None:
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    save_file(tensors, weights, metadata)
    with pytest.raises(IncompatibleState, match="is damaged or holds no network"):
        load(weights)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing.safetensors"):
        with pytest.raises(FileNotFoundError, match="Has the run ended"):
            load(place)


def test_a_failed_save_leaves_the_old_file(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = weights.read_bytes()

    def half(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        save_weights(weights, srnn.Network(5, 3, MASKS[1]))
    assert weights.read_bytes() == before
    assert list(weights.parent.iterdir()) == [weights]


RECORDS = [
    [],
    {"parameters": 3},
    {"parameters": {}, "family": []},
    {"nonlinearity": ["relu"]},
    {"nonlinearity": "__import__('os').system('true')"},
    {"seed": {"__class__": "os"}},
    {"stranger": 1},
]


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_made_up_metadata_is_refused(weights: Path, record: object) -> None:
    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        true = json.loads(file.metadata()["network"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    made_up = {**true, **record} if isinstance(record, dict) else record
    save_file(tensors, weights, {"network": json.dumps(made_up)})
    with pytest.raises(IncompatibleState, match="is damaged or holds no network"):
        load(weights)


def test_weights_of_another_type_and_endless_nesting_are_refused(weights: Path) -> None:
    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    whole = {name: value.to(torch.int32) for name, value in tensors.items()}
    for content, facts in ((whole, metadata), (tensors, {"network": "[" * 100_000})):
        save_file(content, weights, facts)
        with pytest.raises(IncompatibleState, match="is damaged or holds no network"):
            load(weights)


def test_states_of_any_module_come_back(tmp_path: Path) -> None:
    one, other = (torch.nn.Linear(3, 2, bias=False, device="meta") for _ in range(2))
    for module, value in ((one, 1.5), (other, 0.0)):
        module.weight = torch.nn.Parameter(torch.full((2, 3), value))
    save_state(tmp_path / "state", one)
    load_state(tmp_path / "state", other)
    assert torch.equal(one.weight, other.weight)
    with pytest.raises(IncompatibleState, match="is damaged or of another network"):
        load_state(tmp_path / "state", srnn.Network(5, 3, MASKS[1]))
    net, again = srnn.Network(5, 3, MASKS[0], seed=1), srnn.Network(5, 3, MASKS[0], seed=2)
    save_state(tmp_path / "network", net)
    load_state(tmp_path / "network", again)
    assert same_bits(net.state_dict(), again.state_dict())
    assert same_bits(load(tmp_path / "network").state_dict(), net.state_dict())
