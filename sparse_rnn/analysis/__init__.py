"""Analyses of trained networks: each is a function of a network, a run or a recording.

They return small frozen dataclasses of numpy arrays; `sparse_rnn.analysis.figures`, which is
imported on its own as matplotlib is slow to import, draws them.
"""

from __future__ import annotations

import warnings
from typing import Any

from sparse_rnn.analysis._subject import Source as Source, Suite as Suite
from sparse_rnn.analysis.ablation import (
    AblationEffect as AblationEffect,
    Part as Part,
    ablate as ablate,
    ablation_effect as ablation_effect,
    cluster_parts as cluster_parts,
    weight_group_parts as weight_group_parts,
)
from sparse_rnn.analysis.addition import (
    Copies as Copies,
    VectorAddition as VectorAddition,
    vector_addition as vector_addition,
)
from sparse_rnn.analysis.clusters import Clusters as Clusters, cluster as cluster
from sparse_rnn.analysis.everything import (
    AnalysisConfig as AnalysisConfig,
    AnalysisResult as AnalysisResult,
    Caption as Caption,
    analyze as analyze,
)
from sparse_rnn.analysis.graphs import (
    GraphComparison as GraphComparison,
    compare_graphs as compare_graphs,
)
from sparse_rnn.analysis.input_weights import (
    Circulant as Circulant,
    InputOverlap as InputOverlap,
    circulant_structure as circulant_structure,
    input_overlap as input_overlap,
    rule_correlations as rule_correlations,
)
from sparse_rnn.analysis.population import (
    Trajectories as Trajectories,
    trajectories as trajectories,
)
from sparse_rnn.analysis.recording import (
    Recording as Recording,
    record as record,
    recordings as recordings,
)
from sparse_rnn.analysis.recurrent_weights import (
    Histogram as Histogram,
    WeightGroups as WeightGroups,
    weight_groups as weight_groups,
    weight_histogram as weight_histogram,
)
from sparse_rnn.analysis.rings import Ring as Ring, ring as ring
from sparse_rnn.analysis.stationary import (
    EndStates as EndStates,
    FixedPoints as FixedPoints,
    Search as Search,
    end_states as end_states,
    fixed_points as fixed_points,
)
from sparse_rnn.analysis.timescales import (
    TimeConstants as TimeConstants,
    time_constants as time_constants,
)
from sparse_rnn.analysis.variance import (
    TaskVariance as TaskVariance,
    task_variance as task_variance,
)

_RENAMED = {"Outcome": AnalysisResult, "Settings": AnalysisConfig}
"""Classes by their names until version 0.2, which go in the next one."""


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = _RENAMED[name]
    text = f"analysis.{name} is now {new.__name__}; the old name goes in the next version."
    warnings.warn(text, DeprecationWarning, stacklevel=2)
    return new
