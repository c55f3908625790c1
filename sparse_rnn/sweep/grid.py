"""`Grid`: a declarative list of runs, from Python or from a file."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import InvalidArgument, SparseRnnError, unknown_name
from sparse_rnn.sweep.naming import identity
from sparse_rnn.sweep.reading import DEPTH, is_deeper
from sparse_rnn.system.arguments import instance
from sparse_rnn.system.files import open_given

Settings = Mapping[str, Any]
"""Settings of a `TrainConfig` by their names."""

_PARTS = ("settings", "runs", "axes", "seeds")

MAX_RUNS = 1_000_000
"""Most runs of a grid: each takes 1.7 kB of memory, and its folder seven inodes."""

MAX_BYTES = 1 << 28
"""Bytes of the largest file with a grid, 256 MiB: a million explicit runs."""


@dataclass(frozen=True)
class Grid:
    """A list of runs: fixed settings, explicit lists of settings, and axes that are multiplied.

    Attributes:
        settings: Settings that all runs have.
        runs: Settings of one run each, on top of `settings`; each is combined with all of `axes`.
        axes: Values of each setting on an axis; all combinations are run.

    Raises:
        InvalidArgument: A part has a wrong form, or there are more than `MAX_RUNS` runs.

    Example:
        >>> from sparse_rnn.sweep import Grid
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

    def __post_init__(self) -> None:
        """Check the form of the parts, and refuse more than `MAX_RUNS` runs before any is made."""
        runs = tuple(_mapping("runs", one) for one in _several("runs", self.runs))
        axes = _flat(_mapping("axes", self.axes))
        object.__setattr__(self, "settings", _mapping("settings", self.settings))
        object.__setattr__(self, "runs", runs)
        object.__setattr__(
            self, "axes", {name: _several(name, values) for name, values in axes.items()}
        )
        number = self._number()
        if number > MAX_RUNS:
            axes = " x ".join(str(len(values)) for values in self.axes.values())
            allowed = f"such that there are at most {MAX_RUNS} runs"
            value = f"{len(self.runs)} explicit runs x {axes or 1}"
            raise InvalidArgument("axes", value, allowed, "Split the sweep.")

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
        return cls(_mapping("base", base), cast("Any", runs), cast("Any", axes))

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
            text = _text(file)
            if file.suffix.lower() == ".toml":
                _check_keys(text)
            record = readers[file.suffix.lower()](text)
            if is_deeper(record, DEPTH):
                raise ValueError("it is nested too deeply")
        except InvalidArgument:
            raise
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
        return self._number()

    def _number(self) -> int:
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
    # One more than allowed shows that there are too many, however many there are.
    listed = tuple(itertools.islice(cast("Iterable[Any]", values), MAX_RUNS + 1))
    if len(listed) > MAX_RUNS:
        allowed = f"a list of at most {MAX_RUNS} values"
        raise InvalidArgument(name, f"more than {MAX_RUNS} values", allowed)
    if not listed:
        raise InvalidArgument(name, [], "a list of at least one value")
    return listed


def _text(file: Path) -> str:
    with open_given(file) as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        allowed = f"a file of at most {MAX_BYTES} bytes"
        raise InvalidArgument("SPEC", str(file), allowed, "Write it with axes, or split the sweep.")
    return content.decode("utf-8").replace("\r\n", "\n")


def _check_keys(text: str) -> None:
    """Refuse dotted keys of very many parts, which TOML's reader takes a long time to join.

    Raises:
        ValueError: There is one.
    """
    for line in text.splitlines():
        if line.count(".") > DEPTH:
            bare = re.sub(r"[\s\"']", "", line)
            if any(len(_PART.findall(key)) > DEPTH for key in re.split(r"[=,\[\]{}#]", bare)):
                raise ValueError(f"a key has more than {DEPTH} parts")


_PART = re.compile(r"(?<=[\w-])\.(?=[\w-])")


def _seeds(value: object) -> Sequence[Any]:
    """Seeds: a number of them, or a list."""
    if isinstance(value, bool) or not isinstance(value, int):
        return _several("seeds", value)
    if value < 1:
        raise InvalidArgument("seeds", value, "a number of at least 1, or a list of seeds")
    if value > MAX_RUNS:
        raise InvalidArgument("seeds", value, f"at most {MAX_RUNS}")
    return range(value)


def load(spec: Grid | Iterable[TrainConfig] | Path | str) -> tuple[TrainConfig, ...]:
    """Configurations of a grid, of a spec file, or as they are.

    Raises:
        SparseRnnError: There is none.
        InvalidArgument: As for `Grid.read` and `Grid.configs`.
    """
    if isinstance(spec, str | Path):
        spec = Grid.read(spec)
    if isinstance(spec, Grid):
        return spec.configs()
    allowed = "a grid, the path of a file with one, or configurations"
    if isinstance(spec, TrainConfig) or not isinstance(spec, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        raise InvalidArgument("spec", spec, allowed)
    configs = tuple(instance("spec", config, TrainConfig) for config in spec)
    if not configs:
        raise SparseRnnError("A sweep needs at least one configuration, and there is none.")
    return configs
