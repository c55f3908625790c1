"""The comparison at the larger size: who meets there, and with how much effort."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare import _design as design, _methods as methods, table
from benchmarks.paper._arms import Results
from benchmarks.paper._reporting import largest
from benchmarks.paper._scales import SCALES
from sparse_rnn import TrainConfig

ROOT = Path(__file__).parents[2]
LAPTOP = design.DESIGNS["laptop"]


def test_the_larger_size_has_an_effort_of_its_own() -> None:
    assert [LAPTOP.effort_at(one) for one in LAPTOP.small] == [LAPTOP.effort] * 2
    assert LAPTOP.effort.seeds == LAPTOP.large_effort.seeds == (0, 1, 2, 3, 4)
    found = design.search(methods.LOCAL, LAPTOP.large, SCALES["laptop"])
    assert found.rungs == LAPTOP.large_effort.rungs
    config = TrainConfig(**found.candidates[0])
    assert (config.steps, config.build_mask().nnz) == (1000, 282_500)


@pytest.mark.parametrize(("scale", "dense"), [("smoke", True), ("laptop", False), ("paper", True)])
def test_five_meet_the_controls(scale: str, tmp_path: Path, *, dense: bool) -> None:
    entered = [one for one, _ in table.large(Results(tmp_path), SCALES[scale])]
    assert (methods.WHOLE in entered) == dense
    assert entered[:2] == [methods.CONTROL, methods.LOCAL]
    assert entered[-1] is methods.LOUDER
    rivals = set(entered) - {*methods.CONTROLS, methods.LOUDER}
    assert len(rivals) == table.N_BEST


def test_the_five_are_those_of_the_finding() -> None:
    known = {one.id: one for one in largest(ROOT / "benchmarks" / "paper" / "results")}
    place = LAPTOP.small[0].label
    scores = {
        one.name.removesuffix(f", {place}"): one.value for one in known["rivals_low"].measured
    }
    rivals = [one for one in methods.SPARSE if one not in methods.CONTROLS]
    assert {one.name for one in rivals} <= set(scores)
    assert table.best_of(rivals, scores) == LAPTOP.best
