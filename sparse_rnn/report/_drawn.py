"""Figures as the bytes of a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

FORMS: Mapping[str, str] = MappingProxyType({".svg": "image/svg+xml", ".pdf": "application/pdf"})
"""Endings of the files that a figure is kept in, with their media types."""

_UNDATED: Mapping[str, Any] = MappingProxyType(
    {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
)


def drawn(figure: Figure, suffix: str, name: str) -> bytes:
    """Draw a figure; the same figure gives the same bytes.

    Args:
        figure: The figure.
        suffix: One of `FORMS`.
        name: Name of the figure, which its ids are made of.

    Returns:
        The content of the file. Text stays text, which can be searched, edited and read aloud.
    """
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": name, "pdf.fonttype": 42}
    content = io.BytesIO()
    with rc_context(settings):
        figure.savefig(content, format=suffix[1:], metadata=_UNDATED[suffix])
    return content.getvalue()
