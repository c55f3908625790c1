"""A chart of numbered points over a logarithmic axis, as an SVG that is read on light and dark."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sparse_rnn.report._style import PALETTE
from sparse_rnn.system.palette import INK, MIDDLE

WIDTH, HEIGHT = 640, 460
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 48
_TICKS = (1, 2, 5)
_LEAST = 3
_FEW = 4  # decades above which 2 and 5 have no ticks
_MARK = 4.5
_SIZE = 12
_ASIDE = (9.0, 34.0, 59.0, 84.0)
_ASKEW = (0.0, -6.0, 6.0, -12.0, 12.0, -18.0, 18.0, -24.0, 24.0, -30.0, 30.0)
_DIGIT, _TALL, _GAP = 7.0, 11.0, 4.0  # room of a digit, and between two numbers

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of what is taken."""


@dataclass(frozen=True)
class Point:
    """One point with the spread of what it is the mean of.

    Attributes:
        number: What stands beside it.
        title: What it is, for who points at it.
        x: Where it lies; above 0.
        y: How high, from 0 to 1.
        low: Least of its values.
        high: Most of them.
        series: Number of its colour.
    """

    number: int
    title: str
    x: float
    y: float
    low: float
    high: float
    series: int


def scatter(
    points: Sequence[Point],
    labels: tuple[str, str],
    levels: Mapping[str, float],
    words: Callable[[float], str],
) -> str:
    """Draw points over a logarithmic axis, each with its spread and, where it has room, its number.

    The other axis goes to 1, from the last tenth below all that is drawn.

    Args:
        points: The points, at least one.
        labels: Titles of the x and the y axis.
        levels: Heights of dashed lines, by what they are.
        words: Text of a tick on the x axis.

    Returns:
        The picture. Colours are those of the page's style sheet where there is one.
    """
    low, high = (f(point.x for point in points) for f in (min, max))
    first, last = math.log10(low) - 0.12, math.log10(high) + 0.12

    def across(x: float) -> float:
        return LEFT + (math.log10(x) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    lowest = min(*levels.values(), *(point.low for point in points))
    floor = min(max(math.floor(10 * lowest), 0), 8) / 10

    def down(y: float) -> float:
        return TOP + (1 - y) / (1 - floor) * (HEIGHT - TOP - BOTTOM)

    parts = [*_frame(labels, levels, floor, down)]
    foot = HEIGHT - BOTTOM
    for tick in ticks(10**first, 10**last):
        at = across(tick)
        parts.append(_line((at, foot), (at, foot + 4), MIDDLE))
        parts.append(_text(at, foot + 17, words(tick), "middle"))
    places = [(across(point.x), down(point.y)) for point in points]
    taken: list[Box] = [(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in places]
    end = WIDTH - RIGHT
    taken += [(end - _DIGIT * len(t), y - _TALL, end, y) for t, _, y in _named(levels, down)]
    for point, (x, y) in zip(points, places, strict=True):
        alone = PALETTE[point.series]  # A picture without a style sheet may lie on black.
        color = f"var(--s{point.series}, {MIDDLE if alone == INK else alone})"
        drawn = _line((x, down(point.low)), (x, down(point.high)), color, 'opacity="0.5"')
        drawn += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_MARK}" style="fill: {color}"/>'
        drawn += _numbered(str(point.number), x, y, taken, color)
        parts.append(f"<g><title>{escape(point.title)}</title>{drawn}</g>")
    told = f"{labels[1]} against {labels[0]}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif" '
        f'font-size="{_SIZE}" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>\n'
    )


def _frame(
    labels: tuple[str, str],
    levels: Mapping[str, float],
    floor: float,
    down: Callable[[float], float],
) -> Iterator[str]:
    for tick in range(round(10 * floor), 11):
        y = down(tick / 10)
        yield _line((LEFT, y), (WIDTH - RIGHT, y), MIDDLE, 'opacity="0.25"')
        yield _text(LEFT - 6, y + 4, f"{tick / 10:.1f}", "end")
    for text, y, foot in _named(levels, down):
        yield _line((LEFT, y), (WIDTH - RIGHT, y), MIDDLE, 'stroke-dasharray="5 4"')
        yield _text(WIDTH - RIGHT, foot, text, "end")
    foot = HEIGHT - BOTTOM
    yield _line((LEFT, foot), (WIDTH - RIGHT, foot), MIDDLE)
    yield _text(WIDTH - RIGHT, HEIGHT - 8, labels[0], "end")
    yield _text(LEFT + 6, TOP + 10, labels[1], "start")


def _named(
    levels: Mapping[str, float], down: Callable[[float], float]
) -> Iterator[tuple[str, float, float]]:
    """What stands at each level, where its line is, and where the text stands."""
    for number, (label, level) in enumerate(sorted(levels.items(), key=lambda one: one[1])):
        # The lowest is named below its line, so that two names do not meet.
        yield f"{label}: {level:.3f}", down(level), down(level) + (-4 if number else 13)


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two that are above 0: some of each decade, and three at least.

    Example:
        >>> ticks(0.02, 1.2)
        [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
        >>> ticks(1, 1e9)[:3]
        [1.0, 10.0, 100.0]
        >>> ticks(0.55, 0.97)
        [0.6, 0.7, 0.8, 0.9]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = _TICKS if math.log10(high / low) <= _FEW else (1,)
    found = [float(f"{factor}e{power}") for power in decades for factor in factors]
    inside = [tick for tick in found if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    return inside if len(inside) >= _LEAST else _evenly(low, high)


def _evenly(low: float, high: float) -> list[float]:
    size = 10.0 ** math.floor(math.log10((high - low) / _LEAST))
    step = max(factor * size for factor in _TICKS if factor * size * _LEAST <= high - low)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [float(f"{number * step:.12g}") for number in numbers]


def _numbered(number: str, x: float, y: float, taken: list[Box], color: str) -> str:
    """Write the number of a point at the nearest place that is free, which is then taken."""
    long = _DIGIT * len(number)
    for aside, askew, side in itertools.product(_ASIDE, _ASKEW, (1, -1)):
        near, middle = x + side * aside, y + askew
        left, right = sorted((near - side * _GAP, near + side * long))
        box = (left, middle - _TALL / 2, right, middle + _TALL / 2)
        inside = left > LEFT and right < WIDTH - RIGHT and box[1] > TOP and box[3] < HEIGHT - BOTTOM
        if not inside or any(_meet(box, other) for other in taken):
            continue
        taken.append(box)
        anchor = "start" if side > 0 else "end"
        drawn = _text(near, middle + 4, number, anchor, f'style="fill: {color}"')
        if (aside, askew) != (_ASIDE[0], 0.0):
            drawn = _line((x, y), (near - side * 1.5, middle), color, 'stroke-width="0.8"') + drawn
        return drawn
    return ""


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _line(start: tuple[float, float], end: tuple[float, float], color: str, more: str = "") -> str:
    (x1, y1), (x2, y2) = start, end
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} style="stroke: {color}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    color = "" if more else f'style="fill: var(--soft, {MIDDLE})"'
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {where} {color}{more}>{escape(text)}</text>"
