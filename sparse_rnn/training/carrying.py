"""`Carried`: the states that the lanes of a batch go on from, where a run carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparse_rnn.errors import IncompatibleState
from sparse_rnn.nn.sequences import each
from sparse_rnn.training.group import Group

_NAME = "carried"


class Carried:
    """The states at the end of the last batch that a step was taken of.

    No gradient flows through them. Each of several processes has lanes of its own.

    Args:
        group: The processes of the run.

    Attributes:
        h0: What the network is called with: a state, a tuple of them, or None before the first
            step.
    """

    def __init__(self, group: Group) -> None:
        self.h0: Any = None
        self._next: Any = None
        self._all: tuple[Tensor, ...] = ()
        self._group = group

    def offer(self, last: Any) -> None:
        """Note the states after a batch; None where nothing is carried."""
        self._next = each(last, Tensor.detach) if last is not None else None

    def take(self) -> None:
        """Carry what was offered, as the step of its batch is taken."""
        if self._next is None:
            return
        parts = self._next if isinstance(self._next, tuple) else (self._next,)
        # The first process writes the checkpoints, whenever it wants to.
        self._all = tuple(self._group.gather(part) for part in parts)
        self.h0, self._next = self._next, None

    def tensors(self) -> dict[str, Tensor]:
        """Copy the states of all processes ``[processes, ...]``, for a checkpoint."""
        # A tuple of one and a state alone are two things.
        names = [str(i) for i in range(len(self._all))] if isinstance(self.h0, tuple) else [_ALONE]
        pairs = zip(names, self._all, strict=bool(self._all))
        return {f"{_NAME}.{n}": v.to("cpu", copy=True).contiguous() for n, v in pairs}

    def restore(
        self, tensors: Mapping[str, Tensor], device: torch.device, *, carries: bool
    ) -> None:
        """Put back what `tensors` copied.

        Args:
            tensors: Those of a checkpoint, with others among them.
            device: Where the network is.
            carries: Whether there are some.

        Raises:
            IncompatibleState: They are missing, or those of another number of processes.
        """
        self._next = None
        kept = {k: v.to(device) for k, v in tensors.items() if k.partition(".")[0] == _NAME}
        if not carries:
            self.h0, self._all = None, ()
            return
        if not kept or any(len(v) != self._group.size for v in kept.values()):
            raise IncompatibleState("The checkpoint has no states to carry on, of each process")
        self._all = tuple(kept[name] for name in sorted(kept))
        own = tuple(part[self._group.rank] for part in self._all)
        self.h0 = own[0] if f"{_NAME}.{_ALONE}" in kept else own


_ALONE = "alone"
