"""Ablation: what a network still does without some of its units or synapses."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sparse_rnn.analysis._subject import Source, Subject, Suite
from sparse_rnn.analysis.clusters import Clusters
from sparse_rnn.analysis.recording import respond
from sparse_rnn.analysis.recurrent_weights import weight_groups
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.nn.network import Network
from sparse_rnn.seeding import Seed
from sparse_rnn.system.arguments import instance, whole


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a network that can be ablated.

    Attributes:
        units: Numbers of units, or bool ``[N]``; none by default.
        edges: Numbers of synapses in the order of the mask's edges, or bool ``[nnz]``; of a cell
            with gates also bool ``[gates, nnz]``. None by default.
    """

    units: ArrayLike = field(default=())
    edges: ArrayLike = field(default=())


@dataclass(frozen=True, eq=False)
class AblationEffect:
    """Scores of a network before and after ablations.

    Attributes:
        names: Names of the ablated parts.
        tasks: Names of the tasks.
        before: Scores of the whole network.
        after: Scores without each part, on the same trials.
    """

    names: tuple[str, ...]
    tasks: tuple[str, ...]
    before: TaskScores
    after: tuple[TaskScores, ...]

    def change(self, measure: str = "final_accuracy") -> NDArray[np.float64]:
        """Scores after each ablation less those before; float64 ``[part, task]``.

        Raises:
            UnknownName: There is no such measure.
        """
        if measure not in MEASURES:
            raise unknown_name("measure", measure, MEASURES, "a measure")
        before: NDArray[np.float64] = getattr(self.before, measure)
        return np.stack([getattr(scores, measure) - before for scores in self.after])

    def interval(self, measure: str = "final_accuracy") -> NDArray[np.float64]:
        """95 % intervals of `change` over other trials; float64 ``[part, task, 2]``.

        They are those of the difference of two shares (Newcombe 1998, method 10,
        https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), as if
        both scores were of different trials: a bit too wide, as they are of the same. They say
        nothing of how other networks, trained from other seeds, would differ.

        Raises:
            UnknownName: There is no such measure.
        """
        change = self.change(measure)
        n, m = self.before.n_trials, np.stack([scores.n_trials for scores in self.after])
        p = np.clip(getattr(self.before, measure), 0.0, 1.0)
        q = np.clip(p + change, 0.0, 1.0)
        (p_low, p_high), (q_low, q_high) = wilson(p, n), wilson(q, m)
        low = change - np.hypot(q - q_low, p_high - p)
        high = change + np.hypot(q_high - q, p - p_low)
        return np.stack([low, high], axis=-1)


