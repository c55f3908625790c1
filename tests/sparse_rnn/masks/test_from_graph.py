"""Masks from graphs: each kind of input, there and back, and what is refused."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

import sparse_rnn as srnn
from sparse_rnn.masks import from_graph
from tests.sparse_rnn.helpers import random_mask

MASK = random_mask(np.random.default_rng(3), 12)
assert (MASK.in_degree() + MASK.out_degree() > 0).all()


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_graphs_and_matrices_come_back(n_units: int, seed: int) -> None:
    mask = random_mask(np.random.default_rng(seed), n_units, 0.6)
    dense = mask.to_dense()
    if not mask.nnz:
        return
    assert from_graph(mask.to_networkx()) == mask
    for matrix in (dense, dense.astype(int), dense.astype(float), dense.tolist()):
        assert from_graph(matrix) == mask
    for kind in ("csr", "csc", "coo", "lil", "dok"):
        assert from_graph(sparse.csr_array(dense).asformat(kind)) == mask
    assert from_graph(sparse.csr_matrix(dense)) == mask
    assert from_graph(mask.tocsr()) == mask


def lines(mask: srnn.Mask, separator: str) -> str:
    pairs = zip(mask.indices, mask.targets(), strict=True)
    return "".join(f"{source}{separator}{target}\n" for source, target in pairs)


@pytest.mark.parametrize(
    ("name", "separator", "head"),
    [
        ("graph.csv", ",", ""),
        ("graph.csv", ", ", "source,target\n"),
        ("GRAPH.CSV", ",", "\ufeffPre,Post\n"),
        ("graph.tsv", "\t", "from\tto\n"),
        ("graph.txt", " ", "# a comment\n\n"),
        ("graph.edges", "   ", ""),
        ("graph.edgelist", "\t", ""),
    ],
)
def test_lists_of_edges_come_back(name: str, separator: str, head: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(head + lines(MASK, separator), encoding="utf-8")
    for given_path in (path, str(path)):
        mask = from_graph(given_path)
        assert mask == MASK
        assert mask.family == "from_graph"
        assert mask.parameters == {"graph": str(path)}
        assert mask.coords is None


def test_files_that_networkx_writes_come_back(tmp_path: Path) -> None:
    graph = MASK.to_networkx()
    nx.write_graphml(graph, tmp_path / "graph.graphml")
    nx.write_edgelist(graph, tmp_path / "graph.edgelist")
    for name in ("graph.graphml", "graph.edgelist"):
        assert from_graph(tmp_path / name) == MASK


def test_the_direction_is_from_the_source_onto_the_target(tmp_path: Path) -> None:
    (tmp_path / "edge.csv").write_text("target,weight,source\n1,1,0\n")
    expected = [[0, 0], [1, 0]]
    for graph in (nx.DiGraph([(0, 1)]), np.array(expected), tmp_path / "edge.csv"):
        np.testing.assert_array_equal(from_graph(graph).to_dense(), expected)


def test_undirected_graphs_have_both_directions() -> None:
    graph = nx.Graph([(0, 1), (1, 2), (2, 2)])
    np.testing.assert_array_equal(from_graph(graph).to_dense(), nx.to_numpy_array(graph) > 0)


def test_units_are_in_the_order_that_is_promised(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(["c", "a", "b"])
    graph.add_edge("a", "b")
    assert from_graph(graph) == srnn.Mask.from_edges(3, [2], [1])
    assert from_graph(graph, nodes=["a", "b", "c"]) == srnn.Mask.from_edges(3, [1], [0])
    assert from_graph(graph, nodes=list("xabc")) == srnn.Mask.from_edges(4, [2], [1])
    file = tmp_path / "graph.txt"
    file.write_text("ASH AVA\nADF ASH\n")  # names: by first appearance
    assert from_graph(file) == srnn.Mask.from_edges(3, [1, 0], [0, 2])
    file.write_text("720575940628857210 10\n9 10\n10 9\n")  # numbers: ascending
    assert from_graph(file) == srnn.Mask.from_edges(3, [1, 1, 0], [2, 0, 1])
    assert from_graph(file, nodes=[10, 9, 720575940628857210, 1]).n_units == 4


def test_weights_are_ignored_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weighted = nx.DiGraph()
    weighted.add_edge(0, 1, weight=0.25)
    (tmp_path / "graph.csv").write_text("0,1,0.25\n")
    matrix = np.array([[0, 0], [-0.25, 0]])
    for graph in (weighted, matrix, sparse.csr_array(matrix), tmp_path / "graph.csv"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="sparse_rnn"):
            assert from_graph(graph) == srnn.Mask.from_edges(2, [1], [0])
        assert "are ignored; a mask has none" in caplog.text
    caplog.clear()
    stored_zero = sparse.coo_array(([0.0, 1.0], ([0, 1], [0, 0])), shape=(2, 2))
    assert from_graph(stored_zero) == srnn.Mask.from_edges(2, [1], [0])
    assert not caplog.text


def test_a_size_is_checked_and_lays_the_units_on_a_sheet() -> None:
    assert from_graph(MASK.to_dense(), size=12).coords is None
    sheet = from_graph(MASK.to_dense(), size=(3, 4))
    assert sheet.coords is not None
    np.testing.assert_array_equal(sheet.coords, list(np.ndindex(3, 4)))
    assert sheet.parameters["size"] == (3, 4)
    with pytest.raises(srnn.SparseRnnError, match=r"^size must be 12 units, as many as the graph"):
        from_graph(MASK.to_dense(), size=(3, 5))


TWICE = sparse.coo_array(([1, 1], ([1, 1], [1, 1])), shape=(2, 2))
MULTI = nx.MultiDiGraph([("a", "b"), ("a", "b")])


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (TWICE, "a graph with each edge once; got 'the self-connection 1 -> 1 twice'"),
        (MULTI, "got \"the edge 'a' -> 'b' twice\""),
        (np.ones((2, 3)), "a square matrix [N, N]; got 'of shape [2, 3]'"),
        (np.ones(4), "got 'of shape [4]'"),
        (sparse.csr_array(np.ones((3, 2))), "got 'of shape [3, 2]'"),
        ([[0, 1], [1]], "a square matrix [N, N]"),
        (None, "got 'of shape []'"),
        (
            np.array([[0, np.nan], [1, 0]]),
            "finite weights; got 'the weight nan of the edge 1 -> 0'",
        ),
        ([(0, 1), (1, 0)], "a square matrix [N, N]; got 'a list of tuples'. A list of edges is"),
        (np.array([[0, 1, 2], [1, 2, 0]]), "got 'of shape [2, 3]'. A list of edges is given by"),
        (sparse.coo_array(([1], ([0], [0])), shape=(2**40, 2**40)), "at most 16777216 units"),
        (
            np.array([[0, np.inf], [1, 0]]),
            "finite weights; got 'the weight inf of the edge 1 -> 0'",
        ),
        (np.array([["0", "1"], ["1", "0"]]), "an array of numbers"),
        (nx.DiGraph(), "a graph with at least one node"),
        (np.zeros((0, 0)), "a graph with at least one node"),
        (np.zeros((3, 3)), "a graph with at least one edge; got 'ndarray'"),
        (nx.empty_graph(3), "a graph with at least one edge; got 'Graph'"),
        ("graph.pkl", "a file whose name ends in .graphml, .xml, .csv"),
        ("nowhere.csv", "a file that can be read; got 'nowhere.csv'. (No such file or directory)"),
    ],
)
def test_graphs_that_are_none_are_refused(graph: Any, message: str) -> None:
    with pytest.raises(srnn.SparseRnnError) as caught:
        from_graph(graph)
    assert str(caught.value).startswith("graph must be ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.csv", b"source,target\n0,1\n0\n", "a source and a target in each line"),
        ("g.csv", b"source,target\n0,1\n0\n", "Line 3 has not."),
        ("g.csv", b"0,\n", "Line 1 has not."),
        ("g.txt", b"0 1\n\n7\n", "Line 3 has not."),
        ("g.csv", b"", "a graph with at least one node"),
        ("g.csv", b"\xff\xfe\x00,1\n", "a readable .csv file"),
        ("g.graphml", b"<graphml><graph>", "a readable .graphml file"),
        ("g.xml", b"<html></html>", "graph must be"),
        ("g.csv", b"source,target\n0,1\n0,1\n", "got 'the edge 0 -> 1 twice'"),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(srnn.SparseRnnError) as caught:
        from_graph(tmp_path / name)
    assert message in str(caught.value)


WEIGHTED = {(0, 1): [3.0], (1, 2): [0.0], (2, 0): [1.0, 2.0], (2, 2): [0.0, -1.0], (0, 2): [1, -1]}


def formats(tmp_path: Path) -> dict[str, Any]:
    """One graph with weights, several edges of a pair and zeros, in all formats that have these."""
    rows = [(pre, post, value) for (pre, post), values in WEIGHTED.items() for value in values]
    multi = nx.MultiDiGraph()
    multi.add_nodes_from(range(3))
    multi.add_weighted_edges_from(rows)
    table = tmp_path / "graph.csv"
    table.write_text("pre,post,weight\n" + "".join(f"{a},{b},{w}\n" for a, b, w in rows))
    nx.write_edgelist(multi, tmp_path / "graph.edgelist")
    pre, post, weight = (np.array(column) for column in zip(*rows, strict=True))
    columns = {"pre": pre, "post": post, "weight": weight}
    return {
        "networkx": multi,
        "table": table,
        "edgelist": tmp_path / "graph.edgelist",
        "pandas": pd.DataFrame(columns),
        "polars": pl.DataFrame(columns),
        "scipy": sparse.coo_array((weight, (post, pre)), shape=(3, 3)),
    }


@pytest.mark.parametrize("name", ["networkx", "table", "edgelist", "pandas", "polars", "scipy"])
def test_weights_and_repeated_pairs_mean_the_same_in_all_formats(name: str, tmp_path: Path) -> None:
    graph = formats(tmp_path)[name]
    with pytest.raises(srnn.SparseRnnError, match=r"with each edge once; got .* twice"):
        from_graph(graph)
    mask = from_graph(graph, aggregate="sum")
    assert mask == srnn.Mask.from_edges(3, [1, 0, 2], [0, 2, 2])
    assert mask.parameters["aggregate"] == "sum"


def test_frames_are_told_by_the_names_of_their_columns() -> None:
    pairs = list(zip(MASK.indices.tolist(), MASK.targets().tolist(), strict=True))
    for library in (pd, pl):
        frame = library.DataFrame({"to": [b for _, b in pairs], "from": [a for a, _ in pairs]})
        assert from_graph(frame) == MASK
        named = library.DataFrame({"x": ["c", "a"], "y": ["a", "b"]})
        assert from_graph(named, source="x", target="y") == srnn.Mask.from_edges(3, [1, 2], [0, 1])
        with pytest.raises(srnn.SparseRnnError, match="names its source and its target"):
            from_graph(named)
        floats = library.DataFrame({"pre": [0.0, 1.0], "post": [1, 0]})
        with pytest.raises(srnn.SparseRnnError, match="Floats lose the last digits"):
            from_graph(floats)
        missing = library.DataFrame({"pre": ["a", None], "post": ["b", "c"]})
        with pytest.raises(srnn.SparseRnnError, match="without missing nodes"):
            from_graph(missing)
    names = [f"n{i}" for i in range(12)]
    square = pd.DataFrame(MASK.to_dense(), index=names, columns=names)
    assert from_graph(square) == MASK
    assert from_graph(square, nodes=[*names, "more"]).n_units == 13
    assert from_graph(pd.DataFrame(MASK.to_dense())) == MASK
    for two in (pd.DataFrame([(0, 1), (1, 0)]), pd.DataFrame(MASK.to_dense(), index=names)):
        with pytest.raises(srnn.SparseRnnError, match=r"A matrix is given by frame.to_numpy\(\)"):
            from_graph(two)
    unsigned = pd.DataFrame({"pre": np.array([2**63 + 1], np.uint64), "post": [2**62]})
    assert from_graph(unsigned) == srnn.Mask.from_edges(2, [0], [1])


def test_matrices_in_text_have_rows_that_are_targets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dense = MASK.to_dense().astype(int)
    path = tmp_path / "graph.csv"
    np.savetxt(path, dense, "%d", ",")
    assert from_graph(path) == MASK
    assert "row i, column j is the synapse from j onto i" in caplog.text
    names = [f"n{i}" for i in range(12)]
    pd.DataFrame(dense, index=names, columns=names).to_csv(path, sep="\t")
    assert from_graph(path) == MASK
    assert from_graph(path, nodes=names[::-1]) == from_graph(dense[::-1, ::-1])
    np.savetxt(tmp_path / "graph.el", dense, "%d")
    with pytest.raises(srnn.SparseRnnError, match="names its source and its target"):
        from_graph(tmp_path / "graph.el")


def test_an_attribute_of_a_graph_is_its_weight(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_edge("a", "b", count=0)
    graph.add_edge("b", "a", count=2)
    assert from_graph(graph).nnz == 2
    nx.write_graphml(graph, tmp_path / "graph.graphml")
    for one in (graph, tmp_path / "graph.graphml"):
        assert from_graph(one, weight="count") == srnn.Mask.from_edges(2, [0], [1])
    with pytest.raises(srnn.SparseRnnError, match=r"an attribute of all edges; got 'n'. \(2 edges"):
        from_graph(graph, weight="n")
    graph.add_edge("a", "a", weight="3")
    with pytest.raises(srnn.SparseRnnError, match="got \"the weight '3'\""):
        from_graph(graph)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["csv", "txt", "edgelist", "graphml"]))
def test_a_damaged_file_is_a_mask_or_one_typed_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.write_bytes(content)
    with contextlib.suppress(srnn.SparseRnnError):
        assert from_graph(path).nnz > 0


def test_a_truncated_graph_is_refused(tmp_path: Path) -> None:
    nx.write_graphml(MASK.to_networkx(), tmp_path / "whole.graphml")
    whole = (tmp_path / "whole.graphml").read_bytes()
    for end in range(0, len(whole) - 20, len(whole) // 20):
        (tmp_path / "part.graphml").write_bytes(whole[:end])
        with pytest.raises(srnn.SparseRnnError, match="graph must be"):
            from_graph(tmp_path / "part.graphml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="No pipes with names here.")
def test_only_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zeros.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zeros.csv"):
        with pytest.raises(srnn.SparseRnnError, match="a file that can be read"):
            from_graph(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(srnn.SparseRnnError, match="a file that can be read"):
        from_graph(tmp_path / "folder.csv")


def test_unknown_and_repeated_nodes_are_named() -> None:
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    with pytest.raises(srnn.SparseRnnError, match=r"^nodes must be all nodes, also 'c'"):
        from_graph(graph, nodes=["a", "b"])
    with pytest.raises(srnn.SparseRnnError, match=r"^nodes must be different from each other"):
        from_graph(graph, nodes=["a", "b", "c", "a"])
    with pytest.raises(srnn.SparseRnnError, match=r"^nodes must be left out for matrices"):
        from_graph(np.eye(2), nodes=[0, 1])
