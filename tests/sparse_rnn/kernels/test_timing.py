"""Which kernel is the fastest: decided by given times, on cases of a kind, and kept on disk."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import kernels, masks
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.kernels import kept, timing
from sparse_rnn.kernels.cases import Case

MASK = masks.locality((15, 15), radius=4)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what is timed, as on a machine that has timed nothing."""
    monkeypatch.setenv(timing.VARIABLE, "measure")
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path / "times"))
    kept.forget()
    return tmp_path / "times"


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Case]]:
    """Let kernels have given times; returns a function that does so, and what was asked since."""

    def give(**seconds: float) -> list[Case]:
        asked: list[Case] = []

        def measure(case: Case, _clock: object) -> dict[str, float]:
            asked.append(case)
            return seconds

        monkeypatch.setattr(timing, "measure", measure)
        return asked

    return give


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3))
def test_the_expected_kernel_stands_unless_another_is_clearly_faster(a: float, b: float) -> None:
    chosen = timing.decide({"dense": a, "sparse_cpu": b}, "dense")
    assert chosen == ("sparse_cpu" if b <= 0.8 * a else "dense")


def test_kernels_take_turns_and_slow_ones_leave() -> None:
    now, done = 0.0, []

    def work(name: str, seconds: Iterator[float]) -> Callable[[], None]:
        def run() -> None:
            nonlocal now
            done.append(name)
            now += next(seconds)

        return run

    def clock() -> float:
        return now

    works = {
        "a": work("a", iter([9.0, 0.03, 0.02, 0.04, 0.01, 0.05])),
        "b": work("b", iter([0.01, 0.04, 0.03, 0.03, 0.03, 0.03])),
        "c": work("c", iter([0.01, 0.07])),
    }
    assert timing.compare(works, clock) == pytest.approx({"a": 0.01, "b": 0.03, "c": 0.07})
    # The first, untimed, is the one that compiles; then c leaves at once, and b after round 4.
    assert "".join(done) == "abc" + "abc" + "ab" * 3


def test_no_round_begins_when_the_time_is_up() -> None:
    now = 0.0

    def work() -> None:
        nonlocal now
        now += 0.2

    timing.compare({"a": work, "b": work}, lambda: now)
    assert now == pytest.approx(0.4 + 0.8)  # One untimed round and two others.


def test_a_choice_is_made_once_and_kept(timed: Any, folder: Path) -> None:
    asked = timed(dense=2e-3, sparse_cpu=3e-3)
    first = timing.fastest(MASK, 20)
    assert first.kernel == "dense"
    assert first.seconds == {"dense": 2e-3, "sparse_cpu": 3e-3}
    assert kernels.choose("auto", MASK).name == "sparse_cpu"  # What was expected.
    timed(dense=9.0, sparse_cpu=1e-3)  # Whatever the clock says from now on.
    assert timing.fastest(MASK, 20) == first
    kept.forget()
    assert timing.fastest(MASK, 20) == first
    assert len(asked) == 1
    (path,) = folder.glob("*.json")
    record = json.loads(path.read_text())
    assert record["seconds"] == first.seconds
    assert record["key"]["threads"] == torch.get_num_threads()
    assert record["key"]["sources"] == kept.sources()


