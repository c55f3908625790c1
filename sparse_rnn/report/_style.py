"""Line styles and sizes that the figures share; the colours are those of `system.palette`."""

from __future__ import annotations

from typing import Any

from sparse_rnn.system.palette import AMOUNT, GREY, SERIES

PALETTE = SERIES
DASHES = ("-", "--", "-.", ":")
CHANCE_COLOR = GREY
ACCURACY_MAP = AMOUNT

TEXT_SIZE = 9


def line_style(index: int) -> dict[str, Any]:
    """Colour and dashes of curve number `index`: new dashes once the colours are used up."""
    return {
        "color": PALETTE[index % len(PALETTE)],
        "linestyle": DASHES[index // len(PALETTE) % len(DASHES)],
        "linewidth": 2,
    }
