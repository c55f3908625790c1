"""Entries of the board: what is taken, what is refused, and that the JSON Schema says the same."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

import sparse_rnn as srnn
from sparse_rnn.config.protocol import PROTOCOLS
from sparse_rnn.errors import IncompatibleState, InvalidArgument, SparseRnnError, UnknownName
from sparse_rnn.seeding import STREAMS
from sparse_rnn.training.session import tasks_of
from tests.sparse_rnn.entries_made import entry_record, made_entry, run_record
from tests.sparse_rnn.json_schema import valid

SCHEMA = srnn.BoardEntry.json_schema()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_of_the_trials_of_this_version(name: str) -> None:
    """Where this fails, seeds give other trials: the protocol needs a new version."""
    rules = srnn.board_protocol(name)
    assert rules.streams == STREAMS
    assert rules.tasks_sha256 == tasks_of(srnn.FitConfig(**rules.settings))


def test_the_main_board_is_the_laptop_scale_of_the_experiments() -> None:
    from benchmarks.paper._scales import SCALES

    theirs = srnn.TrainConfig(**SCALES["laptop"].modcog, arch="dense", size=(9,))
    rules = srnn.board_protocol().settings
    assert {name: getattr(theirs, name) for name in rules} == rules
    assert rules["suite"] == "mod-cog-84"
    assert len(srnn.board_protocol().tasks) == 82  # two names have two rule slots


def test_floors_lie_where_the_catalogue_has_them() -> None:
    rules = srnn.board_protocol("rehearsal")
    assert rules.floors == {
        "ignores the stimuli": pytest.approx(0.1875),
        "weighs no evidence": pytest.approx(0.1875),
    }


def test_an_entry_reads_back_as_it_was_written(tmp_path: Path) -> None:
    entry = made_entry(0.1, 0.2, 0.3, settings={"lr": 0.1, "rates": {"input": None}})
    entry.write(tmp_path / "entry.json")
    assert srnn.BoardEntry.read(tmp_path / "entry.json") == entry
    assert entry.performance == pytest.approx((0.2, 0.1, 0.3))
    assert entry.density == 0.25
    assert entry.mean("work") == 1e6


def test_a_seed_that_diverged_is_counted_and_has_no_score() -> None:
    runs = [run_record(0.5), None, run_record(0.7), run_record(0.9)]
    entry = made_entry(runs=runs)
    assert len(entry.runs) == 4
    assert entry.performance == pytest.approx((0.7, 0.5, 0.9))
    with pytest.raises(InvalidArgument, match=r"runs must be of at least 3 seeds"):
        made_entry(runs=[None, *runs[:3]])


def _changed(path: str, value: Any) -> dict[str, Any]:
    """An entry with one place changed, or taken out with ``...``."""
    record = copy.deepcopy(entry_record(settings={}))
    *parts, last = [int(p) if p.isdecimal() else p for p in path.split(".")]
    place: Any = record
    for part in parts:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("protocol", "mod-cog-85", "Did you mean 'mod-cog-84'"),
        ("protocol", "cog-20", r"runs\[0\].scores must be scores of all 20 tasks of 'cog-20'"),
        ("protocol_version", 2, "protocol_version must be 1, the version of 'rehearsal'"),
        ("format", "other", "format must be 'mod-cog board entry, 1'"),
        ("n_unit", 3, "Did you mean 'n_units'"),
        ("runs.1.second", 3, r"runs\[1\].second must be the name .* Did you mean 'seconds'"),
        ("runs.2.work", ..., r"runs\[2\].work must be given"),
        ("runs.0.scores.Goo", 0.5, "Did you mean 'Go'"),
        ("runs.0.scores.Go", ..., r"runs\[0\].scores must be .* Missing: Go"),
        ("runs.1.scores.Go", 1.01, r"runs\[1\].scores.Go must be less than or equal to 1"),
        ("runs.1.scores.Go", -0.01, r"runs\[1\].scores.Go must be greater than or equal to 0"),
        ("runs.1.scores.Go", "0.5", r"runs\[1\].scores.Go must be a valid number"),
        ("runs.1.scores.Go", True, r"runs\[1\].scores.Go must be"),
        ("runs.0.updates", 20.5, r"runs\[0\].updates must be a valid integer"),
        ("runs.0.density", 1.5, r"runs\[0\].density must be"),
        ("runs.0", 3, r"runs\[0\] must be"),
        ("runs", {}, "runs must be"),
        ("name", "a\nb", "name must"),
        ("name", "", "name must"),
        ("settings", [], "settings must be"),
        ("self", 1, "self must be the name of a field"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(path: str, value: Any, told: str) -> None:
    record = _changed(path, value)
    with pytest.raises(InvalidArgument, match=told):
        srnn.BoardEntry.from_json(json.dumps(record))
    assert not valid(record, SCHEMA)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", '{"name": 1, "name": 1}', '{"seconds": NaN}'],
)
def test_what_is_no_entry_at_all_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        srnn.BoardEntry.from_json(text)
    path = tmp_path / "entry.json"
    path.write_text(text)
    with pytest.raises(IncompatibleState, match=r"entry\.json"):
        srnn.BoardEntry.read(path)


def test_costs_have_names() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'seconds'"):
        made_entry().mean("second")  # pyright: ignore[reportArgumentType] - what is refused


_NUMBERS = st.one_of(
    st.integers(-1, 3),
    st.floats(-0.5, 1.5, allow_nan=False),
    st.sampled_from([1.0, 2**63 - 1, 2**63, 1e300]),
)
_VALUES = st.one_of(
    _NUMBERS, st.none(), st.booleans(), st.text("ab\n\x00é", max_size=3), st.just([]), st.just({})
)
_PATHS = st.sampled_from(
    [
        *(
            "format",
            "protocol",
            "protocol_version",
            "name",
            "method",
            "n_units",
            "settings",
            "runs",
        ),
        *("command", "commits", "versions", "machines", "search_updates", "other", "settings.x"),
        *("runs.0", "runs.1.scores", "runs.1.scores.Go", "runs.1.scores.x", "runs.2.work"),
        *("runs.2.updates", "runs.2.seconds", "runs.2.weights", "runs.2.density", "runs.2.x"),
    ]
)


def _with_runs(rows: list[Any]) -> dict[str, Any]:
    return entry_record(runs=rows)


def _with_words(words: list[Any]) -> dict[str, Any]:
    return entry_record(machines=words, commits=words)


_CHANGED = st.builds(_changed, _PATHS, _VALUES)
_ROWS = st.lists(st.one_of(st.none(), st.builds(run_record, _NUMBERS)), max_size=5)
_OTHER_SEEDS = st.builds(_with_runs, _ROWS)
_WORDS = st.lists(st.one_of(st.text(max_size=3), st.integers(0, 3)), max_size=3)
_OTHER_WORDS = st.builds(_with_words, _WORDS)


@settings(max_examples=100, deadline=None)
@given(record=st.one_of(_CHANGED, _OTHER_SEEDS, _OTHER_WORDS))
def test_the_schema_takes_what_the_parser_takes(record: dict[str, Any]) -> None:
    try:
        srnn.BoardEntry.from_json(json.dumps(record))
        taken = True
    except SparseRnnError:
        taken = False
    assert valid(record, SCHEMA) == taken
