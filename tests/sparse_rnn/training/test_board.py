"""`board_entry`: runs that kept the protocol become an entry, with what they cost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.evaluation.scores import COLUMNS
from sparse_rnn.training.work import Spent
from tests.sparse_rnn.helpers import small_config

RULES = srnn.board_protocol("rehearsal")


class Elman(nn.Module):
    """A module of somebody else: 32 units, dense."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rnn, self.readout = nn.RNN(36, 32), nn.Linear(32, 17)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.15, 0.15, generator=generator)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.readout(self.rnn(inputs)[0])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("fitted")
    for seed in RULES.seeds:
        config = srnn.FitConfig(**RULES.settings, lr=3e-3, seed=seed, eval_batches=4)
        srnn.fit(Elman(seed), config, folder / str(seed))
    return [folder / str(seed) for seed in RULES.seeds]


def _entry(runs: Any, **changes: Any) -> srnn.BoardEntry:
    given: dict[str, Any] = {
        "name": "one",
        "method": "a network",
        "protocol": "rehearsal",
        **changes,
    }
    return srnn.board_entry(runs, **given)


def test_a_module_of_ones_own_gets_an_entry(fitted: list[Path], tmp_path: Path) -> None:
    entry = srnn.board_entry(
        reversed(fitted),
        tmp_path / "elman.json",
        name="Elman",
        method="torch.nn.RNN",
        protocol="rehearsal",
        n_units=32,
        density=1.0,
        search_updates=60,
    )
    assert srnn.BoardEntry.read(tmp_path / "elman.json") == entry
    for seed, run in enumerate(entry.finished):
        rows = (fitted[seed] / "evaluation.csv").read_text().splitlines()[1:]
        column = COLUMNS.index("performance")
        told = {row.split(",")[0]: float(row.split(",")[column]) for row in rows}
        assert run.scores == told
        weights = 32 * (36 + 32 + 17)
        assert (run.updates, run.weights, run.density) == (20, weights, 1.0)
        assert run.work == 3 * weights * 20 * 8 * 60
    assert entry.settings["lr"] == 3e-3
    assert not {"seed", "start", "steps", "suite"} & entry.settings.keys()
    assert entry.search_updates == 60
    assert (
        entry.versions["torch"]
        == json.loads((fitted[0] / "config.json").read_text())["versions"]["torch"]
    )


def test_multiply_adds_of_a_module_are_what_its_maker_says(fitted: list[Path]) -> None:
    assert [run.work for run in _entry(fitted, multiply_adds=7).finished] == [7 * 20 * 8 * 60] * 3


