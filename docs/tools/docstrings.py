"""Let the reference read the docstrings of this project as they are meant."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """``Example:`` holds sessions of Python, as ``Examples:`` does in the Google style."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rename the section before it is parsed."""
        del kwargs
        if obj.docstring is not None:
            obj.docstring.value = re.sub(
                r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE
            )
