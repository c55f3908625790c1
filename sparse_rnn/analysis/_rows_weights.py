"""Analyses of weights, as products."""

from __future__ import annotations

import numpy as np

from sparse_rnn.analysis._materials import Materials
from sparse_rnn.analysis._products import Picture, Product, Table
from sparse_rnn.analysis.graphs import compare_graphs
from sparse_rnn.analysis.input_weights import (
    circulant_structure,
    input_overlap,
    rule_correlations,
)
from sparse_rnn.analysis.recurrent_weights import weight_groups
from sparse_rnn.analysis.timescales import time_constants


def graph(materials: Materials) -> Product:
    """The graph of the mask beside local, random and small-world ones."""
    from sparse_rnn.analysis import figures

    found = compare_graphs(materials.run, seed=materials.settings.seed)
    table = {name: values.tolist() for name, values in found.measures.items()}
    told = "; ".join(
        f"{word} {table[name][0]:.2f} ("
        + ", ".join(
            f"{one} {x:.2f}" for one, x in zip(found.names[1:], table[name][1:], strict=True)
        )
        + ")"
        for name, word in (("clustering", "clustering"), ("reciprocity", "reciprocity"))
    )
    left_out = "".join(f" No {name} graph: {reason}" for name, reason in found.skipped.items())
    return Product(
        f"{told[0].upper()}{told[1:]}, of as many synapses.{left_out}",
        {
            name: {key: None if np.isnan(values[i]) else values[i] for key, values in table.items()}
            for i, name in enumerate(found.names)
        },
        {
            "graphs": Table(
                ("graph", *table),
                [
                    (name, *("" if np.isnan(values[i]) else values[i] for values in table.values()))
                    for i, name in enumerate(found.names)
                ],
            )
        },
        {
            "graphs": Picture(
                figures.graph_figure(found),
                "The network's graph (thick line, first bar) beside three with as many units and "
                "synapses: each unit connected with its nearest, with units anywhere, and a mix of "
                "both; where it runs along one of them, it is of that kind.",
                "Weights: a synapse counts as one, however strong it is, so the spectral radius is "
                "that of the graph and not of the network. Nor does it say which graph learns "
                "better.",
            )
        },
    )


def weight_matrices(materials: Materials) -> Product:
    """All weights, sorted by cluster."""
    from sparse_rnn.analysis import figures

    figure = figures.weight_matrix_figure(materials.run, materials.clusters, materials.tasks)
    counts = materials.run.network.weight_counts()
    summary = f"{counts['total']} weights, {counts['recurrent']} of them recurrent."
    picture = Picture(
        figure,
        "All weights, a row a unit, sorted by cluster with grey lines between clusters; cold is "
        "negative and warm positive, and no colour is no synapse or no weight.",
        "How active a unit is: a large weight from a silent unit does nothing. Colours end at the "
        "weight that one in a hundred exceeds, and large networks show the largest weight of each "
        "block.",
    )
    return Product(summary, counts, pictures={"weight_matrices": picture})


def rule_inputs(materials: Materials) -> Product:
    """Cosines of the rule inputs with each other and with the other inputs."""
    from sparse_rnn.analysis import figures

    found, tasks = rule_correlations(materials.run), materials.tasks
    overlap = input_overlap(materials.run)
    others = {
        "rules": np.abs(found[~np.eye(len(found), dtype=np.bool_)]),
        "fixation": np.abs(overlap.fixation),
        "stimulus": np.abs(overlap.stimulus),
    }
    facts = {name: float(values.mean()) for name, values in others.items() if values.size}
    told = ", ".join(f"{name} {value:.2f}" for name, value in facts.items())
    cosines = (tasks, overlap.fixation.tolist(), np.abs(overlap.stimulus).mean(axis=1).tolist())
    return Product(
        f"Mean |cosine| of rule inputs with {told} (random: {overlap.chance * 0.8:.2f}).",
        {**facts, "chance_sd": overlap.chance},
        {
            "rule_correlations": Table(
                ("task", *tasks),
                [(task, *row) for task, row in zip(tasks, found.tolist(), strict=True)],
            ),
            "input_overlap": Table(
                ("task", "cosine_with_fixation", "mean_abs_cosine_with_stimulus"),
                list(zip(*cosines, strict=True)),
            ),
        },
        {
            "rule_correlations": Picture(
                figures.rule_figure(found, tasks),
                "Warm squares join tasks whose rules push the units the same way, cold ones tasks "
                "whose rules push them apart; families of tasks stand out as blocks.",
                "That the network solves two tasks alike: rules that push alike may still lead to "
                "different dynamics.",
            ),
            "input_overlap": Picture(
                figures.overlap_figure(overlap),
                "How far rule inputs point along the fixation and stimulus inputs; what lies in "
                "the grey band is as orthogonal as random vectors are.",
                "Overlap that comes about later, through the recurrent weights.",
            ),
        },
    )


