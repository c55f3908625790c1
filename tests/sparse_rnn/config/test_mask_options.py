"""Options of mask families in configurations, on the command line and in pictures."""

from __future__ import annotations

import copy
import json
import pickle
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import cli, masks, report, seeding
from sparse_rnn.cli import mask_flags
from sparse_rnn.config.mask_options import MaskOptions
from sparse_rnn.errors import InvalidArgument
from tests.sparse_rnn.helpers import small_config
from tests.sparse_rnn.mask_families import FAMILIES, GRAPH, SIZE

SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text().filter(str.isprintable),
)


def status(words: str, *more: str | Path) -> int:
    """Exit status of the command, however it ends."""
    try:
        return cli.main([*shlex.split(words), *map(str, more)])
    except SystemExit as end:
        return int(end.code or 0)


def config_of(name: str, tmp_path: Path, **changes: Any) -> srnn.TrainConfig:
    """A configuration with the family's options of the tests."""
    options = dict(FAMILIES[name])
    if "graph" in options:
        options["graph"] = str(tmp_path / "graph.csv")
        targets, sources = np.nonzero(GRAPH)
        np.savetxt(options["graph"], np.stack([sources, targets], 1), "%d", ",")
    return small_config(arch=name, size=SIZE, radius=None, mask_options=options, **changes)


@pytest.mark.parametrize("name", FAMILIES)
def test_configurations_of_every_family_survive_json(name: str, tmp_path: Path) -> None:
    config = config_of(name, tmp_path)
    again = srnn.TrainConfig.from_json(config.to_json())
    assert again == config
    assert hash(again) == hash(config)
    assert again.to_json() == config.to_json()
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    mask = config.build_mask()
    assert mask == again.build_mask()
    assert mask.family == name
    assert config_of(name, tmp_path, lr=0.5).build_mask() == mask


@given(st.dictionaries(st.text(), SCALARS))
def test_options_are_frozen_and_survive_json(given_options: dict[str, Any]) -> None:
    options = MaskOptions(given_options)
    assert options == given_options
    assert MaskOptions(json.loads(json.dumps(dict(options)))) == options
    assert hash(options) == hash(MaskOptions(dict(reversed(given_options.items()))))
    with pytest.raises(TypeError):
        options["radius"] = 2


def test_the_radius_has_one_place() -> None:
    one = srnn.TrainConfig(arch="locality", size=(9,), radius=2)
    other = srnn.TrainConfig(arch="locality", size=(9,), mask_options={"radius": 2})
    assert one == other
    assert other.radius == 2
    assert other.mask_options == {}
    open_sheet = srnn.TrainConfig(
        arch="locality", size=(9,), radius=2, mask_options={"periodic": False}
    )
    assert open_sheet.build_mask() == masks.locality((9,), 2, periodic=False)
    with pytest.raises(InvalidArgument, match="radius must be as in mask_options, 3; got 2"):
        srnn.TrainConfig(arch="locality", size=(9,), radius=2, mask_options={"radius": 3})


