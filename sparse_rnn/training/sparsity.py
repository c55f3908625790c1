"""`Sparsity`: asks the sparsifier of a run, and carries out what it answers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as tensors_of, save as bytes_of
from torch import Tensor, nn

from sparse_rnn import seeding
from sparse_rnn.config.plan import SparsityPlan
from sparse_rnn.data import Batch, Batches, TaskStream
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.nn.candidates import Candidates
from sparse_rnn.nn.rewiring import Needs, Rewiring, View
from sparse_rnn.sparsify import measure
from sparse_rnn.sparsify._softening import Softening, harden
from sparse_rnn.training.consolidation import Consolidation
from sparse_rnn.training.group import Group
from sparse_rnn.training.optimiser import COUNTLESS, Optimiser

_PREFIX = "sparsifier."


def soften(plan: SparsityPlan | None) -> None:
    """Give a network the soft part that its sparsifier may have."""
    if plan is not None and isinstance(plan.method, Softening):
        rnn = plan.network.rnn
        rnn.soft = plan.method.soft(rnn.weight_hh.detach(), plan.seed)


class Sparsity:
    """The synapses of a run, where a sparsifier chooses them.

    Args:
        plan: The sparsifier, and the network.
        optimiser: The optimiser, whose state goes along.
        consolidation: What keeps earlier stages, and goes along too.
        training: Says which the training batches are. Those that the method looks at are others
            of the same distribution; or these, where it is no stream of tasks that knows others.
        group: The processes; the first one decides for all.

    Attributes:
        done: The last step at which the sparsifier was asked; 0 from the start of the run on, and
            -1 before.

    Raises:
        InvalidArgument: Synapses would grow under an optimiser whose steps depend on their number
            in a way that is not known.
    """

    def __init__(
        self,
        plan: SparsityPlan,
        *,
        optimiser: Optimiser,
        consolidation: Consolidation | None,
        training: Callable[[], Batches],
        group: Group,
    ) -> None:
        self._plan, self._method, self._network = plan, plan.method, plan.network
        self._optimiser, self._consolidation, self._group = optimiser, consolidation, group
        self._training = training
        self.done = -1
        self._candidates: Candidates | None = None
        known = (torch.optim.Adam, torch.optim.AdamW, *COUNTLESS)
        if plan.method.GROWS and not isinstance(optimiser.inner, known):
            names = ", ".join(kind.__name__ for kind in known)
            found = type(optimiser.inner).__name__
            allowed = f"one of {names} where synapses grow, which have ages of their own"
            raise InvalidArgument("optimiser", found, allowed)

    def due(self, step: int) -> bool:
        """Whether the sparsifier is still to be asked after a gradient step; 0 is the start."""
        return step > self.done and self._method.due(step, self._plan.steps)

    def begin(self, respond: Callable[[Batch], Tensor]) -> None:
        """Choose the synapses that the run starts with, once."""
        if self.due(0):
            self.change(0, respond)
        self.done = max(self.done, 0)

    def replaces(self, step: int) -> bool:
        """Whether the synapses change in place of a gradient step."""
        return step > 0 and self.due(step) and self._method.needs(step).instead

    @contextmanager
    def watching(self, step: int) -> Generator[None]:
        """Note the candidate gradients of a pass whose step a change replaces."""
        wanted = self.replaces(step) and self._method.needs(step).candidates
        self._candidates = Candidates(self._network.rnn) if wanted else None
        with self._candidates.watching() if self._candidates else nullcontext():
            yield

    def change(self, step: int, respond: Callable[[Batch], Tensor]) -> None:
        """Ask the sparsifier, and do what it says.

        Args:
            step: Gradient steps taken, or replaced.
            respond: What is minimised, of a batch.
        """
        needs = self._method.needs(step)
        view = self._view(step, needs, respond)
        found: list[Rewiring] = []

        def decide() -> bool:
            rng = np.random.default_rng(
                seeding.derive(self._plan.seed, seeding.Purpose.REWIRING, step)
            )
            answer = self._method.rewire(view, step, rng)
            if answer is not None:
                found.append(answer)
            return bool(found)

        self.done, self._candidates = step, None
        if self._group.decide(decide):
            self._carry_out(self._shared(found))

    def _view(self, step: int, needs: Needs, respond: Callable[[Batch], Tensor]) -> View:
        weight = self._network.rnn.weight_hh
        assert isinstance(weight, nn.Parameter)  # `plan_of` has refused frozen ones.
        candidates = self._candidates
        first = 1 if candidates is not None else 0
        total: Tensor | None = None
        if needs.candidates:
            candidates = candidates or Candidates(self._network.rnn)
            more = self._batches(step, needs.candidates - first)
            for batch in more:
                self._optimiser.inner.zero_grad(set_to_none=True)
                with self._optimiser.only_trained(), candidates.watching():
                    cost: Any = respond(batch)
                    cost.backward()
            total = self._group.sum(candidates.total) / (first + len(more))
        batches = list(self._batches(step, needs.batches)) if self._group.first else []
        moments = self._optimiser.moments(weight)
        return View(self._network, self._plan.steps, total, batches, moments)

    def _batches(self, step: int, n: int) -> list[Batch]:
        """Batches to look at; those of a step are drawn as the trials of that step are."""
        training = self._training()
        if isinstance(training, TaskStream):
            training = training.others(seeding.Purpose.SPARSIFIER_TRIALS)
        device = self._network.rnn.weight_hh.device
        return [batch.to(device) for batch in training.batches(step, step + n)]

    def _shared(self, found: list[Rewiring]) -> Rewiring:
        """What the first process was told, in all of them."""
        if self._group.size == 1:
            return found[0]
        tensors: dict[str, Tensor] = {}
        if found:
            mask = found[0].mask
            tensors = {
                "indptr": torch.tensor(mask.indptr),
                "indices": torch.tensor(mask.indices),
                "origin": torch.tensor(found[0].origin),
            }
            if found[0].values is not None:
                tensors["values"] = found[0].values.detach().cpu().contiguous()
        told = tensors_of(self._group.bytes(bytes_of(tensors)))
        mask = replace(
            self._network.rnn.mask,
            indptr=told["indptr"].numpy(),
            indices=told["indices"].numpy(),
        )
        return Rewiring(mask, told["origin"].numpy(), told.get("values"))

    def _carry_out(self, found: Rewiring) -> None:
        rnn = self._network.rnn
        weight = rnn.weight_hh
        assert isinstance(weight, nn.Parameter)  # As above.
        origin = torch.from_numpy(np.asarray(found.origin)).to(weight.device)
        self._optimiser.move(weight, origin)
        if self._consolidation is not None:
            self._consolidation.move(weight, origin)
        values = None if found.values is None else found.values.reshape(*weight.shape[:-1], -1)
        rnn.rewire(replace(found.mask, **self._provenance()), found.origin, values)
        self._optimiser.rewired()

    def _provenance(self) -> dict[str, Any]:
        """What a mask says of where it comes from."""
        return {"family": self._plan.name, "parameters": dict(self._plan.options)}

    def end(self) -> None:
        """Let synapses leave that the run has made 0, after its last step.

        Checkpoints are from before, so that a longer run goes on from them.

        Raises:
            NotApplicable: No synapse is left.
        """
        rnn = self._network.rnn
        if rnn.soft is not None:
            harden(rnn)
            rnn.mask = replace(rnn.mask, **self._provenance())

    def row(self, step: int) -> list[float]:
        """What `sparsity.csv` says of the network as it is (`sparse_rnn.runs.folder`)."""
        network = self._network
        if network.rnn.soft is not None:
            network = copy.deepcopy(network)
            harden(network.rnn)
        found, mask = measure(network), network.rnn.mask
        return [
            step,
            mask.nnz,
            found.density,
            found.reachable,
            found.units_without_inputs,
            max(found.spectral_radius),
        ]

    def tensors(self) -> dict[str, Tensor]:
        """Copy what the sparsifier remembers, for a checkpoint."""
        state = self._method.state().items()
        return {_PREFIX + name: value.to("cpu", copy=True).contiguous() for name, value in state}

    def restore(self, tensors: Mapping[str, Tensor], done: object) -> None:
        """Go on where a checkpoint was written; the network and the optimiser are there already.

        Raises:
            IncompatibleState: It does not say when the sparsifier was asked.
        """
        if not isinstance(done, int):
            raise IncompatibleState("The checkpoint does not say how far its sparsifier had come")
        self.done = done
        mine = [name for name in tensors if name.startswith(_PREFIX)]
        self._method.restore({name.removeprefix(_PREFIX): tensors[name] for name in mine})
        rnn = self._network.rnn
        if rnn.rewired:
            rnn.mask = replace(rnn.mask, **self._provenance())
        self._optimiser.rewired()
