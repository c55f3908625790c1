"""Where recurrent noise may be drawn: once a call, since a count says what it is drawn from.

Who calls a layer a second time to get the activations of the first call would get other noise.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels.derivatives import break_graph, traced

_QUIET = "Call eval() first: there is no noise in evaluation mode."

_AGAIN: ContextVar[bool] = ContextVar("again", default=False)


@contextmanager
def again() -> Generator[None]:
    """Calls in this context have the count of the call that they repeat."""
    token = _AGAIN.set(True)
    try:
        yield
    finally:
        _AGAIN.reset(token)


def check(recurrent_noise: float) -> None:
    """Refuse to draw noise where it would be written down, repeated or shared by mistake.

    Args:
        recurrent_noise: Standard deviation of the noise.

    Raises:
        InvalidArgument: The call is traced, batched by ``torch.vmap``, or repeated in a pass back,
            as ``torch.utils.checkpoint`` does.
    """
    if traced():
        allowed = "0 in what torch.export and torch.jit.trace write down"
        raise InvalidArgument("recurrent_noise", recurrent_noise, allowed, _QUIET)
    if torch.compiler.is_compiling():
        break_graph()
    if _batched():
        raise InvalidArgument("recurrent_noise", recurrent_noise, "0 under torch.vmap", _QUIET)
    private: Any = torch  # No public name says whether a pass back is running.
    if private._C._current_graph_task_id() != -1 and not _AGAIN.get():
        allowed = "0 where a pass back calls the layer again, as torch.utils.checkpoint does"
        remedy = f"It would draw other noise. Set `chunk` of a Network instead. {_QUIET}"
        raise InvalidArgument("recurrent_noise", recurrent_noise, allowed, remedy)


def _batched() -> bool:
    private: Any = torch  # No public name says which transforms are active.
    functorch = private._C._functorch
    stack = functorch.get_interpreter_stack() or ()
    return any(one.key() == functorch.TransformType.Vmap for one in stack)
