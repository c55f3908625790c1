"""What a layer's state says of its edges, and how a layer gets others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sparse_rnn import kernels
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.masks import Mask

EDGES = ("mask_indptr", "mask_indices")
"""Buffers of a layer whose edges are not those that it was made with: `Mask.indptr`, `indices`."""


@dataclass(frozen=True, eq=False)
class Rewiring:
    """What a method answers.

    Attributes:
        mask: The mask from now on.
        origin: int64 ``[nnz]``, the number that each of its edges had before; -1 of a new one.
        values: Weights of all edges, ``[gates, nnz]``. None keeps those of edges that there were,
            and new ones are 0.
    """

    mask: Mask
    origin: NDArray[np.int64]
    values: Tensor | None = None


class Rewirable(nn.Module):
    """A layer with values on the edges of a mask, which may be replaced; abstract.

    The state dict of a layer has the digest of its mask, which says whether weights belong to its
    edges. From the first `rewire` on it has the edges too, as buffers, and a layer of as many units
    that loads such a state takes its edges over.

    Attributes:
        mask: The mask.
        weight_hh: Values of the edges, ``[nnz]`` or ``[gates, nnz]``.
    """

    mask: Mask
    weight_hh: Tensor
    _choose: Callable[..., kernels.Kernel]
    _edges: kernels.Edges
    _kernel: kernels.Kernel

    @property
    def backend(self) -> str:
        """Name of the kernel in use."""
        return self._kernel.name

    def expected(self) -> str:
        """Name of the backend that serves what was asked for, as it is chosen without a clock."""
        weight = self.weight_hh
        return self._choose(self.mask, weight.device.type, dtype=weight.dtype).name

    def rewire(self, mask: Mask, origin: ArrayLike, values: Tensor | None = None) -> None:
        """Replace the edges; ``weight_hh`` stays the same parameter, with the numbers of these.

        An optimiser has to be told by who calls this, as `sparse_rnn.train` does: its state is of
        the edges before. The kernel is chosen again.

        Args:
            mask: The mask, of as many units.
            origin: int ``[nnz]``, the number that each of its edges had before, or -1 of a new one.
            values: Values of the edges, ``[nnz]`` or ``[gates, nnz]``. None keeps those of edges
                that there were, and new ones are 0.

        Raises:
            InvalidArgument: There are more or fewer units, an origin is that of another edge, or
                the values have a wrong shape; nothing has changed.

        Example:
            >>> import sparse_rnn as srnn
            >>> layer = srnn.MaskedRNN(3, srnn.masks.autapse(2))
            >>> layer.rewire(srnn.masks.dense(2), [0, -1, -1, 1])
            >>> layer.mask.nnz, layer.weight_hh.shape, layer.weight_hh[1].item()
            (4, torch.Size([4]), 0.0)
        """
        numbers = self._checked_origin(mask, origin)
        weight = self.weight_hh.detach()
        shape = (*weight.shape[:-1], mask.nnz)
        if values is None:
            held = torch.from_numpy(numbers).to(weight.device)
            values = weight.new_zeros(shape)
            values[..., held >= 0] = weight[..., held[held >= 0]]
        if tuple(values.shape) != shape:
            raise InvalidArgument("values", list(values.shape), f"of shape {list(shape)}")
        self._take(mask, values.to(weight))

    @property
    def rewired(self) -> bool:
        """Whether its edges are others than those that it was made with, so far as it knows."""
        return self._buffers.get(EDGES[0]) is not None

    def check_mask(self, mask: Mask) -> None:
        """Refuse a mask that the backend cannot serve here.

        Raises:
            InvalidArgument: It is one.
        """
        self._choose(mask, self.weight_hh.device.type, dtype=self.weight_hh.dtype)

    def _checked_origin(self, mask: Mask, origin: ArrayLike) -> Any:
        if mask.shape != self.mask.shape:
            raise InvalidArgument("mask", mask, f"one of {self.mask.n_units} units")
        numbers = np.asarray(origin)
        if numbers.shape != (mask.nnz,) or (numbers.size and numbers.dtype.kind not in "iu"):
            found = f"{numbers.dtype} {list(numbers.shape)}"
            raise InvalidArgument("origin", found, f"whole numbers of shape {[mask.nnz]}")
        numbers = numbers.astype(np.int64)
        held = numbers >= 0
        there = numbers[held]
        least, most = numbers.min(initial=-1), numbers.max(initial=-1)
        right = least >= -1 and most < self.mask.nnz
        if not right or not (
            np.array_equal(self.mask.indices[there], mask.indices[held])
            and np.array_equal(self.mask.targets()[there], mask.targets()[held])
        ):
            allowed = "for each edge its number among those before, or -1"
            raise InvalidArgument("origin", "numbers of other edges", allowed)
        return numbers

    def _take(self, mask: Mask, values: Tensor) -> None:
        """Have other edges from now on, with these values."""
        kernel = self._choose(mask, self.weight_hh.device.type, dtype=values.dtype)
        self.mask, self._kernel = mask, kernel
        self._edges = kernels.Edges.of(mask, values.device)
        self.weight_hh.grad = None
        self.weight_hh.data = values.contiguous()
        for name, numbers in zip(EDGES, (mask.indptr, mask.indices), strict=True):
            self.register_buffer(name, torch.tensor(numbers, device=values.device))

    def get_extra_state(self) -> Tensor:
        """What a state dict says of the mask, as ``_extra_state``: its digest, uint8 ``[32]``."""
        return digest_of(self.mask)

    def set_extra_state(self, state: Tensor) -> None:
        """Compare the digest of a state dict with that of the mask.

        Raises:
            IncompatibleState: The weights belong to other synapses.
        """
        # Who averages state dicts makes other numbers of equal bytes.
        found = torch.as_tensor(state).detach().cpu().to(torch.float64)
        if not torch.equal(found, self.get_extra_state().to(torch.float64)):
            raise IncompatibleState(
                f"The weights are those of another mask than {self.mask!r}, with its synapses in "
                "other places. Build the network with the mask that they were trained with; "
                "sparse_rnn.load reads it from a weights file."
            )

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *rest: Any, **more: Any
    ) -> None:
        """Take over the edges of the state, if it has some, and refuse weights of other edges.

        Before any weight is taken, also if not `strict`.
        """
        key = f"{prefix}_extra_state"
        parts = {name: state_dict.get(f"{prefix}{name}") for name in EDGES}
        if all(isinstance(part, Tensor) for part in parts.values()):
            self._adopt(parts, state_dict.get(f"{prefix}weight_hh"))
        elif self.rewired:  # The same edges, or refused below.
            for name in EDGES:
                self.register_buffer(name, None)
        if key in state_dict:
            self.set_extra_state(state_dict[key])
        elif f"{prefix}weight_hh" in state_dict:
            raise IncompatibleState(
                f"The state has {prefix}weight_hh and no {key}, the digest of the mask, so that it "
                "is not known which synapses the weights belong to (versions before 0.2 wrote no "
                "digest). If you know that they are those of this mask, give it that digest: "
                "load_state_dict(sparse_rnn.nn.torch_state.with_digests(state, module))."
            )
        super()._load_from_state_dict(state_dict, prefix, *rest, **more)

    def _adopt(self, parts: Mapping[str, Any], weight: object) -> None:
        """Have the edges of a state from now on; its weights are taken later."""
        indptr, indices = (parts[name].detach().cpu().numpy() for name in EDGES)
        try:
            mask = replace(
                self.mask, indptr=indptr, indices=indices, family="custom", parameters={}
            )
        except InvalidArgument as error:
            what = f"The edges of the state are those of no such layer: {error}"
            raise IncompatibleState(what) from error
        shape = (*self.weight_hh.shape[:-1], mask.nnz)
        if not isinstance(weight, Tensor) or tuple(weight.shape) != shape:
            raise IncompatibleState(f"The state has edges without as many weights, {list(shape)}")
        if mask == self.mask:
            mask = self.mask  # With its family and parameters.
        self._take(mask, self.weight_hh.new_zeros(shape))


def digest_of(mask: Mask) -> Tensor:
    """The digest of a mask as a state dict has it, uint8 ``[32]``."""
    return torch.frombuffer(bytearray.fromhex(mask.digest), dtype=torch.uint8)


def edges_of(mask: Mask, prefix: str) -> dict[str, Tensor]:
    """The entries of a state dict by which a layer takes over the edges of a mask."""
    arrays = zip(EDGES, (mask.indptr, mask.indices), strict=True)
    entries = {f"{prefix}{name}": torch.tensor(numbers) for name, numbers in arrays}
    return {**entries, f"{prefix}_extra_state": digest_of(mask)}
