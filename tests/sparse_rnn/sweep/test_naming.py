"""Identities: equal for equal runs, different for different ones, the same in later versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn.sweep.naming import canonical, distinct, folder_of, identity
from tests.sparse_rnn.helpers import small_config

SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "steps": st.integers(1, 3),
    "lr": st.sampled_from([1, 1.0, 1e-3, 0.5]),
    "noise": st.sampled_from([0, 1, 1.0, "yang"]),
    "seq_len": st.sampled_from([100, "auto"]),
    "seed": st.integers(0, 2),
    "size": st.sampled_from([16, "16", (16,), "4x4", (4, 4)]),
    "clip": st.sampled_from([None, 1, 1.0, 2.5]),
    "nonlinearity": st.sampled_from([None, "relu", "tanh"]),
    "suite": st.sampled_from(["Go", ("Go",), ["Go"], "cog-20"]),
    "mask_options": st.sampled_from(
        [
            {"in_degree": 3},
            {"in_degree": 3.0},
            {"in_degree": 3, "seed": 0},
            {"in_degree": 3, "seed": 1},
            {"seed": 1, "in_degree": 3},
        ]
    ),
}
CONFIGS = st.fixed_dictionaries({}, optional=SETTINGS).map(
    lambda chosen: srnn.TrainConfig(
        **{"arch": "random", "size": 16, "mask_options": {"in_degree": 2}, **chosen}
    )
)


@given(CONFIGS, CONFIGS)
def test_two_runs_have_one_identity_where_their_settings_are_equal(
    one: srnn.TrainConfig, other: srnn.TrainConfig
) -> None:
    assert (identity(one) == identity(other)) == (one == other)


@given(CONFIGS)
def test_an_identity_survives_json(config: srnn.TrainConfig) -> None:
    assert identity(srnn.TrainConfig.from_json(config.to_json())) == identity(config)


def test_options_of_the_mask_at_their_default_count_as_left_out() -> None:
    short = small_config()
    long = small_config(mask_options={"periodic": True})
    assert short != long
    assert identity(short) == identity(long)
    assert canonical(long) == short
    assert identity(small_config(mask_options={"periodic": False})) != identity(short)
    assert list(distinct([short, long, small_config(seed=1)]).values()) == [
        short,
        small_config(seed=1),
    ]


@pytest.mark.parametrize("arch", ["random", "scale_free"])
def test_a_seed_of_the_mask_never_counts_as_left_out(arch: str) -> None:
    # Left out, the mask's seed follows from that of the run, whatever the family's default is.
    options: dict[str, Any] = {"random": {"in_degree": 3}, "scale_free": {"mean_in_degree": 3}}[
        arch
    ]
    found = {
        identity(small_config(arch=arch, radius=None, mask_options={**options, **seed}))
        for seed in ({}, {"seed": 0}, {"seed": 1})
    }
    assert len(found) == 3


def test_identities_of_today_are_those_of_tomorrow() -> None:
    # A change of these renames all runs that people have: they would be trained again.
    told = {
        "plain": srnn.TrainConfig(arch="dense", size=100, init="fan_in", lr=1e-3, rates={}),
        "paper": srnn.TrainConfig(
            suite="mod-cog-84",
            arch="locality",
            size="50x50",
            radius=6,
            init="fan_in",
            lr=1e-3,
            rates={},
            steps=10_000,
            seed=7,
        ),
        "fair": srnn.TrainConfig(arch="dense", size=100, init="fan_in", lr=1e-3),
        "open": srnn.TrainConfig(arch="dense", size=100),
    }
    assert {name: identity(config) for name, config in told.items()} == {
        "plain": "5e0204d1cf090452",
        "paper": "cf6e128cc123e6af",
        "fair": "2ece94ca652f7555",
        "open": "33ace1661a4de97f",
    }


def test_a_run_has_a_folder_of_its_identity() -> None:
    config = small_config()
    assert folder_of("here", config).as_posix() == f"here/runs/{identity(config)}"


def test_rates_are_part_of_the_name_unless_there_is_one_for_all() -> None:
    plain = identity(small_config(rates={}))
    assert identity(small_config(rates={"recurrent": 1.0})) == plain
    names = {identity(small_config(rates=rates)) for rates in ({"input": 0.5}, "in_degree")}
    assert len({plain, *names}) == 3
    assert identity(small_config()) in names
