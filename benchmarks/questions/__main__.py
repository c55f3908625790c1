"""The command: ``python -m benchmarks.questions [ID ...] --scale SCALE``."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.paper import __main__ as command
from benchmarks.questions._design import DESIGNS
from benchmarks.questions.claims import CLAIMS
from benchmarks.questions.table import EXPERIMENTS

QUESTIONS = command.Program(
    "benchmarks.questions",
    "Run the experiments of our own and write a finding for each.",
    EXPERIMENTS,
    CLAIMS,
    tuple(DESIGNS),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run experiments from the command line; see `benchmarks.paper.__main__.main`."""
    return command.main(arguments, QUESTIONS)


if __name__ == "__main__":
    raise SystemExit(main())
