"""Colours and sizes that the figures share, chosen to be told apart by colour-blind readers."""

from __future__ import annotations

from typing import Any

# Okabe & Ito's palette without its yellow, which is too pale for lines.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
DASHES = ("-", "--", "-.", ":")
CHANCE_COLOR = "#595959"
ACCURACY_MAP = "cividis"
"""Evenly graded, and the same to readers with red-green blindness."""

TEXT_SIZE = 9


def line_style(index: int) -> dict[str, Any]:
    """Colour and dashes of curve number `index`: new dashes once the colours are used up."""
    return {
        "color": PALETTE[index % len(PALETTE)],
        "linestyle": DASHES[index // len(PALETTE) % len(DASHES)],
        "linewidth": 2,
    }
