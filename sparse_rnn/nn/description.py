"""A network in words: its graph, its weights, and how it will be computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING

import torch

from sparse_rnn import kernels
from sparse_rnn.masks import GraphMeasures
from sparse_rnn.nn import rewiring
from sparse_rnn.nn.network import Network

_WIDTH = 32


def describe_mask(network: Network, found: GraphMeasures) -> str:
    """Lines on a mask: units, synapses, degrees, paths, components and the backend.

    Args:
        network: A network with the mask.
        found: The measures of the mask.
    """
    mask = network.rnn.mask
    others = found.n_synapses - found.n_self_connections
    degrees = f"{found.in_degree_min:>10} {found.in_degree_max}"
    spread = f"{found.in_degree_mean:>10.4g} {found.in_degree_std:.4g}"
    lines = [
        f"{mask!r}",
        _line("units", found.n_units),
        _line("synapses", found.n_synapses),
        _line("  without self-connections", others),
        _line("density", found.density),
        _line("  without self-connections", found.density_without_self),
        _line("smallest and largest in-degree", degrees),
        _line("mean and s.d. of the in-degree", spread),
        "Graph, without self-connections:",
        _line("diameter", found.diameter),
        _line("mean path length", found.mean_path_length),
        _line("clustering coefficient", found.clustering),
        _line("reciprocity", found.reciprocity),
        _line("strongly connected components", found.n_strong_components),
        _line("  units in the largest", found.largest_strong_component),
        _line("weakly connected components", found.n_weak_components),
        _line("unreachable pairs of units", found.unreachable_pairs),
    ]
    if found.n_sources < found.n_units:
        lines.append(
            f"Paths start from a sample of {found.n_sources} units: the diameter is a lower bound, "
            "path length and unreachable pairs are estimates."
        )
    if found.unreachable_pairs:
        share = found.unreachable_pairs / (found.n_units * (found.n_units - 1))
        lines.append(
            f"No signal gets from one unit to another in {100 * share:.3g} % of the ordered pairs."
        )
    lines.append(f'Backend "auto" on a CPU is {kernels.reason(mask)}.')
    return "\n".join(lines)


def describe_kernels(network: Network, batch_size: int, device: torch.device) -> str:
    """Lines on the kernel that a run takes for "auto", and on what was timed to choose it.

    Args:
        network: A network.
        batch_size: Sequences of a batch.
        device: Where the run would compute.
    """
    choice = network.rnn.fastest(batch_size, device.type)
    lines = [f'Training at batch {batch_size} on "{device}" takes {choice.kernel}: {choice.why}.']
    for name, seconds in choice.seconds.items():
        lines.append(f"{_line(name, 1e3 * seconds)} ms a step, forward and backward")
    return "\n".join(lines)


def describe_weights(counts: Mapping[str, int], title: str) -> str:
    """Lines on the number of weights.

    Args:
        counts: What `sparse_rnn.Network.weight_counts` returned.
        title: What the weights are for.
    """
    lines = [f"Weights for {title}:", *(_line(kind, count) for kind, count in counts.items())]
    return "\n".join([*lines, "Weights are counted without biases, as in the paper."])


def describe_sparsifiers() -> str:
    """A line for each sparsifier: its name, and its options with their defaults."""
    lines = ["Sparsifiers, with their options:"]
    for name in rewiring.sparsifiers():
        known = rewiring.defaults(name).items()
        told = [key if value is MISSING else f"{key}={value}" for key, value in known]
        lines.append(f"  {name}: {', '.join(told)}")
    return "\n".join(lines)


def _line(name: str, value: float | str) -> str:
    if isinstance(value, float):
        value = "none" if math.isnan(value) else f"{value:.6f}"
    return f"  {name:{_WIDTH - 2}} {value:>10}"
