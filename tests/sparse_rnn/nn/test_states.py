"""Weights are values of edges by number, so that states carry the digest of their edges."""

from __future__ import annotations

import copy
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import sparse_rnn as srnn
from sparse_rnn.errors import IncompatibleState, RunConflict
from sparse_rnn.nn.cells import CELLS
from sparse_rnn.nn.torch_state import with_digests
from sparse_rnn.runs.weights import load, load_state, save_state
from tests.sparse_rnn.helpers import contents, same_bits, small_config, weights_of
from tests.sparse_rnn.mask_families import FAMILIES, SIZE


def mask_of(family: str) -> srnn.Mask:
    return srnn.masks.build(family, SIZE, **FAMILIES[family])


def rewired(mask: srnn.Mask, seed: int) -> srnn.Mask:
    """A mask with as many synapses, one of them in another place."""
    rng = np.random.default_rng(seed)
    dense = mask.to_dense()
    there, absent = np.argwhere(dense), np.argwhere(~dense)
    dense[tuple(there[rng.integers(len(there))])] = False
    dense[tuple(absent[rng.integers(len(absent))])] = True
    return srnn.Mask.from_edges(mask.n_units, *np.nonzero(dense))


def flipped(mask: srnn.Mask) -> srnn.Mask:
    """The mask with all synapses turned round: as many of them."""
    return srnn.Mask.from_edges(mask.n_units, mask.indices, mask.targets())


masks = st.sampled_from(sorted(FAMILIES)).map(mask_of)
others = st.one_of(
    masks,
    masks.map(flipped),
    st.builds(rewired, masks.filter(lambda m: m.density < 1), st.integers(0, 99)),
)


@settings(max_examples=60, deadline=None)
@given(masks, others)
def test_a_state_goes_into_its_own_mask_and_into_no_other(one: srnn.Mask, other: srnn.Mask) -> None:
    assert (one.digest == other.digest) == (one == other)
    state = srnn.Network(3, 2, one, backend="reference", seed=1).state_dict()
    target = srnn.Network(3, 2, other, backend="reference", seed=2)
    before = copy.deepcopy(target.rnn.state_dict())
    if one == other:
        target.load_state_dict(state)
        assert same_bits(target.state_dict(), state)
        return
    for strict in (True, False):
        with pytest.raises(IncompatibleState, match="those of another mask"):
            target.load_state_dict(state, strict=strict)
        assert same_bits(target.rnn.state_dict(), before)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_meets_a_rewired_mask_of_as_many_synapses(family: str) -> None:
    mask = mask_of(family)
    other = flipped(mask) if mask.density == 1 else rewired(mask, 0)
    assert mask.nnz == other.nnz
    assert (mask.digest == other.digest) == (mask == other)
    state = srnn.MaskedRNN(3, mask).state_dict()
    if mask == other:
        srnn.MaskedRNN(3, other).load_state_dict(state)
    else:
        with pytest.raises(IncompatibleState):
            srnn.MaskedRNN(3, other).load_state_dict(state)


def test_a_digest_is_of_the_edges_alone_and_the_same_everywhere() -> None:
    mask = srnn.Mask.from_edges(3, [2, 0], [1, 0], family="one")
    assert mask.digest == srnn.Mask.from_edges(3, [0, 2], [0, 1], family="other").digest
    assert mask.digest == "11b730f839fc0a1d2b86fa30d2550386cd659a6fc17fa9d61f7b271e62647049"
    assert mask.digest != srnn.Mask.from_edges(4, [2, 0], [1, 0]).digest


@pytest.mark.parametrize("cell", CELLS)
def test_states_go_through_what_people_do_with_them(cell: str, tmp_path: Path) -> None:
    net = srnn.Network(3, 2, mask_of("random"), cell=cell, seed=1)
    state = net.state_dict()
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    save_file(state, tmp_path / "state")
    mean = {name: (value * 0.5 + value * 0.5) for name, value in state.items()}
    for found in (
        torch.load(stream, weights_only=True),
        load_file(tmp_path / "state"),
        copy.deepcopy(state),
        mean,
        net.double().state_dict(),
    ):
        other = srnn.Network(3, 2, mask_of("random"), cell=cell, seed=2)
        other.load_state_dict(found)
        assert same_bits(weights_of(other), {n: v.float() for n, v in weights_of(net).items()})
    # A part of a state says nothing of edges where it has no recurrent weights.
    net.load_state_dict({"readout.bias": torch.zeros(2)}, strict=False)


