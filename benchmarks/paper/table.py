"""The experiments by id, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.paper import (
    fair,
    fig1d,
    fig2a,
    fig2b,
    fig3ab,
    fig3cde,
    fig3fg,
    fig3h,
    fig3i,
    fig4ae,
    fig4f,
    fig5ab,
    fig5c,
    fig5de,
    fig5f,
    fig6,
    fig7_11,
    released_faults,
    table1,
)
from benchmarks.paper._experiment import Experiment

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "fig1d": fig1d.EXPERIMENT,
        "fig2a": fig2a.EXPERIMENT,
        "fig2b": fig2b.EXPERIMENT,
        "fig3ab": fig3ab.EXPERIMENT,
        "fig3cde": fig3cde.EXPERIMENT,
        "fig3fg": fig3fg.EXPERIMENT,
        "fig3h": fig3h.EXPERIMENT,
        "fig3i": fig3i.EXPERIMENT,
        "fig4ae": fig4ae.EXPERIMENT,
        "fig4f": fig4f.EXPERIMENT,
        "fair": fair.EXPERIMENT,
        "fig5ab": fig5ab.EXPERIMENT,
        "fig5c": fig5c.EXPERIMENT,
        "fig5de": fig5de.EXPERIMENT,
        "fig5f": fig5f.EXPERIMENT,
        "table1": table1.EXPERIMENT,
        "fig6": fig6.EXPERIMENT,
        "fig7_11": fig7_11.EXPERIMENT,
        "released_faults": released_faults.EXPERIMENT,
    }
)
"""Each experiment is a file and a row."""
