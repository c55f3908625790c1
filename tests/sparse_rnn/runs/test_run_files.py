"""Any file of a run folder, whatever became of it: refused or repaired, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings, strategies as st

import sparse_rnn as srnn
from sparse_rnn.errors import IncompatibleState, RunConflict, RunDamaged, SparseRnnError
from tests.sparse_rnn.helpers import contents, same_outcome, small_config
from tests.sparse_rnn.killed_runs import Killed, killer

OFTEN = srnn.RunOptions(checkpoint_every=2, tensorboard=False)
LEFT = (
    "config.json",
    "metrics.csv",
    "evaluations.csv",
    "checkpoint/step-00000004.json",
    "checkpoint/step-00000004.safetensors",
    "checkpoint/step-00000002.json",
    "checkpoint/step-00000002.safetensors",
)
RESULTS = ("weights.safetensors", "evaluation.csv", "metrics.csv", "config.json")
CONFIG = small_config(steps=6)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed at step 5, the same one whole, and something of somebody else."""
    folder = tmp_path_factory.mktemp("made")
    srnn.train(CONFIG, folder / "whole", options=OFTEN)
    with pytest.raises(Killed):
        srnn.train(CONFIG, folder / "left", progress=killer(5), options=OFTEN)
    return folder


def link(path: Path, theirs: Path) -> None:
    path.unlink()
    path.symlink_to(theirs)


def pipe(path: Path, theirs: Path) -> None:
    del theirs
    path.unlink()
    os.mkfifo(path)


def zeros(path: Path, theirs: Path) -> None:
    del theirs
    link(path, Path("/dev/zero"))


def folder(path: Path, theirs: Path) -> None:
    path.unlink()
    path.mkdir()
    shutil.copy(theirs, path)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "a link": link,
    "a link to /dev/zero": zeros,
    "a named pipe": pipe,
    "a folder": folder,
}


def copies(made: Path, name: str, folder: Path) -> tuple[Path, Path]:
    theirs = folder / "theirs"
    theirs.write_text("precious")
    return shutil.copytree(made / name, folder / "run"), theirs


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mode) for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LEFT)
def test_an_unfinished_run_opens_regular_files_alone(
    name: str, kind: str, made: Path, tmp_path: Path
) -> None:
    run, theirs = copies(made, "left", tmp_path)
    KINDS[kind](run / name, theirs)
    before = tree(run)
    with pytest.raises(RunDamaged) as caught:
        srnn.train(CONFIG, run, options=OFTEN)
    assert f"{run / name} is " in str(caught.value)
    assert "must be a regular file" in str(caught.value)
    assert tree(run) == before
    assert theirs.read_text() == "precious"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RESULTS)
def test_a_finished_run_is_read_from_regular_files_alone(
    name: str, kind: str, made: Path, tmp_path: Path
) -> None:
    run, theirs = copies(made, "whole", tmp_path)
    KINDS[kind](run / name, theirs)
    for attempt in (lambda: srnn.load_run(run), lambda: srnn.train(CONFIG, run)):
        with pytest.raises(RunDamaged, match="must be a regular file"):
            attempt()
    assert theirs.read_text() == "precious"


@pytest.mark.parametrize(
    "name", [".lock", ".lock.json", "checkpoint", "tensorboard", "summary.json"]
)
def test_links_that_a_run_would_write_through_are_refused(
    name: str, made: Path, tmp_path: Path
) -> None:
    for start in ("left", "new"):
        run = tmp_path / start
        if start == "left":
            shutil.copytree(made / "left", run)
            shutil.rmtree(run / name, ignore_errors=True)
        else:
            run.mkdir()
        theirs = tmp_path / f"theirs of {start}"
        theirs.mkdir()
        (theirs / "step-00000002.json").write_text("precious")
        (theirs / "file").write_text("precious")
        is_folder = name in {"checkpoint", "tensorboard"}
        (run / name).symlink_to(theirs if is_folder else theirs / "file")
        before = contents(theirs)
        with pytest.raises(RunConflict):
            srnn.train(CONFIG, run, options=srnn.RunOptions(checkpoint_every=1))
        assert contents(theirs) == before


