"""The first rows of the board: four cells, each dense and local, at equal weights.

``python -m benchmarks.compare.board --dry-run`` says what would be trained and what it costs;
without the option it trains what is not finished, on seeds that no entry has first, to choose the
learning rates of each network. Then it writes an entry for each network whose runs are all there,
and the pages of all entries in the folder: the section of ``docs/board.md``, its pictures, the page
that sorts, and the schema of entries. ``--pages`` writes the pages alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

import sparse_rnn as srnn
from benchmarks._status import status
from benchmarks.compare import _entries as rivals
from benchmarks.paper import _cost as cost
from benchmarks.paper._arms import Arm, Results, dense, neighbours
from benchmarks.paper._halving import Rung, Search
from benchmarks.paper._scales import SCALES, Scale, Settings
from sparse_rnn import sweep
from sparse_rnn.report import board_charts, board_markdown, board_page
from sparse_rnn.system.files import atomic_writer

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = ROOT / "benchmarks" / "results" / "board"
"""Where the entries lie that the pages show."""

CELLS: Mapping[str, Settings] = MappingProxyType(
    {
        "vanilla": {"cell": "vanilla"},
        "leaky": {"cell": "leaky", "tau": 200.0},
        "GRU": {"cell": "gru"},
        "LSTM": {"cell": "lstm"},
    }
)
"""Settings of each cell. A leaky unit with tau = dt would be a vanilla one."""

MATRICES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"vanilla": (1, 1), "leaky": (1, 1), "GRU": (3, 3), "LSTM": (4, 4)}
)
"""Recurrent and input weights of each cell, for one of a vanilla cell."""

RATIO = 1.5
"""Longest side of a sheet over its shortest."""


@dataclass(frozen=True)
class Board:
    """How the rows are made.

    Attributes:
        protocol: Name of the protocol.
        side: Side of the sheet of the local vanilla network, whose weights all others have.
        radius: Radius of local masks.
        rates: Learning rates to choose from.
        factors: Factors of them for recurrent weights to choose from.
        rungs: Rounds of the search.
        n_seeds: Seeds of an entry.
    """

    protocol: str
    side: int
    radius: int
    rates: tuple[float, ...]
    factors: tuple[float, ...]
    rungs: tuple[Rung, ...]
    n_seeds: int


BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        "smoke": Board("rehearsal", 5, 1, (1e-2,), (1.0, 0.1), (Rung(5, (100,), 1),), 3),
        "laptop": Board("mod-cog-84", 20, 4, (1e-3, 3e-3), (1.0, 0.1), (Rung(500, (100,), 1),), 3),
    }
)
"""The board by scale."""


@dataclass(frozen=True)
class Row:
    """One network of the board.

    Attributes:
        cell: Name of the cell.
        local: Whether its mask is local.
        board: How it is trained.
    """

    cell: str
    local: bool
    board: Board

    @property
    def name(self) -> str:
        """Its name in the table."""
        return f"{self.cell}, {'local' if self.local else 'dense'}"

    @property
    def file(self) -> str:
        """Name of its entry's file."""
        return f"{self.cell.lower()}-{'local' if self.local else 'dense'}.json"

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings without learning rates and seed."""
        rules, board = srnn.board_protocol(self.board.protocol), self.board
        n_ends = rules.sizes
        wanted = weights("vanilla", board.side**2, neighbours(board.side, board.radius), n_ends)
        mask: Settings = dense(dense_units(self.cell, wanted, n_ends))
        if self.local:
            degree = neighbours(board.side, board.radius)
            sides = sheet(self.cell, wanted, degree, n_ends, least=2 * board.radius + 1)
            mask = {"arch": "locality", "size": sides, "radius": board.radius}
        return {**rules.settings, **CELLS[self.cell], **mask}

    @property
    def method(self) -> str:
        """What it is, in a sentence."""
        size = self.settings["size"]
        units = "x".join(map(str, size)) if self.local else str(size)
        mask = f"synapses within a radius of {self.board.radius}" if self.local else "all connected"
        return f"{self.cell} cell, {units} units, {mask}; learning rates chosen by a search"

    @property
    def search(self) -> Search:
        """The search for its learning rates."""
        candidates = tuple(
            {**self.settings, "lr": lr, "rates": {"recurrent": factor}}
            for lr, factor in itertools.product(self.board.rates, self.board.factors)
        )
        return Search(self.name, candidates, self.board.rungs)

    def arm(self, results: Results, scale: Scale) -> Arm | None:
        """Its runs with the learning rates that are best; None where the search is not finished."""
        chosen = self.search.chosen(results, scale)
        return None if chosen is None else Arm(self.name, chosen, tuple(range(self.board.n_seeds)))


def weights(cell: str, n_units: int, in_degree: int, n_ends: tuple[int, int]) -> int:
    """Weights of a network, biases left out.

    Args:
        cell: Name of the cell, one of `CELLS`.
        n_units: Number of units.
        in_degree: Synapses onto each of them, self-connection included.
        n_ends: Input channels, and outputs.

    Example:
        >>> weights("vanilla", 400, 49, (117, 17)), weights("GRU", 100, 100, (117, 17))
        (73200, 66800)
    """
    recurrent, inputs = MATRICES[cell]
    return n_units * (recurrent * in_degree + inputs * n_ends[0] + n_ends[1])


def dense_units(cell: str, wanted: int, n_ends: tuple[int, int]) -> int:
    """The number of units with which a dense network comes nearest to a number of weights.

    Example:
        >>> dense_units("vanilla", 73_200, (117, 17)), dense_units("LSTM", 73_200, (117, 17))
        (212, 88)
    """
    n_most = next(n for n in itertools.count(1) if weights(cell, n, n, n_ends) >= wanted)
    return min(
        (n_most, max(n_most - 1, 1)), key=lambda n: abs(weights(cell, n, n, n_ends) - wanted)
    )


def sheet(
    cell: str, wanted: int, in_degree: int, n_ends: tuple[int, int], least: int
) -> tuple[int, int]:
    """The sides of the sheet with which a local network comes nearest to a number of weights.

    Args:
        cell: Name of the cell.
        wanted: The number of weights.
        in_degree: Synapses onto each unit.
        n_ends: Input channels, and outputs.
        least: Shortest side that is allowed, so that no neighbourhood reaches around the sheet.

    Returns:
        The sides, the longer one at most `RATIO` times the shorter one; of equally good sheets the
        one that is nearest to a square.

    Example:
        >>> sheet("vanilla", 73_200, 49, (117, 17), 9), sheet("LSTM", 73_200, 49, (117, 17), 9)
        ((20, 20), (9, 12))
    """
    each = weights(cell, 1, in_degree, n_ends)
    longest = max(math.ceil(math.sqrt(wanted / each)), least)
    sides = range(least, int(RATIO * longest) + 1)
    pairs = [(a, b) for a in sides for b in sides if a <= b <= RATIO * a]
    return min(
        pairs,
        key=lambda pair: (
            abs(pair[0] * pair[1] * each - wanted),
            pair[1] - pair[0],
        ),
    )


def rows(board: Board) -> tuple[Row, ...]:
    """The networks of a board."""
    return tuple(Row(cell, local, board) for cell in CELLS for local in (False, True))


def scale_of(name: str, board: Board) -> Scale:
    """What the search asks of a scale: seeds that are not compared are its rungs' own."""
    return Scale(name, tuple(range(board.n_seeds)), {}, {})


