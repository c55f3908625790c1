"""Numbers, seeds and commits as a reader sees them."""

from __future__ import annotations

from collections.abc import Sequence

from sparse_rnn.report._quantities import Measurement
from sparse_rnn.report.findings import MODIFIED

MINUS, DASH, THIN = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NARROW NO-BREAK SPACE}"


def number(value: float | None) -> str:
    r"""A number with three places, two digits where those are zeros; an en dash for None.

    Example:
        >>> number(0.5), number(6585000), number(12345.67), number(-2), number(0.00078782)
        ('0.500', '6\u202f585\u202f000', '12\u202f346', '\u22122', '0.00079')
    """
    if value is None:
        return DASH
    size = abs(value)
    if float(value).is_integer() and (size >= 2 or value == 0):
        text = f"{int(value):,}"
    elif size >= 1000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.4g}"
    else:
        text = f"{value:.3f}" if size >= 1e-3 else f"{value:.2g}"
    return text.replace(",", THIN).replace("-", MINUS)


def interval(measured: Measurement) -> str:
    """The 95 % interval of a mean in brackets, or ""."""
    if measured.low is None:
        return ""
    return f"[{number(measured.low)}, {number(measured.high)}]"


def value(measured: Measurement) -> str:
    """A measured value with its unit and its interval."""
    unit = f" {measured.unit}" if measured.unit else ""
    ends = interval(measured)
    return f"{number(measured.value)}{unit}{' ' * bool(ends)}{ends}"


def told(measured: Measurement) -> str:
    """A measured value with its name, and the paper's where there is one.

    Example:
        >>> told(Measurement.of("accuracy", [0.5, 0.6, 0.7], paper=0.7))
        'accuracy: 0.600 [0.352, 0.848], paper 0.700'
    """
    paper = "" if measured.paper is None else f", paper {number(measured.paper)}"
    return f"{measured.name}: {value(measured)}{paper}"


def seeds(values: Sequence[int]) -> str:
    r"""A list of seeds, with runs of neighbours shortened.

    Example:
        >>> seeds([0, 1, 2, 3, 7]), seeds([]), seeds([4, 5])
        ('0\u20133, 7', 'none', '4, 5')
    """
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    words = [
        f"{run[0]}{DASH}{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    ]
    return ", ".join(words) or "none"


def commit(name: str) -> str:
    """The first ten digits of a commit, and whether its code was changed.

    Example:
        >>> commit("0123456789abcdef+modified")
        '0123456789 (modified)'
    """
    short = name.removesuffix(MODIFIED)[:10]
    return f"{short} (modified)" if name.endswith(MODIFIED) else short
