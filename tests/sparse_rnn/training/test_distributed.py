"""Several processes: one alone, two that meet over gloo, and how they fail together."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import sparse_rnn as srnn
from sparse_rnn.data import Batch, TaskStream
from sparse_rnn.errors import SparseRnnError
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.runs.decisions import Decisions
from sparse_rnn.training.group import Group, joined
from sparse_rnn.training.loop import Trainer
from sparse_rnn.training.run import build, streams
from tests.sparse_rnn.helpers import lines_without_clock, same_outcome

WORDS = (
    "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --steps {steps} --batch-size 2 "
    "--seq-len 45 --eval-every 5 --eval-batches 2 --final-batches 2 --checkpoint-every 5"
)


def config(steps: int = 12) -> srnn.TrainConfig:
    return srnn.TrainConfig(
        suite=("Go", "DlyGo"),
        arch="locality",
        size=(4, 4),
        radius=1,
        steps=steps,
        batch_size=2,
        seq_len=45,
        eval_every=5,
        eval_batches=2,
        final_batches=2,
    )


def test_one_process_is_a_group_of_one() -> None:
    with joined() as group:
        assert (group.rank, group.size, group.first) == (0, 1, True)
        value = torch.ones(3)
        assert group.sum(value) is value
        assert group.decide(lambda: {"a": 1}) == {"a": 1}
        assert group.bytes(b"abc") == b"abc"
        group.sum_gradients([value])


def test_processes_that_cannot_meet_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SparseRnnError, match="2 processes of this run did not meet"), joined():
        pass


class Doubled:
    """Batches 2 i and 2 i + 1 of a stream side by side: what two processes see at step i."""

    def __init__(self, stream: TaskStream) -> None:
        self.stream = stream

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        for number in range(start, stop):
            pair = [self.stream.batch(2 * number), self.stream.batch(2 * number + 1)]
            tensors = (
                torch.cat([getattr(batch, name) for batch in pair], dim=1)
                for name in ("inputs", "targets", "mask")
            )
            yield Batch(*tensors, pair[0].source)


def started(
    out: Path, steps: int, n_processes: int = 2, more: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """The command under torchrun."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(n_processes), "-m", "sparse_rnn.cli"),
        *shlex.split(WORDS.format(steps=steps)),
        *more,
        *("--out", str(out)),
    ]
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(out: Path, steps: int = 12, more: Sequence[str] = ()) -> tuple[str, str]:
    process = started(out, steps, more=more)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return output, errors


@pytest.mark.slow
def test_two_processes_are_one_with_the_double_batch(tmp_path: Path) -> None:
    output, errors = finished(tmp_path / "two")
    # One of them speaks.
    assert output.count("Means over 2 tasks") == 1
    assert errors.count("step 12/12") == 1
    _, held_out, network = build(config())
    training, _ = streams(config())
    trainer = Trainer(network, Doubled(training), held_out, config())
    records = list(trainer.records())
    history = srnn.evaluation.history.History.read_csv(tmp_path / "two" / "metrics.csv")
    ours = srnn.evaluation.history.History.of(record.row() for record in records)
    for name in ("loss", "grad_norm"):
        np.testing.assert_allclose(history[name], ours[name], rtol=2e-5)
    np.testing.assert_array_equal(history["lr"], ours["lr"])
    weights = load_file(tmp_path / "two" / "weights.safetensors")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)
    # And not what one process with the single batch sees.
    alone = srnn.train(config())
    assert not np.allclose(alone.history["loss"], ours["loss"], rtol=1e-3)
    assert (
        json.loads(next((tmp_path / "two" / "checkpoint").glob("*.json")).read_text())["facts"][
            "processes"
        ]
        == 2
    )
    # A finished run is a no-op for two as well, and another number of processes is another run.
    assert "was finished before" in finished(tmp_path / "two")[0]


