"""Cells `gru` and `lstm`: the equations and gate order of torch, with a masked recurrence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Unpack, cast

import torch
from torch import Tensor, nn

from sparse_rnn import seeding
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import Mask
from sparse_rnn.nn import init as inits
from sparse_rnn.nn.layer import LayerOptions, MaskedLayer


class MaskedGRU(MaskedLayer):
    """A gated recurrent unit with a fixed mask, called like ``torch.nn.GRU``.

    The equations are torch's, of Cho et al. 2014 (arXiv:1406.1078) with the reset gate after the
    recurrent product. The gates, in torch's order: reset, update, new. Each has a recurrent matrix
    of its own, and all share the mask.

    Args:
        input_size: Number of input channels I.
        mask: The mask of N units.
        backend: As for `sparse_rnn.MaskedRNN`; the kernel's product is used step by step.
        **options: As there; `init` draws each gate's matrix.

    Attributes:
        weight_ih: Input weights ``[3 * N, I]``.
        weight_hh: Values of the edges ``[3, nnz]``.
        bias: Bias ``[3 * N]``, or None; torch has two, whose sum this is for the first two gates.
        bias_hn: Bias ``[N]`` inside the reset gate's product, torch's second one of the new gate,
            or None.

    Raises:
        SparseRnnError: As for `sparse_rnn.MaskedRNN`.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> layer = srnn.MaskedGRU(5, srnn.masks.locality((4, 4), radius=1))
        >>> output, h_n = layer(torch.zeros(30, 2, 5))
        >>> output.shape, h_n.shape, layer.weight_hh.shape
        (torch.Size([30, 2, 16]), torch.Size([1, 2, 16]), torch.Size([3, 80]))
    """

    if TYPE_CHECKING:
        __call__: Callable[..., tuple[Tensor, Tensor]]

    CELL: ClassVar[str] = "gru"
    GATES: ClassVar[int] = 3
    PER_UNIT: ClassVar[tuple[str, ...]] = ("bias_hn",)

    def __init__(
        self,
        input_size: int,
        mask: Mask,
        backend: str = "auto",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(input_size, mask, backend, **options)
        self.bias_hn: nn.Parameter | None = None
        if self.bias is not None:
            stream = seeding.derive(options.get("seed", 0), seeding.Purpose.RECURRENT_BIAS)
            bound = 1 / math.sqrt(mask.n_units)
            values = inits.uniform((mask.n_units,), bound, seeding.generator(stream))
            self.bias_hn = nn.Parameter(values.to(self.bias.dtype))

    def _steps(self, projected: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        product, state = self._product(), first
        states: list[Tensor] = []
        for now in projected.unbind(0):
            reset, update, new = now.chunk(3, dim=1)
            h_reset, h_update, h_new = product(state).unbind(0)
            if self.bias_hn is not None:
                h_new = h_new + self.bias_hn
            new = torch.tanh(new + torch.sigmoid(reset + h_reset) * h_new)
            state = torch.lerp(new, state, torch.sigmoid(update + h_update))
            states.append(state)
        return torch.stack(states), state[None]


class MaskedLSTM(MaskedLayer):
    """A long short-term memory with a fixed mask, called like ``torch.nn.LSTM``.

    The equations are torch's, of Hochreiter & Schmidhuber 1997
    (https://doi.org/10.1162/neco.1997.9.8.1735) with the forget gate of Gers et al. 2000
    (https://doi.org/10.1162/089976600300015015). The gates, in torch's order: input, forget, cell,
    output. Each has a recurrent matrix of its own, and all share the mask.

    Args:
        input_size: Number of input channels I.
        mask: The mask of N units.
        backend: As for `sparse_rnn.MaskedRNN`; the kernel's product is used step by step.
        **options: As there; `init` draws each gate's matrix.

    Attributes:
        weight_ih: Input weights ``[4 * N, I]``.
        weight_hh: Values of the edges ``[4, nnz]``.
        bias: Bias ``[4 * N]``, or None; torch has two, whose sum this is.

    Raises:
        SparseRnnError: As for `sparse_rnn.MaskedRNN`.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> layer = srnn.MaskedLSTM(5, srnn.masks.locality((4, 4), radius=1))
        >>> output, (h_n, c_n) = layer(torch.zeros(30, 2, 5))
        >>> output.shape, c_n.shape, layer.weight_hh.shape
        (torch.Size([30, 2, 16]), torch.Size([1, 2, 16]), torch.Size([4, 80]))
    """

    if TYPE_CHECKING:
        __call__: Callable[..., tuple[Tensor, tuple[Tensor, Tensor]]]

    CELL: ClassVar[str] = "lstm"
    GATES: ClassVar[int] = 4

    def __init__(
        self,
        input_size: int,
        mask: Mask,
        backend: str = "auto",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(input_size, mask, backend, **options)

    def _first(self, h0: Any, sequence: Tensor) -> tuple[Tensor, Tensor]:
        if h0 is not None and not (isinstance(h0, tuple | list) and len(h0) == 2):
            raise InvalidArgument("h0", type(h0).__name__, "a pair of states, (h0, c0)")
        h, c = cast("tuple[Tensor | None, Tensor | None]", h0 or (None, None))
        return self._check_state("h0", h, sequence), self._check_state("c0", c, sequence)

    def _steps(
        self, projected: Tensor, first: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        product, (state, memory) = self._product(), first
        states: list[Tensor] = []
        for now in projected.unbind(0):
            gates = zip(now.chunk(4, dim=1), product(state).unbind(0), strict=True)
            into, forget, cell, out = (ours + theirs for ours, theirs in gates)
            memory = torch.sigmoid(forget) * memory + torch.sigmoid(into) * torch.tanh(cell)
            state = torch.sigmoid(out) * torch.tanh(memory)
            states.append(state)
        return torch.stack(states), (state[None], memory[None])