def wilson(
    share: NDArray[np.float64], n: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 95 % interval of a share of n trials (Wilson 1927), which stays within 0 and 1."""
    z = 1.959964
    centre = share + z**2 / (2 * n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((centre + sign * reach) / (1 + z**2 / n) for sign in (-1, 1))
    return np.clip(low, 0.0, share), np.clip(high, share, 1.0)


@contextmanager
def ablate(network: Network, units: ArrayLike = (), edges: ArrayLike = ()) -> Generator[Network]:
    """Take units or synapses out of a network for the length of a ``with`` block.

    A unit that is out has no input, no synapses and no readout weights: nothing that it does
    reaches another unit or the outputs. A synapse that is out has the weight 0; its units stay. At
    the end all weights are what they were, bit for bit, also after an error. Blocks may be nested.

    Args:
        network: The network; it is changed in place.
        units: Numbers of units, or bool ``[N]``.
        edges: Numbers of synapses in the order of the mask's edges, or bool ``[nnz]``; of a cell
            with gates also bool ``[gates, nnz]``.

    Yields:
        The same network.

    Raises:
        InvalidArgument: There is no such unit or synapse.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import ablate
        >>> net = srnn.Network(53, 17, srnn.masks.autapse(10))
        >>> with ablate(net, units=[3]):
        ...     bool(net.readout.weight[:, 3].any())
        False
        >>> bool(net.readout.weight[:, 3].any())
        True
    """
    mask = instance("network", network, Network).rnn.mask
    lost = _chosen("units", units, (mask.n_units,))
    cut = _chosen("edges", edges, tuple(network.rnn.weight_hh.shape))
    cut |= lost[mask.targets()] | lost[mask.indices]
    rows = torch.from_numpy(np.tile(lost, network.rnn.GATES))
    removed: list[tuple[Tensor, Tensor]] = [
        (network.rnn.weight_hh, torch.from_numpy(cut)),
        (network.rnn.weight_ih, rows[:, None].expand_as(network.rnn.weight_ih)),
        (network.readout.weight, torch.from_numpy(lost).expand_as(network.readout.weight)),
    ]
    biases = {"bias": rows, "bias_hn": torch.from_numpy(lost)}
    for name, gone in biases.items():
        bias: Tensor | None = getattr(network.rnn, name, None)
        if bias is not None:
            removed.append((bias, gone))
    kept = [(values, values.detach().clone()) for values, _ in removed]
    try:
        with torch.no_grad():
            for values, gone in removed:
                values.masked_fill_(gone.to(values.device), 0)
        yield network
    finally:
        with torch.no_grad():
            for values, original in kept:
                values.copy_(original)


def weight_group_parts(network: Source) -> dict[str, Part]:
    """The two groups of recurrent weights as parts (Khona et al. 2023, Fig. 3g).

    They have the names that `WeightGroups.names` gives them: in a pool of autapses small and large,
    in other networks most often negative and positive, or lower and upper.

    Raises:
        NotApplicable: The network has no two different recurrent weights.
    """
    groups = weight_groups(network)
    return {
        f"{groups.counts[0]} {groups.names[0]} weights": Part(edges=~groups.large),
        f"{groups.counts[1]} {groups.names[1]} weights": Part(edges=groups.large),
    }


def cluster_parts(clusters: Clusters) -> dict[str, Part]:
    """The units of each cluster as a part (Yang et al. 2019, Fig. 4)."""
    members = [clusters.members(number) for number in range(clusters.n_clusters)]
    return {
        f"cluster {number + 1} ({len(units)} units)": Part(units=units)
        for number, units in enumerate(members)
    }


def ablation_effect(
    network: Source,
    parts: Mapping[str, Part],
    suite: Suite | None = None,
    trials_per_task: int = 64,
    seed: Seed = 0,
    noise: Any = 1.0,
) -> AblationEffect:
    """Score a network without each of its parts, task by task.

    Args:
        network: The network, a finished run, or the folder of one.
        parts: Parts by name, such as `weight_group_parts` and `cluster_parts` make.
        suite: Its tasks; None are those of its run.
        trials_per_task: Trials of each rule slot, the same for all parts.
        seed: Where the trials are drawn from.
        noise: Input noise in sqrt(ms), or "yang"; the default is that of training.

    Returns:
        The scores.

    Raises:
        InvalidArgument: There is no part, a part names what the network has not, the suite does
            not fit, or a number is out of range.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import Part, ablation_effect
        >>> net = srnn.Network(35, 17, srnn.masks.autapse(10))
        >>> parts = {"half": Part(units=range(5))}
        >>> ablation_effect(net, parts, ["Go", "Anti"], trials_per_task=4).change().shape
        (1, 2)
    """
    whole("trials_per_task", trials_per_task, 1)
    for part in instance("parts", parts, Mapping).values():
        instance("parts", part, Part)
    if not parts:
        raise InvalidArgument("parts", dict(parts), "at least one part")
    subject = Subject.of(network)
    stream = subject.stream(suite, seed, noise)
    before = _scores(subject.network, stream, trials_per_task, seed)
    after: list[TaskScores] = []
    for part in parts.values():
        with ablate(subject.network, part.units, part.edges) as ablated:
            after.append(_scores(ablated, stream, trials_per_task, seed))
    return AblationEffect(tuple(parts), before.tasks, before, tuple(after))


def _scores(network: Network, stream: TaskStream, n: int, seed: Seed) -> TaskScores:
    batches = (stream.trials_of(slot, n, seed) for slot in range(stream.n_rules))
    return stream.score((respond(network, batch.inputs)[0], batch) for batch in batches)


def _chosen(name: str, given: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """What was chosen as bool of a shape, a copy; numbers count along the last axis."""
    array = np.asarray(given)
    if array.dtype == np.bool_ and array.shape in (shape, shape[-1:]):
        return np.broadcast_to(array, shape).copy()
    chosen = np.zeros(shape, dtype=np.bool_)
    if not array.size:
        return chosen
    n = shape[-1]
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n:
        allowed = f"numbers from 0 to {n - 1}, or bool {list(shape)}"
        raise InvalidArgument(name, given, allowed)
    chosen[..., array] = True
    return chosen
