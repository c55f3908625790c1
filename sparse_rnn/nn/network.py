"""Networks: a masked recurrent layer and its readout.

Sequences have the axes ``[time, batch, channel]``, as everywhere in this package.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sparse_rnn import seeding
from sparse_rnn.masks import Mask
from sparse_rnn.nn import answers, cells, chunks, init as inits
from sparse_rnn.system.arguments import flag, whole

if TYPE_CHECKING:
    from collections.abc import Sequence


class CellOptions(TypedDict, total=False):
    """Options that some cells take; each cell's class says what they mean. None is left out."""

    inhibitory: float | None
    dt: float | None
    tau: float | None
    recurrent_noise: float | None


class Network(nn.Module):
    """A masked recurrent layer and a linear readout of its states.

    Args:
        input_size: Number of input channels I.
        output_size: Number of outputs O.
        mask: The mask of N units.
        nonlinearity: A name in `sparse_rnn.kernels.NONLINEARITIES`. None is the cell's own: "relu"
            for the cells "vanilla" and "leaky"; the others take none.
        backend: A name in `sparse_rnn.kernels.KERNELS`, or "auto".
        cell: A name in `sparse_rnn.nn.cells.CELLS`: what the units compute.
        init: A name in `sparse_rnn.nn.init.INITS`, for the recurrent weights. The readout is drawn
        as
            in ``torch.nn.Linear``, from ``U(-1/sqrt(N), 1/sqrt(N))``.
        init_gain: Factor of the initial recurrent weights.
        recurrence: "trained", or "frozen" for recurrent weights that stay as they start.
        seed: Where the parameters are drawn from; torch's global generator is left alone.
        dtype: Type of the parameters; None is torch's default.
        **options: Options of the cell: `inhibitory`, `dt`, `tau`, `recurrent_noise`.

    Attributes:
        rnn: The recurrent layer, such as a `sparse_rnn.MaskedRNN`.
        readout: The readout, a ``torch.nn.Linear``.
        chunk: Time steps whose activations are kept at a time, or None for all of them: memory
            for longer sequences, at the cost of a second forward pass. Gradients stay exact; they
            are summed in another order, and recurrent noise is drawn anew for each chunk. May be
            set at any time, and is not saved.

    Raises:
        UnknownName: A name is in no table.
        InvalidArgument: A number is out of range, an option is not one of the cell, or the backend
            or the initialisation cannot serve the mask.

    Example:
        >>> import sparse_rnn as srnn
        >>> net = srnn.Network(117, 17, srnn.masks.locality((50, 50), radius=6))
        >>> net.weight_counts()
        {'recurrent': 282500, 'input': 292500, 'output': 42500, 'total': 617500}
    """

    if TYPE_CHECKING:

        @overload
        def __call__(
            self, inputs: Any, h0: Any = None, *, last_state: Literal[True], **how: Any
        ) -> tuple[Tensor, Tensor, Any]: ...

        @overload
        def __call__(
            self, inputs: Any, h0: Any = None, *, last_state: Literal[False] = False, **how: Any
        ) -> tuple[Tensor, Tensor]: ...

        def __call__(self, *_: Any, **how: Any) -> Any:
            """As `forward`."""

    def __init__(  # noqa: PLR0913 - an option each, keyword-only past the fifth
        self,
        input_size: int,
        output_size: int,
        mask: Mask,
        nonlinearity: str | None = None,
        backend: str = "auto",
        *,
        cell: str = cells.DEFAULT,
        init: str = inits.DEFAULT,
        init_gain: float = 1.0,
        recurrence: str = "trained",
        seed: seeding.Seed = 0,
        dtype: torch.dtype | None = None,
        **options: Unpack[CellOptions],
    ) -> None:
        super().__init__()
        self.chunk: int | None = None
        whole("output_size", output_size, 1)
        given = {"nonlinearity": nonlinearity, **options}
        self.rnn = cells.build(
            cell,
            input_size,
            mask,
            backend=backend,
            init=init,
            init_gain=init_gain,
            recurrence=recurrence,
            seed=seeding.derive(seed, seeding.Purpose.LAYER),
            dtype=dtype,
            **{name: value for name, value in given.items() if value is not None},
        )
        bound = 1 / math.sqrt(mask.n_units)
        weight, bias = (
            seeding.generator(seeding.derive(seed, purpose))
            for purpose in (seeding.Purpose.READOUT_WEIGHTS, seeding.Purpose.READOUT_BIAS)
        )
        # On "meta" the constructor draws nothing, so torch's global generator is left alone.
        self.readout = nn.Linear(mask.n_units, output_size, device="meta")
        shape = (output_size, mask.n_units)
        self.readout.weight = _parameter(inits.uniform(shape, bound, weight), dtype)
        self.readout.bias = _parameter(inits.uniform((output_size,), bound, bias), dtype)

    def forward(
        self,
        inputs: Tensor | PackedSequence,
        h0: Any = None,
        *,
        truncate: int | None = None,
        every_state: bool | None = None,
        last_state: bool = False,
    ) -> tuple[Any, ...]:
        """Run the network over a batch of sequences, over one alone, or over packed ones.

        Args:
            inputs: ``[T, B, I]``; or, with neither `chunk` nor `truncate`, ``[T, I]``, one
                sequence, or what ``torch.nn.utils.rnn.pack_padded_sequence`` makes.
            h0: State before the first step, ``[1, B, N]``, or ``[1, N]`` of one sequence; of an
                LSTM a pair of them, (h0, c0). None is zeros.
            truncate: Time steps over which gradients flow back: the sequence is cut into stretches
                of so many, the states go on from one to the next, and gradients do not (truncated
                backpropagation through time). None lets them flow over all. Recurrent noise is
                drawn anew for each stretch.
            every_state: Whether the states are returned after each step; if not, those at the end
                of the sequence, or of each chunk or stretch. Then `sparse_cpu` computes the logits
                on the way, which saves a third of a training step or more, and the graph of the
                logits has no such states to ask for a gradient of. None is True, or False where
                `chunk` is set.
            last_state: Whether the state after the last step is returned as well, shaped as `h0`,
                which goes on from there.

        Returns:
            The logits ``[T, B, O]`` and the states ``[T, B, N]``, both after each step, without the
            axis B of one sequence, and packed as the inputs are; or the states at the end only, as
            `every_state` says. With `last_state` that one is the third.

        Raises:
            InvalidArgument: A shape, a type or a device is wrong; or there is recurrent noise where
                none can be drawn (`sparse_rnn.nn.noise.check`).
        """
        if every_state is not None:
            flag("every_state", every_state)
        flag("last_state", last_state)
        if self.chunk is None and truncate is None:
            found = self._run(inputs, h0, every_state=every_state is not False)
            return found if last_state else found[:2]
        batch: Any = inputs  # `first_states` refuses what is none.
        states = self.rnn.first_states(batch, h0)
        stretch = len(batch) if truncate is None else whole("truncate", truncate, 1)
        logits: list[Tensor] = []
        hidden_parts: list[Tensor] = []
        for number, part in enumerate(batch.split(stretch)):
            if number:
                states = tuple(state.detach() for state in states)
            if self.chunk is None:
                every = self._stretch if every_state is not False else self._ends
                answer, hidden, *after = every(part, *states)
                states = tuple(after)
            else:
                piece = self._stretch if every_state else self._piece
                found, borders, states = chunks.run(piece, part, states, self.chunk, self)
                answer, hidden = found[0], found[1] if every_state else borders
            logits.append(answer)
            hidden_parts.append(hidden)
        last = states[0] if len(states) == 1 else states
        joined = [one[0] if len(one) == 1 else torch.cat(one) for one in (logits, hidden_parts)]
        return (*joined, last) if last_state else (*joined,)

    def _run(self, inputs: Any, h0: Any, *, every_state: bool) -> tuple[Any, Any, Any]:
        """Logits, states after each step or at the end alone, and the last state."""
        if not every_state:
            found = answers.at_once(self.rnn, self.readout, inputs, h0)
            if found is not None:
                return found[0], found[1], found[1].clone()
        hidden, last = self.rnn(inputs, h0)
        if isinstance(hidden, PackedSequence):
            logits: Any = PackedSequence(self.readout(hidden.data), *hidden[1:])
        else:
            logits = self.readout(hidden)
        if not every_state:
            hidden = (last[0] if isinstance(last, tuple) else last).clone()
        return logits, hidden, last

    def _stretch(
        self, inputs: Tensor, *states: Tensor, every_state: bool = True
    ) -> tuple[Tensor, ...]:
        """Logits and states of some steps, and the states after them."""
        first, *more = states
        given = states if more else first
        logits, hidden, last = self._run(inputs, given, every_state=every_state)
        after = last if isinstance(last, tuple) else (last,)
        return logits, hidden, *after

    def _ends(self, inputs: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Logits of some steps, the state at their end, and the states after them."""
        return self._stretch(inputs, *states, every_state=False)

    def _piece(self, inputs: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Logits of some steps, and the states after them."""
        logits, _, *after = self._ends(inputs, *states)
        return logits, *after

    def weight_counts(self) -> dict[str, int]:
        """Count the weights that exist, as the paper does: without biases.

        Returns:
            The number of "recurrent" weights (of all gates), of "input" and "output" weights and
            in "total"; if the recurrence is frozen, "frozen" says how many of these stay as they
            start.
        """
        counts = {
            "recurrent": self.rnn.weight_hh.numel(),
            "input": self.rnn.weight_ih.numel(),
            "output": self.readout.weight.numel(),
        }
        total = {**counts, "total": sum(counts.values())}
        frozen = self.rnn.recurrence == "frozen"
        return {**total, "frozen": counts["recurrent"]} if frozen else total


class NetworkStack:
    """Networks that differ in their weights and masks alone, as one batched computation.

    The parameters stay those of the networks, and gradients flow back to them.

    Args:
        networks: S networks with the same sizes and settings.

    Raises:
        InvalidArgument: There is none, or two of them differ in more than weights and mask.

    Example:
        >>> import sparse_rnn as srnn
        >>> mask = srnn.masks.locality((4, 4), radius=1)
        >>> networks = [Network(5, 3, mask, seed=seed) for seed in range(15)]
        >>> NetworkStack(networks)(torch.zeros(15, 10, 2, 5)).shape
        torch.Size([15, 10, 2, 3])
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)
        self._layers = cells.LayerStack([network.rnn for network in networks])

    def __call__(self, inputs: Tensor) -> Tensor:
        """Run each network over its own batch of sequences.

        Args:
            inputs: ``[S, T, B, I]``.

        Returns:
            The logits after each step, ``[S, T, B, O]``.
        """
        return self.both(inputs)[0]

    def both(self, inputs: Tensor, *, every_state: bool = True) -> tuple[Tensor, Sequence[Tensor]]:
        """The logits ``[S, T, B, O]``, and the states of each network.

        Args:
            inputs: ``[S, T, B, I]``.
            every_state: Whether these are ``[T, B, N]``, or those at the end, ``[1, B, N]``.
        """
        readouts = [network.readout for network in self.networks]
        weight = torch.stack([readout.weight for readout in readouts])
        bias = torch.stack([readout.bias for readout in readouts])
        states = self._layers(inputs)
        handed = states if every_state else states[:, -1:]
        return cells.project(states, weight, bias), handed.unbind(0)


class NetworkSequence:
    """Networks that are called like a `NetworkStack` and computed one after another.

    Args:
        networks: S networks.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Run each network over its own batch; logits ``[S, T, B, O]``."""
        return self.both(inputs)[0]

    def both(
        self, inputs: Tensor, firsts: Sequence[Any] | None = None, **how: Any
    ) -> tuple[Tensor, *tuple[Sequence[Any], ...]]:
        """The logits ``[S, T, B, O]``, the states of each network, and the last ones if wanted.

        Args:
            inputs: ``[S, T, B, I]``.
            firsts: The state before the first step of each network; None is zeros.
            **how: As for the call of a `Network`: `truncate`, `every_state` and `last_state`.
        """
        given = zip(self.networks, inputs.unbind(0), firsts or [None] * len(inputs), strict=True)
        found = [network(own, first, **how) for network, own, first in given]
        logits, *rest = zip(*found, strict=True)
        return torch.stack(logits), *rest


def together(networks: Sequence[Network]) -> NetworkStack | NetworkSequence:
    """Choose how several networks are computed.

    On a CPU they are computed one after another: one of them fills its cores, and the copies that
    bring dense networks side by side cost half as much again (``benchmarks/speed/ensembles.py``).
    So they are where activations are kept in chunks, which a batched computation does not do.
    Elsewhere they are one batched computation.
    """
    on_cpu = networks[0].readout.weight.device.type == "cpu"
    in_chunks = any(network.chunk is not None for network in networks)
    return NetworkSequence(networks) if on_cpu or in_chunks else NetworkStack(networks)


def _parameter(values: Tensor, dtype: torch.dtype | None) -> nn.Parameter:
    return nn.Parameter(values.to(dtype or torch.get_default_dtype()))
