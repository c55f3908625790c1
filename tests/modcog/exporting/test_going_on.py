"""Exports that were stopped: gone on with to the same bits, and never taken for another one."""

from __future__ import annotations

import errno
import inspect
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import modcog
from modcog.exporting import export as exporting, formats as export_formats
from tests.modcog.exporting.exports import (
    Boom,
    N,
    assert_same_exports,
    contents,
    read,
    sampler_of,
    stop_at,
)


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
        ({"dt": 50}, N, 0, "^dt must be 100.0, as in the export .*; got 50"),
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
    with pytest.raises(modcog.InvalidArgument, match=text) as refused:
        modcog.export(sampler_of(**change), path, n, first=first, resume=True)
    assert "data.npz" in str(refused.value)
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
