"""Arguments of the analyses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import sparse_rnn as srnn
from sparse_rnn import analysis
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Made, Row
from tests.sparse_rnn.argument_rows.values import (
    NO_COUNTS,
    NO_NAMES,
    NO_NETWORKS,
    NO_NUMBERS,
    NO_RECORDINGS,
    NO_SEEDS,
    TASKS,
    answering,
    network,
    pool,
    recording,
)

_NETWORK = Argument((network(), network(1)), NO_NETWORKS)
_POOL = Argument((pool(), pool(0.25)), NO_NETWORKS)
_SUITE = Argument((TASKS, ["Go", "Anti"]), (["Go"], "cog-20"), (["Go", "no such task"], 3, []))
_TRIALS = Argument((3, 4), NO_COUNTS)
_NOISE = Argument((0.0, 1.0), NO_NUMBERS)
_SEED = Argument((0, 1), NO_SEEDS)
_RECORDING = Argument((recording(), recording(1)), loud=NO_RECORDINGS)
_RECORD = {
    "network": _NETWORK,
    "suite": _SUITE,
    "trials_per_task": _TRIALS,
    "seed": _SEED,
    "noise": _NOISE,
    "tasks": Argument((None, ["Go"]), ([], ["no such task"], "Go"), (3,)),
}
_OF_TASKS = {"network": network(), "suite": TASKS, "trials_per_task": 3}


@cache
def variance(seed: int = 0) -> analysis.TaskVariance:
    return analysis.task_variance(recording(seed), 0.0)


@cache
def clusters(method: str = "ward") -> analysis.Clusters:
    return analysis.cluster(variance(), 3, method=method)


def _quiet(share: float) -> analysis.Recording:
    """A recording in which some units vary little."""
    scale = np.linspace(share, 1, 9, dtype=np.float32) ** 2
    return replace(recording(), hidden=recording().hidden * scale)


def _ablated(changed: srnn.Network) -> Any:
    return [p.detach().clone() for p in changed.parameters()]


_STARTS = np.linspace(0.1, 1, 18).reshape(2, 9)
_CONSTANT = np.full(35, 0.1)
_NO_UNITS = ([99], [-1], [0.5], "0", [[0]], [True], None)


@cache
def points() -> analysis.FixedPoints:
    return analysis.fixed_points(
        network(3, nonlinearity="tanh"), _CONSTANT, _STARTS, analysis.Search(1, slow=1e3, apart=0)
    )


def _found(search: analysis.Search) -> Any:
    """What a search finds from two starts of one network."""
    return analysis.fixed_points(network(2), _CONSTANT, _STARTS, search)


def _added(copies: analysis.Copies) -> Any:
    return analysis.vector_addition(network(), "Go", TASKS, copies)


_PARTS = {"a": analysis.Part(units=[0])}
_EFFECT = Made(
    lambda _: analysis.ablation_effect(answering(), {"one": analysis.Part(range(8))}, TASKS, 8)
)

ROWS = {
    "sparse_rnn.analysis.record": Row(_RECORD, _OF_TASKS),
    "sparse_rnn.analysis.recordings": Row(_RECORD, _OF_TASKS),
    "sparse_rnn.analysis.Recording.where": Row(
        {
            "trials": Argument(
                ([0], [1, 2]), ([8], [-9], [0.5], np.ones(3, bool), "Go", None, [[0]])
            )
        },
        of=lambda _: recording(),
    ),
    "sparse_rnn.analysis.Recording.of_task": Row(
        {"task": Argument(("Go", "DlyGo"), NO_NAMES)}, of=lambda _: recording()
    ),
    "sparse_rnn.analysis.Part": Row(
        {
            "units": Argument(((), range(8)), _NO_UNITS),
            "edges": Argument(
                unseen="as those of `ablate`",
                wrong=([99], [-1], [0.5], "0", None),
            ),
        },
        seen=lambda part: analysis.ablation_effect(answering(), {"one": part}, TASKS, 8),
    ),
    "sparse_rnn.analysis.ablate": Row(
        {
            "network": Argument((network(), network(1)), (*NO_NETWORKS, Made(lambda w: w.run))),
            "units": Argument(((), [1]), _NO_UNITS),
            "edges": Argument(((), [1]), ([99], [-1], [0.5], "0", [[0]], None)),
        },
        {"network": network()},
        _ablated,
    ),
    "sparse_rnn.analysis.ablation_effect": Row(
        {
            "network": Argument((answering(), answering(0.0)), NO_NETWORKS),
            "parts": Argument(
                ({"a": analysis.Part(units=[0, 1, 2])}, {"b": analysis.Part(units=[5])}),
                ({}, None, [analysis.Part()], {"a": [0]}, {"a": None}),
            ),
            "suite": _SUITE,
            "trials_per_task": _TRIALS,
            "seed": Argument((0, 1), NO_SEEDS, at={"trials_per_task": 16}),
            "noise": Argument((0.0, 1e3), NO_NUMBERS, at={"suite": ["DM1", "DM2"]}),
        },
        {"network": answering(), "suite": TASKS, "trials_per_task": 16, "parts": _PARTS},
    ),
    "sparse_rnn.analysis.AblationEffect.change": Row(
        {"measure": Argument(("final_accuracy", "performance"), NO_NAMES)},
        of=_EFFECT.make,
        seen=lambda change: change,
    ),
    "sparse_rnn.analysis.AblationEffect.interval": Row(
        {"measure": Argument(("final_accuracy", "performance"), NO_NAMES)},
        of=_EFFECT.make,
        seen=lambda ends: ends,
    ),
    "sparse_rnn.analysis.compare_graphs": Row(
        {
            "network": Argument((network(), pool()), NO_NETWORKS),
            "n_draws": Argument((1, 2), NO_COUNTS),
            "seed": Argument((0, 1), NO_SEEDS),
        },
        {"network": network(), "n_draws": 1},
    ),
    "sparse_rnn.analysis.weight_group_parts": Row({"network": _NETWORK}),
    "sparse_rnn.analysis.weight_groups": Row(
        {"network": _NETWORK, "bins": Argument((5, 50), NO_COUNTS)}, {"network": network()}
    ),
    "sparse_rnn.analysis.weight_histogram": Row(
        {
            "network": _NETWORK,
            "bins": Argument((5, 50), NO_COUNTS),
            "limits": Argument(
                (None, (-1.0, 1.0)),
                ((1.0, 0.0), (1.0, 1.0), (NAN, 1.0), (0.0, INF), (0.0,), 3, "01", (None, 1.0)),
            ),
        },
        {"network": network()},
    ),
    "sparse_rnn.analysis.cluster": Row(
        {
            "variance": Argument((variance(), variance(1)), loud=NO_RECORDINGS),
            "max_clusters": Argument((2, None), (1, *NO_COUNTS[:-1])),
            "method": Argument(("ward", "single"), NO_NAMES),
            "metric": Argument(("euclidean", "cityblock"), NO_NAMES, at={"method": "average"}),
        },
        {"variance": variance(), "max_clusters": 4},
    ),
    "sparse_rnn.analysis.cluster_parts": Row(
        {
            "clusters": Argument(
                (clusters(), Made(lambda _: analysis.cluster(variance(1), 3))), loud=NO_RECORDINGS
            )
        },
    ),
    "sparse_rnn.analysis.Clusters.members": Row(
        {"cluster": Argument((0, 1), (-1, 99, True, 0.5, "0", None))}, of=lambda _: clusters()
    ),
    "sparse_rnn.analysis.task_variance": Row(
        {
            "recording": Argument((recording(), [recording(1)]), ([], ["r"], "r"), (None, 3)),
            "threshold": Argument((0.0, 0.01), NO_NUMBERS, at={"recording": _quiet(0.1)}),
        },
        {"recording": recording()},
    ),
    "sparse_rnn.analysis.trajectories": Row(
        {"recording": _RECORDING, "n_components": Argument((2, 3), (10, *NO_COUNTS))},
        {"recording": recording()},
    ),
    "sparse_rnn.analysis.Trajectories.project": Row(
        {"states": Argument((_STARTS, 2 * _STARTS), (_STARTS[:, :1], 1.0, "states", None))},
        of=lambda _: analysis.trajectories(recording()),
    ),
    "sparse_rnn.analysis.ring": Row(
        {
            "network": _NETWORK,
            "hidden": Argument(
                (np.eye(9), np.eye(9)[:4]),
                (np.eye(9)[:2], np.eye(8), np.full((4, 9), NAN), np.ones((4, 9))),
                ("hidden", None),
            ),
        },
        {"network": network(), "hidden": np.eye(9)},
    ),
    "sparse_rnn.analysis.rule_correlations": Row({"network": _NETWORK}),
    "sparse_rnn.analysis.input_overlap": Row({"network": _NETWORK}),
    "sparse_rnn.analysis.circulant_structure": Row({"network": _NETWORK}),
    "sparse_rnn.analysis.time_constants": Row(
        {"network": _POOL, "dt": Argument((None, 20.0), (0.0, *NO_NUMBERS[:-2], True))},
        {"network": pool()},
    ),
    "sparse_rnn.analysis.vector_addition": Row(
        {
            "network": _NETWORK,
            "task": Argument(("Go", "DlyGo"), NO_NAMES),
            "suite": Argument((TASKS, TASKS[::-1]), _SUITE.wrong, _SUITE.loud),
            "copies": Argument((analysis.Copies(), analysis.Copies(rule=2.0)), (None, 3, {})),
            "trials": Argument((3, 4), NO_COUNTS, at={"suite": ["DMS", "DNMS"], "task": "DMS"}),
            "seed": Argument((0, 1), NO_SEEDS, at={"suite": ["DMS", "DNMS"], "task": "DMS"}),
        },
        {"network": network(), "task": "Go", "suite": TASKS},
    ),
    "sparse_rnn.analysis.Copies": Row(
        {
            name: Argument((1.0, 2.0), (NAN, INF, "1", None, True))
            for name in ("fixation", "stimulus", "rule", "bias")
        },
        seen=_added,
    ),
    "sparse_rnn.analysis.end_states": Row(
        {
            "network": _NETWORK,
            "recording": _RECORDING,
            "period": Argument(("delay", "stimulus"), NO_NAMES),
        },
        {"network": network(), "recording": recording()},
    ),
    "sparse_rnn.analysis.fixed_points": Row(
        {
            "network": _NETWORK,
            "inputs": Argument(
                (_CONSTANT, 2 * _CONSTANT), (np.ones(3), np.full(35, NAN)), ("inputs", None)
            ),
            "starts": Argument(
                (_STARTS, 2 * _STARTS),
                (_STARTS[0], _STARTS[:0], np.full((2, 9), NAN)),
                ("starts", None),
            ),
            "search": Argument(
                (None, analysis.Search(iterations=1, slow=10.0)), (3, {"iterations": 3}, "fast")
            ),
        },
        {"network": network(), "inputs": _CONSTANT, "starts": _STARTS},
    ),
    "sparse_rnn.analysis.Search": Row(
        {
            "iterations": Argument((1, 50), NO_COUNTS, at={"slow": 1e3}),
            "fixed": Argument((1e-6, 1e3), NO_NUMBERS, at={"iterations": 1, "slow": 1e4}),
            "slow": Argument((1e-9, 1e3), NO_NUMBERS, at={"iterations": 1, "fixed": 1e-9}),
            "apart": Argument((0.0, 1e3), NO_NUMBERS, at={"iterations": 1, "slow": 1e3}),
        },
        seen=_found,
    ),
    "sparse_rnn.analysis.FixedPoints.jacobians": Row(
        {"chosen": Argument(([0], [1]), ([9], [0.5], "0"))}, of=lambda _: points()
    ),
    "sparse_rnn.analysis.FixedPoints.spectra": Row(
        {"chosen": Argument(([0], [1]), ([9], [0.5], "0"))}, of=lambda _: points()
    ),
    "sparse_rnn.analysis.analyze": Row(
        {
            "run": Argument(
                unseen="one run a folder: tests/sparse_rnn/analysis/test_everything.py",
                wrong=(None, "no run", 3),
            ),
            "out": Argument(unseen="where the files go", loud=(None, 3)),
            "settings": Argument(
                unseen="tests/sparse_rnn/analysis/test_everything.py", wrong=(3, {"trials": 3})
            ),
        },
        {"run": Made(lambda w: w.run), "out": Made(lambda w: w.folder)},
    ),
    "sparse_rnn.analysis.AnalysisConfig": Row(
        {
            "trials": Argument((2, 64), (1, *NO_COUNTS)),
            "seed": Argument((0, 1), NO_SEEDS),
            "max_clusters": Argument((2, 40), (1, *NO_COUNTS)),
        },
    ),
}
