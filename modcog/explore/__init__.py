"""The playground: a local page that shows trials of any task and of two tasks side by side.

A page of our own rather than a notebook: it starts in a fraction of a second, needs no further
package, answers a slider in a few milliseconds, and serves nothing but itself. The page asks the
server for trials (`modcog.explore.answers`), and the server listens on the loopback interface
alone (`modcog.explore.serving`). Nothing leaves the machine.
"""

from __future__ import annotations

from pathlib import Path

from modcog.errors import ModcogError
from modcog.explore.answers import catalog, packed as packed, trial_panel as trial_panel, view
from modcog.explore.serving import LocalServer as LocalServer, Site, serve as serve

PAGE = Path(__file__).parent / "page"

SHARED = tuple(
    f"/{name}"
    for name in (
        "chart.js",
        "common.css",
        "common.js",
        "facts.js",
        "palette.js",
        "panel.js",
        "ring.js",
        "transport.js",
    )
)
"""Files that pages of other packages use as well, by their paths."""


def site() -> Site:
    """The playground of the tasks, ready to be served.

    Example:
        >>> sorted(site().answers)
        ['/api/catalog', '/api/view']
    """
    own = ("/app.js", "/app.css", "/controls.js")
    return Site(
        files={"/": PAGE / "index.html", **files(*own, *SHARED)},
        answers={"/api/catalog": catalog, "/api/view": view},
        refusals=(ModcogError,),
    )


def files(*paths: str) -> dict[str, Path]:
    """Files of this page by their paths, such as those of `SHARED`."""
    return {path: PAGE / path.removeprefix("/") for path in paths}
