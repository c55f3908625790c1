"""Analyses of trained networks: each is a function of a network, a run or a recording.

They return small frozen dataclasses of numpy arrays; `sparse_rnn.analysis.figures` draws them.
"""

from __future__ import annotations

from sparse_rnn.analysis._subject import Source as Source, Suite as Suite
from sparse_rnn.analysis.clusters import Clusters as Clusters, cluster as cluster
from sparse_rnn.analysis.recording import (
    Recording as Recording,
    record as record,
    recordings as recordings,
)
from sparse_rnn.analysis.variance import (
    TaskVariance as TaskVariance,
    task_variance as task_variance,
)
