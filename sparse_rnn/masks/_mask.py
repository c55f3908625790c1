"""`Mask`: which synapses exist, as the edges of a directed graph in compressed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.arguments import instance, whole

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Mask:
    """The synapses of a recurrent layer of N units.

    Row i, column j is the synapse from unit j onto unit i, as in ``torch.nn.RNN.weight_hh_l0``.
    The arrays are read-only; two masks are equal when they have the same edges.

    Args:
        indptr: int64 ``[N + 1]``. The edges onto unit i are ``indptr[i]`` to ``indptr[i + 1]``.
        indices: int32 ``[nnz]``, the source unit of each edge, ascending within a row.
        shape: ``(N, N)``.
        coords: Positions of the units, float64 ``[N, dimensions]`` in lattice units, or None.
        family: Name of the mask family that made it.
        parameters: Arguments of the family; with `family`, the mask's provenance.

    Raises:
        InvalidArgument: The arrays are not compressed rows of an N x N mask.

    Example:
        >>> from sparse_rnn.masks import locality
        >>> mask = locality((50, 50), radius=6)
        >>> mask.nnz, mask.shape
        (282500, (2500, 2500))
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    shape: tuple[int, int]
    coords: NDArray[np.float64] | None = None
    family: str = "custom"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Check the edges and make everything read-only."""
        sides: Any = self.shape
        square = isinstance(sides, tuple) and len(sides) == 2 and sides[0] == sides[1]
        if not square:
            raise InvalidArgument("shape", sides, "(N, N) with N of at least 1")
        n_units = whole("shape", sides[0], 1)
        instance("family", self.family, str)
        instance("parameters", self.parameters, Mapping)
        indptr = _frozen("indptr", self.indptr, np.int64)
        indices = _frozen("indices", self.indices, np.int32)
        _check_rows(indptr, indices, n_units)
        object.__setattr__(self, "indptr", indptr)
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        if self.coords is not None:
            coords = np.array(self.coords, dtype=np.float64)
            if coords.ndim != 2 or len(coords) != n_units:
                raise InvalidArgument("coords", coords.shape, f"of shape [{n_units}, dimensions]")
            if not np.isfinite(coords).all():
                raise InvalidArgument("coords", "NaN or infinity among them", "finite")
            coords.flags.writeable = False
            object.__setattr__(self, "coords", coords)

    @classmethod
    def from_edges(cls, n_units: int, targets: ArrayLike, sources: ArrayLike, **rest: Any) -> Mask:
        """Build a mask from a list of edges in any order.

        Args:
            n_units: Number of units N.
            targets: int ``[nnz]``, the unit each synapse ends on (row).
            sources: int ``[nnz]``, the unit each synapse starts from (column).
            **rest: `coords`, `family` and `parameters` of the mask.

        Raises:
            InvalidArgument: An edge occurs twice or names a unit that does not exist, or a number
                is not whole.

        Example:
            >>> from sparse_rnn.masks import Mask
            >>> Mask.from_edges(3, targets=[2, 0], sources=[1, 0]).to_dense().astype(int)
            array([[1, 0, 0],
                   [0, 0, 0],
                   [0, 1, 0]])
        """
        whole("n_units", n_units, 1)
        rows, columns = _units("targets", targets), _units("sources", sources)
        if rows.ndim != 1 or rows.shape != columns.shape:
            raise InvalidArgument("sources", columns.shape, f"as many as targets, {rows.shape}")
        for name, units in (("targets", rows), ("sources", columns)):
            if units.size and (units.min() < 0 or units.max() >= n_units):
                raise InvalidArgument(name, f"{units.min()}..{units.max()}", f"in 0..{n_units - 1}")
        order = np.lexsort((columns, rows))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_units))])
        return cls(indptr, columns[order].astype(np.int32), (n_units, n_units), **rest)

    @property
    def n_units(self) -> int:
        """Number of units N."""
        return self.shape[0]

    @property
    def nnz(self) -> int:
        """Number of synapses, self-connections included."""
        return self.indices.size

    @property
    def density(self) -> float:
        """Synapses over N squared, self-connections counted in both."""
        return self.nnz / self.n_units**2

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the edges, in hexadecimal: of shape, `indptr` and `indices`.

        The same on every machine. Two masks are equal when their digests are; it goes with weights
        wherever they are kept, since these are values of edges by number alone.
        """
        content = sha256(b"sparse_rnn.Mask/1")
        content.update(np.array(self.shape, dtype="<i8").tobytes())
        content.update(self.indptr.astype("<i8", copy=False).data)
        content.update(self.indices.astype("<i4", copy=False).data)
        return content.hexdigest()

    def targets(self) -> NDArray[np.int64]:
        """Unit that each edge ends on; int64 ``[nnz]``, ascending."""
        return np.repeat(np.arange(self.n_units, dtype=np.int64), self.in_degree())

    def in_degree(self) -> NDArray[np.int64]:
        """Number of synapses onto each unit; int64 ``[N]``."""
        return np.diff(self.indptr)

    def out_degree(self) -> NDArray[np.int64]:
        """Number of synapses from each unit; int64 ``[N]``."""
        return np.bincount(self.indices, minlength=self.n_units).astype(np.int64)

    def tocsr(self) -> csr_array[Any, tuple[int, int]]:
        """The mask as a scipy matrix of ones; float64 ``[N, N]``."""
        from scipy.sparse import csr_array  # scipy is slow to import, and most networks do without

        ones = np.ones(self.nnz)
        return csr_array((ones, self.indices.copy(), self.indptr.copy()), shape=self.shape)

    def to_dense(self) -> NDArray[np.bool_]:
        """The mask as a matrix; bool ``[N, N]``."""
        dense = np.zeros(self.shape, dtype=np.bool_)
        dense[self.targets(), self.indices] = True
        return dense

    def to_networkx(self) -> nx.DiGraph[int]:
        """The mask as a directed graph with an edge from j to i for each synapse from j onto i."""
        # Imported here, as networkx costs as much import time as the rest of this package's masks.
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(range(self.n_units))
        graph.add_edges_from(zip(self.indices.tolist(), self.targets().tolist(), strict=True))
        return graph

    def __eq__(self, other: object) -> bool:
        """Whether the other is a mask with the same edges."""
        if not isinstance(other, Mask):
            return NotImplemented
        same_rows = np.array_equal(self.indptr, other.indptr)
        return same_rows and np.array_equal(self.indices, other.indices)

    def __hash__(self) -> int:
        """Hash of the edges."""
        return hash((self.shape, self.indptr.tobytes(), self.indices.tobytes()))

    def __reduce__(self) -> tuple[type[Mask], tuple[Any, ...]]:
        """Pickle and copy by the arguments, as a read-only mapping can be neither."""
        rest = (self.coords, self.family, dict(self.parameters))
        return type(self), (self.indptr, self.indices, self.shape, *rest)

    def __repr__(self) -> str:
        """Family, arguments and size, without the arrays."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"<Mask {self.family}({arguments}): {self.n_units} units, {self.nnz} synapses>"


def _units(name: str, units: ArrayLike) -> NDArray[np.int64]:
    """Numbers of units; of an empty list the type says nothing."""
    given = np.asarray(units)
    if given.size and given.dtype.kind not in "iu":
        raise InvalidArgument(name, f"{given.dtype} values", "whole numbers of units")
    return given.astype(np.int64)


def _frozen(name: str, values: ArrayLike, dtype: type[np.integer[Any]]) -> NDArray[Any]:
    raw = np.asarray(values)
    if raw.ndim != 1 or raw.dtype.kind not in "iu":
        raise InvalidArgument(name, f"{raw.dtype} {raw.shape}", "a one-dimensional array of ints")
    array = raw.astype(dtype)
    if not np.array_equal(array, raw):
        raise InvalidArgument(name, f"{raw.dtype} up to {raw.max()}", f"numbers that fit {dtype}")
    array.flags.writeable = False
    return array


def _check_rows(indptr: NDArray[np.int64], indices: NDArray[np.int32], n_units: int) -> None:
    steps = np.diff(indptr)
    ends_right = indptr.size == n_units + 1 and indptr[0] == 0 and indptr[-1] == indices.size
    if not ends_right or np.any(steps < 0):
        allowed = f"{n_units + 1} ascending offsets from 0 to {indices.size}"
        raise InvalidArgument("indptr", f"{indptr.size} offsets", allowed)
    if indices.size and (indices.min() < 0 or indices.max() >= n_units):
        found = f"{indices.min()}..{indices.max()}"
        raise InvalidArgument("indices", found, f"units in 0..{n_units - 1}")
    # Ascending within a row also means that no synapse occurs twice.
    row_starts = np.zeros(indices.size, dtype=np.bool_)
    row_starts[indptr[:-1][steps > 0]] = True
    descends = np.diff(indices) <= 0
    if np.any(descends & ~row_starts[1:]):
        raise InvalidArgument("indices", "an unsorted or repeated unit", "ascending in each row")
