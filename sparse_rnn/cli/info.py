"""The command `sparse-rnn info`: a network in words, and its mask in a picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from sparse_rnn import masks
from sparse_rnn.cli import mask_flags
from sparse_rnn.cli.mask_flags import MaskFlags
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.data import task_stream
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.description import (
    describe_kernels,
    describe_mask,
    describe_sparsifiers,
    describe_weights,
)
from sparse_rnn.nn.network import Network
from sparse_rnn.system import hardware
from sparse_rnn.system.output import complain, say
from sparse_rnn.training import progress

FIGURE_TYPES = (".png", ".pdf", ".svg")

_Radius = Annotated[
    float | None,
    tyro.conf.arg(help=TrainConfig.model_fields["radius"].description),
]


def info(  # noqa: PLR0913 - the options of a command
    arch: Annotated[
        str, tyro.conf.arg(metavar="FAMILY", help="Mask family: " + ", ".join(masks.MASKS) + ".")
    ],
    size: Annotated[
        str, tyro.conf.arg(metavar="UNITS", help="Number of units, or sides such as 50x50.")
    ],
    radius: _Radius = None,
    mask: MaskFlags = MaskFlags(),  # noqa: B008 - frozen
    *,
    suite: Annotated[str, tyro.conf.arg(help="Suite that the weights are counted for.")] = "cog-20",
    seed: Annotated[int, tyro.conf.arg(help="Seed of the run that has this random mask.")] = 0,
    sources: Annotated[
        int | None,
        tyro.conf.arg(help="Estimate path lengths from this many random units, to be faster."),
    ] = None,
    unit: Annotated[
        int | None, tyro.conf.arg(help="Example unit of the figure; by default in the middle.")
    ] = None,
    sparsifiers: Annotated[
        tyro.conf.FlagCreatePairsOff[bool],
        tyro.conf.arg(help="List the methods that choose or change synapses, with their options."),
    ] = False,
    out: Annotated[
        Path | None,
        tyro.conf.arg(aliases=("-o",), help="Figure to write: " + ", ".join(FIGURE_TYPES) + "."),
    ] = None,
) -> None:
    """Print what a network is like: synapses, graph, weights, backend; draw its mask."""
    check_figure(out)
    settings: dict[str, Any] = {"arch": arch, "size": size, "radius": radius}
    settings |= {"mask_options": mask_flags.given(mask), "suite": suite, "seed": seed}
    config = TrainConfig(**settings)
    stream = task_stream(suite, batch_size=1, seq_len="auto", seed=0)
    built = config.build_mask()
    found = masks.measures(built, n_sources=sources, progress=_measuring())
    network = Network(stream.input_size, stream.output_size, built)
    title = f"{suite} ({stream.input_size} inputs, {stream.output_size} outputs)"
    say(describe_mask(network, found))
    say(describe_kernels(network, config.batch_size, hardware.device("auto")))
    say(describe_weights(network.weight_counts(), title))
    if sparsifiers:
        say(describe_sparsifiers())
    if out is not None:
        from sparse_rnn import report  # matplotlib is slow to import

        report.sheet(built, unit=unit).savefig(out, dpi=150)
        say(f"Figure: {out}")


def _measuring() -> Callable[[float], None]:
    """A line on standard error every few seconds, where measuring takes that long."""
    began_s = last_s = time.monotonic()

    def tell(done: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= progress.LINE_EVERY_S and done > 0:
            last_s = now_s
            left_s = (now_s - began_s) * (1 - done) / done
            complain(f"measuring the graph: {100 * done:.0f} %  ETA {left_s:.0f} s")

    return tell


def check_figure(out: Path | None) -> None:
    """Refuse the name of a figure that cannot be written; None is no figure.

    Raises:
        InvalidArgument: Its ending is not one of `FIGURE_TYPES`, or its folder does not exist.
    """
    if out is None:
        return
    if out.suffix.lower() not in FIGURE_TYPES:
        allowed = "a file name that ends in " + ", ".join(FIGURE_TYPES)
        raise InvalidArgument("--out", str(out), allowed)
    if not out.parent.is_dir():
        raise InvalidArgument("--out", str(out), "in a folder that exists")
