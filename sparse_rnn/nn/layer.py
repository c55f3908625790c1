"""What all cells share: parameters on the edges of a mask, the checks, the way over a sequence."""

from __future__ import annotations

import copy
import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sparse_rnn import kernels, seeding
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.kernels import timing
from sparse_rnn.masks import Mask
from sparse_rnn.nn import dale as _dale, init as inits, sequences
from sparse_rnn.nn.candidates import Candidates
from sparse_rnn.nn.rewirable import Rewirable
from sparse_rnn.nn.soft import Soft
from sparse_rnn.system.arguments import flag, instance, whole

RECURRENCES = ("trained", "frozen")
"""What becomes of the recurrent weights: parameters, or kept as they start."""

_STREAMS = (
    seeding.Purpose.RECURRENT_WEIGHTS,
    seeding.Purpose.INPUT_WEIGHTS,
    seeding.Purpose.BIAS,
    seeding.Purpose.UNIT_SIGNS,
)


_CAST = {torch.float32, torch.bfloat16, torch.float16}
"""Types that autocast turns into one another."""


class LayerOptions(TypedDict, total=False):
    """Options of every cell; `sparse_rnn.MaskedRNN` says what they mean."""

    bias: bool
    batch_first: bool
    init: str
    init_gain: float
    recurrence: str
    seed: seeding.Seed
    dtype: torch.dtype | None