def missing(board: Board, results: Results, scale: Scale) -> Iterator[srnn.TrainConfig]:
    """The runs that are known to be wanted and are not finished, as far as searches have come."""
    for row in rows(board):
        arm = row.arm(results, scale)
        arms = row.search.next_arms(results, scale) if arm is None else [arm]
        for one in arms:
            lost = results.diverged(one, scale)
            finished = {sweep.identity(run.config) for run in results.arm(one, scale)}
            for config in one.configs(scale):
                if sweep.identity(config) not in finished and config.seed not in lost:
                    yield config


def planned(board: Board, results: Results, scale: Scale) -> float:
    """Estimated core-minutes of all that is missing, runs included that a search is to choose."""
    configs = list(missing(board, results, scale))
    for row in rows(board):
        if row.arm(results, scale) is None:
            later = Arm(row.name, row.search.candidates[0], tuple(range(board.n_seeds)))
            configs += later.configs(scale)
    return cost.core_minutes(configs)


def train(board: Board, results: Results, scale: Scale) -> list[str]:
    """Carry out what is missing, round by round.

    Returns:
        What failed, a line each; what diverged is not among it.
    """
    while wanted := sorted(missing(board, results, scale), key=lambda config: config.seed):
        status = sweep.run(
            wanted, results.folder, workers=results.workers, progress=sweep.automatic
        )
        failed = [f"{one.folder}: {one.failures[-1].error}" for one in status.failures]
        told = [line for line in failed if "TrainingDiverged" not in line]
        left = {sweep.identity(one) for one in missing(board, results, scale)}
        if told or left >= {sweep.identity(one) for one in wanted}:
            return told or failed
    return []


