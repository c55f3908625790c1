"""Pages whose examples need an extra are tried where it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("neurogym") else ["neurogym.md"]
