"""Packages of the extra `sweep`, which the rest of `sparse_rnn` does without."""

from __future__ import annotations

import importlib.util

from sparse_rnn.errors import SparseRnnError


def need(package: str) -> None:
    """Say which command installs a package that is missing.

    Raises:
        SparseRnnError: The package is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise SparseRnnError(
            f"This needs {package}, of the extra 'sweep'. From a checkout of this repository, "
            'install it with: pip install ".[rnn,sweep]".'
        )
