"""One process a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import sparse_rnn as srnn
from sparse_rnn.errors import RunConflict
from sparse_rnn.lock import locked
from tests.sparse_rnn.helpers import contents, small_config

HOLD = """
import sys, time
from pathlib import Path
from sparse_rnn.lock import locked
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
    assert list(contents(tmp_path)) == [".lock"]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert (tmp_path / ".lock").exists()
    srnn.train(small_config(), tmp_path)
    assert not (tmp_path / ".lock").exists()


def test_a_lock_holds_within_a_process_and_ends_with_its_block(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(RunConflict, match=f"process {os.getpid()}"), locked(tmp_path):
            pass
        assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass
    (tmp_path / ".lock").write_text("no JSON")
    with locked(tmp_path), pytest.raises(RunConflict), locked(tmp_path):
        pass


def test_a_finished_run_needs_no_lock(finished: srnn.Run) -> None:
    assert finished.folder is not None
    with locked(finished.folder):
        srnn.train(small_config(), finished.folder)
