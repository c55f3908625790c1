"""Figures and pages: runs, masks, findings; the one place of this package that imports matplotlib.

Import it on its own, ``from sparse_rnn import report``, as matplotlib is slow to import. Functions
return a figure to be saved with ``figure.savefig(path)``, or the text of a page; nothing global is
changed.
"""

from __future__ import annotations

from sparse_rnn.report._mixing import check_commits as check_commits
from sparse_rnn.report._records import commits_of as commits_of
from sparse_rnn.report._strip import strip as strip
from sparse_rnn.report.analysis_page import analysis_page as analysis_page
from sparse_rnn.report.board_page import (
    board_charts as board_charts,
    board_markdown as board_markdown,
    board_page as board_page,
)
from sparse_rnn.report.findings import (
    Curve as Curve,
    Finding as Finding,
    Measurement as Measurement,
    mean_interval as mean_interval,
)
from sparse_rnn.report.overview import Source as Source, overview as overview
from sparse_rnn.report.page import findings_page as findings_page
from sparse_rnn.report.run_page import runs_page as runs_page
from sparse_rnn.report.sheet import sheet as sheet
from sparse_rnn.report.summary import markdown as markdown
