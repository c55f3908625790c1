"""What a person does, on systems that lack what Linux has: macOS and Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = r"""
import os, signal, sys, types

# Libraries know their systems: what they look up stays there. Modules they have already.
import distributed, filelock, torch

class Without(types.ModuleType):
    def __getattribute__(self, name):
        own = super().__getattribute__
        if f"{own('__name__')}.{name}" in NAMES:
            asks = sys._getframe(1).f_globals.get("__name__", "").partition(".")[0]
            if asks in ("modcog", "sparse_rnn"):
                raise AttributeError(f"hidden: {name}")
        return own(name)

os.__class__ = signal.__class__ = Without
for name in NAMES:
    if "." not in name:
        sys.modules[name] = None
"""

JOURNEY = r"""
import modcog, sparse_rnn as srnn
from sparse_rnn.cli import main
from sparse_rnn.errors import Interrupted
from sparse_rnn.system import signals
from sparse_rnn.system.lock import is_held
from modcog.cli import main as modcog_main
from pathlib import Path

settings = dict(suite="cog-20", arch="locality", size=(4, 4), batch_size=2, seq_len=40, seed=0)
config = srnn.TrainConfig(steps=3, mask_options={"radius": 1}, **settings)

def leave(record):
    assert is_held(Path("runs/one"))
    if record.step == 2:
        signals.ask(signal.SIGTERM)

from contextlib import contextmanager

@contextmanager
def display(config):
    yield leave

try:
    srnn.train(config, "runs/one", progress=display)
except Interrupted as error:
    assert error.number == signal.SIGTERM
else:
    raise AssertionError("the run did not leave")
assert not is_held(Path("runs/one"))
srnn.train(config, "runs/one")
assert len(Path("runs/one/metrics.csv").read_text().splitlines()) == 4

assert main(["sweep", "sweep.toml", "--results", "runs/sweep", "--workers", "0"]) in (0, None)
asked = ["export", "cog-20", "-o", "trials.npz", "--batches", "1", "--seq-len", "40"]
assert modcog_main(asked) in (0, None)
print("arrived")
"""

SWEEP = """
seeds = 2

[settings]
suite = "cog-20"
arch = "dense"
size = 4
steps = 2
batch_size = 2
seq_len = 40
"""

WINDOWS = (
    *("fcntl", "grp", "pwd", "resource", "termios"),
    *("os.O_NOFOLLOW", "os.O_NONBLOCK", "os.fork", "os.geteuid", "os.getloadavg", "os.getuid"),
    *("os.killpg", "os.mkfifo", "os.sched_getaffinity", "os.setsid", "os.statvfs", "os.sysconf"),
    *("os.uname", "signal.SIGALRM", "signal.SIGHUP", "signal.SIGKILL", "signal.SIGUSR1"),
    *("signal.SIGUSR2", "signal.SIGXCPU", "signal.pthread_sigmask"),
)
"""What Windows does not have and Linux has."""

MACOS = ("os.sched_getaffinity", "os.sched_setaffinity", "os.posix_fadvise")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="hides what Linux has")
@pytest.mark.parametrize("names", [WINDOWS, MACOS], ids=["windows", "macos"])
def test_it_imports_trains_resumes_sweeps_and_exports(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    for package in ("distributed", "h5py"):
        pytest.importorskip(package)
    (tmp_path / "sweep.toml").write_text(SWEEP, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", f"NAMES = {names!r}\n{WITHOUT}{JOURNEY}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.splitlines()[-1:] == ["arrived"], result.stdout + result.stderr
