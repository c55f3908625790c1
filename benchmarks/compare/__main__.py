"""The command: ``python -m benchmarks.compare [ID ...] --scale SCALE``."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.compare._design import DESIGNS
from benchmarks.compare.claims import CLAIMS
from benchmarks.compare.table import EXPERIMENTS
from benchmarks.paper import __main__ as command

COMPARE = command.Program(
    "benchmarks.compare",
    "Compare all ways to choose the synapses of a network and write a finding for each comparison.",
    EXPERIMENTS,
    CLAIMS,
    tuple(DESIGNS),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run comparisons from the command line; see `benchmarks.paper.__main__.main`."""
    return command.main(arguments, COMPARE)


if __name__ == "__main__":
    raise SystemExit(main())
