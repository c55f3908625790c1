"""What a command that failed says, in the words of the command line, and its exit status."""

from __future__ import annotations

from collections.abc import Callable

from sparse_rnn.cli import mask_flags
from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import (
    Interrupted,
    InvalidArgument,
    PeerFailed,
    PeerGone,
    SparseRnnError,
)
from sparse_rnn.system.output import complain
from sparse_rnn.training import group as distributed

REFUSED = 2
"""Exit status where the input was refused or a file cannot be used."""

UNFINISHED = 3
"""Exit status where all was well asked, and what was asked for is not finished."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the number of the signal."""


class Unfinished(Exception):
    """What a command was asked about is not finished; the command has said how far it is."""


def told(command: Callable[[], object]) -> int:
    """Carry out a command, and say in one line why it failed, if it did.

    Returns:
        The exit status.
    """
    try:
        command()
    except PeerGone as error:
        # Who has gone says nothing, so all that are left do.
        complain(f"sparse-rnn: {error}")
        return REFUSED
    except PeerFailed:
        return REFUSED  # The first process says why.
    except SparseRnnError as error:
        return _refuse(str(_as_typed(error)))
    except OSError as error:
        known = error.strerror is not None and error.filename is not None
        return _refuse(f"{error.filename}: {error.strerror}" if known else str(error))
    except Interrupted as interrupt:
        if str(interrupt):
            complain(f"sparse-rnn: {interrupt}")
        return 128 + interrupt.number
    except Unfinished:
        return UNFINISHED
    except KeyboardInterrupt as interrupt:
        complain(f"sparse-rnn: interrupted. {interrupt}")
        return INTERRUPTED
    return 0


def _refuse(message: str) -> int:
    if distributed.is_first():
        complain(f"sparse-rnn: {message}")
    return REFUSED


def _as_typed(error: SparseRnnError) -> SparseRnnError:
    """Name a refused setting as the user typed it: `--batch-size`, not `batch_size`."""
    typed = (*TrainConfig.model_fields, *RunOptions.model_fields)
    if isinstance(error, InvalidArgument) and error.argument in typed:
        option = "--" + error.argument.replace("_", "-")
        return type(error)(option, error.value, error.allowed, error.remedy)
    if isinstance(error, InvalidArgument):
        name = error.argument.removeprefix("mask.")
        option = {
            "n_sources": "--sources",
            "unit": "--unit",
            "continue_from": "--continue-from",
            "trials": "--trials",
            "max_clusters": "--max-clusters",
        }.get(name)
        if name in mask_flags.names():
            option = mask_flags.typed(name)
        if option:
            return type(error)(option, error.value, error.allowed, error.remedy)
    return error
