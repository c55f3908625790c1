"""The command `sparse-rnn explore`: a trained network at work, in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from sparse_rnn.training.run import load_run


def explore(
    run: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(metavar="RUN", help="Folder of a finished run."),
    ],
    *,
    port: Annotated[int, tyro.conf.arg(help="Port on this machine; 0 is any free one.")] = 8168,
    no_browser: tyro.conf.FlagCreatePairsOff[
        Annotated[bool, tyro.conf.arg(help="Print the address and open no browser.")]
    ] = False,
) -> None:
    """Open a local page that shows a trained network at work: activity, tuning, synapses."""
    loaded = load_run(run)

    from sparse_rnn import explore as playground  # the other commands need no server

    playground.explore(loaded, port, browser=not no_browser)
