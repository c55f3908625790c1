"""Cell `vanilla`: the recurrence of ``torch.nn.RNN``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from sparse_rnn import kernels, seeding
from sparse_rnn.masks import Mask
from sparse_rnn.nn import init as inits
from sparse_rnn.nn.layer import MaskedLayer


class MaskedRNN(MaskedLayer):
    """A vanilla recurrent layer with a fixed mask, called like ``torch.nn.RNN``.

    ``h[t] = f(W_ih x[t] + bias + W_hh h[t - 1])``, where W_hh has the edges of the mask alone
    (Khona et al. 2023, section 2.2, https://doi.org/10.1162/neco_a_01613). Synapses outside the
    mask do not exist: not as parameters, not in an optimiser's state. Training the edges is the
    same as the paper's ``W <- G * W`` after each step.

    Args:
        input_size: Number of input channels I.
        mask: The mask of N units.
        nonlinearity: A name in `sparse_rnn.kernels.NONLINEARITIES`.
        backend: A name in `sparse_rnn.kernels.KERNELS`, or "auto".
        bias: Whether units have a bias; one a unit, where ``torch.nn.RNN`` has two.
        batch_first: Whether sequences are ``[batch, time, channel]`` instead.
        init: A name in `sparse_rnn.nn.init.INITS`, for the recurrent weights. Input weights and
        bias
            are drawn as in ``torch.nn.RNN``, from ``U(-1/sqrt(N), 1/sqrt(N))``.
        init_gain: Factor of the initial recurrent weights.
        recurrence: "trained", or "frozen" for recurrent weights that stay as they start: a buffer
            in place of a parameter. With ``init="identity"`` and an autapse mask these are the
            frozen autapses of weight 1 of Khona et al. 2023, section 2.3.
        inhibitory: Share of inhibitory units, drawn with the weights, under Dale's law: all
            synapses from a unit have one sign (Song et al. 2016,
            https://doi.org/10.1371/journal.pcbi.1004792), rounded to whole units, at least one and
            not all. The weight of an edge is then the absolute value of its parameter times the
            sign of its source, and `init` decides sizes, which start with excitation and inhibition
            of each unit in balance. None leaves all signs free.
        seed: Where the parameters are drawn from; torch's global generator is left alone.
        dtype: Type of the parameters; None is torch's default.

    Attributes:
        weight_ih: Input weights ``[N, I]``.
        weight_hh: Values of the edges ``[nnz]``, in the order of the mask's edges.
        bias: Bias ``[N]``, or None.
        mask: The mask.
        backend: Name of the kernel in use.

    Raises:
        UnknownName: A name is in no table.
        InvalidArgument: A number is out of range, or the backend or the initialisation cannot
            serve the mask.

    Example:
        >>> import sparse_rnn as srnn
        >>> layer = srnn.MaskedRNN(53, srnn.masks.locality((20, 20), radius=2))
        >>> output, h_n = layer(torch.zeros(100, 20, 53))
        >>> output.shape, h_n.shape, layer.weight_hh.shape
        (torch.Size([100, 20, 400]), torch.Size([1, 20, 400]), torch.Size([5200]))
    """

    if TYPE_CHECKING:
        __call__: Callable[..., tuple[Tensor, Tensor]]

    CELL: ClassVar[str] = "vanilla"
    COST: ClassVar[float] = kernels.SPARSE_COST
    OPTIONS: ClassVar[tuple[str, ...]] = ("nonlinearity", "inhibitory")

    def __init__(  # noqa: PLR0913 - the options of torch.nn.RNN, under their names there
        self,
        input_size: int,
        mask: Mask,
        nonlinearity: str = "relu",
        backend: str = "auto",
        *,
        bias: bool = True,
        batch_first: bool = False,
        init: str = inits.DEFAULT,
        init_gain: float = 1.0,
        recurrence: str = "trained",
        inhibitory: float | None = None,
        seed: seeding.Seed = 0,
        dtype: torch.dtype | None = None,
    ) -> None:
        f = kernels.nonlinearity(nonlinearity)
        super().__init__(
            input_size,
            mask,
            backend,
            nonlinearity=nonlinearity,
            bias=bias,
            batch_first=batch_first,
            init=init,
            init_gain=init_gain,
            recurrence=recurrence,
            inhibitory=inhibitory,
            seed=seed,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity
        self._f = f

    def _whole(self, sequence: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        edges = self._edges_here()  # Before the kernel is read, which it may change.
        drive = kernels.Drive(sequence, self.weight_ih, self.bias)
        states = self._kernel.states(drive, first, self.recurrent_weights(), edges, self._f)
        return states, states[-1:]

    def _steps(self, projected: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        edges = self._edges_here()
        states = self._kernel.run(projected, first, self.recurrent_weights(), edges, self._f)
        return states, states[-1:]
