"""Environments with labels as a stream: `environment_stream`."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.config.own import check_own
from sparse_rnn.data import next_trial, shows_whole_trials
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.streams import Batch, Sharded, digest
from sparse_rnn.evaluation.trials import Segments, score_trials
from sparse_rnn.seeding import Purpose, Seed, derive
from sparse_rnn.system import limits
from sparse_rnn.system.arguments import real, whole

Act = Callable[[Any, Any], Any]
"""What to do, of the environment and the observation."""

Label = Callable[[Any, Any], Any]
"""The right answer, of the environment and the info of a step; None where there is none."""

Trial = tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float32]]
"""Observations ``[t, I]``, right answers ``[t]`` or ``[t, O]``, and where there is one ``[t]``."""

_LABELLED = (
    "an environment that says what is right: by gt for whole trials, as neurogym's do, by "
    "info['gt'] of each step, or by label(env, info)"
)


@dataclass(frozen=True, eq=False)
class EnvironmentStream(Sharded):
    """Batches of an environment's trials, each a pure function of its arguments and its number.

    A batch has an environment of its own, which is seeded from the number of the batch.

    Attributes:
        name: What its run is called, and its task.
        batch_size: Number of lanes B.
        seq_len: Number of time steps T; "auto" where each lane has one trial.
        seed: Where the trials are drawn from.
        input_size: Number of input channels I.
        output_size: Number of outputs O.
    """

    name: str
    batch_size: int
    seq_len: int | str
    seed: int
    input_size: int
    output_size: int
    _make: Callable[[], Any]
    _label: Label | None
    _act: Act | None
    _numbers: bool
    _lowest: int
    _tolerance: float | None
    _seeds: Seed

    @property
    def identity(self) -> str:
        """SHA-256 of batch 0 and of the first held-out one."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return digest(self.batch(0), self.held_out().batch(0))

    def held_out(self) -> EnvironmentStream:
        """Trials for evaluations, from other seeds than this stream's."""
        return self._renewed(Purpose.HELD_OUT)

    def final(self) -> EnvironmentStream:
        """The trials of the evaluation at the end of a run, from other seeds than this stream's."""
        return self._renewed(Purpose.FINAL)

    def batch(self, index: int) -> Batch:
        """Draw batch number `index`."""
        return self.drawn(self._make(), index)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1."""
        return map(self.batch, range(start, stop))

    def drawn(self, env: Any, index: int) -> Batch:
        """Draw a batch with an environment of the caller's, which is seeded for it.

        Raises:
            InvalidArgument: What it shows cannot be learned from.
        """
        seeds = derive(self._seeds, Purpose.ENVIRONMENT, self._of_whole(index))
        trials = self._trials(env, *(int(word) >> 1 for word in seeds.generate_state(2)))
        lanes = [self._lane(trials) for _ in range(self.batch_size)]
        lengths = [[len(there) for _, _, there in lane] for lane in lanes]
        n_steps = max(map(sum, lengths)) if self.seq_len == "auto" else int(self.seq_len)
        shape = n_steps, self.batch_size
        inputs = np.zeros((*shape, self.input_size), np.float32)
        mask = np.zeros(shape, np.float32)
        targets = np.zeros((*shape, self.output_size) if self._numbers else shape, self._kind)
        places: list[tuple[int, int, int]] = []
        for number, lane in enumerate(lanes):
            start = 0
            for parts in lane:
                length = len(parts[-1])
                end = min(start + length, n_steps)
                for array, part in zip((inputs, targets, mask), parts, strict=True):
                    array[start:end, number] = part[: end - start]
                if end - start == length:
                    places.append((number, start, length))
                start = end
        lane, begin, length = np.array(places, dtype=np.int64).reshape(-1, 3).T
        tensors = (torch.from_numpy(array) for array in (inputs, targets, mask))
        n_labels = None if self._numbers else self.output_size
        return Batch(*tensors, source=Segments(lane, begin, length), n_labels=n_labels)

    def score(self, answers: Iterable[tuple[Tensor, Batch]]) -> TaskScores:
        """Score pairs of outputs and the batch that they answer; see `score_trials`."""
        return score_trials(answers, name=self.name, tolerance=self._tolerance)

    @property
    def _kind(self) -> type[np.generic]:
        return np.float32 if self._numbers else np.int64

    def _renewed(self, purpose: Purpose) -> EnvironmentStream:
        return replace(self, _seeds=derive(self._seeds, purpose))

    def _lane(self, trials: Iterator[Trial]) -> list[Trial]:
        """The trials of a lane; the last one may be cut."""
        lane = [next(trials)]
        while self.seq_len != "auto" and sum(len(t[-1]) for t in lane) < int(self.seq_len):
            lane.append(next(trials))
        return lane

    def _trials(self, env: Any, seed: int, action_seed: int) -> Iterator[Trial]:
        env.unwrapped.reset(seed=seed)
        for layer in _layers(env):  # neurogym's have a seed of their own
            if hasattr(type(layer), "seed"):
                layer.seed(seed)
                break
        shown, _ = env.reset()
        if self._label is None and self._act is None and shows_whole_trials(env):
            while True:
                ob, right = next_trial(env)
                yield self._trial(list(ob), list(right))
        env.action_space.seed(action_seed)
        while True:
            observations: list[Any] = []
            answers: list[Any] = []
            over = ended = False
            while not ended:
                observations.append(np.array(shown))
                shown, _, terminated, truncated, info = env.step(self._action(env, shown))
                answers.append(info.get("gt") if self._label is None else self._label(env, info))
                over = bool(terminated or truncated)
                ended = over or bool(info.get("new_trial", False))
                if len(answers) > limits.SEQ_LEN:
                    allowed = f"an environment whose trials end within {limits.SEQ_LEN} steps"
                    raise InvalidArgument("env", f"a trial of {len(answers)} steps", allowed)
            yield self._trial(observations, answers)
            if over:
                shown, _ = env.reset()

    def _action(self, env: Any, shown: Any) -> Any:
        if self._act is None:
            return env.action_space.sample()
        action = self._act(env, shown)
        if not env.action_space.contains(action):
            allowed = f"a function whose actions are in {env.action_space}"
            raise InvalidArgument("act", action, allowed)
        return action

    def _trial(self, observations: list[Any], answers: list[Any]) -> Trial:
        """What was shown and right at each step, checked."""
        ob = np.array(observations, dtype=np.float32).reshape(len(observations), self.input_size)
        if not np.isfinite(ob).all():
            raise InvalidArgument("env", "observations that are not", "one that shows finite ones")
        there = np.array([answer is not None for answer in answers], dtype=np.float32)
        n_outputs = (self.output_size,) if self._numbers else ()
        right = np.zeros((len(answers), *n_outputs), self._kind)
        for step, answer in enumerate(answers):
            if answer is not None:
                right[step] = self._answer(answer)
        return ob, right, there

    def _answer(self, answer: Any) -> Any:
        given: NDArray[Any] = np.asarray(answer)
        known = given.dtype.kind in "iuf" and bool(np.isfinite(given).all())
        if self._numbers:
            if known and given.size == self.output_size:
                return given.reshape(-1)
            allowed = f"an environment whose right answers are {self.output_size} finite numbers"
            raise InvalidArgument("env", given.tolist(), allowed)
        label = given.item() - self._lowest if known and given.size == 1 else -1
        if label not in range(self.output_size):
            lowest, highest = self._lowest, self._lowest + self.output_size - 1
            allowed = f"an environment whose labels are whole numbers from {lowest} to {highest}"
            remedy = "n_labels says how many there are."
            raise InvalidArgument("env", given.tolist(), allowed, remedy)
        return int(label)


def environment_stream(  # noqa: PLR0913 - an option each, keyword-only past the first
    env: Any,
    *,
    label: Label | None = None,
    act: Act | None = None,
    n_labels: int | None = None,
    tolerance: float | None = None,
    name: str | None = None,
    batch_size: int = 20,
    seq_len: int | Literal["auto"] = "auto",
    seed: int = 0,
) -> EnvironmentStream:
    """Make a stream for `sparse_rnn.fit` of an environment that says what is right.

    Environments of neurogym and of `modcog` make whole trials (`new_trial`, `ob`, `gt`), which are
    taken as they are. Others, and those with a wrapper that acts on steps, are played: what was
    right for an observation is ``info["gt"]`` of the step that answers it, or `label`, and a trial
    ends where the episode does or where ``info["new_trial"]`` says so.

    Each batch has an environment of its own, a copy or a new one, that is seeded from the number of
    the batch; held-out trials come from other seeds. Scores are those of `score_trials`.

    Args:
        env: The environment, which stays as it is; or a function without arguments that makes it.
        label: Says what was right, of the environment after a step and the step's info; None where
            nothing was: that step has mask 0. With it, the environment is played.
        act: Says what to do, of the environment and the observation; None: actions are drawn from
            the action space. An answer may end a trial. With it, the environment is played.
        n_labels: Number of labels, 0 to one less; None: those that the action space has. An action
            space of numbers (a box) has numbers as right answers.
        tolerance: How far a right number may be from its target; None where answers are labels.
        name: What the run and its task are called; None: as the class of the environment.
        batch_size: Number of lanes.
        seq_len: Time steps of a lane, which trials fill one after the other until the last one is
            cut; "auto": one trial a lane, and the length of the longest.
        seed: Where the trials are drawn from.

    Returns:
        The stream. Each of its batches is a pure function of the arguments and its number.

    Raises:
        InvalidArgument: It is no such environment, its trials do not follow from its seed, or
            another argument is out of range.

    Example:
        >>> import modcog
        >>> from sparse_rnn import environment_stream
        >>> stream = environment_stream(modcog.make("Go"), batch_size=4, name="Go")
        >>> stream.input_size, stream.output_size, next(stream.batches(7, 8)).inputs.shape[1]
        (33, 17, 4)
    """
    for argument, given in (("label", label), ("act", act)):
        if given is not None and not callable(given):
            allowed = "a function of the environment and what it returned, or None"
            raise InvalidArgument(argument, given, allowed)
    make = _maker(env)
    one = make()
    for part in ("reset", "step", "observation_space", "action_space", "unwrapped"):
        if not hasattr(one, part):
            allowed = "an environment of gymnasium, or a function that makes it"
            remedy = "gymnasium.make makes one of its name." if isinstance(one, str) else ""
            raise InvalidArgument("env", one, allowed, remedy)
    numbers, n_outputs, lowest = _answers_of(one.action_space, n_labels)
    if numbers or tolerance is not None:
        if not numbers:
            raise InvalidArgument("tolerance", tolerance, "None where right answers are labels")
        tolerance = real("tolerance", tolerance, 0)
    stream = EnvironmentStream(
        name=check_own("name", _kind_of(one) if name is None else name),
        batch_size=whole("batch_size", batch_size, 1, limits.BATCH_SIZE),
        seq_len=seq_len if seq_len == "auto" else whole("seq_len", seq_len, 1, limits.SEQ_LEN),
        seed=whole("seed", seed, 0, limits.SEED),
        input_size=_n_inputs(one.observation_space),
        output_size=n_outputs,
        _make=make,
        _label=label,
        _act=act,
        _numbers=numbers,
        _lowest=lowest,
        _tolerance=tolerance,
        _seeds=seed,
    )
    _check(replace(stream, batch_size=2), make, used=make is not env)
    return stream


def _maker(env: Any) -> Callable[[], Any]:
    """Makes an environment at its beginning: the caller's function, or a copy of the caller's."""
    if callable(env) and (isinstance(env, type) or not hasattr(env, "reset")):
        return env
    try:
        return partial(copy.deepcopy, copy.deepcopy(env))
    except (TypeError, NotImplementedError) as error:
        told = "a function that makes the environment, as this one cannot be copied"
        raise InvalidArgument("env", env, f"{told} ({error})") from error


def _kind_of(env: Any) -> str:
    return type(env.unwrapped).__name__.lstrip("_")


def _layers(env: Any) -> Iterator[Any]:
    """The environment and everything that it wraps, from outside in."""
    while env is not env.unwrapped:
        yield env
        env = env.env
    yield env


def _n_inputs(space: Any) -> int:
    if not (hasattr(space, "low") and space.shape):
        raise InvalidArgument("env", space, "one whose observations are arrays of numbers, a Box")
    return math.prod(space.shape)


def _answers_of(space: Any, n_labels: int | None) -> tuple[bool, int, int]:
    """Whether right answers are numbers, how many outputs they have, and the lowest label."""
    if n_labels is not None:
        return False, whole("n_labels", n_labels, 1), 0
    if hasattr(space, "n") and not space.shape:
        return False, int(space.n), int(getattr(space, "start", 0))
    if hasattr(space, "low") and space.shape:
        return True, math.prod(space.shape), 0
    raise InvalidArgument("env", space, "one whose actions are labels or numbers, or give n_labels")


def _check(stream: EnvironmentStream, make: Callable[[], Any], *, used: bool) -> None:
    """Refuse trials that do not follow from their seed, or that nobody can answer.

    Args:
        stream: The stream, with a few lanes.
        make: Makes its environments.
        used: Whether an environment that has been used before must give the same batch.
    """
    batches = list(stream.batches(0, 4))
    if not any(batch.mask.any() for batch in batches):
        raise InvalidArgument("env", "an environment without right answers", _LABELLED)
    if not any(batch.source.lane.size for batch in batches):
        raise InvalidArgument("seq_len", stream.seq_len, 'enough for a whole trial, or "auto"')
    env = make()
    if used:
        stream.drawn(env, 1)
    if digest(stream.drawn(env, 0)) != digest(batches[0]):
        told = "an environment that made other trials when it was seeded again"
        remedy = "Draw all that is random from env.np_random, or from what reset or seed seeds."
        if used:
            remedy += " A function that makes the environment begins each batch with a new one."
        raise InvalidArgument("env", told, "one whose trials follow from its seed", remedy)
    if len({digest(batch) for batch in batches}) == 1:
        told = "an environment that makes the same trials from each seed"
        raise InvalidArgument("env", told, "one whose trials follow from its seed")
