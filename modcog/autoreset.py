"""What a vector environment says of lanes that it resets, as the installed gymnasium has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

AUTORESET_MODE: Any = getattr(gym.vector, "AutoresetMode", None)
"""Gymnasium's enumeration of ways to reset; None in 0.29."""

FINAL_OBSERVATION = "final_obs" if AUTORESET_MODE else "final_observation"


def masked(infos: Mapping[str, Any], lanes: NDArray[np.bool_]) -> dict[str, Any]:
    """Infos of some lanes alone, each entry with its mask."""
    chosen: dict[str, Any] = {}
    for name in [name for name in infos if not name.startswith("_")]:
        mask = infos[f"_{name}"] & lanes
        chosen[name], chosen[f"_{name}"] = np.where(mask, infos[name], 0), mask
        chosen[name] = chosen[name].astype(infos[name].dtype)
    return chosen


def final_info(infos: dict[str, Any], lanes: NDArray[np.int64]) -> Any:
    """The infos of the last steps as gymnasium has them: arrays in 1.x, dictionaries in 0.29."""
    if AUTORESET_MODE:
        return infos
    names = [name for name in infos if not name.startswith("_")]
    final: NDArray[Any] = np.full(len(infos["_gt"]), None, dtype=object)
    for lane in lanes:
        final[lane] = {name: infos[name][lane] for name in names if infos[f"_{name}"][lane]}
    return final
