"""`Serial`: carries out runs one after another, in this process."""

from __future__ import annotations

from collections.abc import Mapping

from sparse_rnn.sweep.work import Assignment, Attempt, carry_out


class Serial:
    """A pool of one place, in this process: for tiny runs, and inside the job of an array.

    Signals that come during a run stop it where it is, and then the sweep.
    """

    def __init__(self) -> None:
        self._waiting: list[Assignment] = []

    def capacity(self) -> int:
        """One run at a time."""
        return 1

    def submit(self, assignment: Assignment, name: str) -> None:
        """Keep a run until `attempts` is called."""
        del name
        self._waiting.append(assignment)

    def attempts(self, timeout_s: float) -> list[Attempt]:
        """Carry out what waits, however long it takes."""
        del timeout_s
        waiting, self._waiting = self._waiting, []
        return [carry_out(assignment) for assignment in waiting]

    def steps(self) -> Mapping[str, int]:
        """Nothing is heard while a run is on its way."""
        return {}

    def stop(self) -> None:
        """No run is on its way while anybody can call this; one that waits is not begun."""
        self._waiting = []

    def news(self) -> tuple[str, ...]:
        """None."""
        return ()
