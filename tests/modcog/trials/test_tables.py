"""Trials as a table: columns by name, and data frames of them."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings

import modcog
from modcog.trials.tables import FRAMES
from tests.every import every
from tests.modcog import helpers


@every("name", helpers.NAMES)
def test_the_table_says_what_was_drawn(name: str) -> None:
    trials = helpers.draw(name, 30, noise=2.0)
    table = trials.to_dict()
    assert {column.shape for column in table.values()} == {(30,)}
    base, _, modifiers = name.partition("_")
    said = {what: set(table[what].tolist()) for what in ("task", "base", "modifiers", "family")}
    assert said == {
        "task": {name},
        "base": {base},
        "modifiers": {modifiers},
        "family": {trials.tasks[0].family},
    }
    drawn = helpers.given_of(trials)
    shown = {"first": "stim1_strength", "second": "stim2_strength"}
    for quantity, values in drawn.items():
        if f"{quantity}_ms" in table:
            column = table[f"{quantity}_ms"]
        elif quantity == "separation":
            column = (_second(table) - _first(table, "location")) % 16
        elif quantity == "location":
            column = _first(table, "location")
        elif quantity in ("ring", "test_ring"):
            period = {"test_ring": "test", "ring": "sample"}[quantity]
            column = table.get(f"{period}_ring", _first(table, "ring"))
        elif quantity[:-1] in shown:
            both = f"{shown[quantity[:-1]]}_2" in table and quantity.endswith("2")
            column = table[shown[quantity[:-1]] + ("_2" if both else "")]
        else:
            column = table[quantity]
        np.testing.assert_array_equal(column, values, err_msg=quantity)
    np.testing.assert_array_equal(table["noise_ring1"], trials.noise_std[:, 1])
    np.testing.assert_array_equal(table["noise_rule"], trials.noise_std[:, 3])


def _first(table: dict[str, Any], what: str) -> Any:
    return next(column for name, column in table.items() if name.endswith(f"_{what}"))


def _second(table: dict[str, Any]) -> Any:
    """Where the second place is."""
    return table["stim2_location" if "stim2_location" in table else "stimulus_location_2"]


@given(spec=helpers.specs(), seed=helpers.seeds)
@settings(max_examples=40, deadline=None)
def test_the_displacement_leads_from_the_base_answer_to_the_answer(
    spec: modcog.TaskSpec, seed: int
) -> None:
    trials = helpers.draw(spec, 20, seed)
    moved, n = trials.displacement, spec.dim_ring
    asked = trials.responds
    assert not moved[~asked].any()
    there = (trials.base_response + moved)[asked] % n
    np.testing.assert_array_equal(there, trials.response[asked])
    way = helpers.sign(spec.name, "Int")
    if way:
        (modifier,) = (m for m in spec.modifiers if m.kind == "Int")
        ms = trials.duration_ms(str(spec.interval))[asked]
        np.testing.assert_array_equal(moved[asked], way * helpers.moved(modifier.velocity, ms, n))
    else:
        assert not moved.any()


@dataclass(frozen=True)
class Turn:
    """A modifier of one's own that does not say by how much it moves."""

    kind: ClassVar[str] = "Turn"
    tracks: ClassVar[bool] = False
    direction: str = "R"
    by: int = 3

    @property
    def label(self) -> str:
        return f"Turn{self.direction}"

    def rewrite(self, spec: modcog.TaskSpec) -> modcog.TaskSpec:
        return spec.with_modifier(self)

    def transform(self, trials: modcog.Trials) -> modcog.Trials:
        response = np.where(trials.responds, (trials.response + self.by) % 16, -1)
        angle = (trials.angle + 2 * np.pi * self.by / 16) % (2 * np.pi)
        return replace(trials, response=response, angle=angle)


