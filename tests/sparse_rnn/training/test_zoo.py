"""The zoo: every network loads with what its index says, and survives damage with an error."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from benchmarks import zoo as recipes
from sparse_rnn import cli
from sparse_rnn.data import task_stream
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.training import zoo as module
from tests.sparse_rnn.commands import status
from tests.sparse_rnn.helpers import same_bits

NAMES = list(srnn.zoo())
PACKED = Path(module.__file__).parent / "zoo_runs"


def test_the_zoo_has_each_kind_and_is_small() -> None:
    # Packed in the order of the recipes, all kinds for a suite before the next suite.
    assert list(recipes.recipes()) == NAMES
    assert len(NAMES) == 10
    files = {path.name: path.stat().st_size for path in PACKED.iterdir()}
    assert set(files) == {"index.json", *(f"{name}.zip" for name in NAMES)}
    assert sum(files.values()) < 900_000


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_what_its_entry_and_its_recipe_say(name: str) -> None:
    entry, (about, config) = srnn.zoo()[name], recipes.recipes()[name]
    run = entry.load()
    assert run.folder is None
    assert run.config == config
    assert entry.about == about
    assert entry.suite == run.config.suite
    assert entry.units == run.network.rnn.mask.n_units
    assert entry.synapses == run.network.rnn.mask.nnz
    assert entry.steps == len(run.history)
    for measure in ("performance", "final_accuracy", "chance"):
        assert getattr(entry, measure) == pytest.approx(run.evaluation.mean(measure), abs=1e-4)
    assert entry.final_accuracy > entry.chance + 0.1  # It has learned something.


@pytest.mark.parametrize("name", NAMES)
def test_its_command_is_the_one_that_trains_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def noted(config: srnn.TrainConfig, *_: object, **__: object) -> srnn.Run:
        seen.append(config)
        raise InvalidArgument("seen", config.seed, "no run")

    monkeypatch.setattr("sparse_rnn.cli.train.training.train", noted)
    words = shlex.split(srnn.zoo()[name].command)
    assert words[0] == "sparse-rnn"
    assert cli.main(words[1:]) == 2
    assert seen == [recipes.recipes()[name][1]]


def test_its_scores_are_those_of_its_weights() -> None:
    run = srnn.zoo()["autapse-cog20"].load()
    stream = task_stream("cog-20", batch_size=20, seq_len=100, seed=5)
    again = srnn.evaluate(run.network, stream, stream.batches(0, 30))
    assert again.mean("final_accuracy") == pytest.approx(
        run.evaluation.mean("final_accuracy"), abs=0.03
    )


def test_a_run_is_saved_whole_and_into_an_empty_folder_alone(tmp_path: Path) -> None:
    entry = srnn.zoo()["gru-cog20"]
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "new" / "run", tmp_path / "there"):
        assert entry.save(folder) == folder
        saved, loaded = srnn.load_run(folder), entry.load()
        assert same_bits(saved.network.state_dict(), loaded.network.state_dict())
        # The same command takes it for finished, and trains no more.
        assert srnn.train(entry.load().config, folder).folder == folder
        with pytest.raises(InvalidArgument, match="an empty folder, or a name that is free"):
            entry.save(folder)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidArgument, match="folder"):
        entry.save(tmp_path / "link")
    with pytest.raises(InvalidArgument, match="folder"):
        entry.save(3)  # pyright: ignore[reportArgumentType]


def test_a_damaged_archive_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    entry = replace(srnn.zoo()["gru-cog20"], sha256="0" * 64)
    with pytest.raises(IncompatibleState, match="gru-cog20 in the zoo is damaged"):
        entry.save(tmp_path / "run")
    with pytest.raises(IncompatibleState, match="damaged"):
        entry.load()
    assert list(tmp_path.iterdir()) == []


def test_archives_hold_the_run_and_nothing_of_the_machine_beyond_its_processor() -> None:
    index = json.loads((PACKED / "index.json").read_text(encoding="utf-8"))
    names = {field.name for field in fields(srnn.ZooNetwork)} - {"name"}
    for name, entry in index.items():
        assert set(entry) == names
        path = PACKED / f"{name}.zip"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        with zipfile.ZipFile(path) as archive:
            assert set(archive.namelist()) == {*recipes.KEPT, "weights.safetensors"}
            config = archive.read("config.json").decode()
        assert "platform" not in json.loads(config)["machine"]
        assert not re.search(r'"/\w|\\\\\w', config)


def test_packing_a_run_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    entry = srnn.zoo()["gru-cog20"]
    run = srnn.load_run(entry.save(tmp_path / "run"))
    assert hashlib.sha256(recipes.pack(run)).hexdigest() == entry.sha256


def test_the_command_lists_tells_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("zoo") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == NAMES
    assert status("zoo", NAMES[0]) == 0
    assert srnn.zoo()[NAMES[0]].command in capsys.readouterr().out
    assert status("zoo", NAMES[0], "-o", tmp_path / "run") == 0
    assert srnn.load_run(tmp_path / "run").config.suite == "cog-20"
    capsys.readouterr()
    assert status("zoo", "locl-cog20") == 2
    assert "Did you mean 'local-cog20'" in capsys.readouterr().err
    assert status("zoo", "-o", tmp_path / "other") == 2
    assert "given with the NAME" in capsys.readouterr().err
    assert status("zoo", NAMES[1], "-o", tmp_path / "run") == 2
    assert "an empty folder" in capsys.readouterr().err
