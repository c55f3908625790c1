"""Cells `vanilla` and `leaky`: units that replace their state, or a share of it, at each step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Unpack

import numpy as np
import torch
from torch import Tensor

from sparse_rnn import kernels, seeding
from sparse_rnn.masks import Mask
from sparse_rnn.nn import init as inits, noise
from sparse_rnn.nn.layer import LayerOptions, MaskedLayer
from sparse_rnn.system.arguments import finite


class MaskedRNN(MaskedLayer):
    """A vanilla recurrent layer with a mask, called like ``torch.nn.RNN``.

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
            bias are drawn as in ``torch.nn.RNN``, from ``U(-1/sqrt(N), 1/sqrt(N))``.
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
        alpha: Share of the state that a step replaces: 1 but for a `LeakyRNN`.

    Raises:
        UnknownName: A name is in no table.
        InvalidArgument: A number is out of range, or the backend or the initialisation cannot
            serve the mask.

    Example:
        >>> import torch
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

    alpha: float = 1.0

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

    def answers(
        self, sequence: Tensor, first: Tensor, readout: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor] | None:
        """Compute a readout on the way over a sequence, where the kernel does so.

        Args:
            sequence: ``[T, B, I]``.
            first: What `_first` returns.
            readout: Weights ``[O, N]`` and bias ``[O]``.

        Returns:
            The logits ``[T, B, O]`` and the last state ``[1, B, N]``, or None.
        """
        edges = self._edges_here()  # Before the kernel is read, which it may change.
        own = type(self)._whole is MaskedRNN._whole  # What a class of the caller's does is done.
        if self._kernel.answered is None or not own or not self._is_plain():
            return None
        drive, weight = kernels.Drive(sequence, self.weight_ih, self.bias), self.recurrent_weights()
        rest = first, weight, edges, self._f, self.alpha
        last, logits = self._kernel.answered(drive, readout, *rest)
        return logits, last

    def _is_plain(self) -> bool:
        """Whether the states follow from input, weights and first state alone."""
        return self.watcher is None

    def _whole(self, sequence: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        if not self._is_plain():
            return super()._whole(sequence, first)  # By what drives the units.
        edges = self._edges_here()  # Before the kernel is read, which it may change.
        drive, weight = kernels.Drive(sequence, self.weight_ih, self.bias), self.recurrent_weights()
        states = self._kernel.states(drive, first, weight, edges, self._f, self.alpha)
        return states, states[-1:]

    def _steps(self, projected: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        edges, weight = self._edges_here(), self.recurrent_weights()
        known: list[Tensor] = []
        if self.watcher is not None:
            projected = self.watcher.watch(projected, lambda: torch.cat(known))
        states = self._kernel.run(projected, first, weight, edges, self._f, self.alpha)
        known += [first[None].detach(), states[:-1].detach()]  # No way back into the graph.
        return states, states[-1:]


class LeakyRNN(MaskedRNN):
    """A leaky recurrent layer with a mask, called like ``torch.nn.RNN``.

    ``h[t] = (1 - alpha) h[t - 1] + alpha f(W_ih x[t] + bias + W_hh h[t - 1] + noise[t])`` with
    ``alpha = dt / tau``: Euler's method for ``tau dh/dt = -h + f(...)``, as in Yang et al. 2019
    (https://doi.org/10.1038/s41593-018-0310-2, methods), whose units have tau = 100 ms and steps of
    20 ms. The noise is theirs too: independent normal numbers of standard deviation
    ``sqrt(2 / alpha) * recurrent_noise``, so that the size of the step does not change the noise of
    the states. There is none in evaluation mode (``layer.eval()``).

    With ``tau = dt`` and no noise this is `sparse_rnn.MaskedRNN`.

    Args:
        input_size: Number of input channels I.
        mask: The mask of N units.
        nonlinearity: A name in `sparse_rnn.kernels.NONLINEARITIES`.
        backend: A name in `sparse_rnn.kernels.KERNELS`, or "auto".
        dt: Time step in ms.
        tau: Time constant of the units in ms, at least `dt`.
        recurrent_noise: Standard deviation sigma of the recurrent noise.
        inhibitory: Share of inhibitory units under Dale's law, as in `sparse_rnn.MaskedRNN`.
        **options: Those of `sparse_rnn.MaskedRNN`.

    Attributes:
        alpha: Share of the state that a step replaces.
        noise_state: int64 ``[2]``, with noise only: the seed of the noise and the number of noisy
            calls so far. The noise of a call is a function of both and of the device, so a layer
            with the state of another one goes on with the same noise, bit for bit.
        noise_stream: Number of the process among those that train a network together, so that each
            has noise of its own; 0 for one alone.

    Raises:
        UnknownName: A name is in no table.
        InvalidArgument: A number is out of range, or the backend or the initialisation cannot
            serve the mask.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> layer = srnn.LeakyRNN(5, srnn.masks.autapse(9), dt=20, tau=100, recurrent_noise=0.05)
        >>> output, h_n = layer(torch.zeros(30, 2, 5))
        >>> output.shape, layer.alpha, layer.noise_state[1]
        (torch.Size([30, 2, 9]), 0.2, tensor(1))
    """

    CELL: ClassVar[str] = "leaky"
    OPTIONS: ClassVar[tuple[str, ...]] = (
        "nonlinearity",
        "dt",
        "tau",
        "recurrent_noise",
        "inhibitory",
    )

    noise_state: Tensor | None

    def __init__(  # noqa: PLR0913 - an option each, keyword-only past the fourth
        self,
        input_size: int,
        mask: Mask,
        nonlinearity: str = "relu",
        backend: str = "auto",
        *,
        dt: float = 100.0,
        tau: float = 100.0,
        recurrent_noise: float = 0.0,
        inhibitory: float | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        finite("dt", dt, "a finite number of ms above 0", above=0)
        finite("tau", tau, f"a finite number of ms of at least dt, {dt:g}", least=dt)
        finite("recurrent_noise", recurrent_noise, "a finite number of at least 0", least=0)
        super().__init__(input_size, mask, nonlinearity, backend, inhibitory=inhibitory, **options)
        self.dt, self.tau, self.alpha = dt, tau, dt / tau
        self.recurrent_noise = recurrent_noise
        self.noise_stream = 0
        self.register_buffer("noise_state", None)
        if recurrent_noise:
            stream = seeding.derive(options.get("seed", 0), seeding.Purpose.NOISE)
            key = int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))
            self.register_buffer("noise_state", torch.tensor([key, 0]))

    def with_noise(self, projected: Tensor) -> Tensor:
        """Add the recurrent noise, in training mode."""
        if self.noise_state is None or not self.training:
            return projected
        return projected + self._noise(projected, self.noise_state)

    def _is_plain(self) -> bool:
        return super()._is_plain() and (self.noise_state is None or not self.training)

    def _noise(self, like: Tensor, noise_state: Tensor) -> Tensor:
        noise.check(self.recurrent_noise)
        key, calls = noise_state.tolist()
        noise_state[1] += 1
        stream = seeding.derive(key, seeding.Purpose.NOISE_OF_CALL, calls, self.noise_stream)
        size = math.sqrt(2 / self.alpha) * self.recurrent_noise
        normal = torch.empty_like(like, requires_grad=False)
        return normal.normal_(0, size, generator=seeding.generator(stream, like.device))
