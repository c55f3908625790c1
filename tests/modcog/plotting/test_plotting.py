"""Pictures of trials: labelled in ms and degrees, with every period named, for every task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import modcog
from modcog.plotting.trial import describe_trial
from tests.modcog import helpers

ROWS = ["fixation", "ring 1", "ring 2", "rule", "target"]


def texts(figure: Figure) -> list[str]:
    """All words in a figure."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def row(figure: Figure, name: str) -> Any:
    (ax,) = (ax for ax in figure.axes if ax.get_ylabel() == name)
    return ax


@pytest.mark.parametrize("name", [*helpers.BASES[::4], *helpers.EXAMPLES])
def test_a_picture_has_its_rows_periods_and_units(name: str) -> None:
    figure = modcog.plot_trial(name, seed=1)
    assert [ax.get_ylabel() for ax in figure.axes[:5]] == ROWS
    assert row(figure, "target").get_xlabel() == "time (ms)"
    words = texts(figure)
    assert name in words
    for period in modcog.task(name).period_names:
        assert period in words
    for ring in ("ring 1", "ring 2"):
        ticks = [t.get_text() for t in row(figure, ring).get_yticklabels()]
        assert ticks == ["0°", "90°", "180°", "270°"]
    ticks = [t.get_text() for t in row(figure, "target").get_yticklabels()]
    assert ticks == ["fixate", "0°", "90°", "180°", "270°"]
    # The axis ends with the trial.
    trials = helpers.draw(name, 1, seed=1)
    assert row(figure, "fixation").get_xlim() == (0, trials.length[0] * 100)


@pytest.mark.parametrize("dt", [20, 100])
@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_the_pictures_of_the_rings_and_targets_are_the_rendered_arrays(
    name: str, dt: float
) -> None:
    figure = modcog.plot_trial(name, seed=2, dt=dt)
    trials = helpers.draw(name, 1, seed=2, dt=dt)
    rendered = modcog.render(trials)
    for ring, start in (("ring 1", 1), ("ring 2", 17)):
        (image,) = row(figure, ring).get_images()
        shown = np.asarray(image.get_array())
        np.testing.assert_array_equal(shown, rendered.observations[:, 0, start : start + 16].T)
        low, high = image.get_extent()[2:]
        # Direction k has its centre at its angle.
        assert low + (high - low) / 16 / 2 == pytest.approx(0)
        assert high - low == pytest.approx(360)
    (image,) = row(figure, "target").get_images()
    shown = np.asarray(image.get_array())
    np.testing.assert_array_equal(shown.argmax(axis=0), rendered.targets[:, 0])


def test_other_rings_keep_degrees() -> None:
    figure = modcog.plot_trial("Go", dim_ring=8)
    (image,) = row(figure, "ring 1").get_images()
    assert np.asarray(image.get_array()).shape == (8, 15)
    assert image.get_extent() == [0, 1500, -22.5, 337.5]


def test_every_argument_changes_the_picture() -> None:
    def seen(**arguments: Any) -> tuple[list[str], tuple[int, ...]]:
        figure = modcog.plot_trial("DlyGo_IntL_SeqR", **arguments)
        (image,) = row(figure, "ring 1").get_images()
        return texts(figure), np.asarray(image.get_array()).shape

    plain = seen()
    for change in (
        {"seed": 3},
        {"given": {"location": 3, "delay": 700}},
        {"dt": 50},
        {"dim_ring": 8},
        {"seq_velocity": 1.0},
        {"timing": {"fixation": 300}},
    ):
        assert seen(**change) != plain


def test_trials_can_be_drawn_themselves() -> None:
    trials = helpers.draw("DlyGo_IntL", 3, seed=5)
    trials.rule[:] = 7
    trials.lane[:] = 4
    trials.start[:] = 100
    figure = modcog.plot_trial(trials)
    (image,) = row(figure, "ring 1").get_images()
    expected = modcog.render(helpers.draw("DlyGo_IntL", 3, seed=5)).observations[:, 0, 1:17]
    length = int(trials.length[0])
    np.testing.assert_array_equal(np.asarray(image.get_array()), expected[:length].T)
    # Drawing changes nothing.
    assert (trials.rule == 7).all()
    assert (trials.start == 100).all()
    with pytest.raises(modcog.InvalidArgument, match="^source must be at least one trial"):
        modcog.plot_trial(trials[:0])


def test_no_global_state_changes() -> None:
    import matplotlib.pyplot as plt

    before, open_figures = dict(mpl.rcParams), plt.get_fignums()  # noqa: TID251 - compared only
    modcog.plot_trial("MultiDM_SeqL")
    assert dict(mpl.rcParams) == before  # noqa: TID251 - compared alone
    assert plt.get_fignums() == open_figures


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_picture_can_be_saved(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trial.{suffix}"
    modcog.plot_trial("DlyGo_IntL").savefig(path)
    start = path.read_bytes()[:200]
    assert {"png": b"PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix] in start


@pytest.mark.parametrize(
    ("name", "given_values", "sentences"),
    [
        (
            "DlyGo_IntL",
            {"location": 4, "ring": 1, "delay": 300},
            [
                "Stimulus 90° on ring 2 (strength 1)",
                "Answer 22.5°, which is 67.5° to the left of the base answer",
                "300 ms",
            ],
        ),
        (
            "Anti_SeqR",
            {"location": 0},
            ["Stimulus 0° on ring", "Answer 180°, which then drifts right by 225° a second"],
        ),
        ("Go_SeqL", {"location": 0}, ["Answer 0°, which then drifts left by 225° a second"]),
        (
            "Go_IntR",
            {"location": 0, "stimulus": 200},
            ["45° to the right", "a stimulus of 200 ms"],
        ),
        (
            "DMS",
            {"sample_location": 8, "match": 0},
            ["Sample 180° on ring", "test 0° on ring", "No response is correct: keep fixating"],
        ),
        (
            "DM1",
            {"location": 0, "separation": 4, "coherence1": 0.64},
            ["Stimulus 0° on ring 1 (strength 0.82)", "stimulus 90° on ring 1 (strength 0.18)"],
        ),
    ],
)
def test_a_trial_in_words(name: str, given_values: dict[str, Any], sentences: list[str]) -> None:
    trials = modcog.sample(modcog.task(name), helpers.rng(0), 1, given_values)
    text = describe_trial(trials)
    for sentence in sentences:
        assert sentence in " ".join(text.split())  # It is wrapped to fit a picture.
    assert text in texts(modcog.plot_trial(trials))
