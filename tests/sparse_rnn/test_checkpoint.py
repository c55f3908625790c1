"""Networks in files: whole, equal, and free of code."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import sparse_rnn as srnn
from sparse_rnn.checkpoint import load, save_weights
from sparse_rnn.errors import IncompatibleState
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
    # By the file and by the folder that it lies in.
    for place in (tmp_path / "weights.safetensors", str(tmp_path)):
        again = srnn.load(place)
        assert same_bits(net.state_dict(), again.state_dict())
        assert torch.equal(net(inputs)[0], again(inputs)[0])
        other = again.rnn.mask
        assert other == mask
        assert (other.family, dict(other.parameters)) == (mask.family, dict(mask.parameters))
        assert (other.coords is None) == (mask.coords is None)
        assert mask.coords is None or (other.coords == mask.coords).all()


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
    from safetensors import safe_open

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

    def half(_tensors: object, path: Path, _metadata: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sparse_rnn.checkpoint.save_file", half)
    with pytest.raises(OSError, match="No space left"):
        save_weights(weights, srnn.Network(5, 3, MASKS[1]))
    assert weights.read_bytes() == before
    assert list(weights.parent.iterdir()) == [weights]
