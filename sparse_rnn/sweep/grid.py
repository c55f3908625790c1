"""`Grid`: a declarative list of runs, from Python or from a file."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from sparse_rnn.config import TrainConfig
from sparse_rnn.errors import InvalidArgument, SparseRnnError, unknown_name
from sparse_rnn.sweep.naming import identity

Settings = Mapping[str, Any]

_PARTS = ("settings", "runs", "axes", "seeds")


@dataclass(frozen=True)
class Grid:
    """A list of runs: fixed settings, explicit lists of settings, and axes that are multiplied.

    Attributes:
        settings: Settings that all runs have.
        runs: Settings of one run each, on top of `settings`; each is combined with all of `axes`.
        axes: Values of each setting on an axis; all combinations are run.

    Example:
        >>> grid = Grid.of(
        ...     {"suite": "Go", "size": 100, "steps": 10},
        ...     runs=[{"arch": "dense"}, {"arch": "random", "mask_options": {"in_degree": 13}}],
        ...     lr=[1e-3, 3e-3],
        ...     seed=range(3),
        ... )
        >>> len(grid), [(c.arch, c.lr, c.seed) for c in grid.configs()[:2]]
        (12, [('dense', 0.001, 0), ('dense', 0.001, 1)])
    """

    settings: Settings = field(default_factory=dict[str, Any])
    runs: tuple[Settings, ...] = ({},)
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict[str, tuple[Any, ...]])

    @classmethod
    def of(
        cls,
        base: TrainConfig | Settings,
        *,
        runs: Iterable[Settings] = ({},),
        **axes: Iterable[Any],
    ) -> Self:
        """Build a grid.

        Args:
            base: Settings that all runs have: a mapping, or a configuration.
            runs: Settings of explicit runs, on top of these.
            **axes: Values of settings that are multiplied; the last one varies fastest. Options of
                the mask are axes too: ``mask_options={"in_degree": [8, 16]}``.

        Raises:
            InvalidArgument: A part has a wrong form; settings are checked by `configs`.
        """
        if isinstance(base, TrainConfig):
            base = {name: getattr(base, name) for name in base.model_fields_set}
        return cls(
            _mapping("base", base),
            tuple(_mapping("runs", one) for one in _several("runs", runs)),
            {name: _several(name, values) for name, values in _flat(axes).items()},
        )

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a grid from a TOML or JSON file (docs/scaling.md has the format).

        Raises:
            InvalidArgument: It is neither, or has a part that is not known or has a wrong form.
            OSError: The file cannot be read.
        """
        file = Path(path)
        readers = {".toml": tomllib.loads, ".json": json.loads}
        if file.suffix.lower() not in readers:
            raise InvalidArgument("SPEC", str(path), "a file that ends in .toml or .json")
        try:
            record = readers[file.suffix.lower()](file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            kind = file.suffix[1:].upper()
            raise InvalidArgument("SPEC", str(path), f"valid {kind} ({error})") from error
        return cls.from_record(record)

    @classmethod
    def from_record(cls, record: object) -> Self:
        """Build a grid from what a file holds: settings, runs, axes, seeds; each may be absent.

        Raises:
            InvalidArgument: A part is not known, or has a wrong form.
        """
        parts = _mapping("SPEC", record)
        for name in parts:
            if name not in _PARTS:
                raise unknown_name("entry", name, _PARTS, "a part of a sweep")
        axes = dict(_mapping("axes", parts.get("axes", {})))
        if "runs" in axes:
            raise InvalidArgument("axes.runs", axes["runs"], "written as [[runs]]")
        if "seeds" in parts:
            if "seed" in axes:
                raise InvalidArgument("seeds", parts["seeds"], "left out beside axes.seed")
            axes["seed"] = _seeds(parts["seeds"])
        runs = parts.get("runs", ({},))
        return cls.of(_mapping("settings", parts.get("settings", {})), runs=runs, **axes)

    def __len__(self) -> int:
        """Number of runs."""
        number = len(self.runs)
        for values in self.axes.values():
            number *= len(values)
        return number

    def configs(self) -> tuple[TrainConfig, ...]:
        """All configurations, in the order of `runs`, then of the axes; the last varies fastest.

        Raises:
            InvalidArgument: Settings of a run are refused, with the run's own ones in the message;
                or two runs are the same.
        """
        found: dict[str, Settings] = {}
        configs: list[TrainConfig] = []
        for own in self._points():
            try:
                config = TrainConfig(**_merged(self.settings, own))
            except InvalidArgument as error:
                raise _of_run(error, own) from None
            name = identity(config)
            if name in found:
                remedy = f"That is the run with {dict(found[name])} again."
                raise InvalidArgument("runs", dict(own), "different from each other", remedy)
            found[name] = own
            configs.append(config)
        return tuple(configs)

    def _points(self) -> Iterable[dict[str, Any]]:
        """The settings of each run that are its own."""
        for one in self.runs:
            for values in itertools.product(*self.axes.values()):
                own = dict(one)
                for name, value in zip(self.axes, values, strict=True):
                    own = _merged(own, _setting(name, value))
                yield own


_OPTION = "mask_options."
"""What the name of an axis begins with that is an option of the mask."""


def _flat(axes: Settings) -> dict[str, Any]:
    """Axes with each option of the mask as one of its own, such as ``mask_options.in_degree``."""
    flat: dict[str, Any] = {}
    for name, values in axes.items():
        if name == _OPTION[:-1] and isinstance(values, Mapping):
            options = cast("Settings", values)
            flat |= {f"{_OPTION}{option}": listed for option, listed in options.items()}
        else:
            flat[name] = values
    return flat


def _setting(name: str, value: Any) -> Settings:
    if name.startswith(_OPTION):
        return {_OPTION[:-1]: {name.removeprefix(_OPTION): value}}
    return {name: value}


def _merged(below: Settings, above: Settings) -> dict[str, Any]:
    """Settings on top of others; options of the mask are merged one by one."""
    merged = {**below, **above}
    options = [part.get("mask_options") for part in (below, above)]
    if all(isinstance(option, Mapping) for option in options):
        merged["mask_options"] = {**cast("Settings", options[0]), **cast("Settings", options[1])}
    return merged


def _of_run(error: InvalidArgument, own: Settings) -> InvalidArgument:
    if not own:
        return error
    told = ", ".join(f"{name} {value!r}" for name, value in own.items())
    remedy = f"{error.remedy} (In the run with {told}.)".strip()
    return type(error)(error.argument, error.value, error.allowed, remedy)


def _mapping(name: str, value: object) -> Settings:
    if not isinstance(value, Mapping):
        raise InvalidArgument(name, value, "a table of settings")
    return cast("Settings", value)


def _several(name: str, values: object) -> tuple[Any, ...]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidArgument(name, values, "a list of values")
    listed = tuple(cast("Iterable[Any]", values))
    if not listed:
        raise InvalidArgument(name, [], "a list of at least one value")
    return listed


def _seeds(value: object) -> Sequence[Any]:
    """Seeds: a number of them, or a list."""
    if isinstance(value, bool) or not isinstance(value, int):
        return _several("seeds", value)
    if value < 1:
        raise InvalidArgument("seeds", value, "a number of at least 1, or a list of seeds")
    return range(value)


def load(spec: Grid | Iterable[TrainConfig] | Path | str) -> tuple[TrainConfig, ...]:
    """Configurations of a grid, of a spec file, or as they are.

    Raises:
        SparseRnnError: There is none.
        InvalidArgument: As for `Grid.read` and `Grid.configs`.
    """
    if isinstance(spec, str | Path):
        spec = Grid.read(spec)
    configs = spec.configs() if isinstance(spec, Grid) else tuple(spec)
    if not configs:
        raise SparseRnnError("A sweep needs at least one configuration, and there is none.")
    return configs
