"""Recurrent networks whose parameters are the synapses of a mask and nothing else.

Sequences have the axes ``[time, batch, channel]``, as everywhere in this package.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from sparse_rnn import init as inits, kernels, seeding
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Callable


class MaskedRNN(nn.Module):
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
        init: A name in `sparse_rnn.init.INITS`, for the recurrent weights. Input weights and bias
            are drawn as in ``torch.nn.RNN``, from ``U(-1/sqrt(N), 1/sqrt(N))``.
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
        InvalidArgument: `input_size` is below 1, or the backend cannot serve the mask.

    Example:
        >>> import sparse_rnn as srnn
        >>> layer = srnn.MaskedRNN(53, srnn.masks.locality((20, 20), radius=2))
        >>> output, h_n = layer(torch.zeros(100, 20, 53))
        >>> output.shape, h_n.shape, layer.weight_hh.shape
        (torch.Size([100, 20, 400]), torch.Size([1, 20, 400]), torch.Size([5200]))
    """

    if TYPE_CHECKING:
        __call__: Callable[..., tuple[Tensor, Tensor]]

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
        seed: seeding.Seed = 0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_width("input_size", input_size)
        self.input_size = input_size
        self.hidden_size = mask.n_units
        self.mask = mask
        self.nonlinearity = nonlinearity
        self.batch_first = batch_first
        self._f = kernels.nonlinearity(nonlinearity)
        self._wanted = backend
        self._kernel = kernels.choose(backend, mask)
        self._edges = kernels.Edges.of(mask)
        bound = 1 / math.sqrt(mask.n_units)
        # A stream for each kind of weight: two networks that differ in the mask or the bias alone
        # start with the same input weights.
        hh, ih, b = (seeding.generator(stream) for stream in seeding.spawn(seed, 3))
        size = (mask.n_units, input_size)
        self.weight_hh = _parameter(inits.recurrent_weights(init, mask, hh), dtype)
        self.weight_ih = _parameter(inits.uniform(size, bound, ih), dtype)
        self.bias: nn.Parameter | None = None
        if bias:
            self.bias = _parameter(inits.uniform((mask.n_units,), bound, b), dtype)

    @property
    def backend(self) -> str:
        """Name of the kernel in use."""
        return self._kernel.name

    def forward(self, inputs: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run the layer over a batch of sequences.

        Args:
            inputs: ``[T, B, I]``, or ``[B, T, I]`` if `batch_first`.
            h0: State before the first step, ``[1, B, N]``; None is zeros.

        Returns:
            The states after each step, ``[T, B, N]`` or ``[B, T, N]``, and the last of them,
            ``[1, B, N]``.

        Raises:
            InvalidArgument: A shape is wrong.
        """
        sequence = self._check_inputs(inputs)
        state = self._check_state(h0, sequence)
        projected = nn.functional.linear(sequence, self.weight_ih, self.bias)
        edges = self._edges_on(state)
        states = self._kernel.run(projected, state, self.weight_hh, edges, self._f)
        return states.transpose(0, 1) if self.batch_first else states, states[-1:]

    def _check_inputs(self, inputs: Tensor) -> Tensor:
        axes = "[batch, time, {}]" if self.batch_first else "[time, batch, {}]"
        allowed = "of shape " + axes.format(self.input_size) + " with at least one step"
        if inputs.dim() != 3 or inputs.shape[2] != self.input_size:
            remedy = "Add the batch axis with unsqueeze." if inputs.dim() == 2 else ""
            raise InvalidArgument("inputs", list(inputs.shape), allowed, remedy)
        sequence = inputs.transpose(0, 1) if self.batch_first else inputs
        if sequence.shape[0] == 0:
            raise InvalidArgument("inputs", list(inputs.shape), allowed)
        return sequence

    def _check_state(self, h0: Tensor | None, sequence: Tensor) -> Tensor:
        shape = (sequence.shape[1], self.hidden_size)
        if h0 is None:
            return self.weight_hh.new_zeros(shape)
        if tuple(h0.shape) != (1, *shape):
            raise InvalidArgument("h0", list(h0.shape), f"of shape {[1, *shape]}")
        return h0[0]

    def _edges_on(self, state: Tensor) -> kernels.Edges:
        # The edges are no parameters, so they follow the module to a device on the first call.
        if self._edges.targets.device != state.device:
            self._kernel = kernels.choose(self._wanted, self.mask, state.device.type)
            self._edges = kernels.Edges.of(self.mask, state.device)
        return self._edges

    def extra_repr(self) -> str:
        """The layer's arguments, for ``print``."""
        return f"{self.input_size}, {self.mask!r}, {self.nonlinearity!r}, backend={self.backend!r}"


class Network(nn.Module):
    """A masked recurrent layer and a linear readout of its states.

    Args:
        input_size: Number of input channels I.
        output_size: Number of outputs O.
        mask: The mask of N units.
        nonlinearity: A name in `sparse_rnn.kernels.NONLINEARITIES`.
        backend: A name in `sparse_rnn.kernels.KERNELS`, or "auto".
        init: A name in `sparse_rnn.init.INITS`, for the recurrent weights. The readout is drawn as
            in ``torch.nn.Linear``, from ``U(-1/sqrt(N), 1/sqrt(N))``.
        seed: Where the parameters are drawn from; torch's global generator is left alone.
        dtype: Type of the parameters; None is torch's default.

    Attributes:
        rnn: The `MaskedRNN`.
        readout: The readout, a ``torch.nn.Linear``.

    Raises:
        UnknownName: A name is in no table.
        InvalidArgument: A size is below 1, or the backend cannot serve the mask.

    Example:
        >>> import sparse_rnn as srnn
        >>> net = srnn.Network(117, 17, srnn.masks.locality((50, 50), radius=6))
        >>> net.weight_counts()
        {'recurrent': 282500, 'input': 292500, 'output': 42500, 'total': 617500}
    """

    if TYPE_CHECKING:
        __call__: Callable[..., tuple[Tensor, Tensor]]

    def __init__(  # noqa: PLR0913 - an option each, keyword-only past the fifth
        self,
        input_size: int,
        output_size: int,
        mask: Mask,
        nonlinearity: str = "relu",
        backend: str = "auto",
        *,
        init: str = inits.DEFAULT,
        seed: seeding.Seed = 0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_width("output_size", output_size)
        layer, readout = seeding.spawn(seed, 2)
        self.rnn = MaskedRNN(
            input_size, mask, nonlinearity, backend, init=init, seed=layer, dtype=dtype
        )
        bound = 1 / math.sqrt(mask.n_units)
        weight, bias = (seeding.generator(stream) for stream in seeding.spawn(readout, 2))
        # On "meta" the constructor draws nothing, so torch's global generator is left alone.
        self.readout = nn.Linear(mask.n_units, output_size, device="meta")
        shape = (output_size, mask.n_units)
        self.readout.weight = _parameter(inits.uniform(shape, bound, weight), dtype)
        self.readout.bias = _parameter(inits.uniform((output_size,), bound, bias), dtype)

    def forward(self, inputs: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run the network over a batch of sequences.

        Args:
            inputs: ``[T, B, I]``.
            h0: State before the first step, ``[1, B, N]``; None is zeros.

        Returns:
            The logits ``[T, B, O]`` and the states ``[T, B, N]``, both after each step.

        Raises:
            InvalidArgument: A shape is wrong.
        """
        hidden, _ = self.rnn(inputs, h0)
        return self.readout(hidden), hidden

    def weight_counts(self) -> dict[str, int]:
        """Count the weights that exist, as the paper does: without biases."""
        counts = {
            "recurrent": self.rnn.weight_hh.numel(),
            "input": self.rnn.weight_ih.numel(),
            "output": self.readout.weight.numel(),
        }
        return {**counts, "total": sum(counts.values())}


def _check_width(argument: str, width: object) -> None:
    if isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1:
        raise InvalidArgument(argument, width, "a whole number of at least 1")


def _parameter(values: Tensor, dtype: torch.dtype | None) -> nn.Parameter:
    return nn.Parameter(values.to(dtype or torch.get_default_dtype()))
