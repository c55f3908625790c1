"""How commands of many runs end: their status, and what they say."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest

from benchmarks._status import status
from sparse_rnn.errors import Interrupted, InvalidArgument

MODULE, WORDS = "benchmarks.paper", ["fig2a", "--runs", "a folder"]


@pytest.mark.parametrize(
    ("error", "number", "told"),
    [
        (Interrupted("2 runs left.", signal.SIGINT), 130, "2 runs left. Go on with: "),
        (InvalidArgument("steps", -1, "positive"), 2, "paper: steps must be positive; got -1."),
        (FileNotFoundError(2, "No such file", "x"), 2, "paper: [Errno 2] No such file: 'x'"),
    ],
)
def test_what_ends_a_command_is_one_line_and_a_status(
    error: BaseException, number: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> Sequence[str]:
        raise error

    assert status(MODULE, WORDS, work) == number
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert ("python -m benchmarks.paper fig2a --runs 'a folder'" in said) == (number == 130)


def test_failed_runs_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(MODULE, WORDS, lambda: ["run 1", "run 2"]) == 1
    assert capsys.readouterr().err == "failed: run 1\nfailed: run 2\n"
    assert status(MODULE, WORDS, lambda: ()) == 0
    assert capsys.readouterr().err == ""


def test_other_errors_are_left_to_python() -> None:
    def work() -> Sequence[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        status(MODULE, WORDS, work)