def _edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "config.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def _set(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        place = record
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("config", "batch_size", value=9), "batch_size is 9 there and 8 in the protocol"),
        (_set("config", "noise", value=0.5), "noise is 0.5 there and 1.0 in the protocol"),
        (_set("config", "weights", value={"Go": 2.0}), "weights is .* there and None"),
        (_set("config", "stop_at", value=0.9), "stop_at is 0.9 there and None"),
        (_set("config", "start", value="0" * 64), "start is '0000.* there and None"),
        (_set("streams", value=1), "streams is 1 there and 2 in the protocol"),
        (_set("tasks_sha256", value=None), "tasks_sha256 is None there and '9"),
        (_set("processes", value=2), "processes is 2 there and 1 in the protocol"),
        (_set("config", "lr", value=0.5), r"runs\[1\] must be as runs\[0\] .* differ in lr"),
        (_set("config", "seed", value=0), "runs must be one of each seed"),
        (_set("config", "seed", value=3), "runs must be one of each seed"),
    ],
)
def test_runs_that_did_not_keep_the_protocol_are_refused(
    fitted: list[Path], tmp_path: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    shutil.copytree(fitted[1], tmp_path / "1")
    _edit(tmp_path / "1", change)
    with pytest.raises(InvalidArgument, match=told):
        _entry([fitted[0], tmp_path / "1", fitted[2]])


def test_the_protocol_that_runs_do_keep_is_named(fitted: list[Path]) -> None:
    with pytest.raises(
        InvalidArgument, match=r"steps is 20 there and 2000 .* It keeps 'rehearsal'"
    ):
        _entry(fitted, protocol="mod-cog-84")


def test_a_run_that_a_callback_ended_is_too_short(fitted: list[Path], tmp_path: Path) -> None:
    config = srnn.FitConfig(**RULES.settings, lr=3e-3, eval_batches=4)
    srnn.fit(Elman(0), config, tmp_path / "0", callbacks=[lambda moment: moment.record.step == 3])
    with pytest.raises(InvalidArgument, match="updates is 3 there and 20 in the protocol"):
        _entry([tmp_path / "0", *fitted[1:]])


def test_seeds_that_diverged_are_told(fitted: list[Path], tmp_path: Path) -> None:
    shutil.copytree(fitted[1], tmp_path / "3")
    _edit(tmp_path / "3", _set("config", "seed", value=3))
    runs = _entry([fitted[0], fitted[2], tmp_path / "3"], diverged=[1]).runs
    assert [run is None for run in runs] == [False, True, False, False]


def test_earlier_runs_count(fitted: list[Path], tmp_path: Path) -> None:
    """As the rounds of a lottery ticket, whose last one starts from other weights."""
    rounds: list[Path] = []
    for seed in RULES.seeds:
        shutil.copytree(fitted[seed], tmp_path / str(seed))
        _edit(tmp_path / str(seed), _set("config", "start", value="0" * 64))
        rounds.append(tmp_path / str(seed))
    with pytest.raises(InvalidArgument, match="start is"):
        _entry(rounds)
    once = _entry(fitted)
    both = _entry(rounds, earlier=[*fitted, fitted[0]])
    assert [run.updates for run in both.finished] == [60, 40, 40]
    assert both.finished[0].work == 3 * once.finished[0].work
    assert both.finished[2].seconds == pytest.approx(2 * once.finished[2].seconds)
    _edit(rounds[0], _set("config", "seed", value=9))
    with pytest.raises(InvalidArgument, match=r"earlier\[0\] must be of a seed of runs"):
        _entry(fitted, earlier=[rounds[0]])


def test_what_is_no_finished_run_is_refused(fitted: list[Path], tmp_path: Path) -> None:
    shutil.copytree(fitted[1], tmp_path / "1")
    (tmp_path / "1" / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="Has the run ended"):
        _entry([fitted[0], tmp_path / "1", fitted[2]])
    with pytest.raises(RunConflict, match="holds no run"):
        _entry(tmp_path)
    with pytest.raises(InvalidArgument, match="at least one run"):
        _entry([])


def _spent(folder: Path, **settings: Any) -> Spent:
    """A run of 4 steps of 2 x 45 on 16 units, whose inputs have 35 channels."""
    srnn.train(small_config(**{"arch": "dense", "radius": None, **settings}), folder)
    return Spent.read(folder)


INPUT, READOUT, LANES = 16 * 35, 16 * 17, 2 * 45
ENDS = 2 * INPUT + 3 * READOUT


def test_the_work_of_a_network_follows_its_weights(
    tmp_path: Path,
) -> None:
    dense = _spent(tmp_path / "dense")
    assert dense.work() == 4 * LANES * (2 * INPUT + 3 * (READOUT + 256))
    gru = _spent(tmp_path / "gru", cell="gru", arch="locality", radius=1)
    assert gru.work() == 4 * LANES * (2 * 3 * INPUT + 3 * (READOUT + 3 * 16 * 5))
    assert gru.weights == 3 * INPUT + READOUT + 3 * 16 * 5


def test_frozen_weights_cost_what_others_need_of_them(tmp_path: Path) -> None:
    fixed = _spent(tmp_path / "fixed", recurrence="frozen")
    assert fixed.work() == 4 * LANES * (2 * INPUT + 3 * READOUT + 2 * 256)
    reservoir = _spent(tmp_path / "reservoir", recurrence="frozen", freeze=("input",))
    assert reservoir.work() == 4 * LANES * (INPUT + 2 * READOUT + 256)


def test_synapses_count_while_they_are_there(tmp_path: Path) -> None:
    options = {"density": 0.25, "every": 2}
    gradual = _spent(
        tmp_path / "gradual", sparsifier="gradual", sparsifier_options=options, eval_every=1
    )
    counts = [int(row.split(",")[1]) for row in _rows(tmp_path / "gradual" / "sparsity.csv")]
    assert counts[0] == 256
    assert counts[-1] == 64
    assert gradual.work() == LANES * (4 * ENDS + 3 * sum(counts[:4]))


def test_what_a_method_looks_at_counts(tmp_path: Path) -> None:
    options = {"density": 0.25, "batches": 2}
    snip = _spent(tmp_path / "snip", sparsifier="snip", sparsifier_options=options)
    alone = INPUT + 2 * READOUT + 3 * 256  # a pass for the gradients of the synapses
    assert snip.work() == LANES * (2 * alone + 4 * (ENDS + 3 * 64))
    options = {"density": 0.25, "every": 2}
    rigl = _spent(tmp_path / "rigl", sparsifier="rigl", sparsifier_options=options)
    # Of the changes at steps 2 and 4 one is within 75 %: it has gradients of absent synapses.
    assert rigl.work() == LANES * (256 - 64 + 4 * (ENDS + 3 * 64))
    soft = _spent(tmp_path / "str", sparsifier="str", sparsifier_options={"start": -3.0})
    assert soft.work() == 4 * LANES * (ENDS + 3 * 256)


def _rows(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:]


def test_a_run_in_memory_is_refused(fitted: list[Path]) -> None:
    config = srnn.FitConfig(**RULES.settings, lr=3e-3, eval_batches=4)
    run = srnn.fit(Elman(0), config, fitted[0])
    assert _entry([run, *fitted[1:]]) == _entry(fitted)
    with pytest.raises(InvalidArgument, match=r"runs\[0\] must be a run with a folder"):
        _entry([replace(run, folder=None), *fitted[1:]])


def test_a_network_of_this_package_says_its_own_density(tmp_path: Path) -> None:
    for seed in RULES.seeds:
        config = srnn.TrainConfig(
            **RULES.settings, arch="locality", size=(5, 5), radius=1, seed=seed, eval_batches=4
        )
        srnn.train(config, tmp_path / str(seed))
    runs = [tmp_path / str(seed) for seed in RULES.seeds]
    entry = _entry(runs)
    assert (entry.n_units, entry.density) == (25, pytest.approx(0.2))
    assert entry.settings["arch"] == "locality"
    for argument in ("n_units", "density", "multiply_adds"):
        with pytest.raises(InvalidArgument, match=f"{argument} must be left out"):
            _entry(runs, **{argument: 1})
