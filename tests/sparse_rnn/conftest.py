"""A finished run that the tests of sparse_rnn share; who changes its files works on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import sparse_rnn as srnn
from tests.sparse_rnn.helpers import small_config


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small products gain nothing from threads, which on a busy machine wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> srnn.Run:
    folder: Path = tmp_path_factory.mktemp("finished") / "run"
    return srnn.train(small_config(), folder)
