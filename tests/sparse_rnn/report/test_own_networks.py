"""Reports of networks of the caller's own: with their module, and from folders without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from sparse_rnn import cli, report
from sparse_rnn.errors import RunConflict
from sparse_rnn.report import _words as words
from sparse_rnn.report._seeds import by_seed
from sparse_rnn.training.run import read_run
from tests.sparse_rnn.helpers import SMALL, small_config
from tests.sparse_rnn.reading_html import charts, read_page

CONFIG: dict[str, Any] = {
    name: value
    for name, value in SMALL.items()
    if name in srnn.FitConfig.model_fields and name != "seed"
}
DASH = "\N{EN DASH}"


class Gated(nn.Module):
    def __init__(self, n_units: int = 5) -> None:
        super().__init__()
        self.rnn = nn.GRU(35, n_units)
        self.readout = nn.Linear(n_units, 17)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.readout(self.rnn(inputs)[0])


class Other(Gated):
    pass


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, srnn.Fit[Gated]]:
    folder = tmp_path_factory.mktemp("fits")
    modules = {"gated-0": Gated(), "gated-1": Gated(), "wide-0": Gated(6), "other-0": Other()}
    return {
        name: srnn.fit(module, srnn.FitConfig(**CONFIG, seed=int(name[-1])), folder / name)
        for name, module in modules.items()
    }


def folders(fits: dict[str, srnn.Fit[Gated]]) -> dict[str, Path]:
    return {name: run.folder for name, run in fits.items() if run.folder is not None}


def test_a_folder_says_what_the_run_said(fits: dict[str, srnn.Fit[Gated]]) -> None:
    for name, folder in folders(fits).items():
        read, run = read_run(folder), fits[name]
        assert read.network is None
        assert read.config == run.config
        assert read.evaluation.rows() == run.evaluation.rows()
        assert torch.equal(
            torch.from_numpy(read.history["loss"]), torch.from_numpy(run.history["loss"])
        )


@pytest.mark.parametrize("from_folders", [False, True])
def test_modules_that_differ_are_not_seeds_of_one(
    fits: dict[str, srnn.Fit[Gated]], *, from_folders: bool
) -> None:
    found: dict[str, Any] = dict(fits)
    if from_folders:
        found = {name: read_run(folder) for name, folder in folders(fits).items()}
    groups = by_seed(found)
    assert {label: len(group) for label, group in groups.items()} == {
        "gated (2 seeds)": 2,
        "wide-0": 1,
        "other-0": 1,
    }


def test_they_stand_beside_networks_of_the_package(
    fits: dict[str, srnn.Fit[Gated]], tmp_path: Path
) -> None:
    srnn.train(small_config(), tmp_path / "ours")
    given = [str(folder) for folder in (folders(fits)["gated-0"], tmp_path / "ours")]
    assert cli.main(["report", *given, "-o", str(tmp_path / "page.html")]) == 0
    assert cli.main(["report", *given, "-o", str(tmp_path / "figure.svg")]) == 0
    page = read_page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [one["name"] for one in charts(page)[0]["series"]] == ["gated-0", "ours"]
    (region,) = page.all("div", **{"aria-label": "Networks and how they were trained"})
    head, own, other = region.rows()
    assert head[:7] == ["run", "network", "parameters", "units", "synapses", "density", "backend"]
    n_weights = sum(p.numel() for p in Gated().parameters())
    assert own[1].endswith("test_own_networks.Gated")
    assert own[2:7] == [words.number(n_weights), DASH, DASH, DASH, ""]
    assert other[1] == "vanilla, locality"
    assert other[3] == "16"
    assert Path(tmp_path / "figure.svg").stat().st_size > 0


def test_a_run_that_has_not_ended_is_named(
    fits: dict[str, srnn.Fit[Gated]], tmp_path: Path
) -> None:
    folder = folders(fits)["other-0"]
    for name in ("config.json", "metrics.csv", "evaluation.csv"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(FileNotFoundError, match="has not ended"):
        report.overview({"other": tmp_path})


def test_a_record_without_its_network_is_named(
    fits: dict[str, srnn.Fit[Gated]], tmp_path: Path
) -> None:
    folder = folders(fits)["other-0"]
    for path in folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    told = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del told["network"]["parameters"]
    (tmp_path / "config.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(RunConflict, match="does not say what was trained"):
        report.runs_page({"other": tmp_path})
