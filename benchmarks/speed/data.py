"""How fast do trials come, next to neurogym's `Dataset` and gymnasium's `SyncVectorEnv`?

Everything runs in one process, and repeats of all competitors take turns, so that whatever slows
the machine slows all of them. Run it as ``python -m benchmarks.speed.data -o data.json``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import modcog
from benchmarks.speed._machine import finish, machine

SUITES: Mapping[str, str] = {"20 tasks": "cog-20", "82 tasks": "mod-cog-82"}
VECTOR_TASKS: Mapping[str, str] = {"DlyGo": "DlyGo", "20 tasks": "cog-20"}
VECTOR_STEPS = 60
"""Steps of one run of a vector environment, the same for all: several whole trials of each lane.

The lanes start together, so that in a shorter run trials might never end, or all end at once.
"""

P_ACT = 0.05
"""Fraction of steps at which an environment gets another action than 0."""


@dataclass
class Competitor:
    """One line of the table.

    Attributes:
        group: What it is compared within.
        name: Its name.
        build: Makes it, and returns a function that runs some steps and returns their number.
        reference: Whether the ratios of its group are to this one.
        build_s: Seconds to build it.
        peak_mb: Peak of the memory that building it and running once take, in MB.
        seconds: Seconds a step, one a repeat.
        limit_s: Seconds a step that no sampler can do without; None where there is no such number.
    """

    group: str
    name: str
    build: Callable[[], Callable[[], int]] = field(repr=False)
    reference: bool = False
    build_s: float = 0.0
    peak_mb: float = 0.0
    seconds: list[float] = field(default_factory=list)
    limit_s: float | None = None


def batches(
    suite: str,
    renderer: str,
    size: tuple[int, int],
    n: int,
    schedule: modcog.schedules.Schedule | None = None,
) -> Callable[[], int]:
    """Draw n batches with our sampler."""
    seq_len, batch_size = size
    sampler = modcog.BatchSampler(
        suite,
        batch_size=batch_size,
        seq_len=seq_len,
        seed=0,
        renderer=renderer,
        schedule=schedule,
    )
    numbers = itertools.count()

    def run() -> int:
        for _ in range(n):
            sampler.batch(next(numbers))
        return n * batch_size * seq_len

    return run


def schedules_of(suite: str) -> dict[str, modcog.schedules.Schedule]:
    """Schedules with which all tasks come about equally often, as without: only the way differs."""
    nearly = {modcog.suite(suite)[0]: 1.001}
    stages = [(nearly, 5), ({modcog.suite(suite)[1]: 1.001}, 5)] * 1000
    return {
        "weights": modcog.schedules.constant(nearly),
        "stages": modcog.schedules.stages(stages),
        "blocks": modcog.schedules.blocks(5),
    }


def neurogym_dataset(n_tasks: int, size: tuple[int, int]) -> Callable[[], int]:
    """Draw one batch with neurogym's `Dataset`, from as many of its environments as tasks."""
    import neurogym
    from neurogym.envs.collections import get_collection
    from neurogym.utils.scheduler import RandomSchedule
    from neurogym.wrappers.block import ScheduleEnvs

    seq_len, batch_size = size
    names = list(itertools.islice(itertools.cycle(get_collection("yang19")), n_tasks))
    envs = [neurogym.make(name, dt=100, dim_ring=16) for name in names]
    env = ScheduleEnvs(envs, schedule=RandomSchedule(len(envs)), env_input=True)
    dataset = neurogym.Dataset(env, batch_size=batch_size, seq_len=seq_len)

    def run() -> int:
        dataset()
        return batch_size * seq_len

    return run


def vector_steps(envs: Any, n: int) -> Callable[[], int]:
    """Step a vector environment n times, with few actions other than 0."""
    rng = np.random.default_rng(0)
    envs.reset(seed=0)
    shape = (n, envs.num_envs)
    acts = rng.random(shape) < P_ACT
    actions = np.where(acts, rng.integers(1, envs.single_action_space.n, size=shape), 0)

    def run() -> int:
        for row in actions:
            envs.step(row)
        return n * envs.num_envs

    return run


def competitors(
    size: tuple[int, int], lanes: int, n_batches: int, n_steps: int
) -> list[Competitor]:
    """Everything that is measured here; what is not installed is left out."""
    listed: list[Competitor] = []
    for group, suite in SUITES.items():
        for renderer in ("numpy", "numba") if find_spec("numba") else ("numpy",):
            listed.append(
                Competitor(
                    group,
                    f"BatchSampler, {renderer}",
                    lambda s=suite, r=renderer: batches(s, r, size, n_batches),
                )
            )
        for name, schedule in schedules_of(suite).items():
            build = partial(batches, suite, "auto", size, n_batches, schedule)
            listed.append(Competitor(group, f"BatchSampler, {name}", build))
        if find_spec("neurogym"):
            n = len(modcog.suite(suite))
            build = lambda n=n: neurogym_dataset(n, size)  # noqa: E731 - as those above
            listed.append(Competitor(group, "neurogym Dataset", build, reference=True))
    for name, task in VECTOR_TASKS.items():
        group = f"{name}, {lanes} environments"
        ours = lambda t=task: vector_steps(modcog.make_vec(t, lanes), n_steps)  # noqa: E731 - as those above
        theirs = lambda t=task: vector_steps(_sync(t, lanes), n_steps)  # noqa: E731 - as those above
        listed.append(Competitor(group, "TaskVectorEnv", ours))
        listed.append(Competitor(group, "SyncVectorEnv", theirs, reference=True))
    return listed


