"""What a run takes from its caller that a configuration cannot hold: functions, and weights.

The configuration has their names: that of a function, the digest of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.optimisers import Factory
from sparse_rnn.config.own import is_own, is_unnamed, named, own_name
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.streams import Stream
from sparse_rnn.runs import weights
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.system.files import digest_of
from sparse_rnn.training.objective import Function

ConfigT = TypeVar("ConfigT", bound=FitConfig)

Given = str | Callable[..., Any] | tuple[str, Callable[..., Any]]
"""A name in a table, a function, or a pair of a name and a function."""


@dataclass(frozen=True)
class Parts:
    """What is the caller's; None is what the configuration names.

    Attributes:
        objective: What is minimised.
        optimiser: Makes the optimiser of the parameters.
        stream: What is trained on.
        policy: Says from the scores so far what is trained next; with its name.
    """

    objective: Function | None = None
    optimiser: Factory | None = None
    stream: Stream | None = None
    policy: tuple[str, Callable[..., Any]] | None = None


NONE = Parts()

_SETTINGS = {
    "objective": "objective",
    "optimiser": "optimiser",
    "curriculum": "curriculum",
    "suite": "stream",
}
"""Settings that name what is the caller's, with the argument that it is given as."""


def settle(
    config: ConfigT,
    network: nn.Module | None,
    *,
    objective: Given | None = None,
    optimiser: Given | None = None,
    curriculum: Given | None = None,
) -> tuple[ConfigT, Parts]:
    """Give the functions of a caller their names in the configuration.

    Args:
        config: The configuration.
        network: The network that is to be trained; an optimiser needs it.
        objective: An objective.
        optimiser: An optimiser.
        curriculum: A policy.

    Returns:
        The configuration of the run, and the functions. Where it left `lr` open, that is the
        learning rate that the caller's optimiser was made with.

    Raises:
        InvalidArgument: The configuration names another one already, or one of the caller's that
            was not given.
    """
    config, cost = _settled(config, "objective", objective)
    config, factory = _settled(config, "optimiser", optimiser)
    config, policy = _settled(config, "curriculum", curriculum)
    if factory is not None and network is not None and "lr" not in config.model_fields_set:
        rate = _rate_of(factory, network)
        config = config if rate is None else changed(config, lr=rate)
    named_policy = None if policy is None else (own_name(config.curriculum or ""), policy)
    return config, Parts(cost, factory, policy=named_policy)


def check_complete(config: FitConfig, *, but: Collection[str] = ()) -> None:
    """Refuse a configuration that names functions of a caller's, where none can be given.

    Args:
        config: The configuration.
        but: Settings whose function can be given.

    Raises:
        InvalidArgument: It does.
    """
    for setting in _SETTINGS:
        value = getattr(config, setting)
        if setting not in but and isinstance(value, str) and is_own(value):
            raise InvalidArgument(setting, value, *_missing(setting))


def _missing(setting: str) -> tuple[str, str]:
    """What is allowed, and what to do instead."""
    if setting == "curriculum":
        return "left out", "One of your own is given to sparse_rnn.train or fit, for one network."
    told = "One of your own is given to sparse_rnn.fit, which takes any module, also a Network."
    return "a name in the table", told


def check_named(config: FitConfig, folder: object) -> None:
    """Refuse what has no name for a run with a folder: nobody could tell which it was.

    Raises:
        InvalidArgument: There is one.
    """
    for setting, argument in _SETTINGS.items():
        if folder is not None and is_unnamed(getattr(config, setting)):
            kind = "stream" if argument == "stream" else "function"
            allowed = f"a {kind} with a name, for a run with a folder"
            remedy = f'Write {argument}=("name", {kind}).'
            raise InvalidArgument(argument, f"a {kind} without one", allowed, remedy)


def _settled(
    config: ConfigT, setting: str, given: Given | None
) -> tuple[ConfigT, Callable[..., Any] | None]:
    stands = getattr(config, setting)
    if given is None:
        if is_own(stands):
            allowed = f"given as a function, as the configuration says {stands!r}"
            raise InvalidArgument(setting, given, allowed)
        return config, None
    name, function = (given, None) if isinstance(given, str) else named(setting, given)
    if stands not in (type(config).model_fields[setting].default, name):
        allowed = f"left out, or what the configuration says, {stands!r}"
        raise InvalidArgument(setting, name, allowed)
    if isinstance(given, str) and is_own(given):
        raise InvalidArgument(setting, given, *_missing(setting))
    return changed(config, **{setting: name}), function


def as_given(name: str, function: Callable[..., Any] | None) -> Given | None:
    """A function of the caller's with its name in the configuration, as a caller gives it."""
    return None if function is None else (own_name(name), function)


def changed(config: ConfigT, **changes: Any) -> ConfigT:
    """A configuration with some settings changed; what was left open stays so."""
    settings = {name: getattr(config, name) for name in config.model_fields_set}
    return type(config)(**{**settings, **changes})


def _rate_of(factory: Factory, network: nn.Module) -> float | None:
    """The learning rate of what a function makes, if it is one."""
    made: Any = factory([p for p in network.parameters() if p.requires_grad])
    rates = {group.get("lr") for group in getattr(made, "param_groups", ())}
    rate = rates.pop() if len(rates) == 1 else None
    return float(rate) if isinstance(rate, int | float) else None


@dataclass(frozen=True)
class Start:
    """Weights in a file.

    Attributes:
        path: The file.
        digest: Its SHA-256, in hexadecimal digits.
    """

    path: Path
    digest: str

    def into(self, network: nn.Module) -> None:
        """Give a network these weights; recurrent noise goes on as its own.

        Raises:
            IncompatibleState: They are those of another network.
            InvalidArgument: The file has changed since it was looked at.
        """
        weights.load_start(self.path, network)
        if digest_of(self.path) != self.digest:
            raise InvalidArgument("start_from", str(self.path), "a file that nobody writes to")


def starting_from(
    config: ConfigT, start_from: Path | str | None, folder: Path | None, origin: object
) -> tuple[ConfigT, Start | None]:
    """Give a configuration the digest of the weights that its run starts from.

    Args:
        config: The configuration.
        start_from: Folder of a finished run, or its weights file; None where there is none, or the
            run has begun already.
        folder: Folder of the run, or None.
        origin: Folder of the run that this one continues, or None.

    Raises:
        InvalidArgument: The configuration has the digest of other weights, or of weights that are
            needed and not given.
        FileNotFoundError: There is no such file.
    """
    if start_from is None:
        if config.start is not None and origin is None and not _has_begun(folder):
            allowed = f"given, as the configuration says that its weights are {config.start}"
            raise InvalidArgument("start_from", start_from, allowed)
        return config, None
    path = weights.file_of(start_from)
    start = Start(path, digest_of(path))
    if config.start not in (None, start.digest):
        allowed = f"the weights that the configuration names, {config.start}"
        raise InvalidArgument("start_from", f"{path} with {start.digest}", allowed)
    return changed(config, start=start.digest), start


def _has_begun(folder: Path | None) -> bool:
    """Whether a run has a state of its own, and so needs no other weights."""
    if folder is None:
        return False
    return (folder / weights.WEIGHTS).exists() or bool(Store(folder).steps())
