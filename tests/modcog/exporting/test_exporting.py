"""Exports: the bits of the sampler in every format, whole or absent, and gone on with."""

from __future__ import annotations

import errno
import inspect
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import modcog
from modcog import cli
from modcog.exporting import export as exporting, formats as export_formats
from modcog.system.progress import ProgressBar

LIBRARIES = {".h5": "h5py", ".npz": "numpy", ".zarr": "zarr"}
N = 6


def sampler_of(suite: Any = "cog-20", **settings: Any) -> modcog.BatchSampler:
    return modcog.BatchSampler(suite, **{"batch_size": 3, "seq_len": 70, "seed": 5, **settings})


@pytest.fixture(params=LIBRARIES)
def suffix(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(LIBRARIES[request.param])
    return request.param


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and attributes, as a user reads them."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "attributes"}
            return arrays, json.loads(str(file["attributes"]))
    if path.suffix == ".h5":
        import h5py

        arrays = {}
        with h5py.File(path, "r") as file:
            for name in ("inputs", "targets", "mask", "rules"):
                if name in file:
                    arrays[name] = file[name][()]
            for name, column in file["trials"].items():
                arrays[f"trials/{name}"] = column[()]
            for name in ("tasks", "task_names", "task_periods"):
                arrays[name] = file[name].asstr()[()].astype(np.str_)
            return arrays, dict(file.attrs)
    import zarr

    group = zarr.open_group(path, mode="r")
    names = ("inputs", "targets", "mask", "rules")
    arrays = {name: group[name][:] for name in names if name in group}
    arrays.update({f"trials/{name}": array[:] for name, array in group["trials"].arrays()})
    attributes = dict(group.attrs)
    for name in ("tasks", "task_names", "task_periods"):
        arrays[name] = np.array(attributes.pop(name))
    return arrays, attributes


def assert_same_exports(one: Path, other: Path) -> None:
    (arrays, attributes), (arrays_b, attributes_b) = read(one), read(other)
    assert attributes == attributes_b
    assert arrays.keys() == arrays_b.keys()
    for name, array in arrays.items():
        assert (array.dtype, array.shape) == (arrays_b[name].dtype, arrays_b[name].shape)
        assert array.tobytes() == arrays_b[name].tobytes(), name
    assert contents(one) == contents(other)


def contents(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}


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


def test_the_command_takes_rules_and_targets(tmp_path: Path, capsys: Any) -> None:
    words = ["export", "DMS", "--batches", "2", "--batch-size", "3", "--seq-len", "70"]
    words += ["--seed", "5"]
    chosen = ["--rules", "factors", "--targets", "ring", "-o", str(tmp_path / "data.npz")]
    assert cli.main([*words, *chosen]) == 0
    expected = sampler_of("DMS", rules="factors", targets="ring").batch(1)
    arrays, _ = read(tmp_path / "data.npz")
    np.testing.assert_array_equal(arrays["inputs"][1], expected.inputs)
    np.testing.assert_array_equal(arrays["targets"][1], expected.targets)
    for option, wrong in (("--rules", "factor"), ("--targets", "rings")):
        assert cli.main([*words, option, wrong, "-o", str(tmp_path / "no.npz")]) == 2
        assert f"Did you mean {wrong.rstrip('s')}" in capsys.readouterr().err


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


# --- stopped and gone on with --------------------------------------------------------------------


class Boom(Exception):
    pass


def stop_at(n: int, error: BaseException) -> exporting.Progress:
    def progress(done: int, total: int) -> None:
        assert done <= total
        if done == n:
            raise error

    return progress


@pytest.mark.parametrize("error", [Boom(), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
@pytest.mark.parametrize("n", [0, 4, N])
def test_a_stopped_export_goes_on_to_the_same_result(
    tmp_path: Path, suffix: str, n: int, error: BaseException
) -> None:
    sampler = sampler_of("mod-cog-84", batch_size=5)
    whole = modcog.export(sampler, tmp_path / f"whole{suffix}", N)
    path = tmp_path / f"data{suffix}"
    with pytest.raises(type(error)):
        modcog.export(sampler, path, N, progress=stop_at(n, error))
    assert not path.exists()
    assert (tmp_path / f"data{suffix}.part").is_dir() == (n > 0)  # before, there is nothing to keep
    told: list[int] = []
    modcog.export(sampler, path, N, resume=True, progress=lambda done, _: told.append(done))
    assert list(dict.fromkeys(told)) == list(range(n, N + 1))
    assert_same_exports(whole, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, whole.name])


def test_an_export_stopped_at_its_very_end_goes_on(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"data{suffix}"

    def stop(*_: object) -> None:
        raise Boom

    with monkeypatch.context() as patch:
        patch.setattr(export_formats.WRITERS[suffix], "finish", stop)
        with pytest.raises(Boom):
            modcog.export(sampler_of(), path, 3)
    assert not path.exists()
    modcog.export(sampler_of(), path, 3, resume=True)
    assert_same_exports(path, modcog.export(sampler_of(), tmp_path / f"whole{suffix}", 3))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device, after 4 of 6"),
        (RuntimeError("Can't  write\ndata"), "Can't write data, after 4 of 6"),
    ],
)
def test_a_full_disk_is_told_in_one_line_and_leaves_no_half_file(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    path = tmp_path / f"data{suffix}"
    writer = export_formats.WRITERS[suffix]
    write = writer.write

    def full(self: Any, name: str, first: int, rows: NDArray[Any]) -> None:
        if first == 4:
            raise error
        write(self, name, first, rows)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "write", full)
        with pytest.raises(modcog.ExportFailed, match=text) as caught:
            modcog.export(sampler_of(), path, N)
    message = str(caught.value)
    assert "\n" not in message
    assert f"They are in {path}.part: repeat with resume (--resume) to go on." in message
    assert not path.exists()
    modcog.export(sampler_of(), path, N, resume=True)
    assert_same_exports(path, modcog.export(sampler_of(), tmp_path / f"whole{suffix}", N))


@pytest.mark.parametrize(
    ("change", "n", "first", "text"),
    [
        ({"seed": 6}, N, 0, "^seed must be entropy=5, .*; got 'entropy=6, "),
        ({"dt": 50}, N, 0, "^dt must be 100.0, as in the export that is there; got 50"),
        ({"noise": 0}, N, 0, "^noise must be"),
        ({"dim_ring": 8}, N, 0, "^dim_ring must be 16"),
        ({"batch_size": 4}, N, 0, "^batch_size must be 3, as in"),
        ({"seq_len": 71}, N, 0, "^seq_len must be 70"),
        ({"loss_mask": "yang"}, N, 0, "^loss_mask must be uniform"),
        ({"loss_mask": 2.0}, N, 0, "^loss_mask must be uniform"),
        ({"rules": "factors"}, N, 0, "^rules must be one_hot, as in"),
        ({"rules": "none"}, N, 0, "^rule_input must be True, as in"),
        ({"targets": "ring"}, N, 0, "^targets must be labels, as in"),
        ({"timing": {"delay": 400}}, N, 0, "^settings must be those of the export"),
        ({"suite": "Go"}, N, 0, "^tasks must be those of the export"),
        ({}, N + 1, 0, "^n_batches must be 6, as in"),
        ({}, N, 1, "^first must be 0, as in"),
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_other_arguments_are_refused_and_named(
    tmp_path: Path, finished: bool, change: dict[str, Any], n: int, first: int, text: str
) -> None:
    path = tmp_path / "data.npz"
    if finished:
        modcog.export(sampler_of(), path, N)
    else:
        with pytest.raises(Boom):
            modcog.export(sampler_of(), path, N, progress=stop_at(2, Boom()))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.export(sampler_of(**change), path, n, first=first, resume=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_condition_is_known_by_its_name_and_its_batches(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    matches = sampler_of("DMS").where(lambda trials: trials.match == 1, name="match")
    with pytest.raises(Boom):
        modcog.export(matches, path, N, progress=stop_at(2, Boom()))
    with pytest.raises(modcog.InvalidArgument, match=r"^conditions must be \['match'\]"):
        modcog.export(sampler_of("DMS"), path, N, resume=True)
    liar = sampler_of("DMS").where(lambda trials: trials.match == 0, name="match")
    with pytest.raises(modcog.InvalidArgument, match="Its batches differ"):
        modcog.export(liar, path, N, resume=True)
    modcog.export(matches, path, N, resume=True)
    np.testing.assert_array_equal(read(path)[0]["trials/match"], 1)


def test_what_nothing_can_tell_apart_is_exported_and_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    nameless = sampler_of("DMS").where(lambda trials: trials.match == 1)
    modcog.export(nameless, path, 2)
    with pytest.raises(modcog.InvalidArgument, match="^resume must be left out where a condition"):
        modcog.export(nameless, path, 2, resume=True)

    def delay(draws: Any) -> NDArray[np.float64]:
        return np.full(len(draws), 500.0)

    drawn = sampler_of("DlyGo", timing={"delay": delay})
    with pytest.raises(modcog.InvalidArgument, match="^resume must be left out where a duration"):
        modcog.export(drawn, path, 2, resume=True)
    weighted = sampler_of("DlyGo", loss_mask=lambda trials: trials.responds)
    with pytest.raises(modcog.InvalidArgument, match="^resume must be left out where loss_mask"):
        modcog.export(weighted, path, 2, resume=True)


@pytest.mark.parametrize("finished", [False, True])
def test_a_shard_is_not_gone_on_with_as_another_one(tmp_path: Path, finished: bool) -> None:
    path, sampler = tmp_path / "data.npz", sampler_of()
    if finished:
        modcog.export(sampler.shard(0, 2), path, 2)
    else:
        with pytest.raises(Boom):
            modcog.export(sampler.shard(0, 2), path, 2, progress=stop_at(1, Boom()))
    for other in (sampler.shard(1, 2), sampler.shard(0, 3), sampler):
        with pytest.raises(modcog.InvalidArgument, match="^shard must be first=0, stride=2, as in"):
            modcog.export(other, path, 2, resume=True)
    modcog.export(sampler.shard(0, 2), path, 2, resume=True)
    np.testing.assert_array_equal(read(path)[0]["inputs"][1], sampler.batch(2).inputs)


def test_identity_has_every_argument_that_decides_batches() -> None:
    arguments = set(inspect.signature(modcog.BatchSampler).parameters)
    # Renderers write the same bits; settings are those of the tasks, and weights are a schedule.
    assert arguments - {"renderer", "settings", "weights"} <= set(sampler_of().identity)


def test_identity_differs_wherever_batches_may() -> None:
    base = sampler_of()
    child = np.random.SeedSequence(5).spawn(1)[0]
    others = [
        *(sampler_of(seed=6), sampler_of(seed=child), sampler_of(batch_size=4)),
        *(sampler_of(seq_len=71), sampler_of(loss_mask="yang"), sampler_of(noise=0)),
        *(sampler_of(dt=50), sampler_of("Go"), base.shard(0, 2), base.shard(1, 2)),
        base.where(lambda trials: trials.responds, name="responds"),
        *(sampler_of(rules=rules) for rules in ("none", "factors", "orthogonal", 2 * np.eye(20))),
        *(sampler_of(targets=kind) for kind in ("ring", "sin_cos", "none")),
        *(sampler_of(loss_mask=weights) for weights in (2.0, 3.0, np.ones((70, 3)))),
    ]
    texts = [json.dumps(sampler.identity) for sampler in [base, *others]]
    assert len(set(texts)) == len(texts)
    assert (
        json.loads(texts[0]) == base.identity == sampler_of(seed=np.random.SeedSequence(5)).identity
    )
    spawned = np.random.SeedSequence(5)
    spawned.spawn(3)
    assert sampler_of(seed=spawned).identity == base.identity


@pytest.mark.parametrize("finished", [False, True])
def test_an_export_of_other_streams_is_refused_with_the_reason(
    tmp_path: Path, finished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.npz"
    known = exporting.arguments_of

    def of_before(*arguments: Any) -> dict[str, Any]:
        made = {**known(*arguments), "version of modcog": "0.1.0"}
        return {name: value for name, value in made.items() if name != "streams"}

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "arguments_of", of_before)
        if finished:
            modcog.export(sampler_of(), path, 2)
        else:
            with pytest.raises(Boom):
                modcog.export(sampler_of(), path, 2, progress=stop_at(1, Boom()))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(modcog.InvalidArgument, match="of modcog 0.1.0.*give other trials since"):
        modcog.export(sampler_of(), path, 2, resume=True)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    modcog.export(sampler_of(), path, 2, overwrite=True)


def test_an_export_stopped_after_it_had_its_name_is_finished(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"data{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr(exporting._Job, "_remove_part", lambda _: (_ for _ in ()).throw(Boom))
        with pytest.raises(Boom):
            modcog.export(sampler_of(), path, 3)
    assert path.exists()
    assert path.with_name(f"{path.name}.part").exists()
    before = contents(path)
    assert modcog.export(sampler_of(), path, 3, resume=True) == path
    assert contents(path) == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_of_two_processes_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    refused: list[str] = []

    def meanwhile(done: int, total: int) -> None:
        del total
        for options in ({}, {"resume": True}, {"overwrite": True}) if done == 1 else ():
            with pytest.raises(modcog.InvalidArgument) as caught:
                modcog.export(sampler_of(), path, 2, **options)
            refused.append(str(caught.value))

    modcog.export(sampler_of(), path, 2, progress=meanwhile)
    assert len(refused) == 3
    assert all(text.startswith("path must be written by one process at a time") for text in refused)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_folder_of_somebody_else_is_not_taken_for_an_unfinished_export(tmp_path: Path) -> None:
    path, part = tmp_path / "data.npz", tmp_path / "data.npz.part"
    part.mkdir()
    (part / "thesis.tex").write_text("mine")
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(
            modcog.InvalidArgument, match="^path must be a folder that an export left"
        ):
            modcog.export(sampler_of(), path, 2, **options)
    assert (part / "thesis.tex").read_text() == "mine"


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


def test_an_unfinished_export_is_neither_lost_nor_continued_unasked(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with pytest.raises(Boom):
        modcog.export(sampler_of(), path, N, progress=stop_at(2, Boom()))
    with pytest.raises(modcog.InvalidArgument, match=r"data.npz.part is there: go on with it by"):
        modcog.export(sampler_of(), path, N)
    modcog.export(sampler_of(seed=9), path, 2, overwrite=True)
    assert read(path)[0]["inputs"].shape[0] == 2
    # With nothing unfinished, `resume` begins.
    modcog.export(sampler_of(), tmp_path / "other.npz", 2, resume=True)


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


# --- the command ---------------------------------------------------------------------------------

COMMAND = ["export", "cog-20", "--batches", "3", "--batch-size", "2", "--seq-len", "80"]


def test_the_command_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.npz"
    options = ["--seed", "4", "--dt", "50", "--noise", "yang", "--first", "7", "--dim-ring", "8"]
    assert cli.main([*COMMAND, "-o", str(path), *options]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: 3 batches of 80 x 2 steps.\n"
    assert err.splitlines()[-1].startswith("3/3 batches")
    sampler = modcog.BatchSampler(
        "cog-20", batch_size=2, seq_len=80, seed=4, dt=50, noise="yang", dim_ring=8
    )
    np.testing.assert_array_equal(read(path)[0]["inputs"][1], sampler.batch(8).inputs)
    assert cli.main([*COMMAND, "-o", str(path)]) == 2
    assert "Pass overwrite (--overwrite)" in capsys.readouterr().err
    assert cli.main([*COMMAND, "-o", str(path), "--resume"]) == 2
    assert capsys.readouterr().err.startswith("modcog export: dt must be 50.0, as in")
    assert cli.main([*COMMAND, "-o", str(path), "--overwrite"]) == 0
    assert cli.main([*COMMAND, "-o", str(path), "--resume"]) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-o", "data.doc"], "path must be a file name that ends in"),
        (
            ["-o", "data.npz", "--seq-len", "long"],
            '--seq-len must be a whole number of steps, or "',
        ),
        (["-o", "data.npz", "--seq-len", "3"], "seq_len must be at least 27 steps"),
        (["-o", "data.npz", "--batches", "0"], "n_batches must be a whole number of batches"),
        (["-o", "data.npz", "--seed", "-1"], "seed must be a whole number"),
    ],
)
def test_the_command_refuses_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*COMMAND, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"modcog export: {text}")
    assert len(err.splitlines()) == 1


def program(*options: str) -> list[str]:
    return [str(Path(sys.executable).with_name("modcog")), *COMMAND, "--batches", "3000", *options]


def begun(path: Path) -> Iterator[int]:
    """Batches recorded by a process that runs."""
    record = path.with_name(f"{path.name}.part") / "progress.json"
    while True:
        time.sleep(0.05)
        yield json.loads(record.read_text())["done"] if record.exists() else -1


def test_ctrl_c_leaves_a_part_to_go_on_with(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    command = program("-o", str(path))
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert next(done for done in begun(path) if done >= 0) == 0
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    (line,) = [line for line in err.splitlines() if line.startswith("modcog")]
    assert line.startswith("modcog export: stopped after ")
    assert line.endswith(" of 3000 batches. Give the same command with --resume to go on.")
    assert not path.exists()
    assert path.with_name("data.npz.part").is_dir()


@pytest.mark.drill
def test_a_killed_export_goes_on_to_the_same_result(tmp_path: Path, suffix: str) -> None:
    path, whole = tmp_path / f"data{suffix}", tmp_path / f"whole{suffix}"
    process = subprocess.Popen(program("-o", str(path)), stderr=subprocess.DEVNULL)
    assert next(done for done in begun(path) if done >= 0) == 0
    time.sleep(0.5)
    process.kill()
    process.wait()
    assert not path.exists()
    subprocess.run(program("-o", str(path), "--resume"), check=True, stderr=subprocess.DEVNULL)
    subprocess.run(program("-o", str(whole)), check=True, stderr=subprocess.DEVNULL)
    assert_same_exports(path, whole)


def _no_large_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))


@pytest.mark.drill
@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_a_file_that_may_not_grow_is_told_and_gone_on_with(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    command = program("-o", str(path))
    result = subprocess.run(
        command, preexec_fn=_no_large_files, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "File too large" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not path.exists()
    subprocess.run([*command, "--resume"], check=True, stderr=subprocess.DEVNULL)
    assert read(path)[0]["inputs"].shape[0] == 3000


# --- the progress bar ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_bar_draws_a_bar_on_a_terminal_and_lines_in_a_log() -> None:
    times = [0.0, 1.0, 1.01, 2.0, 10.0]
    texts = []
    for stream in (Terminal(), io.StringIO()):
        bar = ProgressBar("batches", stream, iter(times).__next__)
        for done in (0, 10, 11, 20, 80):
            bar(done, 100)
        bar.close()
        texts.append(stream.getvalue())
    bar, log = texts
    assert log.splitlines() == ["0/100 batches", "80/100 batches, 8/s, 0:00:02 left"]
    drawn = bar.split("\r")[1:]
    assert drawn[0].startswith(f"[{'.' * 24}] 0/100 batches")
    assert drawn[1].startswith("[##......................] 10/100 batches, 10/s, 0:00:09 left")
    assert len(drawn) == 4  # 11/100 came too soon
    assert bar.endswith("\n")
