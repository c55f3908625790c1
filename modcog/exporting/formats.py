"""File formats of exports, one class each.

A writer keeps one unfinished data set in a folder of its own, where it can be closed and opened
again. It makes arrays of a fixed shape, fills them in place by rows, and at the end has what the
user gets: a file, or for zarr a folder. Its bytes do not depend on how often it was opened.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument
from modcog.system.files import check_kind, open_regular, read_npz

CHUNK_ROWS = 1 << 16
"""Rows of a chunk where an array is not as wide as a batch."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One time for all members, so that equal data make equal files."""


DAMAGED = (OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError, AttributeError)
"""What numpy, h5py and zarr raise where a file is not what it should be."""


@dataclass(frozen=True)
class Content:
    """What a data set has.

    Attributes:
        arrays: Shape and dtype of each array. A name may have a group before a slash, such as
            ``trials/lane``.
        texts: Lists of texts.
        attributes: Numbers, texts and lists of them that describe the whole.
    """

    arrays: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
    texts: Mapping[str, Sequence[str]]
    attributes: Mapping[str, Any]


class Writer(Protocol):
    """What writes one format."""

    def __init__(self, folder: Path, content: Content, *, begun: bool = False) -> None:
        """Make a data set in a folder, its arrays not yet filled, or find it there as it was made.

        Raises:
            Exception: One of `DAMAGED`, where what was begun is not as it was made.
        """

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows, from number `first` on."""

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        ...

    def close(self) -> None:
        """Hand everything to the operating system; safe to call twice."""

    def finish(self) -> Path:
        """Return the path of the whole data set."""
        ...

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a finished data set."""
        ...


class _Place(NamedTuple):
    """Where the rows of an array lie: in which file, and from which byte on."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class _InPlace:
    """Arrays that lie in files in one piece, and are written without any library.

    Nothing but data changes then, which needs no order: the files can be gone on with whatever
    happens to the process, and a full disk is an error of a plain write.
    """

    def __init__(self, places: Mapping[str, _Place]) -> None:
        self._places = places
        self._files: dict[Path, BinaryIO] = {}

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows in their place."""
        # Not a memory map: on a full disk that would kill the process, and this raises.
        self._seek(name, first).write(np.ascontiguousarray(rows, self._places[name].dtype).data)

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        place = self._places[name]
        file = self._seek(name, row)
        return np.fromfile(file, place.dtype, math.prod(place.shape[1:])).reshape(place.shape[1:])

    def close(self) -> None:
        """Write what is buffered."""
        while self._files:
            self._files.popitem()[1].close()

    def _seek(self, name: str, row: int) -> BinaryIO:
        path, offset, shape, dtype = self._places[name]
        if path not in self._files:
            self._files[path] = open_regular(path, "rb+")
        file = self._files[path]
        file.seek(offset + row * math.prod(shape[1:]) * dtype.itemsize)
        return file