@pytest.mark.slow
def test_two_processes_choose_the_synapses_of_the_double_batch(tmp_path: Path) -> None:
    how = ("--sparsifier", "rigl", "--sparsifier-options", "density=0.15,every=3,share=0.6")
    finished(tmp_path / "two", more=how)
    chosen = {"density": 0.15, "every": 3, "share": 0.6}
    given = config().model_dump(exclude_unset=True)
    settings = {**given, "sparsifier": "rigl", "sparsifier_options": chosen}
    ours = srnn.TrainConfig(**settings)
    _, held_out, network = build(ours)
    trainer = Trainer(network, Doubled(streams(ours)[0]), held_out, ours)
    trainer.begin()
    start = network.rnn.mask
    list(trainer.records())
    found = srnn.load(tmp_path / "two")
    assert found.rnn.mask == network.rnn.mask
    assert found.rnn.mask != start
    torch.testing.assert_close(found.rnn.weight_hh, network.rnn.weight_hh, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_penalties_on_activity_are_the_mean_over_processes(tmp_path: Path) -> None:
    finished(tmp_path / "two", 5, ["--activity-l2", "0.5", "--optimiser", "sgd", "--lr", "0.1"])
    settings = config(5).model_dump() | {"activity_l2": 0.5, "optimiser": "sgd", "lr": 0.1}
    settings = {name: value for name, value in settings.items() if name != "rates"}
    own = srnn.TrainConfig(**settings)
    _, held_out, network = build(own)
    list(Trainer(network, Doubled(streams(own)[0]), held_out, own).records())
    weights = load_file(tmp_path / "two" / "weights.safetensors")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_what_earlier_stages_used_is_that_of_all_processes(tmp_path: Path) -> None:
    more = ["--stages", "Go:5,DlyGo:7", "--continual", "projection", "--eval-batches", "8"]
    finished(tmp_path / "two", 12, more)
    settings = {"stages": [("Go", 5), ("DlyGo", 7)], "continual": "projection", "eval_batches": 8}
    own = srnn.TrainConfig(**config().model_dump(exclude_unset=True) | settings)
    _, held_out, network = build(own)
    training = streams(own)[0].staged(own.stages or (), 2)
    list(Trainer(network, Doubled(training), held_out, own).records())
    weights = load_file(tmp_path / "two" / "weights.safetensors")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_each_process_carries_the_states_of_its_lanes(tmp_path: Path) -> None:
    more = ["--carry-states"]
    finished(tmp_path / "two", 12, more)
    own = config().model_copy(update={"carry_states": True})
    _, held_out, network = build(own)
    list(Trainer(network, Doubled(streams(own)[0]), held_out, own).records())
    weights = load_file(tmp_path / "two" / "weights.safetensors")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)
    kept = sorted((tmp_path / "two" / "checkpoint").glob("*.safetensors"))[-1]
    assert load_file(kept)["carried.alone"].shape == (2, 1, 2, 16)


