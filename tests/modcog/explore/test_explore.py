"""What the playground answers: the arrays that its code makes, or a refusal in words."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import modcog
from modcog.errors import InvalidArgument, UnknownName
from modcog.explore.answers import catalog, view


def inputs_of(panel: dict[str, Any]) -> NDArray[np.float32]:
    """The inputs that a panel shows."""
    packed = panel["inputs"]
    return np.frombuffer(base64.b64decode(packed["data"]), "<f4").reshape(packed["shape"])


def run(code: str) -> dict[str, Any]:
    """Execute code as a visitor would; return what it defines."""
    names: dict[str, Any] = {}
    exec(code, names)
    return names


SETTINGS = {
    "dt": "20",
    "dim_ring": "32",
    "noise": "0.5",
    "interval": "700",
    "coherence": "0.3",
    "int_velocity": "180",
    "seq_velocity": "112.5",
}


@pytest.mark.parametrize(
    "query",
    [
        {"task": "Go"},
        {"task": "DlyGo_IntL_SeqR", "seed": "3", **SETTINGS},
        {"task": "CtxDM1_IntR", "compare": "DlyAnti_SeqL", "seed": "9007199254740991", **SETTINGS},
        {"task": "DMS_IntL", "compare": "DMS", "dt": "12.5", "interval": "500"},
        {"task": "MultiDM", "coherence": "0.08", "noise": "2"},
    ],
    ids=lambda query: query["task"],
)
def test_the_code_makes_the_arrays_that_are_shown(query: dict[str, str]) -> None:
    answer = view(query)
    names = run(answer["code"])
    for i, panel in enumerate(answer["panels"]):
        suffix = f"_{i + 1}" if i else ""
        shown = inputs_of(panel)
        # The last channel is the rule, which an environment of one task does not have.
        np.testing.assert_array_equal(shown[:, :-1], names[f"inputs{suffix}"])
        assert (shown[:, -1] == 1).all()
        assert panel["targets"] == names[f"target{suffix}"].tolist()
        assert panel["name"] == names[f"env{suffix}"].task_spec.name
    assert len(answer["panels"]) == 1 + ("compare" in query)


@given(
    name=st.sampled_from(modcog.task_names()),
    seed=st.integers(0, 2**53 - 1),
    settings=st.fixed_dictionaries(
        {},
        optional={
            "dt": st.sampled_from(["10", "20", "50", "62.5"]),
            "dim_ring": st.sampled_from(["8", "16", "36"]),
            "noise": st.floats(0, 5).map(str),
            "interval": st.integers(100, 2000).map(str),
            "coherence": st.floats(0.01, 1).map(str),
            "int_velocity": st.floats(1, 500).map(str),
            "seq_velocity": st.floats(1, 500).map(str),
        },
    ),
)
def test_the_code_makes_what_is_shown_for_all_tasks_and_settings(
    name: str, seed: int, settings: dict[str, str]
) -> None:
    answer = view({"task": name, "seed": str(seed), **settings})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", modcog.AmbiguousIntervalWarning)
        names = run(answer["code"])
    (panel,) = answer["panels"]
    np.testing.assert_array_equal(inputs_of(panel)[:, :-1], names["inputs"])
    assert panel["targets"] == names["target"].tolist()


def test_the_code_gives_only_what_differs_from_the_defaults() -> None:
    defaults = {
        "dt": "100",
        "dim_ring": "16",
        "noise": "1",
        "int_velocity": "225",
        "seq_velocity": "225",
    }
    assert 'make("DlyGo_IntL_SeqR")' in view({"task": "DlyGo_IntL_SeqR", **defaults})["code"]
    # 500 ms is DlyGo's own delay; with Int the delay is drawn, and 500 ms fixes it.
    assert 'make("DlyGo")' in view({"task": "DlyGo", "interval": "500"})["code"]
    fixed = view({"task": "DlyGo_IntL", "interval": "500"})["code"]
    assert 'make("DlyGo_IntL", int_delay=(500, 500))' in fixed
    # A coherence does not reach a task that has none.
    assert 'make("RTGo")' in view({"task": "RTGo", "coherence": "0.3", "interval": "1"})["code"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", "1"), *((key, value) for key, value in SETTINGS.items() if key != "coherence")],
)
def test_every_setting_changes_what_is_shown(key: str, value: str) -> None:
    query = {"task": "CtxDlyDM1_IntL_SeqR"}
    before, after = view(query), view({**query, key: value})
    assert before["panels"] != after["panels"]
    assert before["code"] != after["code"]


def test_coherence_changes_what_is_shown() -> None:
    before, after = (view({"task": "DM1", "coherence": c})["panels"] for c in ("0.1", "0.9"))
    assert before != after


def test_panel_tells_what_was_drawn() -> None:
    (panel,) = view({"task": "DlyGo_IntL_SeqR", "seed": "5", "dt": "20"})["panels"]
    trials = modcog.sample(modcog.task("DlyGo_IntL_SeqR", dt=20), np.random.default_rng(5), 1)
    facts = trials.describe(0)
    facts.pop("noise_key")
    assert panel["trial"] == facts
    assert panel["sentence"] == modcog.describe("DlyGo_IntL_SeqR", dt=20)
    starts = [period["start"] for period in panel["periods"]]
    assert starts == np.cumsum([0, *trials.period_steps[0, :-1]]).tolist()
    steps = int(trials.decision_steps[0])
    turned = np.diff(np.unwrap(np.radians(panel["continuous"])))
    assert len(panel["continuous"]) == steps
    np.testing.assert_allclose(turned, trials.drift_velocity[0] * 0.02, atol=1e-4)


def test_withheld_trials_have_no_answer() -> None:
    panels = [view({"task": "DMS", "seed": str(seed)})["panels"][0] for seed in range(12)]
    withheld = [panel for panel in panels if not panel["trial"]["responds"]]
    assert 0 < len(withheld) < len(panels)
    for panel in withheld:
        assert panel["continuous"] == []
        assert set(panel["targets"]) == {0}


def test_catalog_has_the_tasks_and_why_they_refuse_modifiers() -> None:
    entries = {entry["name"]: entry for entry in catalog({})["tasks"]}
    assert tuple(entries) == modcog.suite("cog-20")
    assert {name for name, entry in entries.items() if entry["refused"]} == {"RTGo", "RTAnti"}
    assert "no interval" in entries["RTAnti"]["refused"]["Int"]
    assert {name for name, entry in entries.items() if entry["coherence"]} == {
        "DM1",
        "DM2",
        "CtxDM1",
        "CtxDM2",
        "MultiDM",
    }


def test_intervals_that_share_an_answer_are_a_warning_not_an_error() -> None:
    answer = view({"task": "DlyGo_IntL", "int_velocity": "400"})
    (warning,) = answer["warnings"]
    assert "more than one turn" in warning
    assert view({"task": "DlyGo_IntL"})["warnings"] == []


@given(
    st.dictionaries(
        st.sampled_from(["task", "compare", "seed", *SETTINGS]),
        st.one_of(
            st.text(max_size=20),
            st.integers().map(str),
            st.floats().map(str),
            st.just("DlyGo_IntL"),
        ),
    )
)
def test_any_text_is_answered_or_refused(query: dict[str, str]) -> None:
    try:
        answer = view(query)
    except InvalidArgument:
        return
    json.dumps(answer, allow_nan=False)


def test_names_are_suggested() -> None:
    with pytest.raises(UnknownName, match="Did you mean seed"):
        view({"sed": "1"})
