"""Do autapses that are frozen at weight 1 learn faster than trained autapses?"""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, autapses
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import above, within
from benchmarks.paper.claims import CLAIMS

SIZES = {"smoke": 36, "laptop": 625, "paper": 625}
"""Autapses, by scale."""

FROZEN, TRAINED, STARTED = "frozen at 1", "trained", "trained, from 1"
MARGIN = 0.05
"""Performances closer than this count as the same."""


def arms(scale: Scale) -> tuple[Arm, ...]:
    """Frozen and trained autapses, and trained ones that start where the frozen ones are."""
    pool = {**scale.cog20, **autapses(SIZES[scale.name])}
    settings = {
        FROZEN: {**pool, "init": "identity", "recurrence": "frozen"},
        TRAINED: pool,
        STARTED: {**pool, "init": "identity"},
    }
    return tuple(Arm(label, own, scale.minute_seeds) for label, own in settings.items())


def analyse(results: Results, scale: Scale) -> Curves | None:
    """Read the learning curves."""
    return learning.learned(arms(scale), results, scale) or None


def figure(found: Curves) -> Figure:
    """Draw the learning curves."""
    drawn, axes = drawing.panels(size=(5.2, 3.8))
    styles = {name: drawing.line_style(i) for i, name in enumerate((FROZEN, TRAINED, STARTED))}
    drawing.learning(axes[0, 0], found, styles)
    drawing.legend(axes[0, 0], loc="best")
    drawing.title(axes[0, 0], "pools of autapses on the 20 base tasks")
    return drawn


def outcome(found: Curves) -> Outcome:
    """Decide: frozen ones learn faster, and end at the same performance."""
    faster = learning.area(found, FROZEN) - learning.area(found, TRAINED)
    same = learning.final(found, FROZEN) - learning.final(found, TRAINED)
    start = learning.area(found, STARTED) - learning.area(found, FROZEN)
    tested = (
        "Freezing and starting at 1 are two changes. Trained autapses that start at 1, minus "
        f"frozen ones, mean performance over all steps: {start}."
    )
    return Outcome(
        (
            above("frozen autapses have a higher mean performance over all steps", faster),
            within(f"both end within {MARGIN:g} of each other", same, -MARGIN, MARGIN),
        ),
        tuple(learning.rows(found, CLAIMS["fig3i"])),
        learning.told(found),
        learning.charts(found),
        tested if start.n else "",
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
