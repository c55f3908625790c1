"""What a sweep costs beside the training: time a run, files, memory, and reading the results.

The runs are as small as runs can be, so that what is measured is everything but the training::

    python -m benchmarks.speed.sweep -o benchmarks/results/sweep.json
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sparse_rnn as srnn
from benchmarks.speed._machine import finish, machine
from sparse_rnn import sweep

SMALLEST: Mapping[str, Any] = {
    "suite": "Go",
    "arch": "autapse",
    "size": 16,
    "steps": 1,
    "batch_size": 1,
    "seq_len": 30,
    "eval_batches": 1,
    "final_batches": 1,
}
WEIGHTS = "weights.safetensors"
PROJECTED = (10_000, 1_000_000)
"""Numbers of runs that the costs are projected to."""


def configs(number: int) -> tuple[srnn.TrainConfig, ...]:
    """So many of the smallest runs, which differ in their seed."""
    return sweep.Grid.of(SMALLEST, seed=range(number)).configs()


def timed(work: Callable[[], Any]) -> float:
    """Seconds that some work takes."""
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def alone(number: int) -> dict[str, float]:
    """Seconds a run without a sweep: in memory, and with a folder."""
    runs = configs(number)
    options = srnn.RunOptions(threads=1, prefetch=False, tensorboard=False)
    srnn.train(runs[0], options=options)  # Compiles, reads from the disk.
    with tempfile.TemporaryDirectory() as folder:
        in_memory = timed(lambda: [srnn.train(one, options=options) for one in runs])
        with_folder = timed(
            lambda: [srnn.train(one, Path(folder) / str(one.seed), options=options) for one in runs]
        )
    return {"in_memory": in_memory / number, "with_folder": with_folder / number}


def swept(number: int, workers: int) -> dict[str, float]:
    """Seconds a run and worker inside a sweep, and seconds until the first run has ended."""
    ended: list[tuple[float, int]] = []
    began_s = time.perf_counter()

    @contextmanager
    def display() -> Generator[Callable[[sweep.Tally], None]]:
        yield lambda tally: ended.append((time.perf_counter() - began_s, tally.done))

    with tempfile.TemporaryDirectory() as folder:
        reached = sweep.run(configs(number), folder, workers=workers, progress=display)
    assert reached.done == number
    # The first run of each worker imports and reads from the disk.
    warm = 2 * max(workers, 1)
    first_s, n_first = next(moment for moment in ended if moment[1] >= warm)
    last_s, n_last = ended[-1]
    return {
        "seconds_a_run": (last_s - first_s) * max(workers, 1) / (n_last - n_first),
        "seconds_to_begin": next(moment for moment in ended if moment[1])[0],
    }


def folders(number: int) -> dict[str, float]:
    """Bytes and inodes of a run, and seconds a run to name, look up and collect it."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        (one,) = configs(1)
        sweep.run([one], results, workers=0)
        original = sweep.folder_of(results, one)
        files = [path for path in original.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files if path.name != WEIGHTS)
        tracemalloc.start()
        runs = configs(number)
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        naming = timed(lambda: configs(number))
        for config in runs[1:]:
            shutil.copytree(original, sweep.folder_of(results, config))
        looking = timed(lambda: sweep.status(None, results))
        again = timed(lambda: sweep.run(runs, results, workers=0))
        collecting = timed(lambda: sweep.collect(results))
        tables = sum(path.stat().st_size for path in results.glob("*.parquet"))
    return {
        "files": len(files),
        "inodes": len(files) + 1,
        "bytes": size,
        "memory_bytes": memory / number,
        "naming_s": naming / number,
        "status_s": looking / number,
        "nothing_to_do_s": again / number,
        "collect_s": collecting / number,
        "table_bytes": tables / number,
    }


def measure(*, runs: int = 60, number: int = 5000, workers: int = 2) -> dict[str, Any]:
    """All costs.

    Args:
        runs: Runs that are carried out, by each way.
        number: Run folders that are read.
        workers: Processes of the embedded cluster.
    """
    load = os.getloadavg()
    return {
        "runs": runs,
        "folders": number,
        "workers": workers,
        "alone": alone(runs),
        "serial": swept(runs, 0),
        "dask": swept(runs, workers),
        "folder": folders(number),
        "machine": machine(load),
    }


def table(result: Mapping[str, Any]) -> str:
    """The costs as tables in Markdown."""
    folder = result["folder"]
    ways = (
        ("`train` in memory", result["alone"]["in_memory"]),
        ("`train` with a folder", result["alone"]["with_folder"]),
        ("sweep in one process", result["serial"]["seconds_a_run"]),
        (f"sweep on {result['workers']} dask workers", result["dask"]["seconds_a_run"]),
    )
    costs = (
        ("naming the runs", "naming_s", 1.0, "s"),
        ("memory of the process that hands them out", "memory_bytes", 1e-6, "MB"),
        ("a second call that finds all done", "nothing_to_do_s", 1.0, "s"),
        ("`sweep status`", "status_s", 1.0, "s"),
        ("`sweep collect`", "collect_s", 1.0, "s"),
        ("tables", "table_bytes", 1e-6, "MB"),
        ("inodes", "inodes", 1.0, ""),
        ("files without weights", "bytes", 1e-6, "MB"),
    )
    lines = ["| the smallest run | ms a run and worker |", "|---|---|"]
    lines += [f"| {name} | {1e3 * seconds:.0f} |" for name, seconds in ways]
    head = " | ".join(f"{number:,} runs" for number in PROJECTED)
    lines += ["", f"| cost | {head} |", "|---|" + "---|" * len(PROJECTED)]
    for name, key, factor, unit in costs:
        cells = [f"{folder[key] * factor * number:,.0f} {unit}".strip() for number in PROJECTED]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.sweep", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--runs", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--folders", type=int, default=5000, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, help="default: %(default)s")
    options = parser.parse_args(arguments)
    result = measure(runs=options.runs, number=options.folders, workers=options.workers)
    print(table(result))
    begin_s = result["dask"]["seconds_to_begin"]
    print(f"The first run on dask workers had ended after {begin_s:.1f} s.")
    return finish(result, options.output)


if __name__ == "__main__":
    sys.exit(main())