def stimulus_inputs(materials: Materials) -> Product:
    """How far the stimulus inputs know the ring."""
    from sparse_rnn.analysis import figures

    found = circulant_structure(materials.run)
    return Product(
        f"{found.explained:.0%} of the correlations of stimulus inputs is circulant "
        f"(random: {found.chance:.0%}).",
        {"explained": found.explained, "chance": found.chance},
        pictures={
            "stimulus_correlations": Picture(
                figures.circulant_figure(found),
                "Diagonal stripes: inputs of directions that are near each other push the units "
                "alike, wherever on the ring they are; on the right only what depends on the "
                "angle between them.",
                "That the units form a ring, or that directions are held in memory: these are the "
                "inputs alone.",
            )
        },
    )


def recurrent_weights(materials: Materials) -> Product:
    """The histogram of the recurrent weights, and whether they fall into two groups."""
    from sparse_rnn.analysis import figures

    found = weight_groups(materials.run)
    (lower, upper), (low, high) = found.names, found.means
    return Product(
        f"{found.counts[0]} {lower} recurrent weights (mean {low:.2f}) and {found.counts[1]} "
        f"{upper} ones (mean {high:.2f}), apart at {found.threshold:.2f}; {found.negative:.0%} of "
        f"all are negative (inhibitory); valley {found.valley:.2f}.",
        {
            "groups": list(found.names),
            "negative": found.negative,
            "threshold": found.threshold,
            "counts": list(found.counts),
            "means": list(found.means),
            "between": found.between,
            "valley": found.valley,
        },
        pictures={
            "recurrent_weights": Picture(
                figures.weight_figure(found),
                "How many recurrent weights have which size: cold ones inhibit and warm ones "
                "excite; the dashed line is the best split into two groups, which are groups only "
                "where there is a gap at it.",
                "Which weights matter, and between which units they are; synapses that the mask "
                "leaves out are not counted.",
            )
        },
    )


def unit_time_constants(materials: Materials) -> Product:
    """Time constants of units that are connected with themselves alone."""
    from sparse_rnn.analysis import figures

    found = time_constants(materials.run)
    columns = (found.weights.tolist(), found.tau_ms.tolist())
    rows = [(unit, *values) for unit, values in enumerate(zip(*columns, strict=True))]
    decaying = found.tau_ms[np.isfinite(found.tau_ms)]
    median = float(np.median(decaying)) if decaying.size else None
    lasting = int(np.isposinf(found.tau_ms).sum())
    told = [
        "no unit decays" if median is None else f"median {median:.0f} ms of {decaying.size} units",
        *([f"{lasting} do not decay"] if lasting and median is not None else []),
    ]
    if alternating := int(np.isnan(found.tau_ms).sum()):
        told.append(f"{alternating} have none, as their factor is negative")
    return Product(
        f"Time constants of {len(rows)} units: {'; '.join(told)}.",
        {"median_ms": median, "dt_ms": found.dt, "lasting": lasting},
        {"time_constants": Table(("unit", "weight", "tau_ms"), rows)},
        {
            "time_constants": Picture(
                figures.time_constant_figure(found),
                "How long each unit remembers by itself: a dot a unit on the left, and how many "
                "have which time constant on the right, both on logarithmic axes.",
                "Whether the network uses that memory, and units that never decay, which have no "
                "place on the axis.",
            )
        },
    )