class MaskedLayer(Rewirable):
    """A recurrent layer with a mask; abstract.

    Attributes:
        CELL: Name in `sparse_rnn.nn.cells.CELLS`.
        GATES: Number of recurrent matrices, which share the mask.
        COST: What a synapse costs, for the choice of a backend (`sparse_rnn.kernels.choose`).
        OPTIONS: Options of a `sparse_rnn.Network` that this cell takes beside those of all cells.
        PER_UNIT: Names of parameters ``[N]`` that this cell has beside those of all cells.
        mask: The mask.
        weight_ih: Input weights ``[gates * N, I]``.
        weight_hh: Values of the edges, ``[nnz]`` or ``[gates, nnz]``, in the order of the mask's
            edges. A parameter; a buffer if the recurrence is frozen.
        bias: Bias ``[gates * N]``, or None.
        unit_signs: 1 or -1 for each unit ``[N]`` under Dale's law, a buffer; else None.
        recurrence: A name in `RECURRENCES`.
        inhibitory: Share of inhibitory units under Dale's law, or None.
        asked: The backend that was asked for, such as "auto"; `backend` is the one in use.
        watcher: Who is told the gradients of what drives the units, or None.
        soft: What the weights are computed from while a sparsifier makes some of them 0, or None.
    """

    if TYPE_CHECKING:
        __call__: Callable[..., tuple[Tensor, Any]]

    CELL: ClassVar[str]
    GATES: ClassVar[int] = 1
    COST: ClassVar[float] = kernels.STEP_COST
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    PER_UNIT: ClassVar[tuple[str, ...]] = ()

    unit_signs: Tensor | None

    def __init__(  # noqa: PLR0913 - `LayerOptions`, and what some cells add
        self,
        input_size: int,
        mask: Mask,
        backend: str,
        *,
        nonlinearity: str = "relu",
        inhibitory: float | None = None,
        bias: bool = True,
        batch_first: bool = False,
        init: str = inits.DEFAULT,
        init_gain: float = 1.0,
        recurrence: str = "trained",
        seed: seeding.Seed = 0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        whole("input_size", input_size, 1)
        instance("mask", mask, Mask)
        if recurrence not in RECURRENCES:
            raise unknown_name("recurrence", recurrence, RECURRENCES, "a kind of recurrence")
        self.input_size = input_size
        self.hidden_size = mask.n_units
        self.mask = mask
        self.asked = backend
        self.batch_first = flag("batch_first", batch_first)
        self.watcher: Candidates | None = None
        self.recurrence = recurrence
        self.soft: Soft | None = None
        self.inhibitory = inhibitory
        # A layer starts on the CPU, and one for `cuda` is moved to a device before it runs.
        device = "cuda" if backend == "cuda" else "cpu"
        self._choose = partial(kernels.choose, backend, cost=self.COST, nonlinearity=nonlinearity)
        dtype = torch.get_default_dtype() if dtype is None else dtype
        self._kernel = self._choose(mask, device, dtype=dtype)
        self._edges = kernels.Edges.of(mask)
        # A stream for each kind of weight: two networks that differ in the mask or the bias alone
        # start with the same input weights.
        hh, ih, b, signs = (seeding.derive(seed, purpose) for purpose in _STREAMS)
        law: Callable[[Tensor], Tensor] | None = None
        self.register_buffer("unit_signs", None)
        if inhibitory is not None:
            unit_signs = _dale.unit_signs(mask.n_units, inhibitory, signs)
            law = partial(_dale.balanced, edges=self._edges, signs=unit_signs)
            self.register_buffer("unit_signs", unit_signs.to(dtype))
        generator = seeding.generator(hh)
        drawn = [
            inits.recurrent_weights(init, mask, generator, gain=init_gain, law=law)
            for _ in range(self.GATES)
        ]
        weight_hh = drawn[0] if self.GATES == 1 else torch.stack(drawn)
        if law is not None:
            weight_hh = weight_hh.abs()  # The signs are those of the units.
        if recurrence == "frozen":
            # No parameter, so that no optimiser has it and no gradient is computed for it.
            self.register_buffer("weight_hh", weight_hh.to(dtype))
        else:
            self.weight_hh = nn.Parameter(weight_hh.to(dtype))
        bound, height = 1 / math.sqrt(mask.n_units), self.GATES * mask.n_units
        weight_ih = inits.uniform((height, input_size), bound, seeding.generator(ih))
        self.weight_ih = nn.Parameter(weight_ih.to(dtype))
        self.bias: nn.Parameter | None = None
        if flag("bias", bias):
            values = inits.uniform((height,), bound, seeding.generator(b))
            self.bias = nn.Parameter(values.to(dtype))

    def fastest(self, batch_size: int, device: str | None = None) -> timing.Choice:
        """The kernel that trains this layer the fastest; see `sparse_rnn.kernels.timing.fastest`.

        Args:
            batch_size: Sequences of a batch.
            device: Type of the device; None is where the layer is.
        """
        return timing.fastest(
            self.mask,
            batch_size,
            gates=0 if self.COST == kernels.SPARSE_COST else self.GATES,
            nonlinearity=getattr(self, "nonlinearity", "relu"),
            dtype=self.weight_hh.dtype,
            device=device or self.weight_hh.device.type,
        )

    def use(self, backend: str) -> None:
        """Compute with a backend from now on, for as long as mask, device and type stay.

        Raises:
            UnknownName: There is no such backend.
            InvalidArgument: It cannot serve this mask here; nothing has changed.
        """
        weight = self.weight_hh
        kernel = kernels.choose(backend, self.mask, weight.device.type, dtype=weight.dtype)
        self._edges_here()  # First, as it may choose another one.
        self._kernel = kernel

    def recurrent_weights(self) -> Tensor:
        """Values that the edges act with, shaped as `weight_hh`: softened, with Dale's signs."""
        weight = self.weight_hh if self.soft is None else self.soft(self.weight_hh)
        if self.unit_signs is None:
            return weight
        return _dale.signed(weight, self._edges_here(), self.unit_signs)

    def settings(self) -> dict[str, Any]:
        """What a `sparse_rnn.Network` needs, beside mask and sizes, to build this cell again."""
        settings: dict[str, Any] = {"cell": self.CELL}
        settings |= {name: getattr(self, name) for name in self.OPTIONS}
        if self.inhibitory is None:
            settings.pop("inhibitory", None)
        if self.recurrence != "trained":
            settings["recurrence"] = self.recurrence
        return settings

    def forward(self, inputs: Tensor | PackedSequence, h0: Any = None) -> tuple[Any, Any]:
        """Run the layer over a batch of sequences, over one alone, or over packed ones.

        Args:
            inputs: ``[T, B, I]``, or ``[B, T, I]`` if `batch_first`; ``[T, I]``, one sequence; or
                what ``torch.nn.utils.rnn.pack_padded_sequence`` makes.
            h0: State before the first step, ``[1, B, N]``, or ``[1, N]`` of one sequence; of an
                LSTM a pair of them, (h0, c0). None is zeros.

        Returns:
            The states after each step, ``[T, B, N]``, ``[B, T, N]`` or ``[T, N]``, or packed as the
            inputs are; and the last of them, shaped as `h0`, of each packed sequence its own; of an
            LSTM the pair (h_n, c_n). The last ones are copies.

        Raises:
            InvalidArgument: A shape, a type or a device is wrong; or there is recurrent noise where
                none can be drawn (`sparse_rnn.nn.noise.check`).
        """
        if isinstance(inputs, PackedSequence):
            states, last = self._over_packed(inputs, h0)
        else:
            sequence, single = self._check_inputs(inputs, single=True), inputs.dim() == 2
            if single:
                h0 = sequences.with_lane(h0, self.hidden_size)
            states, last = self._whole(sequence, self._first(h0, sequence))
            if single:
                states, last = states[:, 0], sequences.each(last, lambda one: one[:, 0])
            elif self.batch_first:
                states = states.transpose(0, 1)
        # Not views, which would change with the output or refuse to be detached in place.
        return states, sequences.each(last, Tensor.clone)

    def _over_packed(self, packed: PackedSequence, h0: Any) -> tuple[PackedSequence, Any]:
        """Outputs and last states; the latter of each sequence its own."""
        data = packed.data
        if data.dim() != 2 or data.shape[1] != self.input_size:
            allowed = f"packed from sequences of shape [time, {self.input_size}]"
            raise InvalidArgument("inputs", list(data.shape), allowed)
        self._check_kind("inputs", data)
        first = self._first(h0, data[None, : int(packed.batch_sizes[0])])
        return sequences.over_packed(self._whole, packed, first)

    def with_noise(self, projected: Tensor) -> Tensor:
        """The projected input ``[T, B, gates * N]`` with noise, for a cell that has some."""
        return projected

    def driven(self, projected: Tensor) -> Tensor:
        """`with_noise`, by its name until version 0.2; goes in the next one."""
        text = "driven is now with_noise; the old name goes in the next version."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return self.with_noise(projected)

    def _whole(self, sequence: Tensor, first: Any) -> tuple[Tensor, Any]:
        """Compute the states from the input ``[T, B, I]``; for the rest see `_steps`.

        A cell whose kernels multiply the input on the way has its own.
        """
        projected = nn.functional.linear(sequence, self.weight_ih, self.bias)
        # Under autocast the product is shorter; the states are of the type of the weights.
        return self._steps(self.with_noise(projected.to(self.weight_hh.dtype)), first)

    def start(self, inputs: Tensor, h0: Any = None) -> tuple[Tensor, Any]:
        """The inputs as ``[T, B, I]`` and what goes before the first step, as `_steps` takes it.

        Raises:
            InvalidArgument: A shape, a type or a device is wrong.
        """
        sequence = self._check_inputs(inputs)
        return sequence, self._first(h0, sequence)

    def first_states(self, inputs: Tensor, h0: Any = None) -> tuple[Tensor, ...]:
        """The states before the first step, ``[1, B, N]`` each: one, or two of an LSTM.

        Args:
            inputs: As `forward` takes them.
            h0: As `forward` takes it.

        Raises:
            InvalidArgument: A shape is wrong.
        """
        _, first = self.start(inputs, h0)
        return tuple(state[None] for state in (first if isinstance(first, tuple) else (first,)))

    @abstractmethod
    def _steps(self, projected: Tensor, first: Any) -> tuple[Tensor, Any]:
        """Compute the states ``[T, B, N]``, and the last one as `forward` returns it.

        Args:
            projected: What drives the units: the input times its weights plus the bias, and noise;
                ``[T, B, gates * N]``.
            first: What `_first` returns.
        """

    def _first(self, h0: Any, sequence: Tensor) -> Any:
        """The state before the first step, ``[B, N]``; checked."""
        return self._check_state("h0", h0, sequence)

    def _check_inputs(self, inputs: Tensor, *, single: bool = False) -> Tensor:
        """The inputs as ``[T, B, I]``; checked. `single` allows one sequence, ``[T, I]``."""
        if not isinstance(inputs, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
            remedy = ""
            if isinstance(inputs, PackedSequence):
                remedy = "Use torch.nn.utils.rnn.pad_packed_sequence, and leave out the padding."
            kind = type(inputs).__name__
            raise InvalidArgument("inputs", kind, "a padded tensor", remedy)
        n_channels = self.input_size
        axes = (
            f"[batch, time, {n_channels}]" if self.batch_first else f"[time, batch, {n_channels}]"
        )
        either = f"{axes} or [time, {n_channels}]" if single else axes
        allowed = f"of shape {either} with at least one step"
        if inputs.dim() not in ((2, 3) if single else (3,)) or inputs.shape[-1] != n_channels:
            remedy = "" if single or inputs.dim() != 2 else "Add the batch axis with unsqueeze."
            raise InvalidArgument("inputs", list(inputs.shape), allowed, remedy)
        if inputs.dim() == 2:
            sequence = inputs[:, None]
        else:
            sequence = inputs.transpose(0, 1) if self.batch_first else inputs
        if sequence.shape[0] == 0:
            raise InvalidArgument("inputs", list(inputs.shape), allowed)
        self._check_kind("inputs", inputs)
        return sequence

    def _check_kind(self, name: str, given: Tensor) -> None:
        """Refuse a tensor of another type or on another device than the weights, as torch does."""
        dtype, device = self.weight_hh.dtype, self.weight_hh.device
        if given.device != device:
            raise InvalidArgument(name, str(given.device), f"on {device}, as the weights are")
        cast = torch.is_autocast_enabled(device.type) and {given.dtype, dtype} <= _CAST
        if given.dtype != dtype and not cast:
            allowed = f"of type {dtype}, as the weights are"
            raise InvalidArgument(name, given.dtype, allowed, f"Call {name}.to({dtype}).")

    def _check_state(self, name: str, given: Tensor | None, sequence: Tensor) -> Tensor:
        shape = (sequence.shape[1], self.hidden_size)
        if given is None:
            return self.weight_hh.new_zeros(shape)
        if not isinstance(given, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
            allowed = f"one tensor of shape {[1, *shape]} for the cell {self.CELL!r}"
            raise InvalidArgument(name, type(given).__name__, allowed)
        if tuple(given.shape) != (1, *shape):
            raise InvalidArgument(name, list(given.shape), f"of shape {[1, *shape]}")
        self._check_kind(name, given)
        return given[0].to(self.weight_hh.dtype)  # Another type under autocast alone.

    def _edges_here(self) -> kernels.Edges:
        # The edges are no parameters, so they follow the module to a device on the first call; and
        # a kernel may not take the numbers that the module was turned into.
        device, dtype = self.weight_hh.device, self.weight_hh.dtype
        moved = self._edges.targets.device != device
        if moved or dtype not in self._kernel.dtypes:
            self._kernel = self._choose(self.mask, device.type, dtype=dtype)
        if moved:
            self._edges = kernels.Edges.of(self.mask, device)
        return self._edges

    def side_by_side(self, layers: Sequence[MaskedLayer], edges: kernels.Edges) -> MaskedLayer:
        """The equations of this layer over the units of several layers like it.

        Args:
            layers: S layers that differ in weights and mask alone, this one among them.
            edges: Their edges side by side (`sparse_rnn.kernels.Edges.side_by_side`).

        Returns:
            A layer of S * N units without input weights, for use in a
            `sparse_rnn.nn.cells.LayerStack`. Its weights are those of the layers as they are
            now; gradients flow back to them.
        """
        joint = copy.copy(self)
        joint._parameters, joint._buffers, joint._modules = {}, {}, {}
        joint.soft = None  # It is in the weights.
        for name in self._buffers:
            setattr(joint, name, None)
        joint.hidden_size, joint._edges = edges.mask.n_units, edges
        del joint.mask  # That of one layer alone.
        joint.weight_hh = torch.cat([layer.recurrent_weights() for layer in layers], dim=-1)
        for name in self.PER_UNIT:
            values = [getattr(layer, name) for layer in layers]
            setattr(joint, name, None if values[0] is None else torch.cat(values))
        return joint

    def from_rest(self, projected: Tensor) -> Tensor:
        """The states ``[T, B, N]`` from zeros on, of projected input ``[T, B, gates * N]``."""
        return self._steps(projected, self._first(None, projected))[0]

    def _product(self) -> kernels.Product:
        """The recurrent product of a step, prepared for a sequence."""
        edges = self._edges_here()  # Before the kernel is read, which it may change.
        product = kernels.products(self._kernel, self.recurrent_weights(), edges)
        watcher = self.watcher
        if watcher is None:
            return product
        return lambda state: watcher.watch(product(state), state.detach)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``print``."""
        options = {**self.settings(), "backend": self.backend}
        del options["cell"]
        listed = [f"{name}={value!r}" for name, value in options.items()]
        return ", ".join([str(self.input_size), repr(self.mask), *listed])
