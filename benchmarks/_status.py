"""How the commands that do many runs end, the same for all."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence

from sparse_rnn import SparseRnnError
from sparse_rnn.errors import Interrupted


def status(module: str, words: Sequence[str], work: Callable[[], Sequence[str]]) -> int:
    """Do what a command does, and say on standard error how it ended.

    Args:
        module: What runs it: ``python -m MODULE``.
        words: The words after that, with which an interrupted command goes on.
        work: What it does; gives a line for each run that failed.

    Returns:
        The exit status: 0; 1 where a run failed; 2 for what cannot work; 130 after Ctrl-C.
    """
    name = module.rpartition(".")[2]
    try:
        failed = work()
    except Interrupted as error:
        again = shlex.join(["python", "-m", module, *words])
        print(f"{name}: {error} Go on with: {again}", file=sys.stderr)
        return 130
    except (SparseRnnError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return 1 if failed else 0
