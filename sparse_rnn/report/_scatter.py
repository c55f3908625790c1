"""A chart of numbered points over a logarithmic axis, as an SVG that is read on light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sparse_rnn.report._style import PALETTE
from sparse_rnn.system.palette import INK, MIDDLE

WIDTH, HEIGHT = 480, 340
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 48
_TICKS = (1, 2, 5)
_LEAST = 3
_FEW = 4  # decades above which 2 and 5 have no ticks
_MARK = 4.5
_SIZE = 12
_PLACES = ((8.0, 4.0, "start"), (-8.0, 4.0, "end"), (8.0, -8.0, "start"), (8.0, 16.0, "start"))
_AWAY = 1.8  # the middle of a number, in distances of its near end


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
    """Draw points from 0 to 1 over a logarithmic axis, each with its number and its spread.

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

    parts = [*_frame(labels, levels)]
    foot = HEIGHT - BOTTOM
    for tick in ticks(10**first, 10**last):
        at = across(tick)
        parts.append(_line((at, foot), (at, foot + 4), MIDDLE))
        parts.append(_text(at, foot + 17, words(tick), "middle"))
    taken = [(across(point.x), _down(point.y)) for point in points]
    for point, (x, y) in zip(points, list(taken), strict=True):
        alone = PALETTE[point.series]  # A picture without a style sheet may lie on black.
        color = f"var(--s{point.series}, {MIDDLE if alone == INK else alone})"
        drawn = _line((x, _down(point.low)), (x, _down(point.high)), color, 'stroke-width="1.5"')
        drawn += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_MARK}" style="fill: {color}"/>'
        dx, dy, anchor = _free(x, y, taken)
        taken.append((x + _AWAY * dx, y + dy - 4))
        drawn += _text(x + dx, y + dy, str(point.number), anchor, f'style="fill: {color}"')
        parts.append(f"<g><title>{escape(point.title)}</title>{drawn}</g>")
    told = f"{labels[1]} against {labels[0]}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif" '
        f'font-size="{_SIZE}" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>\n'
    )


def _frame(labels: tuple[str, str], levels: Mapping[str, float]) -> Iterator[str]:
    for tick in range(0, 11, 2):
        y = _down(tick / 10)
        yield _line((LEFT, y), (WIDTH - RIGHT, y), MIDDLE, 'opacity="0.25"')
        yield _text(LEFT - 6, y + 4, f"{tick / 10:.1f}", "end")
    for number, (label, level) in enumerate(sorted(levels.items(), key=lambda one: one[1])):
        y = _down(level)
        yield _line((LEFT, y), (WIDTH - RIGHT, y), MIDDLE, 'stroke-dasharray="5 4"')
        # The lowest is named below its line, so that two names do not meet.
        away = -4 if number else 13
        yield _text(WIDTH - RIGHT, y + away, f"{label}: {level:.3f}", "end")
    foot = HEIGHT - BOTTOM
    yield _line((LEFT, foot), (WIDTH - RIGHT, foot), MIDDLE)
    yield _text(WIDTH - RIGHT, HEIGHT - 8, labels[0], "end")
    yield _text(LEFT + 6, TOP + 10, labels[1], "start")


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


def _free(x: float, y: float, taken: Sequence[tuple[float, float]]) -> tuple[float, float, str]:
    """Where the number of a point lies in the way of the fewest others."""

    def crowd(place: tuple[float, float, str]) -> int:
        dx, dy, _ = place
        at = x + _AWAY * dx, y + dy - 4
        return sum(abs(at[0] - a) < 12 and abs(at[1] - b) < 11 for a, b in taken)

    return min(_PLACES, key=crowd)


def _down(value: float) -> float:
    return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)


def _line(start: tuple[float, float], end: tuple[float, float], color: str, more: str = "") -> str:
    (x1, y1), (x2, y2) = start, end
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} style="stroke: {color}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    color = "" if more else f'style="fill: var(--soft, {MIDDLE})"'
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {where} {color}{more}>{escape(text)}</text>"
