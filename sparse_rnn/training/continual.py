"""`Consolidation`: elastic weight consolidation, which keeps earlier stages of a run.

Kirkpatrick et al. (2017, "Overcoming catastrophic forgetting in neural networks",
https://doi.org/10.1073/pnas.1611835114): at the end of each stage k but the last one, the weights
w* and the diagonal F of the Fisher information are kept, and from then on
``strength / 2 * sum over k and i of F[k, i] (w[i] - w*[k, i])^2`` is added to what is minimised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from sparse_rnn import seeding
from sparse_rnn.config.continual import Ewc
from sparse_rnn.data import Batch
from sparse_rnn.errors import IncompatibleState
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.system.hardware import device_of
from sparse_rnn.training.group import Group
from sparse_rnn.training.objective import answer

_PARTS = ("precision", "anchor")


class Consolidation:
    """The sum of the quadratic penalties of all stages so far.

    A sum of quadratics is one: its precision is the sum of theirs, its anchor the mean of theirs,
    weighted by precision. So the state does not grow with the stages. Absent synapses are no
    parameters and have no part in it.

    Args:
        parameters: The parameters that are trained, by name.
        options: `strength` and `batches`.

    Attributes:
        options: As given.
        precision: Sum of the Fisher information of the stages, by parameter; empty before the
            first one ends.
        anchor: What the penalty pulls each parameter to, in the same shapes.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], options: Ewc) -> None:
        self.options = options
        self.precision: dict[str, Tensor] = {}
        self.anchor: dict[str, Tensor] = {}
        self._parameters = parameters

    def penalise(self) -> None:
        """Add the gradient of the penalty to that of the loss."""
        with torch.no_grad():
            for name, precision in self.precision.items():
                weight = self._parameters[name]
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
                pull = precision * (weight - self.anchor[name])
                weight.grad.add_(pull, alpha=self.options.strength)

    def add(self, fisher: Mapping[str, Tensor]) -> None:
        """End a stage: keep the weights as they are, as well as its Fisher information says."""
        for name, found in fisher.items():
            weight = self._parameters[name].detach()
            if name not in self.precision:
                self.precision[name], self.anchor[name] = found.clone(), weight.clone()
                continue
            total = self.precision[name] + found
            share = torch.where(total > 0, found / total, torch.zeros_like(total))
            self.anchor[name] = self.anchor[name] + share * (weight - self.anchor[name])
            self.precision[name] = total

    def move(self, weight: nn.Parameter, origin: Tensor) -> None:
        """Take what is kept of a parameter along, whose last axis is about to have other edges.

        Args:
            weight: The parameter.
            origin: int64, the number that each edge had before; -1 of a new one, which no stage
                has taught anything.
        """
        for name, parameter in self._parameters.items():
            if parameter is weight and name in self.precision:
                for kept in (self.precision, self.anchor):
                    moved = kept[name].new_zeros((*weight.shape[:-1], origin.numel()))
                    moved[..., origin >= 0] = kept[name][..., origin[origin >= 0]]
                    kept[name] = moved

    def tensors(self) -> dict[str, Tensor]:
        """Copy the state, for a checkpoint."""
        return {
            f"continual.{part}.{name}": value.to("cpu", copy=True).contiguous()
            for part in _PARTS
            for name, value in getattr(self, part).items()
        }

    def restore(self, tensors: Mapping[str, Tensor], *, ended: bool) -> None:
        """Put back what `tensors` copied.

        Args:
            tensors: Those of a checkpoint, with others among them.
            ended: Whether a stage had ended there.

        Raises:
            IncompatibleState: They are those of another network, or are missing.
        """
        for part in _PARTS:
            found: dict[str, Tensor] = {}
            for name, parameter in self._parameters.items() if ended else ():
                value = tensors.get(f"continual.{part}.{name}")
                if value is None or value.shape != parameter.shape:
                    raise IncompatibleState(f"The checkpoint has no continual {part} of {name}")
                found[name] = value.to(parameter.device)
            setattr(self, part, found)


def fisher(
    network: nn.Module,
    parameters: Mapping[str, nn.Parameter],
    batches: Iterable[Batch],
    generator: torch.Generator,
    group: Group,
) -> dict[str, Tensor]:
    """The diagonal of the Fisher information of a network, for a scored time step.

    Each lane is one observation x of answers y, which are drawn from the network's own outputs:
    ``F[i] = sum over lanes of (d log p(y | x) / d w[i])^2 / number of scored steps``, where log p
    is the sum over the steps of a lane, weighted with its mask. In expectation that is the mean
    over time steps of their Fisher information, as answers are independent given x, and in units of
    the objective, which is a mean over time steps too. Without recurrent noise and dropout.

    Args:
        network: The network.
        parameters: What the information is about, by name.
        batches: The trials, of this process.
        generator: Where answers are drawn from; on the CPU.
        group: The processes, whose sums are taken.

    Returns:
        The information, in the shapes of the parameters.
    """
    weights = list(parameters.values())
    sums = [torch.zeros_like(weight) for weight in weights]
    scored = torch.zeros((), device=device_of(network))
    with evaluating(network):
        for batch in batches:
            here = batch.to(device_of(network))
            scored += here.mask.sum()
            for lane in range(here.mask.shape[1]):
                one = slice(lane, lane + 1)
                outputs = answer(network, _lane(here, one))[:, 0]
                log_p = outputs.log_softmax(dim=-1)
                drawn = _draw(log_p, generator)
                total = (log_p.gather(1, drawn[:, None])[:, 0] * here.mask[:, lane]).sum()
                found = torch.autograd.grad(total, weights, materialize_grads=True)
                for value, gradient in zip(sums, found, strict=True):
                    value.add_(gradient.detach() ** 2)
    scored = group.sum(scored)
    return {name: group.sum(value) / scored for name, value in zip(parameters, sums, strict=True)}


def answers_of(seed: int, stage: int, rank: int) -> torch.Generator:
    """Where the answers for the Fisher information of a stage are drawn from."""
    return seeding.generator(seeding.derive(seed, seeding.Purpose.FISHER, stage, rank))


def _lane(batch: Batch, one: slice) -> Batch:
    return Batch(batch.inputs[:, one], batch.targets[:, one], batch.mask[:, one], batch.source)


def _draw(log_p: Tensor, generator: torch.Generator) -> Tensor:
    """An answer for each step, int64 ``[T]``, drawn from its log probabilities ``[T, O]``."""
    shares = log_p.detach().double().exp().cpu()
    return torch.multinomial(shares, 1, generator=generator)[:, 0].to(log_p.device)
