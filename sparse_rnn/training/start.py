"""`Start`: weights that a run starts from, and how its configuration knows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from torch import nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.runs import weights
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.system.files import digest_of
from sparse_rnn.training.parts import changed

ConfigT = TypeVar("ConfigT", bound=FitConfig)


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


def known(
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
