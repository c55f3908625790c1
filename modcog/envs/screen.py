"""What environments show of their trials: a picture, a window or text, as `render_mode` says."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from modcog.envs.compat import ResetNeeded
from modcog.errors import unknown_name
from modcog.trials.plan import Trials

if TYPE_CHECKING:
    from modcog.plotting.progress import Progress, Window

RENDER_MODES = ("human", "rgb_array", "ansi")
"""A window of matplotlib that follows the steps, pixels, and text."""

LANE_MODES = ("rgb_array", "ansi")
"""Those of vector environments, which give one picture a lane."""


def frames_per_second(dt: float) -> float:
    """Steps of `dt` ms in a second, so that a film of a trial lasts as long as the trial."""
    return 1000 / dt


class Screen:
    """Shows one trial after another, each as far as it has come.

    A copy, and what is unpickled, begins with an empty screen.

    Args:
        mode: One of `modes`, or None: nothing is shown.
        fps: Pictures a second, for the window.
        modes: The modes that there are.

    Raises:
        UnknownName: There is no such mode; the message offers the nearest.
    """

    def __init__(self, mode: object, fps: float, modes: Sequence[str] = RENDER_MODES) -> None:
        if mode is not None and mode not in modes:
            raise unknown_name("render_mode", mode, modes, "a way to render")
        self._arguments = mode, fps, modes
        self.mode = str(mode) if mode is not None else None
        self._trials: Trials | None = None
        self._picture: Progress | None = None
        self._window: Window | None = None

    def __reduce__(self) -> tuple[type[Screen], tuple[Any, ...]]:
        """Copy and pickle by the arguments: windows and pictures stay here."""
        return type(self), self._arguments

    def show(self, trials: Trials | None, n_steps: int, actions: Sequence[int] = ()) -> Any:
        """Show the first steps of the first of some trials.

        Returns:
            uint8 ``[height, width, 3]`` for "rgb_array", text for "ansi", else None.

        Raises:
            ResetNeeded: There is no trial yet.
        """
        if self.mode is None:
            gym.logger.warn("render() shows nothing: no render_mode was given to make.")
            return None
        if trials is None:
            raise ResetNeeded("render", "a first call", "called after reset()")
        # matplotlib is slow to import, and not needed before something is shown
        from modcog.plotting.progress import Progress, Window, progress_text

        if self.mode == "ansi":
            return progress_text(trials, n_steps, actions)
        if self.mode == "human" and self._window is None:
            self._window = Window(1 / self._arguments[1])
        if self._picture is None or trials != self._trials:
            figure = self._window.figure if self._window else None
            self._trials, self._picture = trials, Progress(trials, figure)
        self._picture.show(n_steps, actions)
        if self._window is None:
            return self._picture.pixels()
        self._window.refresh()
        return None

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
        self._trials = self._picture = self._window = None


class Screens:
    """Shows the trials of lanes, each on a screen of its own, which is there once it is asked for.

    Args:
        mode: One of `LANE_MODES`, or None: nothing is shown.
        fps: Pictures a second.

    Raises:
        UnknownName: There is no such mode; the message offers the nearest.
    """

    def __init__(self, mode: object, fps: float) -> None:
        self._screens = [Screen(mode, fps, LANE_MODES)]
        self.mode = self._screens[0].mode

    def show(self, trials: Trials | None, n_steps: NDArray[np.int64]) -> tuple[Any, ...] | None:
        """Show the first steps of each trial; see `Screen.show`."""
        if trials is None or self.mode is None:
            return self._screens[0].show(None, 0)
        missing = len(trials) - len(self._screens)
        self._screens += [copy.copy(self._screens[0]) for _ in range(missing)]
        return tuple(
            screen.show(trials[lane : lane + 1], int(n_steps[lane]))
            for lane, screen in enumerate(self._screens)
        )
