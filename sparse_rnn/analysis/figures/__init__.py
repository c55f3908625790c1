"""Figures of the analyses, each of the result of one of them.

Import it on its own, ``from sparse_rnn.analysis import figures``, as matplotlib is slow to import.
Functions return a figure to be saved with ``figure.savefig(path)``; nothing global is changed.
"""

from __future__ import annotations

from sparse_rnn.analysis.figures.clusters import (
    cluster_figure as cluster_figure,
    sheet_figure as sheet_figure,
    weight_matrix_figure as weight_matrix_figure,
)
from sparse_rnn.analysis.figures.dynamics import (
    fixed_point_figure as fixed_point_figure,
    trajectory_figure as trajectory_figure,
)
from sparse_rnn.analysis.figures.effects import (
    ablation_figure as ablation_figure,
    addition_figure as addition_figure,
)
from sparse_rnn.analysis.figures.graphs import graph_figure as graph_figure
from sparse_rnn.analysis.figures.weights import (
    circulant_figure as circulant_figure,
    overlap_figure as overlap_figure,
    rule_figure as rule_figure,
    time_constant_figure as time_constant_figure,
    weight_figure as weight_figure,
)
