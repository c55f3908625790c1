"""What a person sees of a run, on a terminal and in a log."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO

import pytest

import sparse_rnn as srnn
from sparse_rnn.training import progress
from tests.sparse_rnn.helpers import record_of, scores_of, small_config


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def shown(display: progress.Display, config: srnn.TrainConfig, steps: int) -> None:
    """Run a display through some steps, with an evaluation at the second."""
    with display(config) as on_step:
        for step in range(1, steps + 1):
            on_step(record_of(step, scores_of(accuracy=0.625) if step == 2 else None))


def test_lines_have_rate_remaining_time_loss_and_accuracy() -> None:
    out = StringIO()
    shown(lambda config: progress.lines(config, out), small_config(steps=8), 3)
    (line,) = out.getvalue().splitlines()
    assert "locality 4x4 d=1" in line
    assert "step 2/8" in line
    assert "2.0 steps/s" in line  # half a second a step
    assert "ETA 3 s" in line
    assert "loss 0.750" in line
    assert "accuracy 0.625" in line


def test_lines_are_written_at_evaluations_at_the_end_and_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = StringIO()
    clock = iter(float(second) for second in range(100))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    shown(lambda config: progress.lines(config, out), small_config(steps=20), 20)
    # One second a step: five seconds after the evaluation, and then every five, and the end.
    assert re.findall(r"step (\d+)/20", out.getvalue()) == ["2", "7", "12", "17", "20"]
    assert out.getvalue().count("accuracy") == 1


@pytest.mark.usefixtures("_wide")
def test_the_bar_has_rate_remaining_time_loss_and_accuracy_within_80_columns() -> None:
    out = Terminal()
    config = small_config(size=(20, 20), radius=2, steps=1000)
    shown(lambda config: progress.automatic(config, out), config, 3)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    last = re.split(r"[\r\n]+", text.strip())[-1]
    for part in ("locality 20x20 d=2", "3/1000", "2.0/s", "ETA", "loss 0.500", "accuracy 0.625"):
        assert part in last
    assert len(last) <= 80


def test_a_log_gets_lines_and_no_control_characters() -> None:
    out = StringIO()
    shown(lambda config: progress.automatic(config, out), small_config(), 4)
    assert "\x1b" not in out.getvalue()
    assert "step 4/4" in out.getvalue()


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    shown(progress.automatic, small_config(), 4)
    captured = capsys.readouterr()
    assert "step 4/4" in captured.err
    assert captured.out == ""


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    shown(progress.silent, small_config(), 4)
    assert capsys.readouterr() == ("", "")


def test_titles_name_what_is_trained() -> None:
    out = StringIO()
    shown(
        lambda config: progress.lines(config, out),
        small_config(arch="autapse", size=400, radius=None),
        4,
    )
    assert out.getvalue().startswith("autapse 400  step")


def test_bursts_are_named_at_once_in_a_log_and_counted_on_a_terminal() -> None:
    out = StringIO()
    with progress.lines(small_config(steps=100), out) as on_step:
        for step in range(1, 50):
            on_step(replace(record_of(step), loss=40.0 if step > 3 else 0.75, grad_norm=9e3))
    lines = out.getvalue().splitlines()
    assert [re.findall(r"step (\d+)/100", line)[0] for line in lines] == ["1", "2", "3", "4", "5"]
    assert lines[3].endswith("loss 40.000  BURST (gradient norm 9e+03)")


@pytest.mark.usefixtures("_wide")
def test_the_bar_counts_bursts() -> None:
    out = Terminal()
    with progress.automatic(small_config(steps=100), out) as on_step:
        for step in range(1, 4):
            on_step(replace(record_of(step), loss=40.0))
    assert "3 bursts" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())


class Leaving(StringIO):
    """A pipe whose reader leaves after some lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.left = lines

    def write(self, text: str) -> int:
        self.left -= text.count("\n")
        if self.left < 0:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("lines", [0, 1])
def test_a_run_outlives_who_looks_at_it(lines: int) -> None:
    out = Leaving(lines)
    run = srnn.train(small_config(), progress=lambda config: progress.lines(config, out))
    assert len(run.history) == 4
    assert out.getvalue().count("\n") == lines


@pytest.mark.parametrize("where", ["open", "close"])
def test_a_display_may_break_as_it_opens_and_as_it_closes(where: str) -> None:
    @contextmanager
    def breaking(config: srnn.FitConfig) -> Generator[progress.OnStep]:
        if where == "open":
            raise BrokenPipeError
        with progress.silent(config) as on_step:
            yield on_step
        raise BrokenPipeError

    runs = srnn.train_ensemble(small_config(), seeds=2, progress=breaking)
    assert [len(run.history) for run in runs] == [4, 4]
    # What is no matter of the display is nobody else's.
    with pytest.raises(BrokenPipeError), progress.lasting(breaking)(small_config()):
        raise BrokenPipeError


class Gone(StringIO):
    """A stream whose reader has gone."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        del text
        raise BrokenPipeError

    flush = write


@pytest.mark.parametrize("terminal", [False, True])
def test_a_display_without_a_reader_ends_no_run(terminal: bool) -> None:
    shown(lambda config: progress.automatic(config, Gone(terminal=terminal)), small_config(), 3)


def test_a_display_without_standard_error_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    shown(progress.automatic, small_config(), 3)
