"""Entries of the board: ``python -m benchmarks.compare.entries --scale laptop --runs DIR``.

One JSON for each method and density whose runs keep the protocol. The pages of the board are made
anew by ``python -m benchmarks.compare.board --pages``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import sparse_rnn as srnn
from benchmarks.compare._design import DESIGNS
from benchmarks.compare._entries import entry
from benchmarks.compare.board import ENTRIES
from benchmarks.compare.table import COMPARISONS
from benchmarks.paper._arms import Results
from benchmarks.paper._scales import scale_of
from sparse_rnn.errors import InvalidArgument


def write(scale_name: str, runs: Path, out: Path, protocol: str) -> list[Path]:
    """Write an entry for each method that is finished, and say why there is none for others.

    Args:
        scale_name: Name of the scale.
        runs: Folder of all runs.
        out: Folder of the entries, made if need be.
        protocol: Name of the protocol that they keep.

    Returns:
        The files.
    """
    scale, results = scale_of(scale_name), Results(runs)
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    for comparison in COMPARISONS:
        command = f"python -m benchmarks.compare {comparison.name} --scale {scale_name}"
        for method, place in comparison.entered(results, scale):
            told = entry(method, place, results, scale, command)
            if told is None or told["name"] in found:
                continue
            path = out / (re.sub(r"[^a-z0-9.]+", "-", told["name"].lower()).strip("-") + ".json")
            try:
                srnn.board_entry(told.pop("runs"), path, protocol=protocol, **told)
            except InvalidArgument as error:  # Too few seeds yet, or another budget.
                print(f"{told['name']}: {error}")
            else:
                found[told["name"]] = path
    return list(found.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write entries from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--scale", choices=list(DESIGNS), default="laptop")
    parser.add_argument("--runs", type=Path, default=Path("runs", "compare"))
    parser.add_argument("--out", type=Path, default=ENTRIES, help="folder of the entries")
    parser.add_argument("--protocol", default="mod-cog-84", help="name of the protocol")
    given = parser.parse_args(arguments)
    files = write(given.scale, given.runs, given.out, given.protocol)
    print(f"{len(files)} entries in {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
