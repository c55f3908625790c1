"""A strip of intervals: ours and the paper's of a finding, as a picture that fits into a row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sparse_rnn.report import _words as words
from sparse_rnn.report._quantities import Measurement
from sparse_rnn.report._style import PALETTE
from sparse_rnn.system.palette import MIDDLE

LONGEST = 5
"""Values that a strip shows."""

LEADS = "lead,", "lead at ", "lead with "
"""How the name of a difference between two networks begins: in what, at what, with what."""

WIDTH, LINE, EDGE = 120, 8, 5
_FOOT = 11
OURS, PAPERS = PALETTE[0], PALETTE[1]


def shown(measured: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """The values of a finding that one axis can hold.

    They are means over seeds in the unit of the first, shares where it is one; where the paper
    gives values, those that it gives; else where there are leads, which are differences, these.

    Example:
        >>> one = Measurement.of("accuracy", [0.5, 0.6], paper=0.7)
        >>> other = Measurement.of("clusters", [3.0, 4.0])
        >>> [value.name for value in shown([other, one])]
        ['accuracy']
    """
    means = [one for one in measured if one.low is not None]
    compared = [one for one in means if one.paper is not None]
    compared = compared or [one for one in means if one.name.startswith(LEADS)] or means
    alike = [one for one in compared if _scale(one) == _scale(compared[0])]
    return tuple(alike[:LONGEST])


def strip(measured: Sequence[Measurement]) -> str:
    """Draw the values of `shown` as an SVG: intervals of ours, diamonds for the paper's.

    Args:
        measured: The values of a finding.

    Returns:
        The picture; "" where there is nothing to show.
    """
    values = shown(measured)
    if not values:
        return ""
    ends = [end for one in values for end in (one.low, one.high, one.paper) if end is not None]
    least, most = min(ends), max(ends)
    span = (most - least) or abs(most) or 1.0

    def x(value: float) -> str:
        return f"{EDGE + (value - least) / span * (WIDTH - 2 * EDGE):.1f}"

    height = LINE * len(values) + _FOOT
    parts: list[str] = []
    if least < 0 < most:
        parts.append(
            _line((x(0), x(0)), (0, height - _FOOT), f'stroke="{MIDDLE}" stroke-dasharray="2 2"')
        )
    for number, one in enumerate(values):
        y = LINE * number + LINE / 2
        title = f"<title>{escape(words.told(one))}</title>"
        assert one.low is not None  # `shown` has no others.
        assert one.high is not None
        drawn = _line((x(one.low), x(one.high)), (y, y), f'stroke="{OURS}" stroke-width="2"')
        drawn += f'<circle cx="{x(one.value)}" cy="{y:g}" r="2.5" fill="{OURS}"/>'
        if one.paper is not None:
            at = float(x(one.paper))
            ends_of = (at - 3.5, y), (at, y - 3.5), (at + 3.5, y), (at, y + 3.5)
            corners = " ".join(f"{across:.1f},{down:g}" for across, down in ends_of)
            style = f'fill="none" stroke="{PAPERS}" stroke-width="1.5"'
            drawn += f'<polygon points="{corners}" {style}/>'
        parts.append(f"<g>{title}{drawn}</g>")
    text = f'font-family="sans-serif" font-size="9" fill="{MIDDLE}" y="{height - 2}"'
    parts.append(f'<text {text} x="{EDGE}">{words.number(least)}</text>')
    parts.append(f'<text {text} x="{WIDTH - EDGE}" text-anchor="end">{words.number(most)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">{"".join(parts)}</svg>\n'
    )


def _scale(one: Measurement) -> tuple[str, bool]:
    """The unit of a value, and whether it can be a share: counts need an axis of their own."""
    return one.unit, abs(one.value) <= 1


def _line(across: tuple[str, str], down: tuple[float, float], style: str) -> str:
    (x1, x2), (y1, y2) = across, down
    return f'<line x1="{x1}" x2="{x2}" y1="{y1:g}" y2="{y2:g}" {style}/>'
