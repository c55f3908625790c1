"""Drills with real processes: killed at random moments, asked to leave, short of room."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.runs.checkpoint import Store
from tests.sparse_rnn.helpers import contents, same_outcome

pytestmark = pytest.mark.drill

STEPS = 400
WORDS = shlex.split(
    "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --batch-size 2 --seq-len 45 "
    f"--steps {STEPS} --eval-every 50 --eval-batches 2 --final-batches 20 --schedule cosine "
    "--warmup 20 --l2 1e-4 --checkpoint-every 10"
)


def started(
    out: Path, before: Callable[[], None] | None = None, more: Sequence[str] = ()
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sparse_rnn.cli", *WORDS, *more, "--out", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that nothing interrupts, and how many seconds it takes from its first file on."""
    out = tmp_path_factory.mktemp("drill") / "whole"
    process = started(out)
    wait_for((out / "config.json").exists)
    began_s = time.monotonic()
    status, errors = ended(process)
    assert status == 0, errors
    return out, time.monotonic() - began_s


def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(
    whole: tuple[Path, float], tmp_path: Path
) -> None:
    reference, seconds = whole
    seed = int.from_bytes(os.urandom(4), "little")
    print(f"moments drawn from seed {seed}")  # noqa: T201 - shown where the test fails
    rng = np.random.default_rng(seed)
    out = tmp_path / "run"
    n_kills = 0
    while n_kills < 3 and not (out / "weights.safetensors").exists():
        process = started(out)
        wait_for((out / ".lock").exists if n_kills == 0 else (out / "config.json").exists)
        if n_kills:
            # What was there before says nothing: wait until this process has begun.
            stale = (out / "config.json").stat().st_mtime_ns
            wait_for(
                lambda stale=stale, process=process: (
                    (out / "config.json").stat().st_mtime_ns != stale or process.poll() is not None
                )
            )
        time.sleep(rng.uniform(0, 0.6 * seconds))
        process.send_signal(signal.SIGKILL)
        ended(process)
        n_kills += 1
    status, errors = ended(started(out))
    assert status == 0, errors
    assert same_outcome(out, reference)
    before = contents(out)
    assert ended(started(out)) == (0, "")
    assert contents(out) == before


@pytest.mark.parametrize(
    "more",
    [
        "--optimiser adamw --optimiser-options amsgrad=true,weight_decay=0.1",
        "--optimiser sgd --optimiser-options momentum=0.9,nesterov=true --lr 0.01",
        "--l1-proximal 2 --activity-l2 0.1 --truncate 20 --freeze readout",
        "--stages Go:130,DlyGo:270 --continual ewc --continual-options strength=10,batches=2 "
        "--eval-batches 20",
        "--stages Go:130,DlyGo:270 --continual projection --continual-options alpha=0.1,batches=2 "
        "--eval-batches 20",
    ],
)
def test_every_optimiser_and_objective_survives_a_kill(more: str, tmp_path: Path) -> None:
    words = more.split()
    assert ended(started(tmp_path / "whole", more=words))[0] == 0
    out = tmp_path / "run"
    for step in (20, 150):
        process = started(out, more=words)
        wait_for(lambda step=step: (Store(out).steps() or [0])[0] >= step)
        process.send_signal(signal.SIGKILL)
        ended(process)
        assert not (out / "weights.safetensors").exists()
    assert ended(started(out, more=words))[0] == 0
    assert same_outcome(out, tmp_path / "whole")


def test_a_curriculum_that_scores_decide_survives_kills(tmp_path: Path) -> None:
    words = shlex.split(
        "--stages Go:performance=0.25+at_most=190,DlyGo:performance=0.3+at_most=120,Go+DlyGo:50 "
        "--continual ewc --lr 0.005 --noise 0.1 --eval-batches 20"
    )
    assert ended(started(tmp_path / "whole", more=words))[0] == 0
    ends = StageMatrix.read_csv(tmp_path / "whole" / "stages.csv").ended_at
    assert ends is not None
    assert ends[0] < 190  # By its score: nothing but the checkpoint can tell.
    assert ends[0] < ends[1] < ends[2] == STEPS
    out = tmp_path / "run"
    for step in (20, ends[0] + 20, ends[1] + 20):
        process = started(out, more=words)
        wait_for(lambda step=step: (Store(out).steps() or [0])[0] >= step)
        process.send_signal(signal.SIGKILL)
        ended(process)
        assert not (out / "weights.safetensors").exists()
    assert ended(started(out, more=words))[0] == 0
    assert same_outcome(out, tmp_path / "whole")
    assert (out / "stages.csv").read_bytes() == (tmp_path / "whole" / "stages.csv").read_bytes()


def test_a_run_that_is_asked_to_leave_does_so_at_once_and_goes_on(
    whole: tuple[Path, float], tmp_path: Path
) -> None:
    number = signal.SIGTERM
    out = tmp_path / "run"
    process = started(out)
    wait_for(lambda: Store(out).steps())
    process.send_signal(number)
    status, errors = ended(process)
    assert status == 128 + number
    assert f"{number.name} after step" in errors
    assert "the same command goes on from it" in errors
    assert "Traceback" not in errors
    assert ended(started(out))[0] == 0
    assert same_outcome(out, whole[0])


def test_a_run_without_room_stops_in_one_line_and_goes_on(
    whole: tuple[Path, float], tmp_path: Path
) -> None:
    out = tmp_path / "run"

    def limit() -> None:
        # The system's own refusal to let a file grow beyond this many bytes: metrics.csv wants to.
        resource.setrlimit(resource.RLIMIT_FSIZE, (22_000, 22_000))

    status, errors = ended(started(out, limit))
    assert status == 2
    assert "Traceback" not in errors
    last = errors.splitlines()[-1]
    assert "could not be written (File too large). The checkpoint of step" in last
    steps = Store(out).steps()
    assert len(steps) == 2
    assert all(Store(out)._read(step).facts["step"] == step for step in steps)
    assert ended(started(out))[0] == 0
    assert same_outcome(out, whole[0])