def _sync(task: str, lanes: int) -> Any:
    return gym.vector.SyncVectorEnv([lambda: modcog.make(task)] * lanes)


def limit(suite: str, size: tuple[int, int]) -> tuple[float, float, int]:
    """The least that any sampler does: write the arrays once, and draw the deviates of the noise.

    Returns:
        Seconds a step to write, seconds a step to draw, and bytes of the arrays.
    """
    seq_len, batch_size = size
    arguments: dict[str, Any] = {"batch_size": batch_size, "seq_len": seq_len, "seed": 0}
    noisy = modcog.BatchSampler(suite, **arguments).batch(0)
    quiet = modcog.BatchSampler(suite, **arguments, noise=0).batch(0)
    n_deviates = int((noisy.inputs != quiet.inputs).sum())
    arrays = (noisy.inputs, noisy.targets, noisy.mask)
    rng = np.random.default_rng(0)

    def write() -> None:
        for array in arrays:
            np.empty_like(array).fill(1)

    n_steps = batch_size * seq_len
    return (
        _median_time(write) / n_steps,
        _median_time(lambda: rng.standard_normal(n_deviates, dtype=np.float32)) / n_steps,
        sum(array.nbytes for array in arrays),
    )


def _median_time(run: Callable[[], Any], repeats: int = 15) -> float:
    seconds: list[float] = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def measure(
    size: tuple[int, int] = (350, 64), lanes: int = 1024, repeats: int = 7, n_batches: int = 24
) -> dict[str, Any]:
    """Measure everything.

    Args:
        size: Steps and lanes of a batch.
        lanes: Environments of a vector environment.
        repeats: How often each competitor runs.
        n_batches: Batches of one run of our sampler.

    Returns:
        The machine, and a row for each competitor; JSON can hold it.
    """
    load_before = os.getloadavg()
    listed = competitors(size, lanes, n_batches, VECTOR_STEPS)
    runs: list[Callable[[], int]] = []
    for one in listed:
        begin = time.perf_counter()
        run = one.build()
        one.build_s = time.perf_counter() - begin
        run()  # compiles, and fills caches
        runs.append(run)
    for _ in range(repeats):
        for one, run in zip(listed, runs, strict=True):
            begin = time.perf_counter()
            n_steps = run()
            one.seconds.append((time.perf_counter() - begin) / n_steps)
    limits = {group: limit(suite, size) for group, suite in SUITES.items()}
    del runs
    for one in listed:
        if one.group in limits:
            one.limit_s = sum(limits[one.group][:2])
        one.peak_mb = _peak_mb(one.build)
    build_132 = _median_time(lambda: modcog.BatchSampler("mod-cog-132"), 9)
    return {
        "machine": machine(load_before),
        "size": {"seq_len": size[0], "batch_size": size[1], "lanes": lanes, "repeats": repeats},
        "rows": [row_of(one, listed) for one in listed],
        "arrays_mb": {group: values[2] / 1e6 for group, values in limits.items()},
        "limit_ns_per_step": {
            group: {"write": values[0] * 1e9, "deviates": values[1] * 1e9}
            for group, values in limits.items()
        },
        "build_mod_cog_132_ms": build_132 * 1e3,
    }


def _peak_mb(build: Callable[[], Callable[[], int]]) -> float:
    tracemalloc.start()
    try:
        build()()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def row_of(one: Competitor, listed: list[Competitor]) -> dict[str, Any]:
    """One row of the table."""
    seconds = np.array(one.seconds)
    median = float(np.median(seconds))
    row = {k: v for k, v in asdict(one).items() if k not in ("build", "seconds", "limit_s")}
    references = [c for c in listed if c.group == one.group and c.reference]
    return {
        **row,
        "steps_per_s": 1 / median,
        "steps_per_s_range": [1 / float(seconds.max()), 1 / float(seconds.min())],
        "ratio": float(np.median(references[0].seconds)) / median if references else None,
        "fraction_of_limit": one.limit_s / median if one.limit_s else None,
    }


def table(result: Mapping[str, Any]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| | | steps/s (lowest to highest) | ratio | build | peak memory | of the limit |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        low, high = row["steps_per_s_range"]
        ratio, share = row["ratio"], row["fraction_of_limit"]
        lines.append(
            f"| {row['group']} | {row['name']} | {row['steps_per_s']:,.0f} ({low:,.0f} to "
            f"{high:,.0f}) | {'' if ratio is None else f'{ratio:.3g}'} | {row['build_s']:.3f} s | "
            f"{row['peak_mb']:.0f} MB | {'' if share is None else f'{share:.0%}'} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.data", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    options = parser.parse_args(arguments)
    result = measure(repeats=options.repeats)
    print(table(result))
    print(f"Building a sampler of mod-cog-132: {result['build_mod_cog_132_ms']:.1f} ms.")
    for group, parts in result["limit_ns_per_step"].items():
        size = result["arrays_mb"][group]
        print(
            f"Limit, {group}: {parts['write']:.1f} ns a step to write {size:.1f} MB, and "
            f"{parts['deviates']:.1f} ns to draw the deviates."
        )
    return finish(result, options.output)


if __name__ == "__main__":
    sys.exit(main())
