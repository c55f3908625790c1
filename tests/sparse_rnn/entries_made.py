"""Entries of the board that no run stands behind."""

from __future__ import annotations

from typing import Any

import sparse_rnn as srnn
from sparse_rnn.training.entries import FORMAT

TASKS = srnn.board_protocol("rehearsal").tasks


def run_record(score: float = 0.5, **changes: Any) -> dict[str, Any]:
    """One seed in types of JSON."""
    record: dict[str, Any] = {
        "scores": dict.fromkeys(TASKS, score),
        "updates": 20,
        "work": 1_000_000,
        "seconds": 2.5,
        "weights": 500,
        "density": 0.25,
    }
    return {**record, **changes}


def entry_record(*scores: float, **changes: Any) -> dict[str, Any]:
    """An entry in types of JSON, by the score of each seed in all tasks."""
    record: dict[str, Any] = {
        "format": FORMAT,
        "protocol": "rehearsal",
        "protocol_version": 1,
        "name": "one",
        "method": "a network",
        "n_units": 20,
        "runs": [run_record(score) for score in scores or (0.25, 0.5, 0.75)],
    }
    return {**record, **changes}


def made_entry(*scores: float, **changes: Any) -> srnn.BoardEntry:
    """An entry, by the score of each seed in all tasks."""
    return srnn.BoardEntry(**entry_record(*scores, **changes))
