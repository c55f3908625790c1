"""Exports: the bits of the sampler in every format, whole or absent."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modcog
from tests.modcog.exporting.exports import Boom, N, read, sampler_of, stop_at


@pytest.mark.parametrize("suite", ["DlyGo_IntL_SeqR", "cog-20", ["MultiDM_IntR", "DMS", "Go"]])
def test_every_format_holds_the_bits_of_the_batches(
    tmp_path: Path, suffix: str, suite: Any
) -> None:
    sampler = sampler_of(suite)
    path = modcog.export(sampler, tmp_path / f"data{suffix}", N, first=2)
    assert path == tmp_path / f"data{suffix}"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    arrays, attributes = read(path)
    batches = [sampler.batch(2 + i) for i in range(N)]
    for name in ("inputs", "targets", "mask"):
        expected = np.stack([getattr(batch, name) for batch in batches])
        assert arrays[name].dtype == expected.dtype
        assert arrays[name].tobytes() == expected.tobytes()
    assert tuple(arrays["tasks"]) == sampler.tasks

    trials = [batch.trials for batch in batches]
    columns = {f.name for f in fields(modcog.Trials)} - {"tasks", "task_index"}
    for name in columns | {"length", "decision_start"}:
        column = arrays[f"trials/{name}"]
        expected = [getattr(t, name) for t in trials]
        if column.ndim == 1:
            np.testing.assert_array_equal(column, np.concatenate(expected))
            continue
        for row, part in enumerate(row for table in expected for row in table):
            np.testing.assert_array_equal(column[row, : len(part)], part)
            assert not column[row, len(part) :].any()
    names = np.concatenate([t.task for t in trials])
    np.testing.assert_array_equal(arrays["task_names"][arrays["trials/task"]], names)
    np.testing.assert_array_equal(arrays["tasks"][arrays["trials/rule"]], names)
    number = np.repeat(np.arange(2, 2 + N), [len(t) for t in trials])
    np.testing.assert_array_equal(arrays["trials/batch"], number)
    periods = dict(zip(arrays["task_names"], arrays["task_periods"], strict=True))
    for name, listed in periods.items():
        assert tuple(listed.split(", ")) == modcog.task(name).period_names

    assert attributes["suite"] == ("cog-20" if suite == "cog-20" else "")
    assert attributes["seed"].startswith("5,")
    told = [attributes[name] for name in ("dt_ms", "noise", "dim_ring", "first_batch")]
    assert told == [100.0, 1.0, 16, 2]
    assert attributes["modcog_version"] == modcog.__version__
    assert "rad" in attributes["units"]
    assert attributes["axes"].startswith("inputs [batch, time, lane, channel]")


@pytest.mark.parametrize("kind", ["labels", "ring", "sin_cos", "none"])
@pytest.mark.parametrize("rules", ["one_hot", "none", "factors"])
def test_rules_and_targets_of_every_kind_are_exported(
    tmp_path: Path, suffix: str, kind: str, rules: str
) -> None:
    sampler = sampler_of(["DMS", "Go_SeqL"], rules=rules, targets=kind, noise=0)
    path = tmp_path / f"data{suffix}"
    with pytest.raises(Boom):
        modcog.export(sampler, path, 3, progress=stop_at(2, Boom()))
    modcog.export(sampler, path, 3, resume=True)
    arrays, attributes = read(path)
    assert ("targets" in arrays) == (kind != "none")
    assert ("rules" in arrays) == (rules == "factors")
    for i in range(3):
        batch = sampler.batch(i)
        for name in ("inputs", "targets", "mask"):
            if name in arrays:
                assert arrays[name].dtype == getattr(batch, name).dtype
                np.testing.assert_array_equal(arrays[name][i], getattr(batch, name))
    if rules == "factors":
        np.testing.assert_array_equal(arrays["rules"], sampler.rules)
    said = {
        **{"labels": "1 + k", "ring": "output]: fixation, ring", "sin_cos": "sine, cosine"},
        **{"one_hot": "rule one-hot", "factors": "rules [slot, channel]"},
    }
    for chosen, otherwise in ((kind, "no targets"), (rules, "no rule channels")):
        assert said.get(chosen, otherwise) in str(attributes["axes"])


def test_matlab_can_read_every_type(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = modcog.export(sampler_of(), tmp_path / "data.h5", 2)
    kinds: set[str] = set()

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            text = h5py.check_string_dtype(item.dtype)
            kinds.add(f"text {text.encoding}" if text else item.dtype.name)
            assert item.chunks is None or text is None

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    # No enumerations (numpy's bool), no compound or opaque types.
    assert kinds == {"float32", "float64", "int64", "uint64", "uint8", "text utf-8"}


def test_npz_holds_no_pickle_and_equal_data_make_equal_files(tmp_path: Path) -> None:
    one, other = (modcog.export(sampler_of(), tmp_path / f"{i}.npz", 3) for i in range(2))
    assert one.read_bytes() == other.read_bytes()


def test_arguments_change_what_is_exported(tmp_path: Path) -> None:
    variants = [{}, {"seed": 6}, {"dt": 50, "seq_len": 90}, {"noise": 0}]
    variants += [{"loss_mask": "yang"}, {"noise": (0, 2)}, {"bump_width": 0.3}]
    contents = {
        modcog.export(sampler_of(**v), tmp_path / f"{i}.npz", 2).read_bytes()
        for i, v in enumerate(variants)
    }
    assert len(contents) == len(variants)


# --- what is there -------------------------------------------------------------------------------


def test_an_existing_target_is_left_alone(tmp_path: Path, suffix: str) -> None:
    path = modcog.export(sampler_of(), tmp_path / f"data{suffix}", 2)
    before = read(path)
    with pytest.raises(modcog.InvalidArgument, match="^path must be a file that does not exist"):
        modcog.export(sampler_of(seed=9), path, 2)
    # The same export, finished: there is nothing to do.
    assert modcog.export(sampler_of(), path, 2, resume=True) == path
    np.testing.assert_array_equal(read(path)[0]["inputs"], before[0]["inputs"])
    modcog.export(sampler_of(seed=9), path, 2, overwrite=True)
    np.testing.assert_array_equal(read(path)[0]["inputs"][1], sampler_of(seed=9).batch(1).inputs)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path, suffix: str) -> None:
    path = modcog.export(sampler_of(), tmp_path / f"data{suffix}", 3)
    before = read(path)[0]["inputs"]
    with pytest.raises(Boom):
        modcog.export(sampler_of(seed=9), path, 3, overwrite=True, progress=stop_at(1, Boom()))
    np.testing.assert_array_equal(read(path)[0]["inputs"], before)
    modcog.export(sampler_of(seed=9), path, 3, resume=True)
    np.testing.assert_array_equal(read(path)[0]["inputs"][2], sampler_of(seed=9).batch(2).inputs)


def test_a_file_that_is_no_export_is_not_mistaken_for_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    path.write_text("something else")
    with pytest.raises(modcog.InvalidArgument, match="^path must be a(n export of modcog| folder)"):
        modcog.export(sampler_of(), path, 2, resume=True)
    assert path.read_text() == "something else"


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("data.mat", {}, r"^path must be a file name that ends in .h5, .npz, .zarr; got"),
        ("no/data.npz", {}, "^path must be in a folder that exists"),
        ("data.npz", {"n_batches": 0}, "^n_batches must be a whole number of batches"),
        ("data.npz", {"first": -1}, "^first must be a whole number"),
        ("data.npz", {"resume": True, "overwrite": True}, "^resume must be given without"),
    ],
)
def test_wrong_arguments_are_refused(
    tmp_path: Path, name: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.export(sampler_of(), tmp_path / name, **{"n_batches": 2, **arguments})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "library"), [(".h5", "h5py"), (".zarr", "zarr")])
def test_a_missing_library_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(modcog.InvalidArgument, match=rf'{library} is missing .*".\[export\]"'):
        modcog.export(sampler_of(), tmp_path / f"data{suffix}", 2)