def test_sizes_are_of_coarse_kinds(timed: Any) -> None:
    asked = timed(dense=2e-3, sparse_cpu=3e-3)
    other = masks.locality((15, 15), radius=4.2)
    assert timing.fastest(MASK, 20).kernel == timing.fastest(other, 22).kernel
    assert len(asked) == 1
    timing.fastest(MASK, 40)
    timing.fastest(MASK, 20, nonlinearity="tanh")
    timing.fastest(MASK, 20, dtype=torch.float64)
    timing.fastest(MASK, 20, gates=3)
    timing.fastest(masks.random(225, in_degree=49, seed=0), 20)
    timing.fastest(masks.locality((30, 30), radius=4), 20)
    assert len(asked) == len(set(asked)) == 7


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"format": "sparse_rnn.kernels.kept/1", "key": {}, "seconds": {}}',
    ],
)
def test_a_damaged_file_is_written_anew(
    content: bytes, timed: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    timed(dense=2e-3, sparse_cpu=3e-3)
    before = timing.fastest(MASK, 20)
    (path,) = folder.glob("*.json")
    whole = path.read_bytes()
    path.write_bytes(content)
    kept.forget()
    with caplog.at_level(logging.WARNING, "sparse_rnn"):
        assert timing.fastest(MASK, 20) == before
        assert timing.fastest(MASK, 20) == before
    assert [r.getMessage() for r in caplog.records] == [
        f"{path} is damaged or from elsewhere: kernels are timed anew."
    ]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "change",
    [
        {"key": {"case": "another"}},
        {"format": "another"},
        {"seconds": {"dense": 1.0}},
        {"seconds": {"dense": 1.0, "sparse_cpu": math.nan}},
        {"seconds": {"dense": 1.0, "sparse_cpu": "fast"}},
        {"seconds": {"dense": 1.0, "sparse_cpu": -1.0}},
        {"seconds": [1.0]},
    ],
)
def test_what_is_not_of_this_case_is_not_believed(
    change: dict[str, Any], timed: Any, folder: Path
) -> None:
    asked = timed(dense=2e-3, sparse_cpu=3e-3)
    timing.fastest(MASK, 20)
    (path,) = folder.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    kept.forget()
    assert timing.fastest(MASK, 20).seconds == {"dense": 2e-3, "sparse_cpu": 3e-3}
    assert len(asked) == 2