@pytest.mark.parametrize("name", ["random", "small_world", "scale_free"])
def test_the_mask_follows_from_the_seed_of_the_run(name: str, tmp_path: Path) -> None:
    first, second = (config_of(name, tmp_path, seed=seed).build_mask() for seed in (1, 2))
    assert first != second
    stream = seeding.derive(1, seeding.Purpose.MASK_OF_RUN)
    assert first == masks.build(name, SIZE, **FAMILIES[name], seed=stream)
    fixed = [
        small_config(
            arch=name, size=SIZE, radius=None, mask_options={**FAMILIES[name], "seed": 5}, seed=seed
        )
        for seed in (1, 2)
    ]
    assert fixed[0].build_mask() == fixed[1].build_mask()
    assert fixed[0].build_mask() == masks.build(name, SIZE, **FAMILIES[name], seed=5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arch": "random"}, "in_degree must be given for 'random' masks; got None."),
        ({"arch": "random", "in_degree": 3}, "in_degree must be in mask_options, as an option of"),
        ({"arch": "random", "in_degree": 3}, "Write mask_options={'in_degree': 3}."),
        ({"arch": "random", "mask_options": {"indegree": 3}}, "Did you mean 'in_degree'?"),
        ({"arch": "dense", "mask_options": {"nnz": 3}}, "it is an option of small_world;"),
        ({"arch": "dense", "mask_options": 3}, "mask_options must be a mapping from names to"),
        ({"arch": "dense", "mask_options": [3]}, "mask_options must be a mapping from names to"),
        (
            {"arch": "random", "mask_options": {"in_degree": None}},
            "mask.in_degree must be a number, a word, True or False; got None.",
        ),
        (
            {"arch": "from_graph", "mask_options": {"graph": GRAPH}},
            "Write a graph to a file and name that.",
        ),
        (
            {"arch": "random", "mask_options": {"in_degree": 3, "seed": -1}},
            "mask.seed must be a whole number of at least 0; got -1.",
        ),
        (
            {"arch": "scale_free", "mask_options": {"mean_in_degree": float("nan")}},
            "mask.mean_in_degree must be finite; got nan.",
        ),
    ],
)
def test_configurations_refuse_options_with_where_they_belong(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        srnn.TrainConfig(size=9, **settings)
    assert message in str(caught.value)


def test_values_are_refused_before_a_run_writes_anything(tmp_path: Path) -> None:
    config = small_config(arch="random", radius=None, mask_options={"in_degree": 17})
    with pytest.raises(InvalidArgument, match="in_degree must be a whole number from 1 to 16"):
        srnn.train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_every_option_is_a_flag_with_its_meaning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    for command in ("train", "info"):
        assert status(f"{command} --help") == 0
        out = capsys.readouterr().out
        for name in masks.MASKS:
            for option in masks.options(name).values():
                if option.kinds and option.name != "radius":
                    assert mask_flags.typed(option.name) in out
    assert "Number of synapses in all, self-connections included. (small_world)" in out
    assert "--mask.nodes" not in out


def test_train_takes_the_options_of_the_family(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = (
        "train --suite Go --arch random --size 4x4 --steps 1 --batch-size 1 --seq-len 45 "
        "--eval-batches 1 --final-batches 1 --seed 3 --mask.in-degree 5 "
        "--mask.self-connections never"
    )
    assert status(words, "--out", out) == 0
    run = srnn.load_run(out)
    assert run.config.mask_options == {"in_degree": 5, "self_connections": "never"}
    assert run.network.rnn.mask == run.config.build_mask()
    assert set(run.network.rnn.mask.in_degree()) == {5}
    assert not run.network.rnn.mask.to_dense().diagonal().any()


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (
            "--arch random --size 20x20 --mask.in-degree 3 --mask.seed 1",
            ["  synapses                             1200", "unreachable pairs of units"],
        ),
        (
            "--arch locality --size 5x6 --radius 1 --mask.periodic False",
            ["periodic=False", "  diameter                                9"],
        ),
        ("--arch dense --size 30", ['Backend "auto" on a CPU is dense: 100 % of the matrix']),
        (
            "--arch random --size 400 --mask.in-degree 9 --sources 20",
            ["Paths start from a sample of 20 units"],
        ),
        ("--arch autapse --size 4", ["  reciprocity                          none"]),
    ],
)
def test_info_prints_the_measures(
    words: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(f"info {words}") == 0
    out = capsys.readouterr().out
    for line in lines:
        assert line in out


def test_info_shows_the_mask_of_the_run_with_that_seed(capsys: pytest.CaptureFixture[str]) -> None:
    words = "info --arch erdos_renyi --size 30 --mask.probability 0.2 --seed"
    printed = []
    for seed in ("0", "0", "1"):
        assert status(f"{words} {seed}") == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--arch random", "--mask.in-degree must be given for 'random' masks"),
        ("--arch random --mask.in-degree 10", "--mask.in-degree must be a whole number from 1 to"),
        ("--arch dense --mask.in-degree 1", "--mask.in-degree must be left out for 'dense' masks"),
        ("--arch random --mask.in-degree 1 --mask.seed -1", "--mask.seed must be a whole number"),
        ("--arch from_graph --mask.graph no.csv", "--mask.graph must be a file that can be read"),
        ("--arch dense --sources 0", "--sources must be a whole number from 1 to 9; got 0."),
        ("--arch dense --unit 9 -o mask.png", "--unit must be a whole number from 0 to 8; got 9."),
        ("--arch dense -o mask.gif", "--out must be a file name that ends in .png, .pdf, .svg"),
        ("--arch dense -o no/mask.png", "--out must be in a folder that exists"),
    ],
)
def test_info_refuses_in_one_line(
    words: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(f"info --size 9 {words}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sparse-rnn: {message}")
    assert list(tmp_path.iterdir()) == []


def test_info_says_how_far_a_slow_measurement_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sparse_rnn.training.progress.LINE_EVERY_S", 0.0)
    assert status("info --arch random --size 50 --mask.in-degree 3") == 0
    assert "measuring the graph: 100 %" in capsys.readouterr().err


def test_info_draws_the_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "info --arch locality --size 9x8 --radius 2 --unit 3 -o"
    assert status(words, tmp_path / "mask.svg") == 0
    assert f"Figure: {tmp_path / 'mask.svg'}" in capsys.readouterr().out
    assert (tmp_path / "mask.svg").stat().st_size > 5000


def test_the_picture_shows_the_connections_of_the_unit() -> None:
    mask = masks.random((9, 8), 5, seed=1)
    left, right = report.sheet(mask, unit=20).axes
    (image,) = left.images
    kinds = np.asarray(image.get_array()).ravel()
    dense = mask.to_dense()
    expected = dense[20] + 2 * dense[:, 20]
    expected[20] = 4
    np.testing.assert_array_equal(kinds, expected)
    assert sum(patch.get_height() for patch in right.patches) == 72
    middle = np.asarray(report.sheet(mask).axes[0].images[0].get_array())
    assert middle[4, 4] == 4


@pytest.mark.parametrize("size", [30, (3, 4, 5), 1200])
def test_without_a_sheet_the_picture_is_the_matrix(size: Any) -> None:
    mask = masks.erdos_renyi(size, 0.1, seed=1)
    image = report.sheet(mask).axes[0].images[0]
    drawn = np.asarray(image.get_array())
    if mask.n_units <= 500:
        np.testing.assert_array_equal(drawn, mask.to_dense())
    else:
        assert drawn.shape == (400, 400)
        assert drawn.mean() == pytest.approx(mask.density)
    unplaced = masks.from_graph(masks.erdos_renyi(9, 0.5).to_dense())
    assert report.sheet(unplaced).axes[0].get_title() == "Adjacency matrix"


def test_the_picture_needs_a_unit_that_exists() -> None:
    with pytest.raises(InvalidArgument, match=r"^unit must be a whole number from 0 to 8; got 9"):
        report.sheet(masks.dense(9), unit=9)
