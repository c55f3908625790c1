"""The table of the worm's neurons, and random graphs with the degrees of a given one."""

from __future__ import annotations

import logging
from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import degree_preserving, from_graph
from tests.sparse_rnn.helpers import random_mask

HEAD = "Neuron 1,Neuron 2,Type,Nbr"
WORM = f"""{HEAD}
AVAL,PVCL,S,2
AVAL,PVCL,Sp,1
PVCL,AVAL,R,1
PVCL,AVAL,Rp,2
PVCL,DB1,Sp,4
DB1,PVCL,Rp,4
DB1,AVAL,S,1
AVAL,DB1,R,1
AVAL,DA1,EJ,3
DA1,AVAL,EJ,3
DA1,DA1,EJ,1
DB1,NMJ,NMJ,4
"""
"""Rows of each kind, as in the file of Varshney et al.; made up."""

CHEMICAL = {("AVAL", "PVCL"), ("PVCL", "DB1"), ("DB1", "AVAL")}
ELECTRICAL = {("AVAL", "DA1"), ("DA1", "AVAL"), ("DA1", "DA1")}
NEURONS = ("AVAL", "PVCL", "DB1", "DA1")


def written(tmp_path: Path, text: str = WORM, name: str = "worm.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def pairs(mask: srnn.Mask) -> set[tuple[str, str]]:
    sources, targets = mask.indices.tolist(), mask.targets().tolist()
    return {(NEURONS[a], NEURONS[b]) for a, b in zip(sources, targets, strict=True)}


@pytest.mark.parametrize(
    ("synapses", "expected"),
    [
        (None, CHEMICAL),
        ("chemical", CHEMICAL),
        ("electrical", ELECTRICAL),
        ("both", CHEMICAL | ELECTRICAL),
    ],
)
def test_types_of_the_worm_say_the_direction(
    tmp_path: Path, synapses: str | None, expected: set[tuple[str, str]]
) -> None:
    path = written(tmp_path)
    frame = pd.read_csv(path)
    for graph in (
        path,
        written(tmp_path, WORM.replace(",", ";"), "semicolons.csv"),
        frame,
        pl.read_csv(path),
    ):
        mask = from_graph(graph, synapses=synapses)  # pyright: ignore[reportArgumentType]
        assert mask.n_units == 4  # The same neurons, whichever synapses.
        assert pairs(mask) == expected


def test_a_row_with_a_0_is_no_synapse(tmp_path: Path) -> None:
    mask = from_graph(written(tmp_path, f"{WORM}AVAL,DA1,Sp,0\nDA1,AVAL,Rp,0\n"))
    assert pairs(mask) == CHEMICAL


def test_the_log_says_whom_to_cite(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="sparse_rnn"):
        from_graph(written(tmp_path))
    assert "chemical synapses; cite Varshney et al. 2011" in caplog.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("AVAL,DA1,S,2", "AVAL -> DA1, 2 sent and 0 received"),
        ("AVAL,DA1,R,2", "DA1 -> AVAL, 0 sent and 2 received"),
        ("AVAL,PVCL,Sp,1", "AVAL -> PVCL, 4 sent and 3 received"),
        ("PVCL,DA1,EJ,1", "told from the other side"),
        ("AVAL,DA1,X,2", "the type 'X' in line 14"),
        ("AVAL,DA1,S,-1", "line 14, 'AVAL', 'DA1', 'S', '-1'"),
        ("AVAL,DA1,S,two", "a number from 0"),
        ("AVAL,,S,2", "two neurons"),
        ("AVAL,DA1,S", "Line 14"),
        ("AVAL,DA1,S,2,3", "Line 14"),
    ],
)
def test_a_table_of_the_worm_with_wrong_rows_is_refused(
    tmp_path: Path, line: str, told: str
) -> None:
    with pytest.raises(InvalidArgument, match="graph") as error:
        from_graph(written(tmp_path, f"{WORM}{line}\n"))
    assert told in str(error.value)


def test_columns_of_the_worm_are_not_chosen(tmp_path: Path) -> None:
    # Read by two of its columns alone, half of the synapses would point the wrong way.
    with pytest.raises(InvalidArgument, match="source.*whose types say the direction"):
        from_graph(written(tmp_path), source="Neuron 1", target="Neuron 2", aggregate="sum")


