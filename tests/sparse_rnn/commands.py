"""The command sparse-rnn as tests call it."""

from __future__ import annotations

import shlex
from pathlib import Path

from sparse_rnn import cli

SMALL = shlex.split(
    "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --steps 4 --batch-size 2 "
    "--seq-len 45 --eval-every 2 --eval-batches 1 --final-batches 2"
)


def status(*words: str | Path) -> int:
    """Exit status of the command, however it ends."""
    try:
        return cli.main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
