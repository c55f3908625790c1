"""Analyses of units and clusters, as products: what they are, and what is lost without them."""

from __future__ import annotations

import numpy as np

from sparse_rnn.analysis._materials import Materials
from sparse_rnn.analysis._products import Picture, Product, Table
from sparse_rnn.analysis.ablation import AblationEffect, cluster_parts, weight_group_parts
from sparse_rnn.analysis.clusters import contacts
from sparse_rnn.evaluation.scores import MEASURES


def clusters(materials: Materials) -> Product:
    """Clusters of the units by what they vary in."""
    from sparse_rnn.analysis import figures

    variance, found = materials.variance, materials.clusters
    best = float(found.silhouette.max())
    rows = zip(found.units.tolist(), (found.labels + 1).tolist(), variance.values.T, strict=True)
    curve = zip(found.n_clusters_tested.tolist(), found.silhouette.tolist(), strict=True)
    return Product(
        f"{found.n_clusters} clusters of {len(found.units)} active units, silhouette {best:.2f}.",
        {"n_clusters": found.n_clusters, "active_units": len(found.units), "silhouette": best},
        {
            "task_variance": Table(
                ("unit", "cluster", *variance.tasks),
                [(unit, label, *values.tolist()) for unit, label, values in rows],
            ),
            "silhouettes": Table(("clusters", "silhouette"), list(curve)),
        },
        {
            "clusters": Picture(
                figures.cluster_figure(found, variance),
                "A row is a task and a column a unit: bright where the unit's state varies from "
                "trial to trial of that task; units that vary in the same tasks stand together.",
                "That the units of a cluster are connected, or work together: unconnected units "
                "form clusters too. Where the curve on the right is flat, another number of "
                "clusters fits as well.",
            )
        },
    )


def sheet(materials: Materials) -> Product:
    """Where the clusters lie on the sheet."""
    from sparse_rnn.analysis import figures

    found, mask = materials.clusters, materials.run.network.rnn.mask
    figure = figures.sheet_figure(found, mask, materials.variance)
    share, chance = contacts(found, mask.n_units, mask.targets(), mask.indices)
    known = ~np.isnan(share)
    sizes = np.bincount(found.labels, minlength=found.n_clusters)[known]
    told = "No unit with a cluster has synapses from other units."
    facts: dict[str, float] = {}
    if known.any():
        facts = {
            "same_cluster": float(np.average(share[known], weights=sizes)),
            "by_chance": float(np.average(chance[known], weights=sizes)),
        }
        told = (
            f"{facts['same_cluster']:.0%} of the synapses onto a unit come from its own cluster, "
            f"{facts['by_chance']:.0%} if clusters lay anywhere."
        )
    picture = Picture(
        figure,
        "Each square is a unit at its place on the sheet, in the colour of its cluster; bars "
        "beyond their lines belong to clusters whose units lie side by side.",
        "What a place does: neighbours of one cluster may hold different directions, and the "
        "borders of the drawing are none where the sheet is periodic.",
    )
    return Product(told, facts, pictures={"sheet": picture})


def ablated_weights(materials: Materials) -> Product:
    """What is lost without either group of recurrent weights."""
    return _ablation("ablated_weights", materials.effect(weight_group_parts(materials.run)))


def ablated_clusters(materials: Materials) -> Product:
    """What is lost without each cluster."""
    return _ablation("ablated_clusters", materials.effect(cluster_parts(materials.clusters)))


def _ablation(name: str, found: AblationEffect) -> Product:
    from sparse_rnn.analysis import figures

    change, ends = found.change(), found.interval()
    mean = change.mean(axis=1)
    worst = int(mean.argmin())
    none = np.full((len(found.tasks), 2), np.nan)
    parts = [
        ("", found.before, none),
        *zip(found.names, found.after, ends, strict=True),
    ]
    rows = [
        (
            part,
            row["task"],
            *(row[measure] for measure in MEASURES),
            row["chance"],
            *("" if np.isnan(end) else end for end in interval.tolist()),
        )
        for part, scores, between in parts
        for row, interval in zip(scores.rows(), between, strict=True)
    ]
    beyond = int(((ends[worst] > 0) | (ends[worst] < 0)).all(axis=1).sum())
    told = (
        f"Without {found.names[worst]} the accuracy falls most, by {-mean[worst]:.2f} on average; "
        f"in {beyond} of {len(found.tasks)} tasks it changes by more than the noise of "
        f"{int(found.before.n_trials.min())} trials."
        if mean[worst] < 0
        else f"Without any one of {len(found.names)} parts the accuracy stays or rises on average."
    )
    columns = ("without", "task", *MEASURES, "chance", "change_low", "change_high")
    many = len(found.names) > 3
    picture = Picture(
        figures.ablation_figure(found),
        "Cold squares are tasks that a part's loss harms; a dot marks a change whose 95 % interval "
        "over trials leaves out 0, and bars on the right are means over tasks with theirs."
        if many
        else "Pale bars are the whole network, blue ones the network without the part, with 95 % "
        "intervals over trials; a line across is the score of guessing without looking.",
        "That the part does the task: what is lost may have been a bystander that the rest relied "
        "on, and large parts cost more than small ones. The intervals are over trials of this one "
        "network, not over networks.",
    )
    return Product(
        told,
        {"mean_change": dict(zip(found.names, mean.tolist(), strict=True))},
        {name: Table(columns, rows)},
        {name: picture},
    )
