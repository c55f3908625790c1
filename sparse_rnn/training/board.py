"""`board_entry`: finished runs as an entry of the board, if they kept its protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sparse_rnn.config.protocol import MAIN, MEASURE, PROTOCOLS, BoardProtocol, board_protocol
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.finished import FinishedRun
from sparse_rnn.system.arguments import finite, whole
from sparse_rnn.system.provenance import MODIFIED
from sparse_rnn.training.entries import FORMAT, BoardEntry, BoardRun
from sparse_rnn.training.work import Spent

Runs = Path | str | FinishedRun
"""A finished run, by its folder or as what `train` or `fit` returned."""


def board_entry(  # noqa: PLR0913 - an option each, keyword-only past the second
    runs: Runs | Iterable[Runs],
    out: Path | str | None = None,
    *,
    name: str,
    method: str,
    protocol: str = MAIN,
    command: str = "",
    earlier: Iterable[Runs] = (),
    diverged: Iterable[int] = (),
    search_updates: int | None = None,
    n_units: int | None = None,
    density: float | None = None,
    multiply_adds: int | None = None,
) -> BoardEntry:
    """Make an entry of the board from finished runs, one a seed.

    The runs are of `sparse_rnn.train`, or of `sparse_rnn.fit` with any module. They have the
    settings of the protocol (`BoardProtocol.settings`) and differ from each other in `seed` alone;
    the seeds are 0, 1, 2, ... without a gap. Everything else is free: the network, the optimiser,
    learning rates, penalties, sparsifiers.

    Args:
        runs: Folders of the runs, or the runs themselves where they have folders.
        out: File to write the entry to, as JSON; None writes none.
        name: Name in the table.
        method: What the network is, in a sentence.
        protocol: Name of the protocol (`sparse_rnn.board_protocol`).
        command: What makes the runs again.
        earlier: Runs that the others go on from, such as the first rounds of lottery tickets: what
            they cost counts for the run of the same seed, which may then have fewer steps.
        diverged: Seeds with which training diverged. The board names them.
        search_updates: Gradient steps of the search for the settings, all of its runs together.
        n_units: Recurrent units of a module of your own.
        density: Recurrent synapses over units squared of a module of your own.
        multiply_adds: Of a module of your own in a time step of a sequence, forward and backward;
            None takes three for each weight, which is too many for input weights (two).

    Returns:
        The entry.

    Raises:
        InvalidArgument: A run did not keep the protocol, and the message says in what; runs differ
            in more than their seeds; a seed is missing or there twice; or an argument is none.
        RunConflict: A folder holds no run; so also RunDamaged and IncompatibleState.
        FileNotFoundError: A run has not ended.

    Example:
        >>> import tempfile
        >>> import sparse_rnn as srnn
        >>> rules = srnn.board_protocol("rehearsal")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     runs = [
        ...         srnn.train(
        ...             srnn.TrainConfig(
        ...                 **rules.settings,
        ...                 arch="locality",
        ...                 size="5x5",
        ...                 radius=1,
        ...                 seed=seed,
        ...                 eval_batches=4,
        ...             ),
        ...             f"{folder}/{seed}",
        ...         )
        ...         for seed in rules.seeds
        ...     ]
        ...     entry = srnn.board_entry(runs, name="local", method="LM-RNN", protocol="rehearsal")
        >>> round(entry.density, 3), [run.updates for run in entry.finished]
        (0.2, [20, 20, 20])
    """
    rules = board_protocol(protocol)
    lost = sorted(whole("diverged", seed, 0) for seed in diverged)
    read, before = _read("runs", runs), _read("earlier", earlier)
    for number, one in enumerate(read):
        _check(f"runs[{number}]", one, rules, may_be_short=bool(before))
    _check_alike(read)
    seeds = sorted(one.config.seed for one in read)
    if sorted([*seeds, *lost]) != list(range(len(seeds) + len(lost))):
        got = {"runs": seeds, "diverged": lost}
        raise InvalidArgument("runs", got, "one of each seed from 0 on, those of diverged included")
    for number, one in enumerate(before):
        if one.config.seed not in seeds:
            allowed = f"of a seed of runs, {', '.join(map(str, seeds))}"
            raise InvalidArgument(f"earlier[{number}]", one.config.seed, allowed)
    ours = [one for one in read if one.network is not None]
    own = {"n_units": n_units, "density": density, "multiply_adds": multiply_adds}
    for argument, value in own.items():
        if value is not None and ours:
            raise InvalidArgument(argument, value, "left out for a network that says it itself")
    if n_units is not None:
        whole("n_units", n_units, 1)
    if density is not None:
        finite("density", density, "a number from 0 to 1", least=0, most=1)
    if multiply_adds is not None:
        whole("multiply_adds", multiply_adds, 1)
    made: dict[int, BoardRun] = {}
    for one in read:
        parts = [other for other in before if other.config.seed == one.config.seed]
        made[one.config.seed] = BoardRun(
            scores=_scores(one),
            updates=one.updates + sum(part.updates for part in parts),
            work=one.work(multiply_adds) + sum(part.work(multiply_adds) for part in parts),
            seconds=one.seconds + sum(part.seconds for part in parts),
            weights=one.weights,
            density=density if one.network is None else one.density,
        )
    first = read[0]
    entry = BoardEntry(
        format=FORMAT,
        protocol=rules.name,
        protocol_version=rules.version,
        name=name,
        method=method,
        runs=tuple(made.get(seed) for seed in range(len(seeds) + len(lost))),
        n_units=n_units if first.network is None else first.n_units,
        settings=_open(first, rules),
        command=command,
        commits=_each(one for run in (*read, *before) for one in _commits(run.record)),
        versions=first.record["versions"],
        machines=_each(_machine(run.record) for run in (*read, *before)),
        search_updates=search_updates,
    )
    if out is not None:
        entry.write(out)
    return entry


def _read(argument: str, runs: object) -> list[Spent]:
    if isinstance(runs, Path | str | FinishedRun):
        runs = [runs]
    if not isinstance(runs, Iterable):
        raise InvalidArgument(argument, runs, "folders of finished runs, or runs")
    read: list[Spent] = []
    for number, run in enumerate(cast("Iterable[object]", runs)):
        if isinstance(run, FinishedRun) and run.folder is None:
            allowed = "a run with a folder"
            raise InvalidArgument(f"{argument}[{number}]", "one without", allowed)
        folder = run.folder if isinstance(run, FinishedRun) else run
        if not isinstance(folder, Path | str):
            raise InvalidArgument(f"{argument}[{number}]", run, "the folder of a run, or a run")
        read.append(Spent.read(Path(folder)))
    return read


def _check(argument: str, run: Spent, rules: BoardProtocol, *, may_be_short: bool) -> None:
    """Refuse a run that has not kept a protocol.

    Raises:
        InvalidArgument: In what it differs.
    """
    differences = _differences(run, rules, may_be_short=may_be_short)
    if differences:
        remedy = "; ".join(
            f"{name} is {theirs!r} there and {wanted!r} in the protocol"
            for name, (theirs, wanted) in differences.items()
        )
        kept = [
            other.name
            for other in PROTOCOLS.values()
            if not _differences(run, other, may_be_short=may_be_short)
        ]
        more = f" It keeps {' and '.join(map(repr, kept))}." if kept else ""
        allowed = f"a run that keeps the protocol {rules.name!r}"
        raise InvalidArgument(argument, str(run.folder), allowed, f"{remedy}.{more}")


def _differences(
    run: Spent, rules: BoardProtocol, *, may_be_short: bool
) -> Mapping[str, tuple[Any, Any]]:
    theirs: dict[str, Any] = {name: getattr(run.config, name) for name in rules.settings}
    wanted = dict(rules.settings)
    theirs |= {
        "updates": run.updates,
        "processes": run.record.get("processes", 1),
        "streams": run.record.get("streams", run_folder.FIRST_STREAMS),
        run_folder.TASKS: run.record.get(run_folder.TASKS),
    }
    wanted |= {
        "updates": rules.steps,
        "processes": 1,
        "streams": rules.streams,
        run_folder.TASKS: rules.tasks_sha256,
    }
    if may_be_short:
        for name in ("steps", "updates"):
            wanted[name] = min(wanted[name], theirs[name])
    else:
        theirs["start"], wanted["start"] = run.config.start, None
    return {name: (theirs[name], one) for name, one in wanted.items() if theirs[name] != one}


def _check_alike(runs: Sequence[Spent]) -> None:
    """Refuse runs that differ in more than their seeds.

    Raises:
        InvalidArgument: There is none, or two differ.
    """
    if not runs:
        raise InvalidArgument("runs", [], "at least one run")
    first = dict(runs[0].config)
    for number, one in enumerate(runs):
        other = dict(one.config)
        names = [
            name
            for name in {**first, **other}
            if name not in ("seed", "start") and first.get(name) != other.get(name)
        ]
        if names or one.record["network"]["class"] != runs[0].record["network"]["class"]:
            told = ", ".join(names) or "network"
            allowed = f"as runs[0] but for seed; they differ in {told}"
            raise InvalidArgument(f"runs[{number}]", str(one.folder), allowed)


def _scores(run: Spent) -> dict[str, float]:
    scores = TaskScores.read_csv(run.folder / run_folder.EVALUATION)
    return {row["task"]: row[MEASURE] for row in scores.rows()}


def _open(run: Spent, rules: BoardProtocol) -> dict[str, Any]:
    """The settings of a run that the protocol leaves open."""
    named: dict[str, Any] = run.config.model_dump(mode="json")
    closed = {"seed", "start", *rules.settings}
    return {name: value for name, value in named.items() if name not in closed}


def _commits(record: Mapping[str, Any]) -> Iterable[str]:
    for leg in (record, *record.get("continued", ())):
        git = leg.get("git")
        if git is not None:
            yield git["commit"] + MODIFIED * git["modified"]


def _machine(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    system = str(machine["platform"]).partition("-")[0]
    return f"{machine['processor']}, {machine['cores']} cores, {system}"


def _each(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
