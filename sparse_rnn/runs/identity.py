"""`Identity`: what makes two runs the same one, as far as their files need to know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Identity:
    """The configuration of a run, for files that know no configuration.

    Attributes:
        text: The configuration as JSON, an object.
        settings: Value of each setting.
        rate: Learning rate of a gradient step, counted from 1.
        exam_due: Whether the network is evaluated after a gradient step, of which stages have ended
            at which steps before.
        parse: Reads such a text as this version does, so that a setting that came with a later
            version than the text has its default; raises `InvalidArgument`.
        tasks: Computes the digest of what the names of the tasks stand for now; None where that
            is not known, as a duration is a callable. Raises `UnknownName` where they stand for
            nothing.
    """

    text: str
    settings: Mapping[str, object]
    rate: Callable[[int], float]
    exam_due: Callable[[int, Sequence[int]], bool]
    parse: Callable[[str], Identity]
    tasks: Callable[[], str | None]

    def differences(self, other: Identity) -> dict[str, tuple[object, object]]:
        """Settings in which two runs differ, each with both values; None where missing."""
        names = dict.fromkeys([*self.settings, *other.settings])
        pairs = {name: (self.settings.get(name), other.settings.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
