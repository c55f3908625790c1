"""Tables of synapses: their heads say what is what, or the caller names the columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparse_rnn as srnn
from sparse_rnn.masks import from_graph
from sparse_rnn.masks._columns import PAIRS
from tests.sparse_rnn.helpers import random_mask

MASK = random_mask(np.random.default_rng(3), 12)
HEADS = [*PAIRS, ("Pre Root ID", "POST-ROOT-ID"), ("bodyId_pre", "bodyId_post")]


@pytest.mark.parametrize("separator", [",", "\t", ";", " "])
@pytest.mark.parametrize("head", HEADS)
def test_heads_of_the_common_tables_say_what_is_what(
    head: tuple[str, str], separator: str, tmp_path: Path
) -> None:
    source, target = (name if separator != " " else name.replace(" ", "_") for name in head)
    path = tmp_path / "graph.csv"
    # The columns stand in another order than usual, and ids are longer than floats are exact.
    ids = [720575940628857210, 720575940628857211, 720575940628857212]
    rows = [[target, "neuropil", source], [ids[2], "AL", ids[0]], [ids[1], "MB", ids[0]]]
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))
    assert from_graph(path) == srnn.Mask.from_edges(3, [2, 1], [0, 0])


def test_the_head_of_the_hemibrain_is_no_edge(tmp_path: Path) -> None:
    path = tmp_path / "traced-total-connections.csv"
    path.write_text("bodyId_pre,bodyId_post,weight\n200326126,264083994,10\n264083994,5,1\n")
    assert from_graph(path) == srnn.Mask.from_edges(3, [2, 0], [1, 2])
    path.write_text("% of a connectome\n# and another\nASH\tAVA\t3\nAVA\tADF\t0\n")
    assert from_graph(path) == srnn.Mask.from_edges(3, [1], [0])  # tabs in a .csv


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Neuron 1,Neuron 2,Nbr\nADAL,ADAR,1\n", "got \"the columns 'Neuron 1', 'Neuron 2', 'Nbr'"),
        ("Neuron 1,Neuron 2,Nbr\nADAL,ADAR,1\n", "Known are source/target"),
        ("Neuron 1,Neuron 2\nADAL,ADAR\nADAR,ADAL\n", "If that is no head, give source=0"),
        ("a,b\n0,1\n1,0\n", "a table that names its source and its target"),
        ("0,1,chemical\n1,0,electrical\n", "a table that names its source and its target"),
        ("0,1,1,1\n1,0,1,1\n", "It is no square matrix either"),
        ("0,1,1,1\n1,0,1,1\n1,1,1,1\n0,0,0,x\n", "the weight 'x' in line 4"),
        ("pre,post,source,target\n0,1,2,3\n", "one source and one target; got \"'source' and"),
        ("pre,pre,post\n0,1,2\n", "one source and one target"),
        ("pre,post,weight,count\n0,1,2,3\n", "a table with one weight; got \"'weight' and 'count'"),
        ("0,1\n1,0\n", "told whether edges or a matrix; got '2 lines of 2 numbers'"),
        ("0 1 1\n1 0 2\n2 1 0\n", "told whether edges or a matrix; got '3 lines of 3 numbers'"),
        ("pre,post,weight\n0,1,\n", "the weight '' in line 2"),
        ("pre,post,weight\n0,1,2\n1,0,nan\n", "finite weights; got 'the weight nan of the edge"),
        ("pre;post;weight\n0;1;0,5\n", "the weight '0,5' in line 2"),
        ('pre,post,weight\n0,1,"0,5"\n', "the weight '0,5' in line 2"),
        ("pre post weight\n0 1 0,5\n", "the weight '0,5' in line 2"),
        ("0;1;2\n1;0;0,5\n", "the weight '0,5' in line 2"),
        ("0 1 0,5\n1 2 0,5\n", "cells are separated in one way; got \"',' and ' '"),
        ("0,5 1,0\n0,3 1,0\n", "cells are separated in one way; got \"',' and ' '"),
        ("pre;post\n0,0;1,0\n", "the node '0,0'"),
        ("pre;post;weight\n0;1;1_000\n", "the weight '1_000' in line 2"),
        ("pre,post\n0,1\n0,1\n", 'aggregate="sum" adds up several rows'),
        ("pre,post\n7.20576E+17,1\n", "the node '7.20576E+17'"),
        ("pre,post\n0.0,1.0\n", "Floats lose the last digits"),
        ("pre,post\nnan,1\n", "the node 'nan'"),
        ("0,1;2\n1,0;2\n", "cells are separated in one way; got \"',' and ';'"),
        ("%%MatrixMarket matrix coordinate real general\n3 3 1\n1 2 1\n", "library of its format"),
        ("% sym unweighted\n1 2\n2 3\n3 4\n", "a table of directed edges"),
        ("# Undirected graph: ca-GrQc.txt\n1 2\n2 3\n3 4\n", "a table of directed edges"),
        ("0,1\n2\n", "Line 2 has not."),
        ("pre,post,weight\n0,1,2\n1,0\n", "Line 3 has not."),
        (",a,b\na,0,1\nb,1\n", "It is no square matrix either: see line 3."),
        (",a,b\na,0,1\nc,1,0\n", "It is no square matrix either"),
        ('pre,post\n0,1\n2,"3\n', "a readable .csv file"),
        ("pre,post\n0,\x001\n", "a file of text"),
    ],
)
def test_tables_that_do_not_say_what_they_are_are_refused(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "graph.csv").write_text(content)
    with pytest.raises(srnn.SparseRnnError) as caught:
        from_graph(tmp_path / "graph.csv")
    assert message in str(caught.value)


def test_other_columns_are_named_by_the_caller(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cells.csv"
    path.write_text("Cell 1,Cell 2,Type,Nbr\nADAL,ADAR,EJ,1\nADAR,ADFL,S,0\n")
    named: dict[str, Any] = {"source": "Cell 1", "target": "Cell 2"}
    mask = from_graph(path, **named, weight="Nbr")
    assert mask == srnn.Mask.from_edges(3, [1], [0])
    assert mask.parameters == {"graph": str(path), **named, "weight": "Nbr"}
    assert from_graph(path, **named) == srnn.Mask.from_edges(3, [1, 2], [0, 1])
    assert "the columns 'Type', 'Nbr' are not used" in caplog.text
    path.write_text("1,a,b\n0,b,c\n1,b,c\n")
    assert from_graph(path, source=2, target=1, weight=0).nnz == 2
    with pytest.raises(srnn.SparseRnnError, match=r"source must be the name of a column .* 'b'"):
        from_graph(path, source="pre", target="post")
    wrong: Any
    for wrong in ((1, None), (None, 1), (1, 1), (0, 3), (True, 1), (0, "b")):
        with pytest.raises(srnn.SparseRnnError, match="^(source|target) must be"):
            from_graph(path, source=wrong[0], target=wrong[1])
    for graph in (MASK.to_dense(), MASK.to_networkx()):
        with pytest.raises(srnn.SparseRnnError, match="source must be left out for"):
            from_graph(graph, source=0, target=1)
    with pytest.raises(srnn.SparseRnnError, match="aggregate must be 'refuse' or 'sum'"):
        from_graph(path, source=2, target=1, aggregate="mean")