class Hdf5Writer(_InPlace):
    """HDF5: plain data sets, texts as variable-length UTF-8; MATLAB, R and Julia read it."""

    def __init__(self, folder: Path, content: Content, *, begun: bool = False) -> None:
        h5py = _library("h5py")
        self._path = folder / "data.h5"
        if not begun:
            self._make(h5py, content)
        with h5py.File(self._path, "r") as file:
            super().__init__(
                {
                    name: self._place(h5py, file, name, *what)
                    for name, what in content.arrays.items()
                }
            )

    def _make(self, h5py: Any, content: Content) -> None:
        with self._path.open("xb") as file:
            # Where there is no room, the library would end the process rather than say so.
            file.truncate(sum(math.prod(s) * t.itemsize for s, t in content.arrays.values()))
        # Times would make equal data unequal files.
        with h5py.File(self._path, "w", track_order=False) as file:
            for name, values in content.texts.items():
                texts = h5py.string_dtype("utf-8")
                file.create_dataset(name, data=list(values), dtype=texts, track_times=False)
            file.attrs.update(content.attributes)
            for name, (shape, dtype) in content.arrays.items():
                layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                layout.set_obj_track_times(False)
                file.create_dataset(name, shape, dtype, dcpl=layout)

    def _place(
        self, h5py: Any, file: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> _Place:
        found = file[name]
        # None where the rows lie in chunks, or in another file.
        offset = found.id.get_offset() if isinstance(found, h5py.Dataset) else None
        size = math.prod(shape) * dtype.itemsize
        if (
            (found.shape, found.dtype) != (shape, dtype)
            or found.file.filename != file.filename
            or found.external is not None
            or offset is None
            or offset + size > self._path.stat().st_size
        ):
            raise ValueError(f"{name} is not as it was made")
        return _Place(self._path, offset, shape, dtype)

    def finish(self) -> Path:
        """Close the file and return its path."""
        self.close()
        return self._path

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a file."""
        check_kind(path, "file")
        with _library("h5py").File(path, "r") as file:
            return {name: _plain(value) for name, value in file.attrs.items()}


class NpzWriter(_InPlace):
    """npz without pickle: one ``.npy`` file for each array, zipped uncompressed at the end."""

    def __init__(self, folder: Path, content: Content, *, begun: bool = False) -> None:
        self._path = folder / "data.npz"
        self._members = folder / "members"
        places: dict[str, _Place] = {}
        for name, (shape, dtype) in content.arrays.items():
            path, head = self._member(name), _npy_head(shape, dtype)
            places[name] = _Place(path, len(head), shape, dtype)
            size = len(head) + math.prod(shape) * dtype.itemsize
            if not begun:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    file.write(head)
                    file.truncate(size)  # the rest is zero until it is written
                continue
            with open_regular(path) as file:
                if file.read(len(head)) != head or path.stat().st_size != size:
                    raise ValueError(f"{path.name} is not as it was made")
        super().__init__(places)
        texts = {name: np.array(list(v), dtype=np.str_) for name, v in content.texts.items()}
        for name, text in {**texts, "attributes": np.array(json.dumps(content.attributes))}.items():
            np.save(self._member(name), text, allow_pickle=False)

    def finish(self) -> Path:
        """Zip the members."""
        self.close()
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(self._members.rglob("*.npy")):
                name = path.relative_to(self._members).as_posix()
                member = zipfile.ZipInfo(name, _ZIP_EPOCH)
                with path.open("rb") as source, archive.open(member, "w", force_zip64=True) as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        return self._path

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a file."""
        return json.loads(str(read_npz(path, ["attributes"])["attributes"]))

    def _member(self, name: str) -> Path:
        return self._members / f"{name}.npy"


def _npy_head(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    head = io.BytesIO()
    description = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(head, description)
    return head.getvalue()


class ZarrWriter:
    """zarr, version 3 of the format: a folder of compressed chunks, a batch each."""

    def __init__(self, folder: Path, content: Content, *, begun: bool = False) -> None:
        self._path = folder / "data.zarr"
        self._group = _library("zarr").open_group(self._path, mode="r+" if begun else "w-")
        for name, (shape, dtype) in content.arrays.items():
            # A chunk is a batch, or many rows of an array that is not as wide as one.
            rows = CHUNK_ROWS if name.startswith("trials/") else 1
            chunks = (max(1, min(rows, shape[0])), *shape[1:])
            if not begun:
                self._group.create_array(name, shape=shape, dtype=dtype, chunks=chunks)
                continue
            found = self._group[name]
            if (found.shape, found.dtype, found.chunks) != (shape, dtype, chunks):
                raise ValueError(f"{name} is not as it was made")
        # Texts are attributes here: zarr has no settled array of texts yet.
        texts = {name: list(values) for name, values in content.texts.items()}
        self._group.attrs.update({**texts, **content.attributes})

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows."""
        self._group[name][first : first + len(rows)] = rows

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        return np.asarray(self._group[name][row])

    def close(self) -> None:
        """Nothing is held open."""

    def finish(self) -> Path:
        """The folder."""
        return self._path

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a folder."""
        check_kind(path, "folder")
        for name in ("zarr.json", ".zgroup", ".zattrs"):
            check_kind(path / name, "file")
        return dict(_library("zarr").open_group(path, mode="r").attrs)


WRITERS: Mapping[str, type[Writer]] = MappingProxyType(
    {".h5": Hdf5Writer, ".npz": NpzWriter, ".zarr": ZarrWriter}
)
"""Writers by the suffix of the file's name."""


def writer_of(path: Path) -> type[Writer]:
    """The writer for a file's name.

    Raises:
        InvalidArgument: No format has this suffix.
    """
    if path.suffix not in WRITERS:
        allowed = f"a file name that ends in {', '.join(WRITERS)}"
        raise InvalidArgument("path", str(path), allowed)
    return WRITERS[path.suffix]


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        allowed = "of a format whose library is installed, such as .npz"
        remedy = (
            f"{name} is missing ({error}). From a checkout of the repository, install it with: "
            'pip install ".[export]"'
        )
        suffix = {"h5py": ".h5", "zarr": ".zarr"}[name]
        raise InvalidArgument("path", f"a {suffix} file", allowed, remedy) from error


def _plain(value: Any) -> Any:
    """An attribute as Python has it."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
