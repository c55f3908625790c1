"""Which renderer writes a batch: the numpy reference, or the compiled one. Both write one truth."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import Protocol

import numpy as np

from modcog.errors import InvalidArgument
from modcog.rendering.reference import Rendered, reference
from modcog.rendering.rule_input import RuleInput, of_table, one_hot
from modcog.trials.draws import Draws
from modcog.trials.plan import Stimulus, Trials
from modcog.trials.sampling import plan_trials
from modcog.trials.spec import Period, TaskSpec


class Renderer(Protocol):
    """What turns trials into arrays; see `modcog.rendering.reference.reference`."""

    def __call__(
        self, trials: Trials, *, rules: RuleInput, seq_len: int, n_lanes: int, checked: bool = False
    ) -> Rendered:
        """Render trials at their places."""
        ...


def numpy_renderer() -> Renderer:
    """The reference, which needs nothing but numpy."""
    return reference


@cache
def numba_renderer() -> Renderer:
    """The compiled one, with the same bits.

    Raises:
        InvalidArgument: numba is not installed, cannot be imported, does not compile the loops, or
            compiles them to something that writes other bits than numpy.
    """
    allowed = '"numpy" or "auto" here'
    try:
        from modcog.rendering import compiled

        same = _same_bits(compiled.render)
    except ModuleNotFoundError as error:
        why = f"numba is missing: {error}"
        raise InvalidArgument("renderer", "numba", allowed, why) from error
    except Exception as error:  # a broken numba fails in as many ways as there are libraries in it
        why = f"numba is installed but does not work: {error}"
        raise InvalidArgument("renderer", "numba", allowed, why) from error
    if not same:
        why = "numba writes other bits than numpy on this machine"
        raise InvalidArgument("renderer", "numba", allowed, why)
    return compiled.render


@cache
def automatic_renderer() -> Renderer:
    """The compiled one where numba is installed, else the reference.

    Warns:
        UserWarning: numba is installed, but does not work; numpy steps in.
    """
    if not find_spec("numba"):
        return numpy_renderer()
    try:
        return numba_renderer()
    except InvalidArgument as error:
        warnings.warn(f"Trials are rendered with numpy: {error.remedy}.", stacklevel=3)
        return numpy_renderer()


def _same_bits(renderer: Renderer) -> bool:
    """Whether a renderer writes the bits of the reference for a few trials made for this."""
    trials = plan_trials(
        _PROBE,
        Draws(np.arange(4, dtype=np.uint64)),
        [
            Stimulus("stimulus", 0, np.arange(4), np.array([0.3, 0.7, 1.0, 0.0])),
            Stimulus("stimulus", 1, np.arange(4, 8), 0.6),
        ],
        response=np.array([0, 5, -1, 15]),
        noisy_rings=(True, True),
    )
    trials.drift[:] = [1.0, -0.35, 0.0, 0.5]
    seq_len = int(trials.length.max()) + 1
    for rules in (one_hot(3), of_table("rules", np.arange(6.0).reshape(3, 2) / 10)):
        both = (
            write(trials, rules=rules, seq_len=seq_len, n_lanes=5)
            for write in (reference, renderer)
        )
        if any(one.tobytes() != other.tobytes() for one, other in zip(*both, strict=True)):
            return False
    return True


def _never(spec: TaskSpec, draws: Draws) -> Trials:
    raise NotImplementedError  # the probe is planned by hand


_PROBE = TaskSpec(
    base="Probe",
    family="probe",
    periods=(
        Period("fixation", ("uniform", (100.0, 300.0))),
        Period("stimulus", 300.0, noisy=True),
        Period("decision", 500.0),
    ),
    interval=None,
    params=None,
    plan=_never,
)


RENDERERS: Mapping[str, Callable[[], Renderer]] = MappingProxyType(
    {"auto": automatic_renderer, "numpy": numpy_renderer, "numba": numba_renderer}
)
"""Renderers by name; which one is used changes no bit of a batch."""