def test_where_nothing_can_be_kept_the_expected_kernel_is_taken(
    timed: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = timed(dense=2e-3, sparse_cpu=3e-3)
    folder.write_text("a file in the way")
    with caplog.at_level(logging.WARNING, "sparse_rnn"):
        assert timing.fastest(MASK, 20).kernel == "sparse_cpu"
        assert timing.fastest(MASK, 20).kernel == "sparse_cpu"
    (record,) = caplog.records
    assert "set SPARSE_RNN_CACHE to a folder of your own" in record.getMessage()
    assert asked == []


def test_a_link_is_not_followed(timed: Any, folder: Path, tmp_path: Path) -> None:
    timed(dense=2e-3, sparse_cpu=3e-3)
    timing.fastest(MASK, 20)
    (path,) = folder.glob("*.json")
    elsewhere = tmp_path / "elsewhere.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    kept.forget()
    timed(dense=1e-3, sparse_cpu=3e-3)
    assert timing.fastest(MASK, 20).seconds["dense"] == 1e-3
    assert elsewhere.read_bytes() == before
    assert not path.is_symlink()


def test_of_several_at_once_the_first_decides(folder: Path) -> None:
    case = Case.of(MASK, 20)
    measured: list[float] = []

    def ask(number: int) -> object:
        def measure() -> dict[str, float]:
            measured.append(float(number + 1))
            return {"dense": measured[-1]}

        return kept.Kept.of(case).get(measure, ["dense"])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(measured) == 1
    assert found == [{"dense": measured[0]}] * 8
    assert [path.suffix for path in folder.iterdir() if path.suffix != ".lock"] == [".json"]


def test_an_error_while_measuring_leaves_no_file(folder: Path) -> None:
    def fail() -> dict[str, float]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.Kept.of(Case.of(MASK, 20)).get(fail, ["dense"])
    assert not list(folder.glob("*.json"))


@pytest.mark.parametrize(
    ("mask", "batch_size"),
    [
        (masks.locality((9, 9), 1), 64),
        (MASK, 10**6),
        (srnn.Mask.from_edges(200, [], []), 64),
    ],
    ids=["small", "much", "empty"],
)
def test_nothing_is_timed_where_it_cannot_pay(
    mask: srnn.Mask, batch_size: int, timed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = timed(dense=1.0, sparse_cpu=1.0)
    choice = timing.fastest(mask, batch_size)
    assert choice.kernel == kernels.choose("auto", mask).name
    assert not choice.seconds
    monkeypatch.setenv(timing.VARIABLE, "estimate")
    assert timing.fastest(MASK, 20).kernel == "sparse_cpu"
    assert asked == []


def test_a_matrix_without_zeros_is_timed_too(timed: Any) -> None:
    timed(dense=1.4e-3, sparse_cpu=1e-3)
    assert timing.fastest(masks.dense(200), 64).kernel == "sparse_cpu"


def test_the_environment_overrides(timed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = timed(dense=1.0, sparse_cpu=1e-3)
    monkeypatch.setenv(timing.VARIABLE, "dense")
    assert timing.fastest(MASK, 20).kernel == "dense"
    assert timing.fastest(MASK, 20).why == "SPARSE_RNN_KERNEL says so"
    monkeypatch.setenv(timing.VARIABLE, "autapse")
    with pytest.raises(InvalidArgument, match="serves masks of one self-connection"):
        timing.fastest(MASK, 20)
    monkeypatch.setenv(timing.VARIABLE, "dens")
    with pytest.raises(UnknownName, match="SPARSE_RNN_KERNEL.*dense"):
        timing.fastest(MASK, 20)
    assert asked == []


@pytest.mark.parametrize(
    ("mask", "gates"),
    [
        (masks.locality((12, 12), radius=3), 0),
        (masks.random(144, in_degree=29, seed=0), 0),
        (masks.autapse(144), 0),
        (masks.locality((12, 12), radius=3), 3),
    ],
    ids=["near", "far", "autapse", "gates"],
)
def test_a_case_is_a_mask_of_its_kind_and_can_be_timed(mask: srnn.Mask, gates: int) -> None:
    case = Case.of(mask, 2, gates=gates)
    made = srnn.Mask.from_edges(case.n_units, case.targets(), case.indices)
    assert made.nnz == case.nnz  # No synapse twice.
    assert Case.of(made, case.batch_size, gates=gates).kind == case.kind
    now = iter(range(1000))
    found = timing.measure(case, lambda: float(next(now)))
    assert found.keys() == {kernel.name for kernel in case.candidates()}
    assert all(seconds > 0 for seconds in found.values())


def test_a_layer_asks_for_itself_and_takes_what_it_is_told(timed: Any) -> None:
    asked = timed(dense=1.0, sparse_cpu=2.0)
    layer = srnn.MaskedGRU(3, MASK, dtype=torch.float64)
    assert layer.fastest(batch_size=45).kernel == "dense"
    (case,) = asked
    assert (case.gates, case.dtype, case.batch_size, case.device) == (3, "float64", 45, "cpu")
    assert (layer.asked, layer.backend, layer.expected()) == ("auto", "sparse_cpu", "sparse_cpu")
    layer.use("dense")
    assert (layer.asked, layer.backend, layer.expected()) == ("auto", "dense", "sparse_cpu")
    with pytest.raises(InvalidArgument, match="one self-connection"):
        layer.use("autapse")
    assert layer.backend == "dense"
    # Of another mask, or other numbers, the kernel is what is expected again.
    layer.half()
    layer(torch.zeros(1, 1, 3, dtype=torch.float16))
    assert layer.backend == "dense"
    layer.double().rewire(masks.locality((15, 15), radius=1), [-1] * 225 * 5)
    assert layer.backend == "sparse_cpu"


def test_info_prints_what_was_timed(
    timed: Any, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    from sparse_rnn.cli import main

    timed(dense=2e-3, sparse_cpu=3e-3)
    assert main(["info", "--arch", "locality", "--size", "15x15", "--radius", "4"]) == 0
    told = capsys.readouterr().out
    assert 'Training at batch 20 on "cpu" takes dense: timed on 256 units' in told
    assert re.search(r"^  dense +2\.000000 ms a step, forward and backward$", told, re.MULTILINE)
    assert list(folder.glob("*.json"))
