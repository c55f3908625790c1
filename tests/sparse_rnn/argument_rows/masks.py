"""Arguments of masks and of their families."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np

import sparse_rnn as srnn
from tests.sparse_rnn.argument_rows.table import NAN, Argument, Made, Row, World
from tests.sparse_rnn.argument_rows.values import (
    MASK,
    MASKS,
    NO_COUNTS,
    NO_FLAGS,
    NO_NAMES,
    NO_NUMBERS,
    NO_SEEDS,
    SEED,
)

_NO_SIZES = ((), (0, 3), (2.5,), *NO_COUNTS)
_N = Argument((20, 21), _NO_SIZES)
_SHAPE = Argument(((4, 5), (5, 4)), (20, *_NO_SIZES))
_PERIODIC = Argument((True, False), NO_FLAGS)
_OWN = Argument(("never", "always"), NO_NAMES)
_SHARE = Argument((0.3, 0.6), (*NO_NUMBERS, 1.5))
_FAMILY = Argument(("random", "scale_free"), NO_NAMES, (["random"],))


def _count(one: float, other: float) -> Argument:
    return Argument((one, other), NO_COUNTS)


def _number(one: float, other: float) -> Argument:
    return Argument((one, other), NO_NUMBERS)


def _family(base: dict[str, Any], **arguments: Argument) -> Row:
    return Row(arguments, base)


def _called(**wrong: Any) -> Argument:
    """What a caller calls another argument, which an error says alone."""
    return Argument(("arch", "mask"), at=wrong, by_error=True, free="any name")


def _table(text: str, name: str = "edges.csv") -> Made:
    def make(world: World) -> str:
        path = world.folder / name
        path.write_text(text)
        return str(path)

    return Made(make)


def _directed(*edges: tuple[Any, ...], **weights: Any) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(edges, **weights)
    return graph


_COLUMNS = "source,target,pre,post,n\n0,1,1,2,1\n1,2,2,0,0\n2,1,0,1,2\n"
_TWICE = "source,target\n0,1\n1,2\n0,1\n"
_WORM = (
    "Neuron 1,Neuron 2,Type,Nbr\nA,B,S,2\nB,A,R,2\nB,C,Sp,1\nC,B,Rp,1\nC,D,S,1\nD,C,R,1\n"
    "A,C,EJ,1\nC,A,EJ,1\nB,D,EJ,1\nD,B,EJ,1\n"
)
_WIDE = (
    "source,target,pre,post,n\n0,1,0,2,1\n2,3,2,4,1\n4,5,4,0,1\n1,4,1,3,1\n3,0,3,5,1\n5,2,5,1,0\n"
)
_WIDE_TWICE = "source,target\n0,1\n2,3\n4,5\n0,1\n"
_CHAIN = np.eye(4, k=1)


def _broken(n: srnn.masks.Size, in_degree: int = 3, *, seed: int = 0) -> srnn.Mask:
    """Draws nothing, whatever the seed says."""
    del seed
    return srnn.masks.random(n, in_degree)


_EDGES = {"n_units": 3, "targets": [0, 1], "sources": [1, 2]}
_NO_UNITS = ([0, 3], [0, -1], [0.5, 1.0], [0.0, 1.0], [True, False], ["0", "1"], [0], [[0, 1]])
_ARRAYS = {
    "indptr": np.array([0, 1, 2]),
    "indices": np.array([0, 1]),
    "shape": (2, 2),
}

ROWS = {
    "sparse_rnn.Mask": Row(
        {
            "indptr": Argument(
                (np.array([0, 1, 2]), np.array([0, 0, 2])),
                (np.array([0, 1]), np.array([0.0, 1.0, 2.0]), np.array([0, 2, 1]), None, "012"),
            ),
            "indices": Argument(
                (np.array([0, 1]), np.array([1, 0])),
                (np.array([0, 2]), np.array([-1, 0]), np.array([0.0, 1.0]), None, [2**40, 0]),
            ),
            "shape": Argument(
                ((2, 2), (3, 3)), ((2, 3), (2,), (0, 0), 2, None, (2.0, 2.0), (True, True))
            ),
            "coords": Argument(
                (None, np.zeros((2, 1))),
                (np.zeros(2), np.zeros((3, 1)), np.array([[NAN], [0.0]])),
                ([["a"], ["b"]],),
            ),
            "family": Argument(("custom", "mine"), (3, None)),
            "parameters": Argument(({}, {"a": 1}), (None, 3, [1])),
        },
        _ARRAYS,
        lambda mask: (mask, dict(mask.parameters)),
    ),
    "sparse_rnn.Mask.from_edges": Row(
        {
            "n_units": Argument((3, 4), NO_COUNTS),
            "targets": Argument(([0, 1], [2, 1]), _NO_UNITS),
            "sources": Argument(([1, 2], [0, 2]), _NO_UNITS),
            "coords": Argument((None, np.zeros((3, 1))), (np.zeros(2),)),
            "family": Argument(("custom", "mine"), (3, None)),
            "parameters": Argument(({}, {"a": 1}), (None, 3)),
        },
        _EDGES,
        lambda mask: (mask, dict(mask.parameters)),
        of=lambda _: srnn.Mask,
    ),
    "sparse_rnn.masks.autapse": _family({}, n=_N),
    "sparse_rnn.masks.dense": _family({}, n=_N),
    "sparse_rnn.masks.random": _family(
        {"n": 20, "in_degree": 3},
        n=_N,
        in_degree=_count(3, 4),
        self_connections=_OWN,
        seed=SEED,
    ),
    "sparse_rnn.masks.erdos_renyi": _family(
        {"n": 20, "probability": 0.3},
        n=_N,
        probability=_SHARE,
        self_connections=_OWN,
        seed=SEED,
    ),
    "sparse_rnn.masks.watts_strogatz": _family(
        {"n": 20, "neighbours": 4, "rewiring": 0.3},
        n=_N,
        neighbours=Argument((4, 6), (3, *NO_COUNTS)),
        rewiring=_SHARE,
        self_connections=_OWN,
        seed=SEED,
    ),
    "sparse_rnn.masks.scale_free": _family(
        {"n": 20, "mean_in_degree": 3.5},
        n=_N,
        mean_in_degree=_number(3.5, 4.0),
        exponent=_number(3.0, 4.0),
        self_connections=_OWN,
        seed=SEED,
    ),
    "sparse_rnn.masks.modular": _family(
        {"n": 20, "n_modules": 2, "p_in": 0.5, "p_out": 0.1},
        n=_N,
        n_modules=_count(2, 4),
        p_in=_SHARE,
        p_out=_SHARE,
        self_connections=_OWN,
        seed=SEED,
    ),
    "sparse_rnn.masks.locality": _family(
        {"shape": (4, 5), "radius": 1}, shape=_SHAPE, radius=_number(1, 1.5), periodic=_PERIODIC
    ),
    "sparse_rnn.masks.small_world": _family(
        {"shape": (4, 5), "radius": 1, "nnz": 110},
        shape=_SHAPE,
        radius=_number(0, 1),
        nnz=_count(110, 120),
        periodic=_PERIODIC,
        seed=SEED,
    ),
    "sparse_rnn.masks.distance_rule": _family(
        {"shape": (4, 5), "decay_rate": 0.7, "mean_in_degree": 3},
        shape=_SHAPE,
        decay_rate=_number(0.7, 0.1),
        mean_in_degree=_number(3, 4),
        periodic=_PERIODIC,
        self_connections=_OWN,
        seed=SEED,
    ),
    "sparse_rnn.masks.from_graph": Row(
        {
            "graph": Argument(
                (_CHAIN, _CHAIN.T),
                (None, 3, "no such file.csv", np.zeros((2, 2)), np.full((2, 2), NAN), []),
            ),
            "size": Argument((None, (2, 2)), (5, "4", -1, (), 2.5, True)),
            "nodes": Argument(
                (None, [2, 1, 0]),
                ([0, 1], [0, 1, 2, 2], [], "012"),
                (3,),
                at={"graph": _directed((0, 1, 1), (1, 2, 1))},
            ),
            "source": Argument(
                (None, "pre"),
                ("no such column", 7, -1, 1.5, True),
                at={"graph": _table(_COLUMNS), "target": "post"},
            ),
            "target": Argument(
                (None, "post"),
                ("no such column", 7, -1, 1.5, True),
                at={"graph": _table(_COLUMNS), "source": "pre"},
            ),
            "weight": Argument(
                (None, "n"),
                ("no such column", 9, -1, 1.5, True),
                at={"graph": _table(_COLUMNS), "source": "pre", "target": "post"},
            ),
            "aggregate": Argument(("refuse", "sum"), NO_NAMES, at={"graph": _table(_TWICE)}),
            "synapses": Argument(
                (None, "electrical", "both"), ("no such kind", 3), at={"graph": _table(_WORM)}
            ),
        },
        {"graph": _CHAIN},
        lambda mask: (mask.digest, mask.coords),
    ),
    "sparse_rnn.masks.degree_preserving": Row(
        {
            "graph": Argument(
                (_CHAIN, _CHAIN.T),
                (None, 3, "no such file.csv", np.zeros((2, 2)), np.full((2, 2), NAN), np.eye(3)),
            ),
            "size": Argument((None, (2, 2)), (5, "4", -1, (), 2.5, True)),
            "source": Argument(
                (None, "pre"),
                ("no such column", 7, -1, 1.5, True),
                at={"graph": _table(_WIDE), "target": "post"},
            ),
            "target": Argument(
                (None, "post"),
                ("no such column", 7, -1, 1.5, True),
                at={"graph": _table(_WIDE), "source": "pre"},
            ),
            "weight": Argument(
                (None, "n"),
                ("no such column", 9, -1, 1.5, True),
                at={"graph": _table(_WIDE), "source": "pre", "target": "post"},
            ),
            "aggregate": Argument(("refuse", "sum"), NO_NAMES, at={"graph": _table(_WIDE_TWICE)}),
            "synapses": Argument(
                (None, "electrical", "both"), ("no such kind", 3), at={"graph": _table(_WORM)}
            ),
            "swaps": Argument((1, 10), NO_COUNTS, at={"graph": srnn.masks.random(12, 3)}),
            "seed": replace(SEED, at={"graph": srnn.masks.random(12, 3)}),
        },
        {"graph": _CHAIN},
        lambda mask: (mask.digest, mask.coords),
    ),
    "sparse_rnn.masks.build": Row(
        {
            "name": Argument(("random", "modular"), NO_NAMES),
            "size": Argument((20, 21), loud=_NO_SIZES),
            "in_degree": _count(3, 4),
            "seed": SEED,
        },
        {"name": "random", "size": 20, "in_degree": 3},
    ),
    "sparse_rnn.masks.check": Row(
        {
            "name": Argument(("random", "modular"), NO_NAMES),
            "size": Argument((20, 21), loud=_NO_SIZES),
            "given": Argument(
                ({"in_degree": 3}, {"in_degree": 4}),
                loud=({"in_degree": 0}, {"in_degree": True}, {}, None, 3, ["in_degree"]),
            ),
            "up_to": Argument(
                (0, 10**6),
                (-1, True, 2.5, NAN, "2", None),
                at={"name": "erdos_renyi", "given": {"probability": 0.3}},
            ),
        },
        {"name": "random", "size": 20, "given": {"in_degree": 3}},
    ),
    "sparse_rnn.masks.check_given_size": Row(
        {
            "name": Argument(("dense", "locality"), NO_NAMES),
            "size": _N,
        },
        {"name": "dense", "size": 20},
    ),
    "sparse_rnn.masks.check_sheet": Row(
        {
            "argument": _called(size=3),
            "size": _SHAPE,
        },
        {"argument": "size"},
    ),
    "sparse_rnn.masks.check_size": Row(
        {
            "argument": _called(size=0),
            "size": _N,
        },
        {"argument": "size"},
    ),
    "sparse_rnn.masks.check_options": Row(
        {
            "name": Argument(("random", "dense"), NO_NAMES),
            "given": Argument(({"in_degree": 3}, {}), loud=({}, None, 3)),
        },
        {"name": "random", "given": {"in_degree": 3}},
    ),
    "sparse_rnn.masks.check_mask_family": Row(
        {
            "function": Argument((srnn.masks.random, _broken), loud=(None, 3, "random")),
            "size": Argument((20, 1), _NO_SIZES),
            "in_degree": Argument((3, 20), NO_COUNTS),
        },
        {"function": srnn.masks.random, "size": 20, "in_degree": 3},
    ),
    "sparse_rnn.masks.family": Row(
        {
            "name": _FAMILY,
            "argument": Argument(
                ("arch", "mask"), by_error=True, free="any name", at={"name": "no such"}
            ),
        }
    ),
    "sparse_rnn.masks.options": Row({"name": _FAMILY}),
    "sparse_rnn.masks.takers": Row(
        {"option": Argument(("radius", "n_modules", "no such"), free="no family takes any other")}
    ),
    "sparse_rnn.masks.measures": Row(
        {
            "mask": MASKS,
            "n_sources": Argument((None, 3), (10, *NO_COUNTS[:-1])),
            "seed": Argument(
                (0, 1), NO_SEEDS, at={"mask": srnn.masks.random(12, 2), "n_sources": 2}
            ),
            "progress": Argument(unseen="it is told, and tells nothing", free="called as it is"),
        },
        {"mask": MASK},
    ),
}
