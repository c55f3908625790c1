"""Files that come from somebody else: read, or refused by a typed error that names them.

One table of readers. A row says how a sound file is made and how it is read; the tests damage it in
every way that is known. Nothing that lies beside it, inside it or where a link points is changed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import modcog
from sparse_rnn.errors import SparseRnnError

if sys.platform == "win32":
    pytest.skip("named pipes and devices are those of POSIX", allow_module_level=True)


class _Stop(Exception):
    pass


@dataclass(frozen=True)
class Reader:
    """How a file is made and read.

    Attributes:
        make: Makes what is read, in an empty folder, and returns the file that is to be damaged.
        read: Reads it again, given that folder; what it returns says what was read.
        errors: Errors that refuse a file.
        library: Package without which there is no such file.
        repairs: Whether a damaged file may also be made anew, with the same outcome.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...]
    library: str = "numpy"
    repairs: bool = False


def _make_bank(folder: Path) -> Path:
    modcog.trial_bank("Go", 2).save(folder / "bank.npz")
    return folder / "bank.npz"


def _read_bank(folder: Path) -> Any:
    bank = modcog.TrialBank.load(folder / "bank.npz")
    return bank.inputs.tobytes(), bank.task.tolist()


def _sampler() -> modcog.BatchSampler:
    return modcog.BatchSampler("Go", batch_size=2, seq_len=30)


def _stopped(suffix: str, damaged: str) -> Callable[[Path], Path]:
    """An export that was stopped, and one of its files."""

    def make(folder: Path) -> Path:
        def stop(done: int, total: int) -> None:
            del total
            if done == 2:
                raise _Stop

        target = folder / f"data{suffix}"
        with pytest.raises(_Stop):
            modcog.export(_sampler(), target, 3, progress=stop)
        return folder / f"data{suffix}.part" / damaged

    return make


def _finished(suffix: str) -> Callable[[Path], Path]:
    return lambda folder: modcog.export(_sampler(), folder / f"data{suffix}", 3)


