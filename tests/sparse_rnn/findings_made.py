"""Findings that were made up, for the tests of the report."""

from __future__ import annotations

import datetime
from typing import Any

from sparse_rnn.report.findings import Curve, Finding, Measurement

HOSTILE = "<script>alert('x')</script> & \"quotes\" </script>"


def made_curve(name: str = "LM-RNN d=2", panel: str = "equal units", end: float = 0.9) -> Curve:
    """A curve of three seeds over eleven points."""
    x = [100.0 * i for i in range(11)]
    rise = [end * (1 - 0.7**i) for i in range(11)]
    seeds = [[value + shift for value in rise] for shift in (-0.02, 0.0, 0.02)]
    return Curve.of(name, x, seeds, ("gradient steps", "performance"), panel)


def made_finding(**changes: Any) -> Finding:
    """A finding with measured values and two curves."""
    fields: dict[str, Any] = {
        "id": "fig2a",
        "title": "Figure 2a",
        "question": "Does a local mask speed learning up at equal numbers of units?",
        "claim": "Every radius learns faster than the dense network.",
        "scale": "laptop",
        "verdict": "not reproduced",
        "measured": (
            Measurement.of("LM-RNN d=2, 2 000 steps", [0.71, 0.73, 0.72], paper=0.8),
            Measurement.of("dense, 2 000 steps", [0.74, 0.75, 0.75], note="paper: no value"),
        ),
        "reason": "With the gain matched by in-degree the order changes.",
        "method": "25x25 units, 20-Cog, 2 000 steps of 20 x 100; performance on held-out trials.",
        "curves": (made_curve(), made_curve("dense", end=0.95)),
        "seeds": (0, 1, 2),
        "command": "python -m benchmarks.paper.fig2a --scale laptop",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "machine": "some processor, 2 cores, Linux",
        "date": datetime.date(2026, 11, 25),
    }
    return Finding(**{**fields, **changes})


def not_run(name: str = "fig5d", title: str = "Figure 5d") -> Finding:
    """A finding of an experiment that was not run."""
    return made_finding(
        id=name,
        title=title,
        verdict="not run",
        scale="paper",
        measured=(),
        curves=(),
        seeds=(),
        reason="There was no time for it.",
    )