@pytest.mark.parametrize(("by", "way"), [(3, 3), (13, -3), (8, -8), (0, 0)])
def test_what_a_modifier_does_not_say_is_the_shortest_way(by: int, way: int) -> None:
    assert set(helpers.draw(Turn(by=by).rewrite(modcog.task("Go"))).displacement) == {way}
    # On top of more than a turn, which Int knows of.
    with pytest.warns(modcog.AmbiguousIntervalWarning):
        spec = Turn(by=by).rewrite(modcog.task("DlyGo_IntR", int_delay=(100, 2000)))
    trials = modcog.conditions(spec, helpers.rng(0), delay=[300, 1900])
    assert trials.displacement.tolist() == [3 + way, 19 + way]


def test_tasks_side_by_side_have_the_columns_of_all() -> None:
    sampler = modcog.BatchSampler(["Go", "MultiDM", "DlyDM1_IntL", "DMS"], seq_len=100)
    trials = sampler.trials(0)
    table = trials.to_dict()
    assert np.isnan(table["delay_ms"]).tolist() == np.isin(trials.task, ["Go", "MultiDM"]).tolist()
    for name in set(trials.task.tolist()):
        own = trials[trials.task == name]
        alone = modcog.sample(own.tasks[int(own.task_index[0])], helpers.rng(1), 1).to_dict()
        rows = trials.task == name
        for column, values in table.items():
            if column not in alone:
                absent = values[rows]
                assert np.all(np.isnan(absent) if absent.dtype.kind == "f" else absent == -1)
    assert np.isfinite(table["coherence1"]).tolist() == (trials.task == "MultiDM").tolist()
    assert table["lane"].tolist() == trials.lane.tolist()


def test_the_weaker_place_at_a_coherence_of_1_is_told() -> None:
    trials = modcog.conditions("DM1", helpers.rng(0), coherence1=[-1, 1], location=[5])
    table = trials.to_dict()
    assert table["stimulus_location"].tolist() == [5, 5]
    assert table["stimulus_strength"].tolist() == [0, 1]
    assert table["coherence1"].tolist() == [-1, 1]
    assert np.isnan(table["coherence2"]).all()


def test_a_table_is_a_copy() -> None:
    trials = helpers.draw("DM1", 5)
    before = trials[:]
    for column in trials.to_dict().values():
        column[:] = column[0]
    assert trials == before


@pytest.mark.parametrize("backend", FRAMES)
@pytest.mark.parametrize("n", [0, 5])
def test_frames_hold_the_table(backend: str, n: int) -> None:
    pytest.importorskip(backend)  # beside the test below, which runs without
    trials = modcog.BatchSampler("cog-20", batch_size=2, seq_len=60).trials(0)[:n]
    table, frame = trials.to_dict(), trials.to_frame(backend)
    assert type(frame).__module__.partition(".")[0] == backend
    names = frame.column_names if backend == "pyarrow" else list(frame.columns)
    assert names == list(table)
    for name, column in table.items():
        got = np.asarray(frame[name])
        assert column.dtype.kind == "U" or got.dtype == column.dtype, name
        np.testing.assert_array_equal(got, column, err_msg=name)


def test_the_first_library_that_is_installed_makes_the_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trials = helpers.draw("Go", 3)
    there: set[str] = set()
    monkeypatch.setattr(
        "modcog.trials.tables.find_spec",
        lambda name: importlib.util.find_spec("json") if name in there else None,
    )
    for number, name in enumerate(FRAMES):
        made = SimpleNamespace(**{FRAMES[name]: lambda columns, number=number: (number, columns)})
        monkeypatch.setitem(sys.modules, name, made)
    with pytest.raises(modcog.InvalidArgument, match=r"Install pandas or polars, or use to_dict"):
        trials.to_frame()
    with pytest.raises(modcog.InvalidArgument, match=r"must be a library that is installed.*pip"):
        trials.to_frame("polars")
    with pytest.raises(modcog.UnknownName, match="Did you mean polars"):
        trials.to_frame("polar")
    for number, name in reversed(list(enumerate(FRAMES))):
        there.add(name)
        which, columns = trials.to_frame()
        assert which == number
        assert columns.keys() == trials.to_dict().keys()
        assert trials.to_frame(name)[0] == number
