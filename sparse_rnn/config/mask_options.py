"""`MaskOptions`: the options of a mask family as part of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard, cast

from sparse_rnn import masks
from sparse_rnn.config.options import Options
from sparse_rnn.errors import InvalidArgument, UnknownKeyword


class MaskOptions(Options):
    """Options of a mask family.

    Example:
        >>> MaskOptions({"in_degree": 13})
        {'in_degree': 13}
    """

    SETTING = "mask_options"
    PREFIX = "mask"


def _is_number(size: object) -> TypeGuard[str]:
    return isinstance(size, str) and size.strip().isdecimal() and len(size) < 20


def settle(settings: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of a mask their one place among the settings of a configuration.

    `radius` is a setting of its own, all others are in `mask_options`. A size that is a bare number
    is refused for families that need a sheet.

    Args:
        settings: What a configuration is made from.
        known: All settings that it may have.

    Raises:
        InvalidArgument: An option is given beside `mask_options`, the radius twice, or a bare
            number as the size of a sheet.
    """
    settled = dict(settings)
    for name, value in settings.items():
        families = [] if name in known else masks.takers(name)
        if families:
            remedy = f"Write mask_options={{{name!r}: {value!r}}}."
            allowed = f"in mask_options, as an option of {', '.join(families)} masks"
            raise UnknownKeyword(name, name, allowed, remedy)
    arch, size = settled.get("arch"), settled.get("size")
    if arch in masks.MASKS and (isinstance(size, int) or _is_number(size)):
        masks.check_given_size(str(arch), int(size))
    options = settled.get("mask_options")
    if isinstance(options, Mapping) and "radius" in options:
        rest = dict(cast("Mapping[str, Any]", options))
        radius = rest.pop("radius")
        if settled.get("radius") not in (None, radius):
            raise InvalidArgument("radius", settled["radius"], f"as in mask_options, {radius!r}")
        settled |= {"radius": radius, "mask_options": rest}
    return settled
