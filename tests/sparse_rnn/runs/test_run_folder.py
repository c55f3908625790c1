"""The folder of a run: its files, and who may use it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import sparse_rnn as srnn
from sparse_rnn.errors import RunConflict
from sparse_rnn.training.progress import OnStep
from tests.sparse_rnn.helpers import contents, same_bits, small_config

FILES = [
    "checkpoint",
    "config.json",
    "evaluation.csv",
    "evaluations.csv",
    "metrics.csv",
    "summary.json",
    "weights.safetensors",
]


@pytest.fixture
def copied(finished: srnn.Run, tmp_path: Path) -> Path:
    """A copy of the finished run's folder, to be changed."""
    assert finished.folder is not None
    return shutil.copytree(finished.folder, tmp_path / "run")


def no_display(config: srnn.TrainConfig) -> None:
    raise AssertionError(f"a finished run was trained again: {config}")


def test_the_files_are_those_that_are_promised(finished: srnn.Run) -> None:
    assert finished.folder is not None
    assert sorted(path.name for path in finished.folder.iterdir()) == FILES
    with (finished.folder / "metrics.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["step", "loss"]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4]
    assert [float(row[1]) for row in rows] == finished.history["loss"].tolist()
    weights = load_file(finished.folder / "weights.safetensors")
    assert weights["rnn.weight_hh"].numel() == finished.network.weight_counts()["recurrent"]


def test_the_configuration_is_kept_with_where_the_result_came_from(finished: srnn.Run) -> None:
    assert finished.folder is not None
    record = json.loads((finished.folder / "config.json").read_text())
    assert srnn.TrainConfig.from_json(json.dumps(record["config"])) == small_config()
    assert record["versions"]["torch"]
    assert record["versions"]["modcog"]
    assert record["machine"]["threads"] >= 1
    assert "git" in record


def test_a_finished_run_is_read_back_whole(finished: srnn.Run) -> None:
    assert finished.folder is not None
    loaded = srnn.load_run(str(finished.folder))
    assert loaded.config == finished.config
    assert loaded.evaluation.rows() == finished.evaluation.rows()
    assert same_bits(loaded.network.state_dict(), finished.network.state_dict())
    assert loaded.network.rnn.mask == finished.network.rnn.mask
    for name in set(loaded.history.columns) - {"elapsed_s"}:
        pairs = zip(loaded.history[name], finished.history[name], strict=True)
        assert all(ours == theirs or (ours != ours and theirs != theirs) for ours, theirs in pairs)


def test_a_finished_run_is_not_repeated_and_no_file_is_touched(copied: Path) -> None:
    before = contents(copied)
    run = srnn.train(small_config(), copied, progress=no_display)
    assert run.folder == copied
    assert contents(copied) == before


@pytest.mark.parametrize("done", [True, False], ids=["finished", "unfinished"])
def test_another_configuration_is_refused_and_nothing_is_touched(copied: Path, done: bool) -> None:
    if not done:
        (copied / "weights.safetensors").unlink()
    before = contents(copied)
    with pytest.raises(RunConflict) as caught:
        srnn.train(small_config(steps=9, seed=3), copied)
    message = str(caught.value)
    assert "steps is 4 there and 9 here" in message
    assert "seed is 9 there and 3 here" in message
    assert "lr" not in message
    assert "Choose another folder" in message
    assert contents(copied) == before


def test_an_unfinished_run_without_a_checkpoint_starts_anew_and_ends_the_same(
    copied: Path,
) -> None:
    weights = (copied / "weights.safetensors").read_bytes()
    (copied / "weights.safetensors").unlink()
    shutil.rmtree(copied / "checkpoint")
    (copied / "metrics.csv").write_text("step,loss\n1,")
    srnn.train(small_config(), copied)
    assert (copied / "weights.safetensors").read_bytes() == weights
    assert sorted(path.name for path in copied.iterdir()) == FILES


def test_an_interrupted_run_leaves_its_course_and_no_weights(tmp_path: Path) -> None:
    @contextmanager
    def interrupted(_config: srnn.TrainConfig) -> Generator[OnStep]:
        def on_step(record: srnn.evaluation.history.Record) -> None:
            if record.step == 3:
                raise KeyboardInterrupt

        yield on_step

    with pytest.raises(KeyboardInterrupt):
        srnn.train(small_config(), tmp_path / "run", progress=interrupted)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "config.json",
        "evaluations.csv",
        "metrics.csv",
    ]
    history = srnn.evaluation.history.History.read_csv(tmp_path / "run" / "metrics.csv")
    assert history["step"].tolist() == [1, 2, 3]
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors does not exist"):
        srnn.load_run(tmp_path / "run")


@pytest.mark.parametrize("name", ["metrics.csv", "evaluation.csv", "weights.safetensors"])
def test_files_of_an_unknown_run_are_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(RunConflict, match=f"has {name} but no config.json"):
        srnn.train(small_config(), tmp_path)
    assert (tmp_path / name).read_text() == "precious"


def test_other_files_do_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    srnn.train(small_config(steps=1), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(RunConflict, match="is a file, and a run needs a folder"):
        srnn.train(small_config(), tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "no entry 'config'"),
        ('{"config": 3}', "no entry 'config'"),
        ('{"config": {"arch": "dense"}}', "holds no valid configuration: size must be given"),
    ],
)
def test_a_damaged_configuration_is_refused_and_kept(copied: Path, text: str, message: str) -> None:
    (copied / "config.json").write_text(text)
    before = contents(copied)
    for attempt in (lambda: srnn.train(small_config(), copied), lambda: srnn.load_run(copied)):
        with pytest.raises(RunConflict, match=message):
            attempt()
    assert contents(copied) == before


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunConflict, match=r"holds no run: there is no config\.json"):
        srnn.load_run(tmp_path)


def test_the_network_of_a_fit_is_not_asked_for_as_one_of_the_package(tmp_path: Path) -> None:
    class Linear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = torch.nn.Linear(53, 17)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.out(inputs)

    config = srnn.FitConfig(suite="cog-20", steps=1, eval_batches=1, final_batches=1)
    srnn.fit(Linear(), config, tmp_path)
    with pytest.raises(RunConflict, match=r"run of sparse_rnn\.fit.* that only your code can"):
        srnn.load_run(tmp_path)
    with pytest.raises(RunConflict, match=r"which `sparse-rnn report` shows"):
        srnn.load_run(tmp_path)
