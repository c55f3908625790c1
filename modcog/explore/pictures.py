"""A picture of one trial of a task, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modcog.catalog.settings import task
from modcog.errors import InvalidArgument
from modcog.hashing import Random, generator_of
from modcog.plotting.trial import describe_trial, trial_figure
from modcog.system.output import in_figure
from modcog.trials.plan import Trials
from modcog.trials.sampling import sample
from modcog.trials.spec import TaskSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_trial(
    source: str | TaskSpec | Trials,
    *,
    seed: Random | None = None,
    given: Any = None,
    **settings: Any,
) -> Figure:
    """Draw one trial as the paper's Figure 4 does: what the network sees and what it is to do.

    Args:
        source: A task, or `Trials` of which the first is drawn.
        seed: Seed or generator of the trial, as for `modcog.sample`, where a task is given; None
            stands for 0.
        given: Quantities of the trial to fix, where a task is given (see `modcog.sample`).
        **settings: As for `modcog.task`, where a task is given.

    Returns:
        The figure; save it with ``figure.savefig(path)``.

    Raises:
        InvalidArgument: There is no trial to draw, or trials are given beside arguments that are
            about the drawing of one.

    Example:
        >>> from modcog import plot_trial
        >>> figure = plot_trial("DlyGo_IntL", seed=1, given={"delay": 700})
        >>> len(figure.axes)
        6
    """
    if isinstance(source, Trials):
        for name, value in {"seed": seed, "given": given, **settings}.items():
            if value is not None:
                raise InvalidArgument(name, value, "left out where trials are given")
        trials = source[:1]
    else:
        rng = generator_of(0 if seed is None else seed, "seed")
        trials = sample(task(source, **settings), rng, 1, given)
    if not len(trials):
        raise InvalidArgument("source", source, "at least one trial")
    figure, axes, _ = trial_figure(trials)
    axes[0].set_title(in_figure(describe_trial(trials)), loc="left", fontsize=8.5, pad=19)
    return figure
