"""Figures of finished runs and of masks; the one place of this package that imports matplotlib.

Import it on its own, ``from sparse_rnn import report``, as matplotlib is slow to import. Functions
return a figure to be saved with ``figure.savefig(path)``; nothing global is changed.
"""

from __future__ import annotations

from sparse_rnn.report.overview import Source as Source, overview as overview
from sparse_rnn.report.sheet import sheet as sheet
