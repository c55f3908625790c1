"""`BoardProtocol`: what a run on the board has in common with every other one there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from sparse_rnn.data import floors, task_stream
from sparse_rnn.errors import unknown_name

MEASURE = "performance"
"""What the board compares: right within 36 degrees at the end of a trial, with fixation kept before
(Yang et al. 2019; `modcog.evaluate`)."""


@dataclass(frozen=True)
class BoardProtocol:
    """The rules of one board. Whatever changes them is a new version.

    Attributes:
        name: Its name.
        version: Its version.
        suite: Suite of tasks, or task names.
        tasks_sha256: Digest of what the names of its tasks stand for, as in `config.json` of a run.
        streams: Version of the streams of trials (`modcog.hashing.STREAMS`). With another one, a
            seed gives other trials.
        steps: Gradient steps: the budget.
        batch_size: Sequences a step.
        seq_len: Time steps a sequence.
        final_batches: Held-out batches of the evaluation at the end, drawn from the run's seed.
        least_seeds: Fewest seeds of an entry; they are 0, 1, 2, ...
        comparable: Whether its scores say anything; not those of a protocol to try things out with.
    """

    name: str
    version: int
    suite: str | tuple[str, ...]
    tasks_sha256: str
    streams: int
    steps: int
    batch_size: int
    seq_len: int
    final_batches: int
    least_seeds: int
    comparable: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that every run has, of a `FitConfig` or a `TrainConfig`; others are free.

        Example:
            >>> import sparse_rnn as srnn
            >>> protocol = srnn.board_protocol("mod-cog-84")
            >>> config = srnn.FitConfig(**protocol.settings, lr=2e-3, seed=0)
            >>> config.suite, config.steps, config.batch_size, config.seq_len
            ('mod-cog-84', 2000, 20, 100)
        """
        names = ("suite", "steps", "batch_size", "seq_len", "final_batches")
        return {**{name: getattr(self, name) for name in names}, **_COMMON}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the shortest entry."""
        return tuple(range(self.least_seeds))

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name}, version {self.version}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, one a score, in the order of the suite."""
        return tuple(_floors_of(self.suite))

    @property
    def sizes(self) -> tuple[int, int]:
        """Input channels, and outputs, of a network for these tasks."""
        return _sizes_of(self.suite)

    @property
    def floors(self) -> dict[str, float]:
        """Performance of strategies that do without something, mean over the tasks.

        Of those that ignore the stimuli, and of those that see them, but weigh no evidence and
        compare nothing (`modcog.features`).
        """
        levels = _floors_of(self.suite).values()
        means = [sum(column) / len(levels) for column in zip(*levels, strict=True)]
        return dict(zip(("ignores the stimuli", "weighs no evidence"), means, strict=True))


_floors_of = cache(floors)


@cache
def _sizes_of(suite: str | tuple[str, ...]) -> tuple[int, int]:
    stream = task_stream(suite, batch_size=1, seq_len="auto", seed=0)
    return stream.input_size, stream.output_size


_COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "dt": 100.0,
        "noise": 1.0,
        "rules": "one_hot",
        "targets": "labels",
        "weights": None,
        "stages": None,
        "curriculum": None,
        "stop_at": None,
    }
)
"""All tasks are trained all the time, and alike."""

_LAPTOP: Mapping[str, Any] = MappingProxyType(
    {
        "version": 1,
        "streams": 2,
        "steps": 2000,
        "batch_size": 20,
        "seq_len": 100,
        "final_batches": 50,
        "least_seeds": 3,
    }
)

PROTOCOLS: Mapping[str, BoardProtocol] = MappingProxyType(
    {
        one.name: one
        for one in (
            BoardProtocol(
                name="mod-cog-84",
                suite="mod-cog-84",
                tasks_sha256="d7dcb9c8d7191843f93070504c8ab0be09918a2e6189906e604cf12e6d6abbf8",
                **_LAPTOP,
            ),
            BoardProtocol(
                name="cog-20",
                suite="cog-20",
                tasks_sha256="7564557c2e2c94b8fb7f310017c656c793e3681f831ff91cf6c0700c914305fe",
                **_LAPTOP,
            ),
            BoardProtocol(
                name="rehearsal",
                version=1,
                suite=("Go", "Anti", "DlyGo"),
                tasks_sha256="962e8b6e595a13296db5e98638cd7bb473cbef0210732fee16d1c4eb2745766e",
                streams=2,
                steps=20,
                batch_size=8,
                seq_len=60,
                final_batches=4,
                least_seeds=3,
                comparable=False,
            ),
        )
    }
)
"""The boards by name, the main one first."""

MAIN = "mod-cog-84"


def board_protocol(name: str = MAIN) -> BoardProtocol:
    """The rules of a board: what to train on, for how long, and with which seeds.

    Args:
        name: "mod-cog-84", the board; "cog-20", that of the 20 base tasks; or "rehearsal", a short
            one to try things out with, whose scores say nothing.

    Raises:
        UnknownName: There is none of this name.

    Example:
        >>> from sparse_rnn import board_protocol
        >>> board_protocol().steps, board_protocol("rehearsal").comparable
        (2000, False)
    """
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS, "a protocol of the board")
    return PROTOCOLS[name]
