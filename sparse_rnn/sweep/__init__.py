"""Sweeps: many training runs, each once, on the cores of this machine or on a cluster."""

from __future__ import annotations

from sparse_rnn.sweep.collecting import TABLE as TABLE, collect as collect
from sparse_rnn.sweep.grid import Grid as Grid
from sparse_rnn.sweep.naming import folder_of as folder_of, identity as identity
from sparse_rnn.sweep.running import OPTIONS as OPTIONS, run as run
from sparse_rnn.sweep.slurm import JOBS as JOBS, submit as submit
from sparse_rnn.sweep.standing import (
    DamagedRun as DamagedRun,
    FailedRun as FailedRun,
    QuietRun as QuietRun,
    Status as Status,
    status as status,
)
from sparse_rnn.sweep.store import Failure as Failure
from sparse_rnn.sweep.tally import (
    Tally as Tally,
    automatic as automatic,
    bar as bar,
    lines as lines,
    silent as silent,
)
