"""Every colour of this package's figures and pages, once.

What is drawn asks here for the colour of a thing: of a curve, a sign, an amount, a kind of network.
The colours are those of Okabe & Ito (2008), which readers with any kind of colour vision tell
apart, without their yellow, which is too pale for lines. Directions have the colours that `modcog`
gives them (`sparse_rnn.data.angle_colors`). The pages' style sheets repeat these for a screen in
the light, and have brighter ones for the dark; tests hold them to this module.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
PINK, SKY, AMBER = "#cc79a7", "#56b4e9", "#e69f00"
INK = "#000000"
PAPER = "#ffffff"

ON_DARK = "#fafafa"
"""Marks on strong colours; ink and paper change places on a dark page, and this does not."""

SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, AMBER, INK)
"""Colours of curves and bars; page.css has them as s0, s1, ..."""

GREY = "#595959"
"""Notes, levels of chance, and what stands for no direction."""

MIDDLE = "#7a7a7a"
"""Grey that can be read on white and on black."""

PALE = "#d0d0d0"
"""What something is compared with, and lines of grids."""

NOTHING = "#ededed"
"""Places where there is nothing: no unit, no cluster, no synapse."""

NEGATIVE, POSITIVE = BLUE, ORANGE
"""Signs: cold colours inhibit or fall, warm ones excite or rise, the paler the nearer to 0.

0 itself is no colour: the paper shows through, also on a dark page.
"""

AMOUNT = "cividis"
"""matplotlib's map of amounts: evenly graded, and the same to readers with red-green blindness."""

DENSITY = "Greys"
"""matplotlib's map of how much of something there is in a place: none is the paper."""

ARCHITECTURES: Mapping[str, int] = MappingProxyType(
    {
        "locality": 0,
        "random": 1,
        "autapse": 2,
        "small_world": 3,
        "modular": 4,
        "scale_free": 5,
        "dense": 6,
        "distance_rule": 7,
        "erdos_renyi": 8,
        "watts_strogatz": 10,
        "from_graph": 11,
        "degree_preserving": 9,
    }
)
"""Number in `SERIES` of each mask family; those from 7 on begin again with dashes."""


def series_of(architectures: Sequence[str]) -> list[int]:
    """Numbers in `SERIES` of curves: those of their architectures.

    Args:
        architectures: Mask families in the order of the curves.

    Returns:
        A number a curve: that of `ARCHITECTURES` for the first curve of a family. Further ones of
        the same family, and those of none, have the lowest numbers that no family here has.

    Example:
        >>> series_of(["dense", "locality"]), series_of(["locality", "locality", "dense"])
        ([6, 0], [0, 1, 6])
    """
    first = {
        place: ARCHITECTURES[name]
        for place, name in enumerate(architectures)
        if name in ARCHITECTURES and name not in architectures[:place]
    }
    free = (number for number in itertools.count() if number not in first.values())
    return [first[i] if i in first else next(free) for i in range(len(architectures))]
