"""Figures of effects: what ablations cost, and what sums of vectors answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from sparse_rnn.analysis.ablation import AblationEffect
from sparse_rnn.analysis.addition import VectorAddition
from sparse_rnn.analysis.figures._style import (
    AMOUNT,
    BLUE,
    GREY,
    SIGNED,
    TEXT_SIZE,
    named_ticks,
    new_figure,
    plain,
    rows_in,
)
from sparse_rnn.errors import InvalidArgument


def ablation_figure(effect: AblationEffect, measure: str = "final_accuracy") -> Figure:
    """Draw scores before and after ablations, task by task (as in Fig. 3g; Yang et al., Fig. 4).

    Up to three parts are bars; more of them a table of changes.

    Args:
        effect: The effects.
        measure: A name in `sparse_rnn.evaluation.scores.MEASURES`.

    Raises:
        UnknownName: There is no such measure.
    """
    change = effect.change(measure)
    name = measure.replace("_", " ")
    n_tasks = len(effect.tasks)
    if len(effect.names) > 3:
        height = rows_in(len(effect.names), least=2.2)
        figure = new_figure(min(2.5 + 0.22 * n_tasks, 14), height + 1.8)
        ax = figure.subplots()
        image = ax.imshow(change, aspect="auto", cmap=SIGNED, vmin=-1, vmax=1, interpolation="none")
        named_ticks(ax, effect.tasks, x=True)
        named_ticks(ax, effect.names, y=True)
        plain(ax, f"Change of {name} without a part")
        bar = figure.colorbar(image, ax=ax, shrink=0.8)
        bar.ax.tick_params(labelsize=TEXT_SIZE - 1)
        return figure
    before = getattr(effect.before, measure)
    figure = new_figure(min(max(2 + 0.24 * n_tasks, 4.5), 14), 1.9 * len(effect.names) + 1.2)
    axes = np.atleast_1d(figure.subplots(len(effect.names), 1, sharex=True))
    place = np.arange(n_tasks)
    for ax, part, lost in zip(axes, effect.names, change, strict=True):
        ax.bar(place, before, width=0.75, color="#d0d0d0", label="whole network")
        ax.bar(place, before + lost, width=0.5, color=BLUE, label="without")
        ax.hlines(
            effect.before.chance,
            place - 0.45,
            place + 0.45,
            color="black",
            linewidth=1.2,
            label="chance",
        )
        plain(ax, f"Without {part}", y=name)
        ax.set_ylim(0, 1.02)
    named_ticks(axes[-1], effect.tasks, x=True)
    axes[0].legend(
        frameon=False, fontsize=TEXT_SIZE - 1, ncols=3, loc="lower right", bbox_to_anchor=(1, 1)
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
    figure = new_figure(1.2 + 2.7 * len(found), 5.6)
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
            ax.plot(due, np.arange(len(order)), ".", color="#d55e00", markersize=3)
            share = one.accuracy if name == "fixation off" else one.fixation_kept
            plain(ax, f"{one.task}, {name}: {share:.0%} right", "answer", "trials, by target")
            n = logits.shape[1] - 1
            ax.set_xticks([0, 1, 1 + n // 2, n], ["fix", "0", str(n // 2), str(n - 1)])
    assert image is not None
    bar = figure.colorbar(image, ax=axes, shrink=0.6)
    bar.set_label("probability (dots: what is right)", fontsize=TEXT_SIZE - 1, color=GREY)
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1)
    return figure
