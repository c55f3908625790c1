"""Analyses of dynamics, as products."""

from __future__ import annotations

import numpy as np

from sparse_rnn.analysis._materials import Materials
from sparse_rnn.analysis._products import Picture, Product, Table
from sparse_rnn.analysis.addition import vector_addition
from sparse_rnn.analysis.population import trajectories
from sparse_rnn.analysis.rings import ring
from sparse_rnn.analysis.stationary import MARGINAL, Search, end_states, fixed_points
from sparse_rnn.errors import NotApplicable


def added_vectors(materials: Materials) -> Product:
    """What sums of input vectors answer without dynamics."""
    from sparse_rnn.analysis import figures

    known = [task for task in ("Go", "Anti") if task in materials.tasks]
    tasks = known or list(dict.fromkeys(materials.tasks))[:2]
    found = [vector_addition(materials.run, task) for task in tasks]
    told = ", ".join(f"{one.task} {one.accuracy:.0%}" for one in found)
    return Product(
        f"Sums of input vectors, without dynamics, answer rightly: {told}.",
        {one.task: {"accuracy": one.accuracy, "fixation": one.fixation_kept} for one in found},
        pictures={
            "vector_addition": Picture(
                figures.addition_figure(found),
                "A row is a direction of the stimulus and a column an answer: bright is what the "
                "readout says of the bare sum of the input vectors, and orange dots are right.",
                "What the network itself answers: here it has no time and no recurrent weights, "
                "so low numbers say that it needs them, not that it fails.",
            )
        },
    )


def population_trajectories(materials: Materials) -> Product:
    """The states of the population in a task with a delay."""
    from sparse_rnn.analysis import figures

    recording = materials.memory
    found = trajectories(recording, min(3, materials.run.network.rnn.mask.n_units))
    shares = found.explained.tolist()
    held = end_states(materials.run, recording).states[:, : recording.hidden.shape[2]]
    turns = ring(materials.run, held).turns
    shape = "a ring" if turns else "no ring"
    return Product(
        f"{recording.trials.task[0]}: {len(shares)} components hold {sum(shares):.0%} of the "
        f"variance; the states at the end of the delay form {shape}.",
        {"explained": shares, "turns": turns},
        pictures={
            "trajectories": Picture(
                figures.trajectory_figure(found, recording),
                "One path a trial, from the grey square to the coloured dot, which is the state "
                "just before the cue, and on, paler, through the response; on the right a line "
                "joins these states in the order of their directions, and goes round once where "
                "they form a ring.",
                "The rest of the variance: paths that cross here may lie far apart in the other "
                "dimensions. It is one task, and its trials are without noise.",
            )
        },
    )


def delay_fixed_points(materials: Materials) -> Product:
    """Fixed and slow points in the delay, and the modes about them."""
    from sparse_rnn.analysis import figures

    ends = end_states(materials.run, materials.memory)
    found = fixed_points(materials.run, ends.inputs[0], ends.states, Search(iterations=50))
    if not len(found):
        raise NotApplicable("No state near the end of the delay is slow.")
    shape = ring(materials.run, found.hidden) if len(found) > 2 else None
    # A matrix of 2500 units has its eigenvalues in half a minute.
    spectra = found.spectra(slice(4 if found.dynamics.size <= 1000 else 1))
    marginal = [int((np.abs(np.abs(values) - 1) < MARGINAL).sum()) for values in spectra]
    unstable = [int((np.abs(values) > 1 + MARGINAL).sum()) for values in spectra]
    kinds = [_kind(*numbers) for numbers in zip(unstable, marginal, strict=True)]
    facts = {
        "task": str(materials.memory.trials.task[0]),
        "fixed": int(found.fixed.sum()),
        "slow": int((~found.fixed).sum()),
        "dropped_starts": int((found.point_of < 0).sum()),
        "marginal_modes": marginal,
        "unstable_modes": unstable,
        "turns": None if shape is None else shape.turns,
    }
    told = "they form a ring" if shape is not None and shape.turns else "they form no ring"
    if shape is None:
        told = "too few to tell a ring"
    answers = np.full(len(found), np.nan) if shape is None else np.degrees(shape.answer) % 360
    rows = zip(
        found.q.tolist(),
        found.fixed.tolist(),
        found.counts.tolist(),
        ["" if np.isnan(answer) else answer for answer in answers.tolist()],
        [*kinds, *[""] * (len(found) - len(kinds))],
        strict=True,
    )
    return Product(
        f"{facts['fixed']} fixed and {facts['slow']} slow points in the delay of {facts['task']}; "
        f"{told}; the {len(kinds)} slowest: {', '.join(kinds)}.",
        facts,
        {"fixed_points": Table(("q", "fixed", "starts", "answer_degrees", "kind"), list(rows))},
        {
            "fixed_points": Picture(
                figures.fixed_point_figure(found, shape, spectra),
                "Left: states in which the network stands still (circles) or nearly so (crosses) "
                "during the delay, with the direction that the readout gives each. Right: modes "
                "about the slowest of them; on the circle they neither grow nor decay.",
                "Points that no trial comes near, and whether trials come to rest: a delay may "
                "end before the network gets there. Other tasks have points of their own.",
            )
        },
    )


def _kind(unstable: int, marginal: int) -> str:
    """What a point is to states near it, by the modes of its Jacobian."""
    name, n = ("unstable", unstable) if unstable else ("marginal", marginal)
    return f"{name} in {n} mode{'s' * (n != 1)}" if n else "stable"
