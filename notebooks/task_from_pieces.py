"""A task from pieces: one base task, two modifiers, and the product of both.

Open it with ``marimo edit notebooks/task_from_pieces.py``, or run it as a program.
"""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo
    import numpy as np

    import modcog

    mo.md(
        """
        # A task from pieces

        DlyGo asks to hold a direction over a delay. Two modifiers change what the answer is, and
        never what is shown. This notebook puts them together one after the other, with the same
        stimulus and the same delay throughout.
        """
    )
    return mo, modcog, np


@app.cell
def _():
    given = {"ring": 0, "location": 6, "delay": 500.0}
    pieces = ("DlyGo", "DlyGo_IntL", "DlyGo_SeqR", "DlyGo_IntL_SeqR")
    return given, pieces


@app.cell
def _(given, mo, modcog, pieces):
    figures = {
        name: mo.vstack([mo.md(modcog.describe(name)), modcog.plot_trial(name, given=given)])
        for name in pieces
    }
    mo.ui.tabs(figures)
    return


@app.cell
def _(given, mo, modcog, np, pieces):
    trials = {
        name: modcog.sample(modcog.task(name, noise=0), np.random.default_rng(0), 1, given)
        for name in pieces
    }
    rendered = {name: modcog.render(drawn) for name, drawn in trials.items()}
    before_go = int(trials["DlyGo"].decision_start[0])
    inputs = [result.observations[:before_go, 0, :33] for result in rendered.values()]
    same_inputs = all(np.array_equal(inputs[0], other) for other in inputs[1:])
    starts = {name: int(drawn.response[0]) for name, drawn in trials.items()}
    rows = "\n".join(
        f"        | {name} | {starts[name]} | {float(trials[name].drift[0]):+g} |"
        for name in pieces
    )
    mo.md(
        f"""
        ## The stimuli are the same, the answers are not

        Up to the go cue all four tasks show the same inputs: **{same_inputs}**.

        | task | the answer starts at direction | and drifts by, in units per step |
        |---|---|---|
{rows}
        """
    )
    return same_inputs, starts


@app.cell
def _(mo, modcog):
    nested = modcog.Sequence(modcog.Integrate(modcog.make("DlyGo"), "L"), "R")
    same_task = nested.task_spec == modcog.task("DlyGo_IntL_SeqR")
    mo.md(
        f"""
        ## A name is a spelling of a nesting

        `Sequence(Integrate(make("DlyGo"), "L"), "R")` and `"DlyGo_IntL_SeqR"` are the same task:
        **{same_task}**. So 20 base tasks and two modifiers with two directions each make
        {len(modcog.suite("mod-cog-168"))} tasks, and none of them has code of its own.
        """
    )
    return (same_task,)


@app.cell
def _(mo, modcog, np):
    delays = np.arange(100, 1101, 100)
    integrated = modcog.conditions(
        "DlyGo_IntL", np.random.default_rng(0), location=range(16), delay=delays
    )
    shift = (integrated.response - integrated.base_response) % 16
    by_delay = {
        int(ms): sorted({int(s) for s in shift[integrated.duration_ms("delay") == ms]})
        for ms in delays
    }
    mo.md(
        f"""
        ## Every delay has an answer of its own

        All 16 directions with all 11 delays are {len(integrated)} trials. For each delay, all of
        them are shifted by the same number of units, counted to the right, modulo 16:
        {", ".join(f"{ms} ms: {shifts[0]}" for ms, shifts in by_delay.items())}.
        """
    )
    return (by_delay,)


if __name__ == "__main__":
    app.run()
