"""What the board is told of a method: arguments of `sparse_rnn.board_entry`, as a plain dict."""

from __future__ import annotations

import inspect
from typing import Any

from benchmarks.compare import _design as design
from benchmarks.compare._chains import RidgeArm, TicketArm
from benchmarks.compare._methods import Method, Place
from benchmarks.paper._arms import Results
from benchmarks.paper._scales import Scale
from sparse_rnn.nn.rewiring import named


def entry(
    method: Method, place: Place, results: Results, scale: Scale, command: str
) -> dict[str, Any] | None:
    """Describe the finished runs of a method at a place; None where there are none, or no runs.

    Args:
        method: The method.
        place: Size and density.
        results: Where the runs lie.
        scale: The scale.
        command: What makes the runs again.

    Returns:
        ``name``, ``method`` (a sentence), ``runs`` (their folders, by seed), ``earlier`` (folders
        of the levels before, of a lottery ticket), ``diverged`` (seeds), ``search_updates`` and
        ``command``.
    """
    arm = design.arm(method, place, results, scale)
    runs = results.arm(arm, scale) if arm else []
    if arm is None or not runs or isinstance(arm, RidgeArm):
        return None  # A readout in closed form takes no gradient steps, and is no run.
    levels = (sorted(run.folder.parent.glob("level-??")) for run in runs)
    earlier = [folder for found in levels for folder in found[:-1]]
    return {
        "name": f"{method.name}, {place.label}",
        "method": sentence(method, place),
        "runs": [run.folder for run in runs],
        "earlier": earlier if isinstance(arm, TicketArm) else [],
        "diverged": list(results.diverged(arm, scale)),
        "search_updates": design.n_updates(method, place, scale),
        "command": command,
    }


def sentence(method: Method, place: Place) -> str:
    """What a network is: what its sparsifier says of itself, or its name."""
    sparsifier = method.settings(place).get("sparsifier")
    if sparsifier is None:
        return f"{method.name[0].upper()}{method.name[1:]}, trained with Adam."
    return (inspect.getdoc(named(sparsifier)) or sparsifier).splitlines()[0]
