"""The demo, end to end with few steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from benchmarks import demo
from tests.sparse_rnn.helpers import made_run

FOLDERS = ["autapse", "dense", "locality"]


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The demo sets the number of threads of its process, which here is that of all tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches and short evaluations."""
    small = {**demo.COMMON, "batch_size": 2, "eval_batches": 1, "final_batches": 2}
    monkeypatch.setattr(demo, "COMMON", small)


def files(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Bytes and time of the last change of each file of the runs."""
    paths = [path for name in FOLDERS for path in (folder / name).rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_the_demo_leaves_three_runs_and_a_figure_and_does_not_repeat_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    quick = ["--out", str(out), "--steps", "2", "--seeds", "0", "1"]
    assert demo.main(quick) == 0
    captured = capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == sorted([*FOLDERS, *demo.FIGURES])
    configs = {name: srnn.load_run(out / name / "seed-0").config for name in FOLDERS}
    assert [configs[name].arch for name in FOLDERS] == FOLDERS
    assert {config.build_mask().n_units for config in configs.values()} == {400}
    assert {(c.suite, c.lr, c.steps, c.seed) for c in configs.values()} == {
        ("cog-20", demo.COMMON["lr"], 2, 0)
    }
    assert captured.err.count("step 2/2") == 6
    for label, _ in demo.NETWORKS.values():
        assert label in captured.out
    for part in ("final_accuracy", "performance", "figure.png", str(out / "dense")):
        assert part in captured.out
    # 16 of the 20 tasks have 1 of 16 directions by chance, 10 of them 1 of 2 places.
    assert "chance             0.150  ignores the stimuli" in captured.out
    assert "no evidence        0.369  sees the stimuli" in captured.out
    # Two steps teach nothing, and the demo says so.
    assert "Target missed after 2 steps: LM-RNN 20x20, d=2 (0." in captured.out

    before = files(out)
    assert demo.main(quick) == 0
    assert capsys.readouterr().err == ""
    assert files(out) == before
    # Other settings do not fit the folder.
    assert demo.main([*quick, "--steps", "3"]) == 2
    assert "steps is 2 there and 3 here" in capsys.readouterr().err
    assert files(out) == before


def test_the_verdict_is_honest() -> None:
    good, bad = made_run({10: 0.85}), made_run({10: 0.79})
    fine = demo.verdict({"locality": [good, good], "autapse": [good], "dense": [bad]})
    assert fine == "Both sparse networks reached a mean final_accuracy of 0.80."
    missed = demo.verdict({"locality": [good], "autapse": [good, bad], "dense": [good]})
    assert missed == "Target missed after 10 steps: Autapses 400 (0.790) stayed below 0.80."


def test_the_table_tells_bursts_and_the_spread_of_seeds() -> None:
    calm, other = made_run({10: 0.85}), made_run({10: 0.75}, seed=1)
    history = srnn.evaluation.history.History({**calm.history.columns})
    history.columns["loss"] = np.where(np.arange(10) == 3, 210_902.0, 1.0)
    burst = dataclasses.replace(calm, history=history)
    table = demo.summary({"locality": [calm, other], "autapse": [calm, other], "dense": [burst]})
    locality, dense = (
        next(line for line in table.splitlines() if line.startswith(label))
        for label in ("LM-RNN", "Dense")
    )
    assert "0.800 (0.750..0.850)" in locality
    assert "  0, 0  " in locality
    assert "  1  " in dense
    assert f"Dense 400, seed {calm.config.seed}: bursts at 1 of 10 steps (first at step 4;" in table
    assert "a gradient norm above 100 or a loss above 10 nats" in table


def test_the_networks_are_compared_at_rates_that_fit_their_in_degree() -> None:
    configs = demo.configs(1000, 0)
    for config in configs.values():
        assert config.rates.recurrent == "in_degree"
    shared = [
        config.model_copy(update={"arch": "", "size": (), "radius": None})
        for config in configs.values()
    ]
    assert shared[0] == shared[1] == shared[2]


def test_ctrl_c_says_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(srnn, "train", interrupt)
    assert demo.main(["--out", str(tmp_path)]) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert "interrupted" in line
    assert "are kept" in line


@pytest.mark.slow(30)
@pytest.mark.parametrize("name", demo.MUST_LEARN)
def test_the_sparse_networks_of_the_demo_learn(name: str) -> None:
    run = srnn.train(demo.configs(demo.STEPS, seed=0)[name])
    assert run.evaluation.mean("final_accuracy") >= demo.TARGET


@pytest.mark.slow(10)
def test_the_dense_network_of_the_demo_does_not_burst() -> None:
    # At one rate for all weights its first steps do.
    run = srnn.train(demo.configs(200, seed=0)["dense"])
    assert run.history["loss"].max() < srnn.evaluation.history.BURST_LOSS