@pytest.mark.parametrize("graph", [np.eye(4, k=1), srnn.masks.dense(4)])
def test_kinds_of_synapses_are_those_of_the_worm_alone(graph: object, tmp_path: Path) -> None:
    table = written(tmp_path, "source,target\n0,1\n1,2\n", "table.csv")
    for other in (graph, table, pd.read_csv(table)):
        with pytest.raises(InvalidArgument, match="synapses"):
            from_graph(other, synapses="both")


def test_a_mask_is_a_graph() -> None:
    mask = srnn.masks.locality((4, 5), 1.5)
    assert from_graph(mask) == mask
    np.testing.assert_array_equal(from_graph(mask).coords, mask.coords)
    assert from_graph(mask, size=20).coords is None


def own(mask: srnn.Mask) -> set[int]:
    return set(mask.indices[mask.indices == mask.targets()].tolist())


@given(st.integers(5, 20), st.floats(0.1, 0.7), st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_degrees_and_self_connections_stay(
    n_units: int, density: float, seed: int, swaps: int
) -> None:
    mask = random_mask(np.random.default_rng(seed), n_units, density)
    try:
        control = degree_preserving(mask, swaps=swaps, seed=seed)
    except InvalidArgument as error:
        assert "graph" in str(error)  # noqa: PT017 - of an empty mask, or none to swap
        return
    # A mask has each synapse once, or it is refused.
    np.testing.assert_array_equal(control.in_degree(), mask.in_degree())
    np.testing.assert_array_equal(control.out_degree(), mask.out_degree())
    assert own(control) == own(mask)


def test_swaps_reach_every_graph_of_the_same_degrees_alike() -> None:
    # Each of 4 units has one target, not itself: the 9 permutations without a fixed point.
    start = from_graph(np.roll(np.eye(4), 1, axis=0))
    n_drawn = 450
    found = Counter(
        tuple(degree_preserving(start, swaps=10, seed=seed).indices.tolist())
        for seed in range(n_drawn)
    )
    all_of_them = [p for p in permutations(range(4)) if all(i != j for i, j in enumerate(p))]
    assert sorted(found) == sorted(all_of_them)
    chi_squared = sum((n - n_drawn / 9) ** 2 / (n_drawn / 9) for n in found.values())
    assert chi_squared < 26.1  # 8 degrees of freedom, p = 0.001


def test_a_local_mask_loses_its_places_and_its_clustering() -> None:
    mask = srnn.masks.locality((12, 12), 2)
    control = degree_preserving(mask, seed=1)
    shared = len(
        set(zip(control.indices.tolist(), control.targets().tolist(), strict=True))
        & set(zip(mask.indices.tolist(), mask.targets().tolist(), strict=True))
    )
    others = mask.nnz - len(own(mask))
    # As many synapses stay as chance has it.
    assert (shared - len(own(mask))) / others == pytest.approx(others / 144**2, abs=0.05)
    before, after = (srnn.masks.measures(one).clustering for one in (mask, control))
    assert after < before / 3
    np.testing.assert_array_equal(control.coords, mask.coords)


def test_more_rounds_change_more() -> None:
    mask = srnn.masks.locality((8, 8), 2)
    kept = [
        (degree_preserving(mask, swaps=swaps, seed=0).to_dense() & mask.to_dense()).sum()
        for swaps in (1, 2, 10)
    ]
    assert all(later < earlier for earlier, later in pairwise(kept))


@pytest.mark.parametrize("mask", [srnn.masks.dense(5), srnn.masks.autapse(5)])
def test_a_graph_without_a_swap_is_refused(mask: srnn.Mask) -> None:
    with pytest.raises(InvalidArgument, match="two synapses can swap their targets"):
        degree_preserving(mask)


def test_one_generator_gives_one_control_after_the_other() -> None:
    mask, rng = srnn.masks.random(30, 4), np.random.default_rng(5)
    first, second = (degree_preserving(mask, seed=rng) for _ in range(2))
    assert first != second
    assert degree_preserving(mask, seed=np.random.default_rng(5)) == first
