"""What the board is told of a method: arguments of `sparse_rnn.board_entry`, as a plain dict."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from benchmarks.compare import _design as design
from benchmarks.compare._chains import RidgeArm, TicketArm
from benchmarks.compare._methods import WHOLE, Method, Place
from benchmarks.compare.table import COMPARISONS
from benchmarks.paper._arms import Results
from benchmarks.paper._scales import Scale
from sparse_rnn import board_entry
from sparse_rnn.errors import InvalidArgument
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
        "name": name_of(method, place),
        "method": sentence(method, place),
        "runs": [run.folder for run in runs],
        "earlier": earlier if isinstance(arm, TicketArm) else [],
        "diverged": list(results.diverged(arm, scale)),
        "search_updates": design.n_updates(method, place, scale),
        "command": command,
    }


def write(results: Results, scale: Scale, folder: Path, protocol: str) -> dict[str, str]:
    """Write an entry for each method whose runs are there and keep a protocol.

    Args:
        results: Where the runs lie.
        scale: The scale.
        folder: Where the entries go; made if need be.
        protocol: Name of the protocol of the board.

    Returns:
        Why the other methods have none, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written, left = set[str](), dict[str, str]()
    for comparison in COMPARISONS:
        command = f"python -m benchmarks.compare {comparison.name} --scale {scale.name}"
        for method, place in comparison.entered(results, scale):
            name = name_of(method, place)
            if name in written:
                continue
            found = entry(method, place, results, scale, command)
            if found is None:
                left[name] = "no run of its own"
                continue
            slug = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
            try:
                board_entry(out=folder / f"{slug}.json", protocol=protocol, **found)
            except InvalidArgument as error:  # Too few seeds, or another budget.
                left[name] = str(error)
            else:
                written.add(name)
    return left


def name_of(method: Method, place: Place) -> str:
    """What an entry is called; the dense network is the same one at each density."""
    return f"{method.name}, " + (f"N={place.n_units}" if method is WHOLE else place.label)


def sentence(method: Method, place: Place) -> str:
    """What a network is: what its sparsifier says of itself, or its name."""
    sparsifier = method.settings(place).get("sparsifier")
    if sparsifier is None:
        zeros = "; weights that became 0 count as synapses" if method.strength else ""
        return f"{method.name[0].upper()}{method.name[1:]}, trained with Adam{zeros}."
    return (inspect.getdoc(named(sparsifier)) or sparsifier).splitlines()[0].replace("`", "")