def _resume(suffix: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        path = modcog.export(_sampler(), folder / f"data{suffix}", 3, resume=True)
        return path.read_bytes() if path.is_file() else None

    return read


def _make_run(name: str) -> Callable[[Path], Path]:
    """A finished run, and one of its files."""

    def make(folder: Path) -> Path:
        import sparse_rnn

        config = sparse_rnn.TrainConfig(
            suite=("Go", "DlyGo"), arch="autapse", size=4, steps=2, batch_size=2, final_batches=1
        )
        sparse_rnn.train(config, folder / "run")
        return folder / "run" / name

    return make


def _read_run(folder: Path) -> Any:
    import sparse_rnn

    run = sparse_rnn.load_run(folder / "run")
    state = {name: value.tolist() for name, value in run.network.state_dict().items()}
    return run.config, repr(run.history), repr(run.evaluation.rows()), repr(state)


def _make_failures(folder: Path) -> Path:
    from sparse_rnn.sweep import store

    store.note_failure(folder, "E: x", "", retries=0, final=True)
    return folder / store.FAILURES


def _read_failures(folder: Path) -> Any:
    from sparse_rnn.sweep import store

    return store.failures(folder)


def _make_finding(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from matplotlib.figure import Figure

        from sparse_rnn.report import findings
        from tests.sparse_rnn.findings_made import made_finding

        findings.write(made_finding(), folder, {"one": Figure(figsize=(1, 1))})
        return folder / name

    return make


def _read_finding(folder: Path) -> Any:
    from sparse_rnn.report import findings

    return findings.read_all(folder)


def _make_plan(folder: Path) -> Path:
    from sparse_rnn.sweep import slurm
    from tests.sparse_rnn.helpers import small_config

    return Path(slurm._written(slurm.planned([small_config()], folder)))


def _read_plan(folder: Path) -> Any:
    from sparse_rnn.sweep import slurm

    return slurm._planned_configs(folder / "jobs" / "plan-0001.json")


REFUSED = (modcog.ModcogError,)
REFUSED_RUN = (SparseRnnError,)

READERS: dict[str, Reader] = {
    "bank": Reader(_make_bank, _read_bank, REFUSED),
    "record of an export": Reader(_stopped(".npz", "progress.json"), _resume(".npz"), REFUSED),
    "array of an npz export": Reader(
        _stopped(".npz", "members/inputs.npy"), _resume(".npz"), REFUSED
    ),
    "text of an npz export": Reader(
        _stopped(".npz", "members/tasks.npy"), _resume(".npz"), REFUSED, repairs=True
    ),
    "HDF5 of an export": Reader(
        _stopped(".h5", "data.h5"), _resume(".h5"), REFUSED, library="h5py"
    ),
    "zarr of an export": Reader(
        _stopped(".zarr", "data.zarr/inputs/zarr.json"),
        _resume(".zarr"),
        REFUSED,
        library="zarr",
    ),
    "finished npz": Reader(_finished(".npz"), _resume(".npz"), REFUSED),
    "finished zarr": Reader(
        lambda folder: _finished(".zarr")(folder) / "zarr.json",
        _resume(".zarr"),
        REFUSED,
        library="zarr",
    ),
    "finished HDF5": Reader(_finished(".h5"), _resume(".h5"), REFUSED, library="h5py"),
    "weights": Reader(_make_run("weights.safetensors"), _read_run, REFUSED_RUN, library="torch"),
    "configuration": Reader(_make_run("config.json"), _read_run, REFUSED_RUN, library="torch"),
    "course": Reader(_make_run("metrics.csv"), _read_run, REFUSED_RUN, library="torch"),
    # Cut between two lines it is a table of fewer tasks, which nothing tells from a whole one.
    "scores": Reader(
        _make_run("evaluation.csv"), _read_run, REFUSED_RUN, library="torch", repairs=True
    ),
    "failures": Reader(_make_failures, _read_failures, REFUSED_RUN, library="torch"),
    "finding": Reader(_make_finding("fig2a.json"), _read_finding, REFUSED_RUN, library="torch"),
    "figure": Reader(_make_finding("one.svg"), _read_finding, REFUSED_RUN, library="torch"),
    "plan of jobs": Reader(_make_plan, _read_plan, REFUSED_RUN, library="submitit"),
}
"""Rows are added by whoever reads a file. Unfinished runs, which are gone on with, have their own
properties in tests/sparse_rnn/test_run_files.py, and sweeps in test_sweep_hostile.py."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Folders with what is read, made once, and the place in them of the file to damage."""
    known: dict[str, tuple[Path, Path]] = {}

    def of(name: str) -> tuple[Path, Path]:
        if name not in known:
            folder = tmp_path_factory.mktemp("sound")
            known[name] = folder, READERS[name].make(folder).relative_to(folder)
        return known[name]

    return of


class Case:
    """A fresh copy of what is read, of which a test damages one file."""

    def __init__(self, reader: Reader, sound: tuple[Path, Path], folder: Path) -> None:
        self.reader = reader
        self.sound, place = sound
        self.folder = folder / "here"
        self.path = self.folder / place
        self.outside = folder / "outside"
        self.outside.write_bytes(b"precious")
        self.renew()

    def renew(self) -> None:
        """Make everything sound again."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.sound, self.folder)

    def sound_outcome(self) -> Any:
        """What is read where nothing is damaged; white space at an end may be missing."""
        self.renew()
        return self.reader.read(self.folder)

    def check(self, *, may_be_read: bool = False) -> None:
        """Read, which is refused and changes nothing."""
        before = _listing(self.folder)
        try:
            outcome = self.reader.read(self.folder)
        except self.reader.errors as error:
            text = str(error)
            assert "\n" not in text
            assert any(part.name in text for part in (self.path, *self.path.parents[:3]))
            assert _listing(self.folder) == before
        else:
            assert may_be_read or self.reader.repairs or outcome == self.sound_outcome()
        assert self.outside.read_bytes() == b"precious"


def _listing(folder: Path) -> dict[str, Any]:
    """All that lies in a folder: kinds, places that links point to, contents."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else path.lstat().st_mode
    return found


@pytest.fixture(params=READERS)
def case(
    request: pytest.FixtureRequest, sound: Callable[[str], tuple[Path, Path]], tmp_path: Path
) -> Case:
    pytest.importorskip(READERS[request.param].library)
    return Case(READERS[request.param], sound(request.param), tmp_path)


drawn = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
shares = st.floats(0, 1, exclude_max=True)


@drawn
@given(share=shares)
def test_a_file_that_ends_early_is_refused(case: Case, share: float) -> None:
    case.renew()
    content = case.path.read_bytes()
    case.path.write_bytes(content[: int(share * len(content))])
    case.check()


@drawn
@given(share=shares, noise=st.binary(min_size=1, max_size=40))
def test_other_content_is_refused_or_harmless(case: Case, share: float, noise: bytes) -> None:
    case.renew()
    content = case.path.read_bytes()
    at = int(share * len(content))
    case.path.write_bytes(content[:at] + noise + content[at + len(noise) :])
    case.check(may_be_read=True)


def test_line_ends_of_another_system_are_read_or_refused(case: Case) -> None:
    content = case.path.read_bytes()
    case.path.write_bytes(content.replace(b"\n", b"\r\n") + b"\r\n")
    case.check(may_be_read=case.path.suffix == ".json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"null", b"PK\3\4", bytes(4096)])
def test_something_else_altogether_is_refused(case: Case, content: bytes) -> None:
    case.path.write_bytes(content)
    case.check()


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "link", "link to itself", "dangling"])
@pytest.mark.timeout(60)
def test_what_is_no_regular_file_is_refused(case: Case, kind: str) -> None:
    content = case.path.read_bytes()
    case.path.unlink()
    if kind == "folder":
        case.path.mkdir()
    elif kind == "pipe":
        os.mkfifo(case.path)
    elif kind == "device":
        case.path.symlink_to("/dev/zero")
    elif kind == "link":
        case.outside.with_name("sound").write_bytes(content)
        case.path.symlink_to(case.outside.with_name("sound"))
    elif kind == "link to itself":
        case.path.symlink_to(case.path.name)
    else:
        case.path.symlink_to(case.outside.with_name("absent"))
    if kind == "link":
        case.check()
        assert case.outside.with_name("sound").read_bytes() == content
        return
    before = _kinds(case.folder)
    with pytest.raises((*case.reader.errors, FileNotFoundError)):
        case.reader.read(case.folder)
    assert _kinds(case.folder) == before
    assert not case.outside.with_name("absent").exists()


def _kinds(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.lstat().st_mode for path in folder.rglob("*")}


def test_an_export_writes_through_no_link_within_its_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    inside = _stopped(".h5", "data.h5")(tmp_path)
    outside = tmp_path / "outside.h5"
    with h5py.File(outside, "w") as file, h5py.File(inside, "r+") as old:
        old.copy("inputs", file)
        del old["inputs"]
        old["inputs"] = h5py.ExternalLink(str(outside), "/inputs")
    before = outside.read_bytes()
    with pytest.raises(modcog.InvalidArgument, match="inputs is not as it was made"):
        modcog.export(_sampler(), tmp_path / "data.h5", 3, resume=True)
    assert outside.read_bytes() == before
