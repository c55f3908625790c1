"""The picture of a mask: what one unit is connected with, and the in-degrees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sparse_rnn.masks import Mask
from sparse_rnn.report._style import TEXT_SIZE
from sparse_rnn.system.arguments import instance, whole
from sparse_rnn.system.output import in_figure
from sparse_rnn.system.palette import BLUE, DENSITY, GREEN, INK, NOTHING, ORANGE, PAPER

PIXELS = 500
"""Most rows of a drawn matrix; of larger masks each pixel shows the density of a block."""

_KINDS = {
    "not connected": NOTHING,
    "source (onto the unit)": BLUE,
    "target (from the unit)": ORANGE,
    "source and target": GREEN,
    "the unit": INK,
}


def sheet(mask: Mask, *, unit: int | None = None) -> Figure:
    """Draw a mask.

    On the left the sheet with the connections of one unit, where units lie on a sheet of two
    dimensions; else the adjacency matrix. On the right how many units have which in-degree.

    Args:
        mask: The mask.
        unit: Number of the example unit; by default the one in the middle of the sheet.

    Returns:
        The figure; save it with ``figure.savefig(path)``.

    Raises:
        InvalidArgument: There is no such unit.
    """
    sides = _sides(instance("mask", mask, Mask))
    if unit is None:
        unit = mask.n_units // 2 if sides is None else sides[0] // 2 * sides[1] + sides[1] // 2
    whole("unit", unit, 0, mask.n_units - 1)
    figure = Figure(figsize=(9.6, 4.8), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
    figure.suptitle(in_figure(_title(mask)), fontsize=TEXT_SIZE + 1)
    left, right = figure.subplots(1, 2)
    if sides is None:
        _draw_matrix(figure, left, mask)
    else:
        _draw_sheet(left, mask, sides, unit)
    _draw_in_degrees(right, mask)
    return figure


def _title(mask: Mask) -> str:
    shown = f"{mask.family}: {mask.n_units} units, {mask.nnz} synapses, density "
    return f"{shown}{100 * mask.density:.3g} %"


def _sides(mask: Mask) -> tuple[int, int] | None:
    """Sides of a sheet of two dimensions whose units are numbered row by row, else None."""
    if mask.coords is None or mask.coords.shape[1] != 2:
        return None
    rows, columns = (int(side) + 1 for side in mask.coords.max(axis=0))
    grid = np.indices((rows, columns)).reshape(2, -1).T
    return (rows, columns) if np.array_equal(mask.coords, grid) else None


def _draw_sheet(ax: Axes, mask: Mask, sides: tuple[int, int], unit: int) -> None:
    kinds = np.zeros(mask.n_units, dtype=np.int64)
    kinds[mask.indices[mask.indptr[unit] : mask.indptr[unit + 1]]] += 1
    kinds[mask.targets()[mask.indices == unit]] += 2
    itself = kinds[unit] > 0
    kinds[unit] = 4
    names, colors = list(_KINDS), list(_KINDS.values())
    ax.imshow(
        kinds.reshape(sides), cmap=ListedColormap(colors), vmin=-0.5, vmax=4.5, origin="lower"
    )
    own = "with" if itself else "without"
    ax.set_title(f"Connections of unit {unit} ({own} a self-connection)", fontsize=TEXT_SIZE)
    ax.set_xlabel("second side (lattice units)", fontsize=TEXT_SIZE)
    ax.set_ylabel("first side (lattice units)", fontsize=TEXT_SIZE)
    _plain_ticks(ax)
    there = [kind for kind in (1, 2, 3, 4) if (kinds == kind).any()]
    ax.legend(
        handles=[Patch(color=colors[kind], label=names[kind]) for kind in there],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=2,
        frameon=False,
        fontsize=TEXT_SIZE,
    )


def _draw_matrix(figure: Figure, ax: Axes, mask: Mask) -> None:
    density, block = _blocks(mask)
    extent = (-0.5, mask.n_units - 0.5, mask.n_units - 0.5, -0.5)
    image = ax.imshow(density, cmap=DENSITY, vmin=0, vmax=max(density.max(), 1e-9), extent=extent)
    ax.set_xlabel("from unit", fontsize=TEXT_SIZE)
    ax.set_ylabel("onto unit", fontsize=TEXT_SIZE)
    ax.set_title("Adjacency matrix", fontsize=TEXT_SIZE)
    _plain_ticks(ax)
    if block > 1:
        bar = figure.colorbar(image, ax=ax, shrink=0.8)
        bar.set_label(f"density in blocks of {block} x {block}", fontsize=TEXT_SIZE)
        bar.ax.tick_params(labelsize=TEXT_SIZE)


def _blocks(mask: Mask) -> tuple[NDArray[np.float64], int]:
    """Density of each block of the matrix, and how many units wide a block is."""
    block = math.ceil(mask.n_units / PIXELS)
    n_blocks = math.ceil(mask.n_units / block)
    cells = mask.targets() // block * n_blocks + mask.indices // block
    counts = np.bincount(cells, minlength=n_blocks**2).reshape(n_blocks, n_blocks)
    widths = np.minimum(block, mask.n_units - block * np.arange(n_blocks))
    return counts / np.outer(widths, widths), block


def _draw_in_degrees(ax: Axes, mask: Mask) -> None:
    degrees = mask.in_degree()
    lowest, highest = int(degrees.min()), int(degrees.max())
    width = max(1, math.ceil((highest - lowest + 1) / 40))
    edges = np.arange(lowest, highest + width + 1, width) - 0.5
    ax.hist(degrees, bins=edges.tolist(), color=BLUE, edgecolor=PAPER, linewidth=0.4)
    if lowest == highest:
        ax.set_xlim(max(lowest - 5, 0) - 0.5, highest + 5.5)
    mean = f"mean {degrees.mean():.4g}, s.d. {degrees.std():.3g}"
    ax.set_title(f"In-degrees: {mean}", fontsize=TEXT_SIZE)
    ax.set_xlabel("synapses onto a unit", fontsize=TEXT_SIZE)
    ax.set_ylabel("units", fontsize=TEXT_SIZE)
    _plain_ticks(ax)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _plain_ticks(ax: Any) -> None:
    ax.tick_params(labelsize=TEXT_SIZE)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
