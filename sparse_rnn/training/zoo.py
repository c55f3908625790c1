"""The zoo: small trained networks that come with the package, with the runs that made them.

Each lies in an archive of its run folder; `benchmarks.zoo` trains and packs them.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.system.files import atomic_path
from sparse_rnn.training.run import Run, load_run

_HOME = resources.files("sparse_rnn.training") / "zoo_runs"


@dataclass(frozen=True)
class ZooNetwork:
    """A network of the zoo.

    Attributes:
        name: Its name.
        about: What it is, in a line.
        suite: Name of the tasks that it learned.
        units: Number of units.
        synapses: Number of recurrent synapses.
        steps: Gradient steps that it was trained for.
        performance: Its performance on held-out trials, mean over tasks.
        final_accuracy: Its accuracy at the last step of a trial, mean over tasks.
        chance: The accuracy of the best strategy that ignores the stimuli.
        command: The command that trained it.
        sha256: Digest of its archive.
    """

    name: str
    about: str
    suite: str
    units: int
    synapses: int
    steps: int
    performance: float
    final_accuracy: float
    chance: float
    command: str
    sha256: str

    def load(self) -> Run:
        """Read the run, with its network, configuration, learning curve and scores.

        Returns:
            The run, as `sparse_rnn.load_run` gives it; it has no folder.

        Raises:
            IncompatibleState: The archive is damaged.

        Example:
            >>> import sparse_rnn as srnn
            >>> run = srnn.zoo()["local-cog20"].load()
            >>> run.network.rnn.mask.n_units, len(run.evaluation.tasks)
            (100, 20)
        """
        with tempfile.TemporaryDirectory() as folder:
            self._write(self._content(), Path(folder))
            return replace(load_run(folder), folder=None)

    def save(self, folder: Path | str) -> Path:
        """Write the run folder, for the commands `sparse-rnn analyze`, `explore` and the others.

        Args:
            folder: The folder; made if need be, and empty if it is there.

        Returns:
            The folder.

        Raises:
            InvalidArgument: It is no folder, or holds something.
            IncompatibleState: The archive is damaged; nothing was written.
        """
        if not isinstance(folder, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may pass anything
            raise InvalidArgument("folder", folder, "the name of a folder")
        path = Path(folder)
        if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
            raise InvalidArgument("folder", str(path), "an empty folder, or a name that is free")
        content = self._content()
        path.mkdir(parents=True, exist_ok=True)
        self._write(content, path)
        return path

    def _content(self) -> bytes:
        content = (_HOME / f"{self.name}.zip").read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise IncompatibleState(
                f"The archive of {self.name} in the zoo is damaged. Install the package again."
            )
        return content

    @staticmethod
    def _write(content: bytes, folder: Path) -> None:
        """Write the files, the configuration last: a folder without one holds no run."""
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in sorted(archive.namelist(), key=lambda one: one == "config.json"):
                with atomic_path(folder / name) as temporary:
                    temporary.write_bytes(archive.read(name))


def zoo() -> Mapping[str, ZooNetwork]:
    """Small trained networks that come with the package, by name.

    For "cog-20" and for "mod-cog-84", there is a local, a random, a dense and an autapse network
    and one of gated units. They were trained for 1000 steps each, a minute or a few, so that
    analyses, playgrounds and tutorials have something to work on at once; they are no results.
    1000 steps are enough for most of the 20 tasks and few for the 84: these networks are better
    than chance and far from done.

    Returns:
        The networks by name, in the order of their making.

    Example:
        >>> import sparse_rnn as srnn
        >>> list(srnn.zoo())[:3]
        ['local-cog20', 'random-cog20', 'dense-cog20']
        >>> srnn.zoo()["local-modcog84"].suite
        'mod-cog-84'
        >>> srnn.zoo()["local-cog20"].synapses
        2900
    """
    entries = json.loads((_HOME / "index.json").read_text(encoding="utf-8"))
    return MappingProxyType({name: ZooNetwork(name, **entry) for name, entry in entries.items()})
