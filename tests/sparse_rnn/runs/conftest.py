"""The run that the tests of killed and damaged runs compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

import sparse_rnn as srnn
from tests.sparse_rnn.killed_runs import OFTEN, nine


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run of nine steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    srnn.train(nine(), folder, options=OFTEN)
    return folder
