"""The script that compares with other libraries runs, as far as they are here.

No time is asserted.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import sparse_rnn as srnn
from benchmarks.speed import rivals
from benchmarks.speed._rival import COMPETITORS


def a_race(name: str, ours: float, theirs: float) -> rivals.Race:
    seconds = {"sparse_rnn": (ours, 3 * ours, ours), "nn.RNN, masked": (theirs,) * 3}
    return rivals.Race(name, "ms a step", seconds, dict.fromkeys(seconds, 0.0))


def test_ratios_are_of_medians_and_of_steps_where_there_are_some() -> None:
    assert a_race("LM 20x20, d=6", 0.5, 2.0).ratios() == {"nn.RNN, masked": 4.0}
    seconds = {"modcog": (1.0,), "neurogym": (1.0,)}
    trials = rivals.Race("20 tasks", "steps/s", seconds, {"modcog": 100.0, "neurogym": 10.0})
    assert trials.ratios() == {"neurogym": pytest.approx(10.0)}
    assert str(trials) == "| 20 tasks | 100 (100 to 100) steps/s | neurogym: 10.0 (10) |"
    slower = rivals.Race("20 tasks", "steps/s", {"modcog": (1.0, 2.0, 4.0)}, {"modcog": 40.0})
    assert "| 20 (10 to 40) steps/s |" in str(slower)
    told = str(a_race("LM 20x20, d=6", 0.5, 2.0))
    assert told == "| LM 20x20, d=6 | 500 (500 to 1,500) ms a step | nn.RNN, masked: 4.0 (2,000) |"


def test_each_competitor_has_a_place_to_run() -> None:
    assert set(rivals.HOME) < set(COMPETITORS)
    assert set(rivals.HOME.values()) == set(rivals.ENVIRONMENTS)
    assert set(rivals.TRAINED) < set(COMPETITORS)


def test_the_figure_shows_networks_of_one_radius(tmp_path: Path) -> None:
    races = [a_race(name, 0.1, 0.2 * i) for i, name in enumerate(rivals.MASKS, 1)]
    sizes = {name: mask().n_units for name, mask in rivals.MASKS.items()}
    written = tmp_path / "rivals.json"
    written.write_text(json.dumps({"sizes": sizes, "races": [one.record() for one in races]}))
    drawn = rivals.figure(json.loads(written.read_text()))
    times, ratios = drawn.axes
    plt.close(drawn)
    units = sorted(n for name, n in sizes.items() if name.endswith(", d=6"))
    assert [list(line.get_xdata()) for line in times.lines] == [units, units, [], []]
    first = races[0].ratios()["nn.RNN, masked"]
    assert ratios.lines[0].get_ydata()[0] == pytest.approx(first)
    assert rivals.main(["-o", str(written), "--figure", str(tmp_path / "rivals.svg")]) == 0
    assert (tmp_path / "rivals.svg").stat().st_size > 5000


@pytest.mark.slow
def test_those_that_need_nothing_else_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rivals, "MASKS", {"LM 4x4": lambda: srnn.masks.locality((4, 4), 1)})
    monkeypatch.setattr(rivals, "TRAINED", ("sparse_rnn", "nn.RNN, masked"))
    result = rivals.measure(tmp_path, ["LM 4x4"], (2, 2), trials=False)
    (found,) = result["races"]
    assert {name: len(seconds) for name, seconds in found["seconds"].items()} == {
        "sparse_rnn": 2,
        "nn.RNN, masked": 2,
    }
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(rivals, "HOME", {})  # JAX is not here, and is not to be installed
    with (
        pytest.raises(RuntimeError, match="did not start"),
        rivals.competitor("JAX scan, masked", {}, tmp_path),
    ):
        pass
