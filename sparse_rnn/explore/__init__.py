"""The playground of a trained network: a local page that shows its units at work.

The page, its server and its parts are those of `modcog explore`; what is asked of the network is in
`sparse_rnn.explore.answers`. The server listens on the loopback interface alone.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sparse_rnn.data import local_site, serve_site
from sparse_rnn.explore.answers import Explorer
from sparse_rnn.training.run import Run

PAGE = Path(__file__).parent / "page"
NAME = "sparse-rnn explore"


def site(run: Run) -> Any:
    """The playground of a finished run, ready to be served.

    Example:
        >>> import sparse_rnn as srnn
        >>> config = srnn.TrainConfig(suite="Go", arch="locality", size="4x4", radius=1, steps=1)
        >>> sorted(site(srnn.train(config)).answers)
        ['/api/about', '/api/address', '/api/clusters', '/api/preferred', '/api/trial', '/api/unit']
    """
    explorer = Explorer(run)
    files = {f"/{name}": PAGE / name for name in ("network.css", "network.js", "units.js")}
    return local_site({"/": PAGE / "index.html", **files}, explorer.answers(), NAME)


def explore(run: Run, port: int, *, browser: bool = True) -> None:
    """Serve the playground of a finished run until Ctrl-C.

    Args:
        run: The run.
        port: Port on this machine; 0 is any free one.
        browser: Whether the page is opened in the visitor's browser.

    Raises:
        InvalidArgument: The port cannot be had.
    """
    made = site(run)
    # The first trial compiles kernels: that can begin while the browser starts.
    threading.Thread(target=made.answers["/api/trial"], args=({},), daemon=True).start()
    serve_site(made, port, browser=browser)
