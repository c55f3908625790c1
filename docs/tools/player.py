"""The player of the gallery: its files from the playground, and the trials that it plays."""

from __future__ import annotations

import json
from pathlib import Path

import modcog
from modcog import explore

N_TRIALS = 4
SEED = 0
FOLDER = "player"
"""Of the site; ``docs/player`` has the page itself."""


def files() -> dict[str, Path]:
    """Files of the playground by the paths at which the player asks for them."""
    paths = (*explore.SHARED, "/app.css")
    return {FOLDER + path: file for path, file in explore.files(*paths).items()}


def trials(name: str) -> str:
    """A handful of trials of a task, each as the playground's server packs it, as JSON."""
    drawn = modcog.sample(name, SEED, N_TRIALS)
    panels = []
    for i in range(N_TRIALS):
        one = drawn[i : i + 1]
        one.rule[:], one.lane[:], one.start[:] = 0, 0, 0
        rendered = modcog.render(one, n_rules=1)
        panels.append(explore.trial_panel(one, rendered.observations[:, 0], rendered.targets[:, 0]))
    return json.dumps(panels, separators=(",", ":"), allow_nan=False)
