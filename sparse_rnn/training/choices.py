"""Which kernels a run computes with: chosen once, recorded, and taken again when it goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import nn

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels import timing
from sparse_rnn.nn.layer import MaskedLayer
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.system.hardware import device_of

_LOG = logging.getLogger("sparse_rnn")

Choices = dict[str, dict[str, Any]]
"""For the name of each layer: ``kernel``, ``why``, and ``seconds`` by kernel where it was timed."""


def chosen(
    network: nn.Module, batch_size: int, precision: str | None, folder: Path | None
) -> Choices:
    """Choose the kernel of each layer that was left to "auto"; the network stays as it is.

    Args:
        network: The network, where it will compute.
        batch_size: Sequences of a batch.
        precision: That of the run. Kernels round products to shorter numbers in ways of their own,
            so that nothing but "fp32" is left to the clock. None for a run whose mask changes:
            its kernels follow from the mask of the moment, and nothing is chosen for it.
        folder: Folder of the run, or of the one that it continues, whose kernels are taken again;
            None, or one without a run, for a run that begins.
    """
    if precision is None:
        return {}
    recorded = None
    if folder is not None and (folder / run_folder.CONFIG).exists():
        recorded = run_folder.kernels_of(folder, device_of(network).type)
    by_clock = precision == "fp32" or timing.forced_kernel() is not None
    found: Choices = {}
    for name, layer in automatic(network):
        if recorded is None and by_clock:
            found[name] = _fastest(layer, batch_size)
        else:
            expected = {"kernel": layer.expected(), "why": "expected to be the fastest"}
            found[name] = (recorded or {}).get(name) or expected
    return found


def take(network: nn.Module, choices: Choices) -> Choices:
    """Let the layers compute with what was chosen for them.

    Returns:
        What they compute with: something else where a recorded kernel cannot serve here.
    """
    taken = dict(choices)
    for name, layer in automatic(network):
        if name not in choices:
            continue
        kernel = str(choices[name]["kernel"])
        try:
            layer.use(kernel)
        except InvalidArgument as error:
            expected = layer.expected()
            layer.use(expected)
            taken[name] = {"kernel": expected, "why": f"{kernel} cannot serve here"}
            _LOG.warning(
                "The run began with the kernel %s and goes on with %s, which may round otherwise: "
                "%s",
                *(kernel, expected, error),
            )
            continue
        _LOG.info("backend %s of %s: %s", kernel, name or "the network", choices[name].get("why"))
    return taken


def take_again(network: nn.Module, folder: Path) -> None:
    """Let a network that was read from a run compute as it did there, where that is possible."""
    recorded = run_folder.kernels_of(folder, device_of(network).type) or {}
    for name, layer in automatic(network):
        if name in recorded:
            with suppress(InvalidArgument):
                layer.use(str(recorded[name]["kernel"]))


def automatic(network: nn.Module) -> Iterator[tuple[str, MaskedLayer]]:
    """The layers that were left to "auto", by name."""
    for name, layer in network.named_modules():
        if isinstance(layer, MaskedLayer) and layer.asked == "auto":
            yield name, layer


def _fastest(layer: MaskedLayer, batch_size: int) -> dict[str, Any]:
    choice = layer.fastest(batch_size)
    timed = {"seconds": dict(choice.seconds)} if choice.seconds else {}
    return {"kernel": choice.kernel, "why": choice.why, **timed}
