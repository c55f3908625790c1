"""A drop-in for neurogym's `Dataset`: the same call and the same shapes, our batches underneath."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modcog.batches.rollouts import Rollouts, foreign_wrappers
from modcog.batches.sampler import BatchSampler
from modcog.batches.targets import check_kind
from modcog.envs.env import TaskEnv
from modcog.envs.registration import env_id
from modcog.envs.wrappers import Integrate, Modified, Sequence, layers, make
from modcog.errors import InvalidArgument, instance, mapping, truth_value, whole_number
from modcog.hashing import Purpose, Seed, derive, seed_sequence
from modcog.system.limits import BATCHES, LANES
from modcog.trials.spec import TaskSpec

SEQ_LEN = 1000
"""Steps of a sequence where none are asked for; neurogym's number."""


class Dataset:
    """Endless batches of one task or of several, as neurogym's `Dataset` returns them.

    Arguments, order and shapes are neurogym's. The batches are made as those of
    `modcog.BatchSampler`, on a stream of their own: each array is new, each lane holds whole trials
    from its first step, what is left at its end is padding (zero inputs, target 0), and a seed
    gives all of it again. One task has no rule channels unless `rule_input` or `rules` ask for
    them; several tasks have one each.

    Trial wrappers of other makers, such as neurogym's `ScheduleEnvs` and `RandomGroundTruth`, are
    played: each lane is a copy of the environment that starts one trial after the other. A wrapper
    that changes what a step returns is refused, since nobody acts in a dataset.

    Unlike neurogym's, a call is not counted by `max_batch`, and takes no arguments.

    Args:
        env: Name of a task, an alias such as "dlygointl", an id such as "modcog/DlyGo-v0", the name
            of a suite, a list of tasks, or an environment of modcog.
        env_kwargs: Settings, `rule_input` and `rules` as for `modcog.make`, where `env` is no
            environment.
        batch_size: Number of lanes.
        seq_len: Steps of each lane; None: 1000; "auto": four times the longest trial.
        max_batch: Batches of one iteration; None or infinity for no end.
        batch_first: Whether the axes are ``[batch, time, ...]``.
        cache_len: None: nothing is cached here.
        seed: A whole number, a list of them or a `numpy.random.SeedSequence`; None for new trials
            in each run.
        rule_input: Whether the inputs end with rule channels, where `env` is no environment; see
            `modcog.make`.
        rules: What the rule channels show, where `env` is no environment; see `modcog.make`.
        targets: The kind of targets, as for `modcog.BatchSampler`; of trials that wrappers play,
            labels alone are known.

    Attributes:
        env: The environment whose trials these are.
        targets: The kind of targets.
        sampler: The sampler that draws them; None where they are played through wrappers.
        seeds: The seed sequence in use; given as `seed` it repeats the run.

    Raises:
        InvalidArgument: An argument is out of range, or `env` is no environment of modcog, or one
            with a wrapper that changes what a step returns.
        UnknownName: A name is not known; the message offers the nearest.

    Example:
        >>> from modcog import Dataset
        >>> dataset = Dataset("modcog/DlyGo-v0", {"dt": 50}, batch_size=4, seq_len=100, seed=0)
        >>> inputs, targets = dataset()
        >>> inputs.shape, targets.shape
        ((100, 4, 33), (100, 4))
    """

    def __init__(  # noqa: PLR0913 - neurogym's arguments
        self,
        env: Any,
        env_kwargs: dict[str, Any] | None = None,
        batch_size: int = 1,
        seq_len: int | Literal["auto"] | None = None,
        max_batch: float | None = math.inf,
        batch_first: Any = False,  # noqa: FBT002 - neurogym's order
        cache_len: int | None = None,
        *,
        seed: Seed | None = None,
        rule_input: bool | None = None,
        rules: object = None,
        targets: str = "labels",
    ) -> None:
        if cache_len is not None:
            raise InvalidArgument("cache_len", cache_len, "None: nothing is cached here")
        settings = dict(mapping("env_kwargs", env_kwargs, "a mapping of settings, or None"))
        for name in settings:
            instance("env_kwargs", name, str, "a mapping of settings by their names")
        for name, value in (("rule_input", rule_input), ("rules", rules)):
            if value is not None:
                if name in settings:
                    raise InvalidArgument(name, value, "given once")
                settings[name] = value
        self.env: Any = _environment(env, settings)
        self._played = bool(foreign_wrappers(self.env))
        self._specs = _tasks(self.env)
        self.batch_size = whole_number("batch_size", batch_size, "lanes", most=LANES)
        self._asked_seq_len: int | Literal["auto"] = SEQ_LEN if seq_len is None else seq_len
        self.max_batch = math.inf
        if max_batch is not None and not (isinstance(max_batch, float) and max_batch == math.inf):
            self.max_batch = whole_number("max_batch", max_batch, "batches", most=BATCHES)
        self.batch_first = truth_value("batch_first", batch_first)
        self._i_batch = 0
        self.targets = check_kind(targets)
        if self._played and targets != "labels":
            remedy = "What a wrapper makes of a trial is known by its labels alone."
            raise InvalidArgument("targets", targets, "'labels' here", remedy)
        if self._played:
            if seq_len == "auto":
                remedy = "The lengths of trials that a wrapper starts are not known."
                raise InvalidArgument("seq_len", seq_len, "a number of steps here", remedy)
            self.seq_len = whole_number("seq_len", self._asked_seq_len, "steps")
        self.seed(seed)
        if self.sampler is not None:
            self.seq_len = self.sampler.seq_len

    def seed(self, seed: Seed | None = None) -> None:
        """Start the stream of batches anew.

        Args:
            seed: As for the constructor.

        Raises:
            InvalidArgument: It is no seed.
        """
        self.seeds = np.random.SeedSequence() if seed is None else seed_sequence(seed)
        self.sampler: BatchSampler | None = None
        self._lanes: Rollouts | None = None
        if self._played:
            # One seed a lane; those of neurogym's wrappers have 32 bits.
            lane_seeds = derive(self.seeds, Purpose.PLAYED).generate_state(self.batch_size).tolist()
            self._lanes = Rollouts(self.env, lane_seeds, self.seq_len)
            return
        self.sampler = BatchSampler(
            self._specs,
            batch_size=self.batch_size,
            seq_len=self._asked_seq_len,
            seed=derive(self.seeds, Purpose.DATASET),
            rules=self.env.unwrapped.rule_channels.array,
            targets=self.targets,
        )
        self._index = 0

    def __call__(self) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The next batch.

        Returns:
            Inputs, float32 ``[seq_len, batch_size, channels]``, and targets, int64
            ``[seq_len, batch_size]`` where they are labels; with `batch_first` the first two axes
            change places.
        """
        if self._lanes is not None:
            inputs, targets = self._lanes.batch()
        else:
            assert self.sampler is not None  # `seed` has made one of the two
            batch = self.sampler.batch(self._index)
            inputs, targets = batch.inputs, batch.targets
            self._index += 1
        if self.batch_first:
            return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)
        return inputs, targets

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        """The dataset itself; it goes on where the last iteration ended."""
        return self

    def __next__(self) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The next batch, at most `max_batch` of them."""
        if self._i_batch >= self.max_batch:
            self._i_batch = 0
            raise StopIteration
        self._i_batch += 1
        return self()

    def __repr__(self) -> str:
        """Sizes at a glance."""
        n = len(self._specs)
        what = f"{n} rule slots" if n > 1 else self._specs[0].name
        return f"Dataset({what}, batch_size={self.batch_size}, seq_len={self.seq_len})"


def _tasks(env: Any) -> tuple[TaskSpec, ...]:
    """The tasks that an environment plays, with the modifiers among its own wrappers."""
    modified = next(
        (layer for layer in layers(env) if isinstance(layer, Integrate | Sequence | Modified)),
        env.unwrapped,
    )
    return env.unwrapped.specs if modified is env.unwrapped else (modified.task_spec,)


def _environment(env: Any, settings: dict[str, Any]) -> Any:
    """The environment that a caller names or gives."""
    if isinstance(env, str):
        found = re.fullmatch(r"(?:modcog:)?(modcog/(.+)-v\d+)", env)
        name = found[2] if found and found[1] == env_id(found[2]) else env
        return make(name, **settings)
    if not hasattr(env, "unwrapped"):
        return make(env, **settings)
    if not isinstance(env.unwrapped, TaskEnv):
        allowed = "an environment of modcog, its id, or the name of a task or a suite"
        raise InvalidArgument("env", env, allowed)
    if settings:
        allowed = "left out where env is an environment, which has its settings"
        raise InvalidArgument("env_kwargs", settings, allowed)
    return env