def write_entries(
    board: Board, results: Results, scale: Scale, folder: Path, command: str
) -> list[str]:
    """Write the entries of the networks whose runs are all there.

    Returns:
        Names of the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left: list[str] = []
    for row in rows(board):
        arm = row.arm(results, scale)
        runs = [] if arm is None else results.arm(arm, scale)
        lost = () if arm is None else results.diverged(arm, scale)
        if len(runs) + len(lost) < board.n_seeds or len(runs) < 3:
            left.append(row.name)
            continue
        srnn.board_entry(
            [run.folder for run in runs],
            folder / row.file,
            name=row.name,
            method=row.method,
            protocol=board.protocol,
            command=command,
            diverged=lost,
            search_updates=row.search.n_updates,
        )
    return left


BEGIN, END = "<!-- written by benchmarks.compare.board -->\n\n", "\n<!-- end -->"
"""What the section of the page stands between."""

PICTURES = Path("figures", "board")
PAGE = Path("assets", "board.html")
SCHEMA = Path("assets", "board-entry.schema.json")


def pages(entries: Sequence[srnn.BoardEntry], docs: Path) -> dict[Path, str]:
    """What the documentation says of entries, by the file.

    Args:
        entries: The entries; there may be none.
        docs: The folder of the documentation, with its page.
    """
    page = docs / "board.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    schema = json.dumps(srnn.BoardEntry.json_schema(), indent=1) + "\n"
    section, files = "There is no entry yet.\n", {docs / SCHEMA: schema}
    if entries:
        section = board_markdown(entries, pictures=PICTURES.as_posix(), page=PAGE.as_posix())
        files[docs / PAGE] = board_page(entries)
        charts = board_charts(entries)
        files |= {docs / PICTURES / f"{name}.svg": chart for name, chart in charts.items()}
    return {page: before + BEGIN + section + END + after, **files}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the first rows of the board from the command line.

    Returns:
        The exit status: 0; 1 where a run failed; 2 for what cannot work; 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare.board", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--scale", choices=tuple(BOARDS), default="smoke")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs", "paper"), help="folder of all runs"
    )
    parser.add_argument("--entries", type=Path, help="folder of the entries")
    parser.add_argument("--docs", type=Path, help="folder of the documentation to write pages in")
    parser.add_argument("--rivals", type=Path, help="folder of the runs of benchmarks.compare, too")
    parser.add_argument("--workers", type=int, help="processes; by default one a core")
    parser.add_argument("--dry-run", action="store_true", help="say what would run and its cost")
    parser.add_argument("--finished", action="store_true", help="train nothing")
    parser.add_argument("--pages", action="store_true", help="write pages of the entries alone")
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    return status("benchmarks.compare.board", words, lambda: _work(options))


def _work(options: argparse.Namespace) -> Sequence[str]:
    """Do what was asked; a line for each run that failed."""
    board = BOARDS[options.scale]
    results, scale = Results(options.runs, options.workers), scale_of(options.scale, board)
    folder = options.entries or (ENTRIES if options.scale == "laptop" else options.runs / "board")
    if options.dry_run:
        n_missing = len(list(missing(board, results, scale)))
        minutes = planned(board, results, scale)
        print(f"{n_missing} runs now, then those that are chosen: {minutes:.1f} core-minutes")
        return ()
    failed: list[str] = []
    if not (options.finished or options.pages):
        failed = train(board, results, scale)
    if not options.pages:
        command = f"python -m benchmarks.compare.board --scale {options.scale}"
        left = write_entries(board, results, scale, folder, command)
        print(f"Entries: {folder}" + (f"; not finished: {', '.join(left)}" if left else ""))
    if options.rivals is not None:
        found = Results(options.rivals)
        for name, why in rivals.write(found, SCALES[options.scale], folder, board.protocol).items():
            print(f"No entry of {name}: {why}")
    if options.docs is not None:
        entries = [srnn.BoardEntry.read(path) for path in sorted(folder.glob("*.json"))]
        for path, text in pages(entries, options.docs).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_writer(path) as file:
                file.write(text)
            print(f"Written: {path}")
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
