"""Grids: which runs they hold, in which order, and what is refused before anything begins."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from sparse_rnn import sweep
from sparse_rnn.errors import InvalidArgument, SparseRnnError, UnknownName
from sparse_rnn.sweep.grid import load
from sparse_rnn.sweep.validation import check_all
from tests.sparse_rnn.helpers import SMALL, small_config

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "sweep.toml"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_runs_come_in_the_order_of_the_lists_and_the_last_axis_varies_fastest() -> None:
    grid = sweep.Grid.of(
        SMALL, runs=[{"cell": "vanilla"}, {"cell": "gru"}], lr=[0.1, 0.2], seed=[4, 2]
    )
    configs = grid.configs()
    told = [(config.cell, config.lr, config.seed) for config in configs]
    assert told == [
        (cell, lr, seed) for cell in ("vanilla", "gru") for lr in (0.1, 0.2) for seed in (4, 2)
    ]
    assert len(grid) == len(configs) == 8
    assert {config.steps for config in configs} == {SMALL["steps"]}


def test_options_of_the_mask_are_merged_one_by_one() -> None:
    grid = sweep.Grid.of(
        {**SMALL, "radius": None, "arch": "random", "mask_options": {"seed": 3}},
        runs=[{"mask_options": {"in_degree": 2}}, {"mask_options": {"in_degree": 4, "seed": 5}}],
    )
    assert [dict(config.mask_options) for config in grid.configs()] == [
        {"in_degree": 2, "seed": 3},
        {"in_degree": 4, "seed": 5},
    ]


def test_a_configuration_can_be_the_base() -> None:
    base = small_config(lr=0.5)
    assert sweep.Grid.of(base).configs() == (base,)
    seeds = sweep.Grid.of(base, seed=range(2)).configs()
    assert seeds == (small_config(lr=0.5, seed=0), small_config(lr=0.5, seed=1))
    # What follows from other settings follows from those of each run.
    both = sweep.Grid.of(small_config(), cell=("vanilla", "gru"), optimiser=("adam", "sgd"))
    assert both.configs() == tuple(
        small_config(cell=cell, optimiser=optimiser)
        for cell in ("vanilla", "gru")
        for optimiser in ("adam", "sgd")
    )


def test_toml_json_and_python_say_the_same(tmp_path: Path) -> None:
    record: dict[str, Any] = {
        "seeds": 2,
        "settings": {"suite": ["Go", "DlyGo"], "steps": 4, "size": "4x4"},
        "axes": {"lr": [0.1, 0.2]},
        "runs": [{"arch": "dense"}, {"arch": "random", "mask_options": {"in_degree": 3}}],
    }
    toml = """
        seeds = 2
        [settings]
        suite = ["Go", "DlyGo"]
        steps = 4
        size = "4x4"
        [axes]
        lr = [0.1, 0.2]
        [[runs]]
        arch = "dense"
        [[runs]]
        arch = "random"
        mask_options.in_degree = 3
    """
    from_toml = sweep.Grid.read(written(tmp_path / "a.toml", toml)).configs()
    from_json = sweep.Grid.read(written(tmp_path / "a.json", json.dumps(record))).configs()
    from_python = sweep.Grid.of(
        record["settings"], runs=record["runs"], lr=[0.1, 0.2], seed=range(2)
    ).configs()
    assert from_toml == from_json == from_python
    assert len(from_toml) == 8


def test_the_example_of_the_documentation_is_a_sweep_that_can_run() -> None:
    configs = load(EXAMPLE)
    check_all(configs)
    assert len(configs) == 18
    synapses = {config.arch: config.build_mask().nnz for config in configs}
    assert synapses["locality"] == synapses["random"] < synapses["dense"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeds = 0", "seeds must be a number of at least 1, or a list of seeds; got 0"),
        ("seeds = []", "seeds must be a list of at least one value"),
        ("setings = 1", "Did you mean 'settings'?"),
        ("settings = 1", "settings must be a table of settings; got 1"),
        ("runs = [1]", "runs must be a table of settings; got 1"),
        ("[axes]\nlr = 0.1", "lr must be a list of values; got 0.1"),
        ("seeds = 1\n[axes]\nseed = [1]", "seeds must be left out beside axes.seed"),
        ("[axes]\nruns = [1]", r"axes.runs must be written as \[\[runs\]\]"),
        ("[axes", "SPEC must be valid TOML"),
        ("[settings]\narch='dense'\nsize=9\n[axes]\nlr=[1, -2]", "run with lr -2"),
        ("[settings]\narch='dense'\nsize=9\nlrr=1", "Did you mean 'lr'"),
        ("[settings]\narch='dense'\nsize=9\n[axes]\nlr=[0.1, 0.10]", "different from each other"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        sweep.Grid.read(written(tmp_path / "a.toml", text)).configs()


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"ends in .toml or .json; got .*a.yaml"):
        sweep.Grid.read(written(tmp_path / "a.yaml", ""))
    with pytest.raises(FileNotFoundError):
        sweep.Grid.read(tmp_path / "missing.toml")
    with pytest.raises(SparseRnnError, match="at least one configuration"):
        load([])


def test_what_only_building_finds_out_is_found_before_anything_begins(tmp_path: Path) -> None:
    unknown = [small_config(), small_config(suite="cog20")]
    with pytest.raises(UnknownName, match=r"Did you mean cog-20\? \(In run [0-9a-f]{16}"):
        sweep.run(unknown, tmp_path / "results", workers=0)
    crowded = small_config(arch="random", radius=None, mask_options={"in_degree": 99})
    with pytest.raises(InvalidArgument, match="in_degree must be a whole number from 1 to 16"):
        sweep.run([small_config(), crowded], tmp_path / "results", workers=0)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "axes",
    [
        "mask_options.in_degree = [3, 5]",
        '"mask_options.in_degree" = [3, 5]',
        "mask_options = { in_degree = [3, 5] }",
        "mask_options = [{ in_degree = 3 }, { in_degree = 5 }]",
    ],
)
def test_options_of_the_mask_are_axes(axes: str, tmp_path: Path) -> None:
    spec = tmp_path / "sweep.toml"
    spec.write_text(
        '[settings]\nsuite = "Go"\narch = "random"\nsize = 9\nsteps = 1\n'
        f'mask_options.self_connections = "never"\n[axes]\n{axes}\nlr = [0.1, 0.2]\n'
    )
    configs = sweep.Grid.read(spec).configs()
    assert [(config.mask_options["in_degree"], config.lr) for config in configs] == [
        (3, 0.1),
        (3, 0.2),
        (5, 0.1),
        (5, 0.2),
    ]
    assert {config.mask_options["self_connections"] for config in configs} == {"never"}


def test_an_unknown_option_on_an_axis_is_refused_with_the_nearest() -> None:
    grid = sweep.Grid.of(
        {"suite": "Go", "arch": "random", "size": 9}, mask_options={"indegree": [3, 5]}
    )
    with pytest.raises(SparseRnnError, match=r"Did you mean 'in_degree'\?"):
        grid.configs()
    with pytest.raises(SparseRnnError, match=r"^mask_options.in_degree must be a list"):
        sweep.Grid.of({"arch": "random"}, mask_options={"in_degree": 3})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeds = 1000000000", "seeds must be at most 1000000; got 1000000000"),
        (
            "[axes]\n" + "\n".join(f"{name} = {list(range(1, 1001))}" for name in "abcd"),
            r"axes must be such that there are at most 1000000 runs; got '1 explicit runs x "
            r"1000 x 1000 x 1000 x 1000'. Split the sweep",
        ),
        ("settings." + ".".join("a" * 50_000) + " = 1", "a key has more than 50 parts"),
        ("[settings]\nx = {" + " . ".join("a" * 50_000) + " = 1}", "a key has more than 50 parts"),
        ("[" + ".".join('"a"' for _ in range(50_000)) + "]", "a key has more than 50 parts"),
        ("seeds = " + "[" * 60 + "]" * 60, "nested too deeply"),
        ("seeds = " + "[" * 100_000, "SPEC must be valid TOML"),
    ],
)
@pytest.mark.timeout(60)
def test_counts_and_sizes_are_limited_before_anything_is_made(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(InvalidArgument, match=told):
        sweep.Grid.read(written(tmp_path / "a.toml", text))


def test_many_dots_that_join_no_key_are_no_fault(tmp_path: Path) -> None:
    text = f"# {'.' * 99}\n[settings]\nsize=9\narch='dense'\n[axes]\nlr=[{'0.1, ' * 59}0.2] # ...\n"
    assert len(sweep.Grid.read(written(tmp_path / "a.toml", text))) == 60


def test_an_endless_axis_and_a_large_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidArgument, match="seed must be a list of at most 1000000 values"):
        sweep.Grid.of(SMALL, seed=itertools.count())
    with pytest.raises(InvalidArgument, match="at most 1000000 runs"):
        sweep.Grid(SMALL, axes={"seed": tuple(range(2000)), "lr": tuple(range(2000))})
    monkeypatch.setattr("sparse_rnn.sweep.grid.MAX_BYTES", 10)
    with pytest.raises(InvalidArgument, match="a file of at most 10 bytes"):
        sweep.Grid.read(written(tmp_path / "a.json", '{"settings": {}}'))
