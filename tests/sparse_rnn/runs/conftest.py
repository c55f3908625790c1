"""The run that the tests of killed and damaged runs compare with."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn.system import files
from sparse_rnn.errors import IncompatibleState, RunConflict, WriteFailed
from sparse_rnn.evaluation.history import Record
from sparse_rnn.training.progress import OnStep
from sparse_rnn.runs.checkpoint import Snapshot, Store, pack, unpack
from tests.sparse_rnn.helpers import contents, same_outcome, small_config
from tests.sparse_rnn.killed_runs import OFTEN, Killed, killer, left_at, nine, saved_steps


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run of nine steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    srnn.train(nine(), folder, options=OFTEN)
    return folder
