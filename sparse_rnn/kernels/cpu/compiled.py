"""The compiled loops of `sparse_cpu`: loaded when first needed, compiled once a machine.

What is compiled is kept on disk, beside this package or where NUMBA_CACHE_DIR says; see
`sparse_rnn.kernels.cpu.compiling`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import Any

_LOG = logging.getLogger("sparse_rnn.kernels")


@dataclass(frozen=True)
class Loops:
    """The modules of compiled loops.

    Attributes:
        loops: `sparse_rnn.kernels.cpu.loops`.
        inputs: `sparse_rnn.kernels.cpu.inputs`.
        gradients: `sparse_rnn.kernels.cpu.gradients`.
    """

    loops: Any
    inputs: Any
    gradients: Any


@cache
def compiled() -> Loops:
    """Load the loops; importing numba takes a moment, so only networks that need it do."""
    from numba.core import event

    from sparse_rnn.kernels.cpu import gradients, inputs, loops

    class Notice(event.Listener):
        def on_start(self, event: Any) -> None:
            # Numba tells of what it compiles, not of what it finds on disk.
            function = event.data["dispatcher"].py_func
            if function.__module__.startswith("sparse_rnn.kernels.cpu."):
                _say_once()

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", Notice())
    return Loops(loops, inputs, gradients)


@cache
def failure() -> str:
    """Why an installed numba cannot be used, or "". Loads the loops."""
    try:
        compiled()
    except Exception as error:  # a broken numba fails in as many ways as there are libraries in it
        return f"numba is installed but does not work: {error}"
    return ""


@cache
def _say_once() -> None:
    _LOG.warning("compiling kernels, once (some 10 s)")
