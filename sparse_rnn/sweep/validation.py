"""Whether runs can be carried out at all, found out before the first one begins."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sparse_rnn import masks
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import InvalidArgument, RunConflict, RunDamaged
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.sweep.naming import folder_of, identity
from sparse_rnn.training.run import streams
from sparse_rnn.training.session import tasks_of

_STREAM = (
    *("suite", "batch_size", "seq_len", "dt", "noise", "targets", "objective"),
    *("weights", "stages"),
)
_TASKS = ("suite", "seq_len", "dt", "noise")
_MASK = ("arch", "size", "radius", "mask_options")


BUILT = 5_000_000
"""Synapses of the largest mask that is built to check it; that of a larger one is checked without.

Dense masks of 2236 units have as many; one takes half a second and 100 MB.
"""


def check_all(configs: Iterable[TrainConfig]) -> None:
    """Make the streams and check the mask of each kind of run once.

    A configuration knows its settings, but not whether the suite exists, or whether a mask of that
    size can have these options. Runs that differ in other settings, such as the seed, share the
    answer.

    Raises:
        InvalidArgument: As building the first run that is refused raises it, with its identity.
    """
    seen: set[tuple[Any, ...]] = set()
    for config in configs:
        for names, build in ((_STREAM, streams), (_MASK, _check_mask)):
            kind = (names, *(getattr(config, name) for name in names))
            if kind in seen:
                continue
            seen.add(kind)
            try:
                build(config)
            except InvalidArgument as error:
                told = ", ".join(f"{name} {getattr(config, name)!r}" for name in names)
                where = f"(In run {identity(config)}, with {told}.)"
                remedy = f"{error.remedy} {where}".strip()
                raise type(error)(error.argument, error.value, error.allowed, remedy) from None


def check_results(configs: Iterable[TrainConfig], results: Path) -> None:
    """Look whether the runs that a folder of results has already are those of now.

    Of one sweep, some runs would otherwise be on other trials or tasks than the rest, or on the
    graph that a file held before. What is damaged is left to `status`, and stops no other run.

    Args:
        configs: The runs of the sweep.
        results: Folder of the results.

    Raises:
        RunConflict: A run is on the streams of trials of another version, on tasks that have
            changed since under their names, or its mask is from a file that has.
    """
    digests: dict[tuple[Any, ...], str] = {}
    tasks: dict[tuple[Any, ...], str | None] = {}

    def tasks_now(config: TrainConfig) -> str | None:
        kind = tuple(getattr(config, name) for name in _TASKS)
        if kind not in tasks:
            tasks[kind] = tasks_of(config)
        return tasks[kind]

    for config in configs:
        folder = folder_of(results, config)
        if not os.path.lexists(folder / run_folder.CONFIG):
            continue
        try:
            with suppress(RunDamaged):
                run_folder.check_streams(folder)
                run_folder.check_tasks(folder, partial(tasks_now, config))
                # What a mask is follows from its configuration, unless that names a file.
                if "graph" in masks.options(config.arch):
                    kind = tuple(getattr(config, name) for name in _MASK)
                    if kind not in digests:
                        digests[kind] = config.build_mask().digest
                    run_folder.check_masks(folder, {"rnn": digests[kind]})
        except RunConflict as error:
            raise RunConflict(
                f"{error} Nothing was begun: a sweep has all its runs on the same trials and "
                "networks. Give it another folder of results (--results)."
            ) from error


def _check_mask(config: TrainConfig) -> None:
    config.check_mask(up_to=BUILT)
