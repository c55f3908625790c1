"""What a run is called: a hash of its settings, however they were written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sparse_rnn import masks
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.system.arguments import instance

RUNS = "runs"
"""Folder of the run folders in a folder of results."""

LENGTH = 16
"""Hexadecimal digits of an identity: with 64 bits, a million runs collide with odds of 1 to 4e7."""


def canonical(config: TrainConfig) -> TrainConfig:
    """Write a configuration in the one way that all equal ones share.

    Options of the mask that have their default are left out. A seed of the mask never is: left out,
    it follows from that of the run.
    """
    known = masks.options(instance("config", config, TrainConfig).arch)
    kept = {
        name: value
        for name, value in config.mask_options.items()
        if name == "seed" or known[name].required or value != known[name].default
    }
    if len(kept) == len(config.mask_options):
        return config
    settings: dict[str, Any] = {**_settings(config), "mask_options": kept}
    return TrainConfig(**settings)


def identity(config: TrainConfig) -> str:
    """Name a run by its settings: the beginning of the SHA-256 of their canonical JSON.

    A setting that has its default counts as left out, so that a new setting of a later version
    leaves the names of old runs as they are. A graph file counts by its name, not its content.

    Returns:
        Hexadecimal digits, `LENGTH` of them.

    Example:
        >>> from sparse_rnn import TrainConfig
        >>> from sparse_rnn.sweep import identity
        >>> short = TrainConfig(arch="dense", size=100)
        >>> identity(short) == identity(TrainConfig(arch="dense", size="100", lr=0.002, seed=0))
        True
        >>> identity(short) == identity(TrainConfig(arch="dense", size=100, seed=1))
        False
    """
    settings = _settings(canonical(config))
    fields = TrainConfig.model_fields
    told = {
        name: _plain(value)
        for name, value in settings.items()
        if fields[name].is_required() or value != fields[name].default
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def folder_of(results: Path | str, config: TrainConfig) -> Path:
    """Folder of a run in a folder of results: ``RESULTS/runs/IDENTITY``."""
    return Path(results) / RUNS / identity(config)


def distinct(configs: Iterable[TrainConfig]) -> dict[str, TrainConfig]:
    """Canonical configurations by identity, in order; equal ones are one."""
    return {identity(config): canonical(config) for config in configs}


def _settings(config: TrainConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in type(config).model_fields}


def _plain(value: object) -> object:
    """A value in JSON types, the same for values that compare equal, such as 1 and 1.0."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    # True equals 1 in Python, and so do configurations that differ in nothing else.
    return int(value) if isinstance(value, bool | float) and value == int(value) else value
