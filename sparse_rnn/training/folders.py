"""What the folder of a run says before the run begins, and after it has ended."""

from __future__ import annotations

from pathlib import Path

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.evaluation.history import History
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.runs import folder as run_folder, weights as checkpoint
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.runs.decisions import Decisions
from sparse_rnn.runs.finished import Outcome
from sparse_rnn.runs.identity import Identity
from sparse_rnn.runs.origin import read as read_origin
from sparse_rnn.training.callbacks import STOPPED
from sparse_rnn.training.group import Group


def look(
    out: Path | None, continue_from: Path | str | None, identity: Identity, group: Group
) -> tuple[run_folder.State, Path | None]:
    """How far a run has come, and the folder that it still needs to continue from.

    All of it is checked before anything is made; `out` needs no other folder once it has its own
    state.
    """
    origin = None if continue_from is None else Path(continue_from)

    def needs_origin() -> bool:
        if origin is None:
            return False
        if out is not None and out.resolve() == origin.resolve():
            allowed = "another folder than that of the run; a longer run has a folder of its own"
            raise InvalidArgument("continue_from", str(origin), allowed)
        if out is not None and ((out / checkpoint.WEIGHTS).exists() or Store(out).steps()):
            return False
        read_origin(origin, identity, group.size)
        return True

    def state() -> run_folder.State:
        return "new" if out is None else run_folder.state_of(out, identity)

    needed = group.decide(needs_origin)
    return group.decide(state), origin if needed else None


def results(folder: Path, config: FitConfig) -> Outcome:
    """Read the course and the final scores of a finished run.

    Raises:
        IncompatibleState: A table is none, or the course has not all steps.
    """
    path = folder / run_folder.METRICS
    history = History.read_csv(path)
    n_steps = len(history)
    all_there = history["step"].tolist() == list(range(1, n_steps + 1)) and n_steps > 0
    if not all_there or (n_steps != config.steps and not _may_be_short(folder, config)):
        raise IncompatibleState(
            f"{path} has {n_steps} lines, and not one for each of the {config.steps} steps."
        )
    path = folder / run_folder.STAGES
    # Where no stage has come to its end, there is none.
    matrix = StageMatrix.read_csv(path) if path.exists() and config.stages is not None else None
    path = folder / run_folder.CURRICULUM
    decisions = Decisions.read_csv(path) if config.curriculum is not None else None
    scores = TaskScores.read_csv(folder / run_folder.EVALUATION)
    return Outcome(history, scores, matrix, decisions)


def _may_be_short(folder: Path, config: FitConfig) -> bool:
    """Whether a finished run may have fewer steps: at a target, or where a callback ended it."""
    return config.stop_at is not None or run_folder.ending(folder) == STOPPED