@pytest.mark.slow(40)
def test_two_processes_save_themselves_and_go_on(tmp_path: Path) -> None:
    steps = 200
    finished(tmp_path / "whole", steps)
    process = started(tmp_path / "run", steps)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "run" / "checkpoint").glob("*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)  # torchrun passes it on.
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    assert f"of {steps}. {tmp_path / 'run' / 'checkpoint'} has this step" in errors
    alone = subprocess.run(
        [
            *(sys.executable, "-m", "sparse_rnn.cli"),
            *shlex.split(WORDS.format(steps=steps)),
            *("--out", str(tmp_path / "run")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 2
    assert "was begun by 2 processes and this is 1" in alone.stderr
    finished(tmp_path / "run", steps)
    assert same_outcome(tmp_path / "run", tmp_path / "whole")
    assert len(lines_without_clock(tmp_path / "run")) == steps + 1


@pytest.mark.slow
def test_two_processes_decide_the_same_where_a_stage_ends(tmp_path: Path) -> None:
    more = ["--lr", "0.03", "--noise", "0.1", "--eval-batches", "10", "--continual", "ewc"]
    loop = "Go:performance=0.15+at_most=20,DlyGo:performance=1+at_most=6,Go+DlyGo:4"
    finished(tmp_path / "loop", 30, [*more, "--stages", loop])
    ends = StageMatrix.read_csv(tmp_path / "loop" / "stages.csv").ended_at
    assert ends is not None
    assert ends[0] < 20
    first, second, last = np.diff([0, *ends])
    plain = f"Go:{first},DlyGo:{second},Go+DlyGo:{last}"
    finished(tmp_path / "plain", 30, [*more, "--stages", plain])
    assert same_outcome(tmp_path / "loop", tmp_path / "plain")


@pytest.mark.slow
def test_a_refusal_is_told_once_by_the_first_process(tmp_path: Path) -> None:
    srnn.train(config(), tmp_path)
    process = started(tmp_path, 13)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    lines = [line for line in errors.splitlines() if line.startswith("sparse-rnn: ")]
    assert len(lines) == 1
    assert "steps is 12 there and 13 here" in lines[0]
    assert isinstance(Group(1, 2).first, bool)
    assert not Group(1, 2).first


def alone(rank: int, out: Path, port: int, steps: int) -> subprocess.Popen[str]:
    """A process of two that nothing looks after."""
    words = [*shlex.split(WORDS.format(steps=steps)), "--out", str(out)]
    env = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "sparse_rnn.cli", *words],
        env={**os.environ, **env, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_who_is_left_says_why_it_ends(killed: int, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [alone(rank, tmp_path / "run", port, 5000) for rank in range(2)]
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "run" / "checkpoint").glob("*.json")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        processes[killed].kill()
        _, errors = processes[1 - killed].communicate(timeout=120)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert processes[1 - killed].returncode == 2
    lines = [line for line in errors.splitlines() if line.startswith("sparse-rnn: ")]
    assert len(lines) == 1
    assert f"Process {1 - killed} of 2 ends, as another process of this run has ended" in lines[0]
    assert "Traceback" not in errors


FIT = """
import glob, os, sys, torch
import sparse_rnn as srnn
rank = int(os.environ["RANK"])
torch.manual_seed(rank)  # Each process draws other weights.
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = srnn.MaskedRNN(34, srnn.masks.autapse(4), seed=rank)
        self.out = torch.nn.Linear(4 + (rank if sys.argv[1] == "other" else 0), 17)
        self.register_buffer("count", torch.tensor(rank))
    def forward(self, inputs):
        return self.out(self.rnn(inputs)[0])
config = srnn.FitConfig(suite="Go", steps=3, eval_batches=1, final_batches=1, seq_len=45)
net = Net()
srnn.fit(net, config)
total = sum(float(value.double().sum()) for value in net.state_dict().values())
names = [open(path).read().strip() for path in glob.glob("/proc/self/task/*/comm")]  # of threads
left = [name for name in names if "gloo" in name]
# At once, so that lines stay whole.
os.write(1, f"sum {total} {int(net.count)} {left}\\n".encode())
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["same", "other"])
def test_a_module_of_ones_own_starts_from_the_weights_of_the_first_process(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "fit.py").write_text(FIT)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", str(tmp_path / "fit.py"), kind),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("sum")]
    if kind == "same":
        assert done.returncode == 0, done.stderr
        assert len(said) == 2
        assert len(set(said)) == 1
        # A thread that is left aborts the process now and then when the interpreter ends.
        assert said[0].endswith(" 0 []")
    else:
        assert done.returncode != 0
        assert "network must be the same in all processes" in done.stderr


POLICY = """
import os, sys
from pathlib import Path
import numpy as np
import sparse_rnn as srnn
from sparse_rnn.training.group import joined
out, rng = Path(sys.argv[1]), np.random.default_rng(int(os.environ["RANK"]))  # others in each
how = {"suite": ("Go", "DlyGo"), "arch": "autapse", "size": 8, "batch_size": 2, "seq_len": 45}
how |= {"eval_every": 3, "eval_batches": 4, "final_batches": 1, "lr": 0.03}
with joined():
    config = srnn.TrainConfig(steps=8, **how)
    drawn = ("drawn", lambda _: rng.dirichlet([1.0, 1.0]))
    found = srnn.train(config, out / "policy", curriculum=drawn).decisions
    stages = tuple(zip(found.weights, np.diff((*found.steps, 8)).tolist()))
    srnn.train(srnn.TrainConfig(stages=stages, **how), out / "plain")
"""


@pytest.mark.slow
def test_two_processes_train_what_the_first_one_was_told(tmp_path: Path) -> None:
    (tmp_path / "policy.py").write_text(POLICY)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", str(tmp_path / "policy.py"), str(tmp_path)),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    policy, plain = tmp_path / "policy", tmp_path / "plain"
    assert len(set(Decisions.read_csv(policy / "curriculum.csv").weights)) == 3
    assert lines_without_clock(policy) == lines_without_clock(plain)
    name = "weights.safetensors"
    assert (policy / name).read_bytes() == (plain / name).read_bytes()
