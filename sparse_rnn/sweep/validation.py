"""Whether runs can be carried out at all, found out before the first one begins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sparse_rnn import masks
from sparse_rnn.config import TrainConfig
from sparse_rnn.errors import InvalidArgument, RunConflict, RunDamaged
from sparse_rnn.masks import Mask
from sparse_rnn.run_folder import CONFIG, check_mask, check_streams
from sparse_rnn.sweep.naming import RUNS, identity
from sparse_rnn.training import streams

_STREAM = ("suite", "batch_size", "seq_len", "dt", "noise")
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


def check_found(configs: Mapping[str, TrainConfig], results: Path) -> None:
    """Refuse results under the names of these runs that are not theirs.

    A name is a digest of settings. These say neither which trials a seed means, as versions of the
    package differ in that, nor what a file with a graph holds.

    Args:
        configs: The configurations by identity.
        results: Folder of the results.

    Raises:
        RunConflict: A run there is one of other trials or another graph; nothing has changed.
    """
    built: dict[tuple[Any, ...], Mask] = {}
    for name, config in configs.items():
        folder = results / RUNS / name
        if not os.path.lexists(folder / CONFIG):
            continue
        try:
            check_streams(folder)
            if any(option.is_file for option in masks.options(config.arch).values()):
                kind = tuple(getattr(config, setting) for setting in _MASK)
                if kind not in built:
                    built[kind] = config.build_mask()
                check_mask(folder, built[kind])
        except RunDamaged:
            continue  # It is told as damaged, and stops no other run.
        except RunConflict as error:
            raise RunConflict(
                f"{error} In a sweep, --results names that folder; collect reads the runs that are "
                "there."
            ) from None


def _check_mask(config: TrainConfig) -> None:
    config.check_mask(up_to=BUILT)
