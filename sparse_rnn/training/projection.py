"""`Projection`: steps that leave alone what earlier stages of a run used.

Duncker, Driscoll, Shenoy, Sahani & Sussillo (2020, "Organizing recurrent network dynamics by
task-computation to enable continual learning", NeurIPS 33). A step moves the joint weights
W = [recurrent, input, bias] of the units, whose sources at a time step are z = [state before,
input, 1], and the weights of the readout, whose sources are [state, 1]. Where the optimiser would
move a map W by D, it moves by ``(I + C_out / alpha)^-1 D (I + C_in / alpha)^-1``. C_in is the
second moment of the map's sources, C_out that of its results W z, each the mean over the stages
that have ended. The factor on the right keeps what W says to sources seen before, so that with
``D z = 0`` for all of them the network's answers stay; the one on the left keeps new sources from
driving what earlier stages drove.

As in the authors' code (https://github.com/LDlabs/seqMultiTaskRNN): it is the move that is
projected, learning rate, momentum and Adam's scaling included, as a gradient would leave the
protected directions again when Adam divides by the sizes of its entries; second moments are not
centred; stages weigh alike; alpha is 1e-3. Unlike it: it keeps all biases at zero, where ours are
weights from a source that is always 1; it pairs an input with the state after it, where ours is the
state before, which that input meets; it takes the second moment of targets for that of outputs,
where ours is of outputs; it divides by the number of samples less 1, ours by the number; its
samples have recurrent noise, ours have none. That the curves of the paper were made with this code
as it stands could not be confirmed.

**Sparse maps.** A projected move has no zeros where the mask has them. Here each unit i takes the
part of ``(I + C_out / alpha)^-1 D`` on its own sources S_i, and then the factor on the right of
those sources alone, ``(I + C_in[S_i, S_i] / alpha)^-1``: the move d of its weights that minimises
``|d - wanted|^2 + d C_in d / alpha`` among all that it can make. So what a unit receives from
sources seen before stays as well as in a dense network, mask or not. The factor on the left is
weaker there, as the mask takes its entries on absent synapses. Where all units have the same
sources the two are those of the paper.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparse_rnn.config.continual import GradientProjection
from sparse_rnn.data import Batch
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.kernels import Edges
from sparse_rnn.nn.cells import MaskedRNN
from sparse_rnn.nn.network import Network
from sparse_rnn.system import limits
from sparse_rnn.system.hardware import device_of
from sparse_rnn.training.group import Group
from sparse_rnn.training.optimiser import Optimiser

_AT_ONCE = 2**24
"""Numbers that are inverted at once, in float64."""

_ALL = slice(None)


class Projection:
    """Gradient projection for the stages of a run.

    Args:
        network: A `sparse_rnn.Network` of cells without gates.
        optimiser: Has the parameters that are trained, and `new_rules`: weights that are not have
            no part in the projections.
        group: The processes of the run.
        options: `alpha` and `batches`.

    Attributes:
        options: As given.
        moments: Sums over the stages of the mean second moments, float64: of the "sources" of the
            units ``[N + I + 1, N + I + 1]`` and of what they make of them, "drives" ``[N, N]``; of
            the sources of the readout, "hidden" ``[N + 1, N + 1]``, and of its "outputs"
            ``[O, O]``. Empty before the first stage ends.
        n_stages: Number of stages that have ended.

    Raises:
        InvalidArgument: The network is another one, or the projections are too large.
    """

    def __init__(
        self,
        network: nn.Module,
        optimiser: Optimiser,
        group: Group,
        options: GradientProjection,
    ) -> None:
        if not isinstance(network, Network) or not isinstance(network.rnn, MaskedRNN):
            allowed = "left out for this network: it needs units with one input each, in a Network"
            raise InvalidArgument("continual", "projection", allowed)
        self.options = options
        self.moments: dict[str, Tensor] = {}
        self.n_stages = 0
        self._network, self._layer, self._group = network, network.rnn, group
        self._edges = Edges.of(self._layer.mask, device_of(network))
        n, o, i = self._layer.hidden_size, network.readout.out_features, self._layer.input_size
        signs, new_rules = self._layer.unit_signs, optimiser.new_rules
        fresh = slice(0 if new_rules is None else i - new_rules, i)
        blocks = {
            "rnn.weight_hh": _Block(
                (...,),
                self._edges.indices(),
                None if signs is None else signs[self._edges.sources],
            ),
            "rnn.weight_ih": _Block((_ALL, fresh), (_ALL, slice(n + fresh.start, n + i))),
            "rnn.bias": _Block((...,), (_ALL, -1)),
        }
        readout = {
            "readout.weight": _Block((...,), (_ALL, slice(n))),
            "readout.bias": _Block((...,), (_ALL, -1)),
        }
        device, trained = device_of(network), optimiser.parameters
        self._maps = {
            ("sources", "drives"): _Map((n, n + i + 1), blocks, trained, device),
            ("hidden", "outputs"): _Map((o, n + 1), readout, trained, device),
        }
        size = sum(one.size for one in self._maps.values())
        if size > limits.PROJECTION:
            allowed = (
                f"left out for this mask: projections of its units have {size:.2g} numbers, more "
                f"than {limits.PROJECTION:.2g}"
            )
            raise InvalidArgument("continual", "projection", allowed)

    def penalise(self) -> None:
        """Gradients stay as they are."""

    @contextmanager
    def moving(self) -> Generator[None]:
        """Project what the parameters move by meanwhile."""
        before = {
            name: parameter.detach().clone()
            for one in self._maps.values()
            for name, parameter in one.parameters.items()
            if self.n_stages
        }
        yield
        if self.n_stages:
            for one in self._maps.values():
                one.project(before)

    def end_stage(self, stage: int, batches: Iterable[Batch], seed: int) -> None:
        """Add the second moments of a stage, and let the projections be theirs.

        They are means over the time steps of its batches up to the last scored one of each lane,
        from a state of zeros, without recurrent noise.
        """
        del stage, seed
        network, edges, n = self._network, self._edges, self._layer.hidden_size
        device, i = device_of(network), self._layer.input_size
        zero = torch.zeros((), dtype=torch.float64, device=device)
        shapes = {"sources": n + i + 1, "hidden": n + 1, "outputs": network.readout.out_features}
        sums = {name: zero.new_zeros(size, size) for name, size in shapes.items()}
        count = zero
        with evaluating(network), torch.no_grad():
            for batch in batches:
                here = batch.to(device)
                outputs, states = network(here.inputs, every_state=True)
                ones = torch.ones_like(states[..., :1])
                before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
                # Steps after the last scored one of a lane decide nothing.
                seen = here.mask.flip(0).cumsum(0).flip(0) > 0
                count = count + seen.sum()
                for name, parts in {
                    "sources": (before, here.inputs, ones),
                    "hidden": (states, ones),
                    "outputs": (outputs,),
                }.items():
                    rows = torch.cat(parts, dim=-1)[seen].double()
                    sums[name].addmm_(rows.T, rows)
            layer = self._layer
            bias = layer.weight_ih.new_zeros(n) if layer.bias is None else layer.bias
            recurrent = edges.scatter(layer.recurrent_weights())
            joint = torch.cat([recurrent, layer.weight_ih, bias[:, None]], dim=1).double()
        total = self._group.sum(count)
        found = {name: self._group.sum(value) / total for name, value in sums.items()}
        found["drives"] = joint @ found["sources"] @ joint.T
        self.moments = {name: value + self.moments.get(name, 0) for name, value in found.items()}
        self.n_stages += 1
        self._settle()

    def tensors(self) -> dict[str, Tensor]:
        """Copy the state, for a checkpoint."""
        if not self.n_stages:
            return {}
        kept = {"n_stages": torch.tensor(self.n_stages), **self.moments}
        return {f"continual.{k}": v.to("cpu", copy=True).contiguous() for k, v in kept.items()}

    def restore(self, tensors: Mapping[str, Tensor], *, ended: bool) -> None:
        """Put back what `tensors` copied.

        Args:
            tensors: Those of a checkpoint, with others among them.
            ended: Whether a stage had ended there.

        Raises:
            IncompatibleState: They are those of another network, or are missing.
        """
        found: dict[str, Tensor] = {}
        number = tensors.get("continual.n_stages")
        for names, one in self._maps.items() if ended else ():
            for name, size in zip(names, reversed(one.shape), strict=True):
                value = tensors.get(f"continual.{name}")
                if number is None or value is None or value.shape != (size, size):
                    raise IncompatibleState(f"The checkpoint has no second moments of the {name}")
                found[name] = value.to(device_of(self._network))
        self.moments, self.n_stages = found, 0 if number is None or not ended else int(number)
        self._settle()

    def _settle(self) -> None:
        """Make the projections anew."""
        for (sources, results), one in self._maps.items() if self.n_stages else ():
            scale = 1 / (self.options.alpha * self.n_stages)
            one.settle(self.moments[sources] * scale, self.moments[results] * scale)


@dataclass(frozen=True)
class _Block:
    """Where a parameter lies in the matrix of a map.

    Attributes:
        own: Its part that is trained.
        place: Where that lies.
        signs: Of each of its entries the sign that the map has it with, times its own; or None.
    """

    own: tuple[Any, ...]
    place: tuple[Any, ...]
    signs: Tensor | None = None


class _Map:
    """A linear map whose rows have sources of their own, and its projections.

    Args:
        shape: Number of rows R and of sources K.
        blocks: The parameters that it is made of, by name.
        trained: The parameters that are trained, by name, others among them.
        device: Where they are.

    Attributes:
        shape: As given.
        parameters: The parameters that it is made of and that are trained, by name.
        size: Numbers of the projections.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        blocks: Mapping[str, _Block],
        trained: Mapping[str, nn.Parameter],
        device: torch.device,
    ) -> None:
        self.shape = shape
        self.parameters = {name: trained[name] for name in blocks if name in trained}
        self._blocks = blocks
        has = torch.zeros(shape, dtype=torch.bool, device=device)
        for name in self.parameters:
            has[blocks[name].place] = True
        self._alike = _alike(has)
        self.size = sum(columns.numel() * columns.shape[1] for _, columns in self._alike)
        self._left = torch.empty(0)
        self._right: list[Tensor] = []

    def settle(self, sources: Tensor, results: Tensor) -> None:
        """Make the projections, of second moments in units of alpha."""
        if not self.parameters:
            return
        dtype = next(iter(self.parameters.values())).dtype
        self._left = _inverse(results).to(dtype)
        self._right = []
        for _, columns in self._alike:
            at_once = max(1, _AT_ONCE // columns.shape[1] ** 2)
            self._right.append(
                torch.cat(
                    [
                        _inverse(sources[some[:, :, None], some[:, None, :]]).to(dtype)
                        for some in columns.split(at_once)
                    ]
                )
            )

    @torch.no_grad()
    def project(self, before: Mapping[str, Tensor]) -> None:
        """Project what the parameters have moved by since they were `before`."""
        if not self.parameters:
            return
        move = self._left.new_zeros(self.shape)
        for name, parameter in self.parameters.items():
            block, old = self._blocks[name], before[name]
            move[block.place] = _signed(block, parameter - old, old)[block.own]
        wanted = self._left @ move
        for (rows, columns), right in zip(self._alike, self._right, strict=True):
            at = rows[:, :, None], columns[:, None, :]
            move[at] = wanted[at] @ right
        for name, parameter in self.parameters.items():
            block, old = self._blocks[name], before[name]
            step = torch.zeros_like(old)
            step[block.own] = move[block.place]
            parameter.copy_(old + _signed(block, step, old))


def _signed(block: _Block, step: Tensor, old: Tensor) -> Tensor:
    """A step of a parameter as one of the map, and back: under Dale's law other ones."""
    return step if block.signs is None else torch.where(old < 0, -step, step) * block.signs


def _alike(has: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Rows with as many sources, of which as many share all of theirs.

    Args:
        has: bool ``[R, K]``: whether a row has a source.

    Returns:
        Rows int64 ``[sets, rows a set]`` and their sources int64 ``[sets, sources a set]``.
    """
    sets, which = torch.unique(has, dim=0, return_inverse=True)
    kinds = torch.stack([sets.sum(1), which.bincount(minlength=len(sets))], dim=1)
    order = which.argsort(stable=True).split(kinds[:, 1].tolist())
    found: list[tuple[Tensor, Tensor]] = []
    for kind in kinds.unique(dim=0):
        members = (kinds == kind).all(1).nonzero()[:, 0].tolist()
        if kind[0]:
            columns = torch.stack([sets[one].nonzero()[:, 0] for one in members])
            found.append((torch.stack([order[one] for one in members]), columns))
    return found


def _inverse(moments: Tensor) -> Tensor:
    """``(I + moments)^-1`` of symmetric matrices ``[..., K, K]``."""
    eye = torch.eye(moments.shape[-1], dtype=moments.dtype, device=moments.device)
    return torch.cholesky_inverse(torch.linalg.cholesky(moments + eye))
