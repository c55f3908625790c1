"""Figures of effects: what ablations cost, and what sums of vectors answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from sparse_rnn.analysis.ablation import AblationEffect, wilson
from sparse_rnn.analysis.addition import VectorAddition
from sparse_rnn.analysis.figures._style import (
    AMOUNT,
    SIGNED,
    TEXT_SIZE,
    key,
    named_ticks,
    new_figure,
    plain,
    rows_in,
)
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.palette import (
    BLUE,
    GREY,
    INK,
    NEGATIVE,
    ON_DARK,
    ORANGE,
    PALE,
    POSITIVE,
)


def ablation_figure(effect: AblationEffect, measure: str = "final_accuracy") -> Figure:
    """Draw scores before and after ablations, task by task (as in Fig. 3g; Yang et al., Fig. 4).

    Up to three parts are bars with their 95 % intervals over trials; more of them a table of
    changes, in which a dot marks those that their intervals tell from 0, beside their means.

    Args:
        effect: The effects.
        measure: A name in `sparse_rnn.evaluation.scores.MEASURES`.

    Raises:
        UnknownName: There is no such measure.
    """
    effect.change(measure)  # refuses what is no measure
    draw = _changes if len(effect.names) > 3 else _bars
    return draw(effect, measure, measure.replace("_", " "))


def _changes(effect: AblationEffect, measure: str, name: str) -> Figure:
    change, ends = effect.change(measure), effect.interval(measure)
    figure = new_figure(min(4.4 + 0.2 * len(effect.tasks), 14), rows_in(len(change), 0.26) + 1.8)
    ax, right = figure.subplots(1, 2, width_ratios=[max(0.2 * len(effect.tasks), 2.4), 1.5])
    image = ax.imshow(change, aspect="auto", cmap=SIGNED, vmin=-1, vmax=1, interpolation="none")
    rows, columns = np.nonzero((ends[..., 0] > 0) | (ends[..., 1] < 0))
    strong = np.abs(change[rows, columns]) > 0.6
    ax.scatter(columns, rows, s=3, c=np.where(strong, ON_DARK, INK).tolist())
    named_ticks(ax, effect.tasks, x=True)
    named_ticks(ax, effect.names, y=True)
    plain(ax, f"Change of {name} without a part")
    ax.spines[["top", "right"]].set_visible(True)
    key(figure, image, ax=ax, location="left", shrink=0.8, pad=0.02)
    mean = change.mean(axis=1)
    # Trials of different tasks are independent, so their variances add up.
    reach = np.sqrt(((ends - change[..., None]) ** 2).sum(axis=1)) / change.shape[1]
    place = np.arange(len(mean))
    color = [POSITIVE if value > 0 else NEGATIVE for value in mean]
    right.barh(place, mean, xerr=reach.T, color=color, ecolor=GREY, capsize=2, height=0.6)
    right.axvline(0, color=INK, linewidth=0.8)
    right.set_ylim(len(mean) - 0.5, -0.5)
    right.set_yticks([])
    plain(right, "Mean", "change, 95 %")
    return figure


def _bars(effect: AblationEffect, measure: str, name: str) -> Figure:
    n_tasks, before = len(effect.tasks), getattr(effect.before, measure)
    figure = new_figure(min(max(2 + 0.24 * n_tasks, 5.5), 14), 1.9 * len(effect.names) + 1.4)
    axes = np.atleast_1d(figure.subplots(len(effect.names), 1, sharex=True))
    place = np.arange(n_tasks)
    low, high = wilson(before, effect.before.n_trials)
    for ax, part, scores in zip(axes, effect.names, effect.after, strict=True):
        after = getattr(scores, measure)
        ends = wilson(after, scores.n_trials)
        style = {"ecolor": GREY, "capsize": 1.5, "error_kw": {"linewidth": 0.8}}
        spread = [before - low, high - before]
        ax.bar(place, before, 0.78, yerr=spread, color=PALE, label="whole network", **style)
        spread = [after - ends[0], ends[1] - after]
        ax.bar(place, after, 0.5, yerr=spread, color=BLUE, label="without", **style)
        ax.hlines(
            effect.before.chance,
            place - 0.45,
            place + 0.45,
            color=INK,
            linewidth=1.2,
            label="chance",
        )
        plain(ax, f"Without {part}", y=name)
        ax.set_ylim(0, 1.04)
    named_ticks(axes[-1], effect.tasks, x=True)
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        frameon=False,
        fontsize=TEXT_SIZE - 1,
        ncols=3,
        loc="outside lower center",
    )
    return figure


def addition_figure(found: Sequence[VectorAddition]) -> Figure:
    """Draw the answers to sums of input vectors by direction of the stimulus (as in Fig. 3h).

    Args:
        found: The sums, one task each; a row a trial, sorted by target.

    Raises:
        InvalidArgument: There are none.
    """
    if not found:
        raise InvalidArgument("found", list(found), "at least one task")
    figure = new_figure(1.4 + 3.0 * len(found), 5.2)
    axes = figure.subplots(2, len(found), squeeze=False)
    image = None
    for column, one in zip(axes.T, found, strict=True):
        order = np.lexsort((one.ring, one.target))
        rows = (("fixation on", one.fixating), ("fixation off", one.responding))
        for ax, (name, logits) in zip(column, rows, strict=True):
            shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
            chances = (shifted / shifted.sum(axis=1, keepdims=True))[order]
            image = ax.imshow(
                chances, aspect="auto", cmap=AMOUNT, vmin=0, vmax=1, interpolation="none"
            )
            due = one.target[order] if name == "fixation off" else np.zeros(len(order))
            ax.plot(due, np.arange(len(order)), ".", color=ORANGE, markersize=3)
            share = one.accuracy if name == "fixation off" else one.fixation_kept
            plain(ax, f"{one.task}, {name}: {share:.0%} right", "answer", "trials, by target")
            n = logits.shape[1] - 1
            ax.set_xticks([0, 1 + n // 4, 1 + n // 2, 1 + 3 * n // 4])
            ax.set_xticklabels(["fixate", "90°", "180°", "270°"])
    assert image is not None
    bar = key(figure, image, ax=axes, shrink=0.6)
    bar.set_label("probability (dots: what is right)", fontsize=TEXT_SIZE - 1, color=GREY)
    return figure