def train_again(made: Path, run: Path, name: str) -> None:
    """Go on: the end is that of the whole run, or the error names the file and all is there."""
    before = contents(run)
    refusal: SparseRnnError | None = None
    try:
        srnn.train(CONFIG, run, options=OFTEN)
    except SparseRnnError as error:
        refusal = error
    if refusal is not None:
        assert Path(name).stem.removeprefix("step-").lstrip("0") in str(refusal)
        assert contents(run) == before
        return
    assert same_outcome(run, made / "whole")
    if name.startswith("checkpoint") and "00004" in name:
        kept = {path.name: path.read_bytes() for path in (run / "checkpoint.set-aside-1").iterdir()}
        assert kept[name.split("/")[1]] == before[name][0]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(LEFT), st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_anywhere(
    made: Path, tmp_path_factory: pytest.TempPathFactory, name: str, share: float
) -> None:
    run = shutil.copytree(made / "left", tmp_path_factory.mktemp("cut") / "run")
    content = (run / name).read_bytes()
    kept = content[: int(len(content) * share)]
    # JSON without its last line end is whole.
    assume(not name.endswith(".json") or kept != content.rstrip())
    (run / name).write_bytes(kept)
    train_again(made, run, name)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(LEFT), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_file_of_which_a_bit_has_changed(
    made: Path, tmp_path_factory: pytest.TempPathFactory, name: str, share: float, bit: int
) -> None:
    run = shutil.copytree(made / "left", tmp_path_factory.mktemp("flipped") / "run")
    content = bytearray((run / name).read_bytes())
    if name == "config.json":
        # What it says of machine and versions may be anything.
        content = content[: content.index(b'"streams"')]
    content[int(len(content) * share)] ^= 1 << bit
    (run / name).write_bytes(content)
    train_again(made, run, name)


@pytest.mark.parametrize("name", [name for name in LEFT if not name.endswith("safetensors")])
def test_line_ends_of_another_system(name: str, made: Path, tmp_path: Path) -> None:
    run, _ = copies(made, "left", tmp_path)
    (run / name).write_bytes((run / name).read_bytes().replace(b"\n", b"\r\n"))
    srnn.train(CONFIG, run, options=OFTEN)
    assert same_outcome(run, made / "whole")
    assert not list(run.glob("*set-aside*"))


@pytest.mark.parametrize("name", LEFT)
def test_content_of_somebody_else(name: str, made: Path, tmp_path: Path) -> None:
    run, _ = copies(made, "left", tmp_path)
    srnn.train(small_config(steps=6, seed=3), tmp_path / "other", options=OFTEN)
    theirs = tmp_path / "other" / name
    if theirs.exists():
        shutil.copy(theirs, run / name)
    else:
        shutil.copy(next((tmp_path / "other" / "checkpoint").glob(f"*{theirs.suffix}")), run / name)
    train_again(made, run, name)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RESULTS), st.binary(max_size=200))
def test_a_finished_run_of_any_bytes_is_an_error_of_ours(
    made: Path, tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    run = shutil.copytree(made / "whole", tmp_path_factory.mktemp("any") / "run")
    (run / name).write_bytes(content)
    with pytest.raises((RunConflict, IncompatibleState)):
        srnn.load_run(run)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"config": []}',
        '{"config": {"steps": "many"}}',
        '{"config": {"arch": "dense", "size": [1000, 1000, 1000, 1000]}}',
        '{"streams": [2]}',
        "nan",
        "1" * 5000,
        "\x00",
        "{",
    ],
)
def test_a_configuration_of_a_wrong_type_is_one_line(text: str, made: Path, tmp_path: Path) -> None:
    run, _ = copies(made, "whole", tmp_path)
    (run / "config.json").write_text(text)
    with pytest.raises(RunDamaged) as caught:
        srnn.load_run(run)
    assert "config.json" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_records_of_wrong_types_do_not_stop_a_run(made: Path, tmp_path: Path) -> None:
    import json

    for number, (name, value) in enumerate(
        [("continued", 3), ("network", 3), ("network", {"masks": 3}), ("streams", [2])]
    ):
        run = shutil.copytree(made / "left", tmp_path / str(number))
        record = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps({**record, name: value}))
        try:
            srnn.train(CONFIG, run, options=OFTEN)
        except RunConflict:
            assert number > 1
        else:
            assert same_outcome(run, made / "whole")


def test_a_tensor_that_claims_a_huge_shape_is_refused_before_it_takes_memory(
    made: Path, tmp_path: Path
) -> None:
    import json
    import resource
    import struct

    run, _ = copies(made, "whole", tmp_path)
    path = run / "weights.safetensors"
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, body = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    for name, shape in (
        ("rnn.weight_ih", [0, 2**31]),
        ("rnn.weight_ih", [2**31, 0]),
        ("readout.weight", [0, 2**31]),
        ("readout.weight", [2**31, 0]),
        ("mask.indptr", [0]),
    ):
        changed = {**header, name: {**header[name], "shape": shape, "data_offsets": [0, 0]}}
        text = json.dumps(changed).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + body)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(IncompatibleState, match="damaged or holds no network"):
            srnn.load(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
