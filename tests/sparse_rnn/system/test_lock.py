"""One process a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import sparse_rnn as srnn
from sparse_rnn.errors import RunConflict, RunDamaged
from sparse_rnn.system.lock import is_held, locked
from tests.sparse_rnn.helpers import contents, small_config

HOLD = """
import sys, time
from pathlib import Path
from sparse_rnn.system.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_in_use_is_refused_and_one_of_a_dead_process_taken_over(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(RunConflict, match=rf"in use by process {holder.pid} on .*Wait until"):
        srnn.train(small_config(), tmp_path)
    assert list(contents(tmp_path)) == [".lock", ".lock.json"]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert (tmp_path / ".lock").exists()
    srnn.train(small_config(), tmp_path)
    assert not list(tmp_path.glob(".lock*"))


def test_a_lock_holds_within_a_process_and_ends_with_its_block(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(RunConflict, match=f"process {os.getpid()}"), locked(tmp_path):
            pass
        assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        (tmp_path / ".lock.json").write_text("no JSON")
        with pytest.raises(RunConflict, match="another process"), locked(tmp_path):
            pass


def test_a_finished_run_needs_no_lock(finished: srnn.Run) -> None:
    assert finished.folder is not None
    with locked(finished.folder):
        srnn.train(small_config(), finished.folder)


def test_who_looks_in_a_loop_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()  # As a killed process leaves it.
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_held(tmp_path)

    looking = [threading.Thread(target=look) for _ in range(2)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(300):
            (tmp_path / ".lock").touch()
            with locked(tmp_path):
                pass
    finally:
        stop.set()
        for thread in looking:
            thread.join()


def test_who_looks_sees_who_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_held(tmp_path)
    for _ in ("fcntl", "without fcntl"):
        with locked(tmp_path):
            assert is_held(tmp_path)
        (tmp_path / ".lock").touch()
        assert not is_held(tmp_path)
        monkeypatch.setitem(sys.modules, "fcntl", None)


@pytest.mark.parametrize("name", [".lock", ".lock.json"])
def test_a_lock_that_is_a_link_is_not_followed(name: str, tmp_path: Path) -> None:
    theirs, folder = tmp_path / "theirs", tmp_path / "run"
    theirs.write_text("precious")
    folder.mkdir()
    (folder / name).symlink_to(theirs)
    with pytest.raises(RunDamaged, match="is a symbolic link"), locked(folder):
        pass
    assert theirs.read_text() == "precious"