def test_a_state_without_a_digest_needs_a_word() -> None:
    net = srnn.Network(3, 2, mask_of("random"), seed=1)
    old = weights_of(net)  # As version 0.1 wrote it.
    other = srnn.Network(3, 2, mask_of("random"), seed=2)
    for strict in (True, False):
        with pytest.raises(IncompatibleState, match="no rnn._extra_state, the digest of the mask"):
            other.load_state_dict(old, strict=strict)
    other.load_state_dict(with_digests(old, other))
    assert same_bits(other.state_dict(), net.state_dict())
    # It says nothing where a digest is there.
    third = srnn.Network(3, 2, rewired(mask_of("random"), 0))
    with pytest.raises(IncompatibleState):
        third.load_state_dict(with_digests(net.state_dict(), third))


def test_files_of_weights_say_which_edges_they_are_of(tmp_path: Path) -> None:
    net = srnn.Network(3, 2, mask_of("random"), seed=1)
    other = srnn.Network(3, 2, rewired(mask_of("random"), 0), seed=1)
    save_state(tmp_path / "weights", net)
    with pytest.raises(IncompatibleState, match="those of another mask"):
        load_state(tmp_path / "weights", other)
    wrapped, into = torch.nn.Sequential(net.rnn), torch.nn.Sequential(other.rnn)
    save_state(tmp_path / "wrapped", wrapped)
    with pytest.raises(IncompatibleState, match="those of another mask"):
        load_state(tmp_path / "wrapped", into)
    load_state(tmp_path / "wrapped", torch.nn.Sequential(copy.deepcopy(net.rnn)))


def test_a_weights_file_of_0_1_0_has_its_mask_with_it(tmp_path: Path) -> None:
    net = srnn.Network(3, 2, mask_of("random"), seed=1)
    save_state(tmp_path / "weights", net)
    with safe_open(tmp_path / "weights", framework="pt") as file:
        record = json.loads(file.metadata()["network"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    del tensors["rnn._extra_state"], record["mask_digest"]
    save_file(tensors, tmp_path / "weights", {"network": json.dumps(record)})
    assert same_bits(load(tmp_path / "weights").state_dict(), net.state_dict())
    load_state(tmp_path / "weights", net)


def graph_file(path: Path, sources: list[int]) -> None:
    rows = "".join(f"{source},{target}\n" for target, source in enumerate(sources))
    path.write_text(f"source,target\n{rows}")


@pytest.mark.parametrize("ending", ["finished", "killed", "killed before a checkpoint"])
def test_a_graph_that_was_rewired_is_noticed(ending: str, tmp_path: Path) -> None:
    from tests.sparse_rnn.killed_runs import Killed, killer

    path = tmp_path / "graph.csv"
    graph_file(path, [1, 2, 3, 0])
    settings: dict[str, Any] = {"arch": "from_graph", "size": 4, "radius": None, "steps": 6}
    config = small_config(**settings, mask_options={"graph": str(path)})
    options = srnn.RunOptions(checkpoint_every=100 if "before" in ending else 2)
    if ending == "finished":
        srnn.train(config, tmp_path / "run")
    else:
        with pytest.raises(Killed):
            srnn.train(config, tmp_path / "run", progress=killer(5), options=options)
    before = contents(tmp_path / "run")
    shutil.copy(path, tmp_path / "kept")
    graph_file(path, [2, 3, 0, 1])  # As many synapses in other places.
    with pytest.raises(RunConflict, match="other synapses"):
        srnn.train(config, tmp_path / "run", options=options)
    assert contents(tmp_path / "run") == before
    shutil.copy(tmp_path / "kept", path)
    srnn.train(config, tmp_path / "run", options=options)


def test_fit_goes_on_with_the_network_that_it_began_with(tmp_path: Path) -> None:
    config = srnn.FitConfig(suite="Go", steps=2, eval_batches=1, final_batches=1, seq_len=45)
    mask = mask_of("random")
    srnn.fit(srnn.Network(34, 17, mask), config, tmp_path / "run")
    with pytest.raises(IncompatibleState, match="those of another mask"):
        srnn.fit(srnn.Network(34, 17, rewired(mask, 0)), config, tmp_path / "run")
    (tmp_path / "run" / "weights.safetensors").unlink()
    before = contents(tmp_path / "run")
    for other, words in (
        (srnn.Network(34, 17, rewired(mask, 0)), "mask has other synapses"),
        (torch.nn.Linear(34, 17), "other"),
    ):
        with pytest.raises(RunConflict, match=words):
            srnn.fit(other, config, tmp_path / "run")
        assert contents(tmp_path / "run") == before
    srnn.fit(srnn.Network(34, 17, mask), config, tmp_path / "run")
