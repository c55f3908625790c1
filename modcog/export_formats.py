"""File formats of exports, one class each.

A writer keeps one unfinished data set in a folder of its own, where it can be closed and opened
again. It creates arrays of a fixed shape, fills them by rows, and at the end makes what the user
gets: a file, or for zarr a folder.
"""

from __future__ import annotations

import importlib
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument

CHUNK_ROWS = 1 << 16
"""Rows of a chunk where an array is not as wide as a batch."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One time for all members, so that equal data make equal files."""


class Writer(Protocol):
    """What writes one format. Names may have a group before a slash, such as ``trials/lane``."""

    def __init__(self, folder: Path) -> None:
        """Open the unfinished data set in a folder, or begin one."""

    def create(self, name: str, shape: tuple[int, ...], dtype: Any, chunk_rows: int) -> None:
        """Make an array of zeros, unless it is there."""

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows, from number `first` on."""

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        ...

    def strings(self, name: str, values: Sequence[str]) -> None:
        """Write a list of texts."""

    def attributes(self, values: Mapping[str, Any]) -> None:
        """Write numbers, texts and lists of them that describe the whole."""

    def flush(self) -> None:
        """Hand everything to the operating system."""

    def close(self) -> None:
        """Close what is open; safe to call twice."""

    def finish(self) -> Path:
        """Close, and return the path of the whole data set."""
        ...

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a finished data set."""
        ...


class Hdf5Writer:
    """HDF5: plain data sets, texts as variable-length UTF-8; MATLAB, R and Julia read it."""

    def __init__(self, folder: Path) -> None:
        self._h5py = _library("h5py")
        self._path = folder / "data.h5"
        # Times would make equal data unequal files.
        self._file = self._h5py.File(self._path, "a", track_order=False)

    def create(self, name: str, shape: tuple[int, ...], dtype: Any, chunk_rows: int) -> None:
        """Make an array in one piece."""
        del chunk_rows
        if name in self._file:
            return
        # Room is made now, so that later writes change nothing but data: the file can then be
        # opened again whatever happens to the process.
        layout = self._h5py.h5p.create(self._h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(self._h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(self._h5py.h5d.FILL_TIME_NEVER)
        layout.set_obj_track_times(False)
        self._file.create_dataset(name, shape, dtype, dcpl=layout)

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows."""
        self._file[name][first : first + len(rows)] = rows

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        return self._file[name][row]

    def strings(self, name: str, values: Sequence[str]) -> None:
        """Write texts as a data set."""
        if name in self._file:
            del self._file[name]
        texts = self._h5py.string_dtype("utf-8")
        self._file.create_dataset(name, data=list(values), dtype=texts, track_times=False)

    def attributes(self, values: Mapping[str, Any]) -> None:
        """Write attributes of the file."""
        self._file.attrs.update(values)

    def flush(self) -> None:
        """Write the library's buffers."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def finish(self) -> Path:
        """Close the file and return its path."""
        self.close()
        return self._path

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a file."""
        with _library("h5py").File(path, "r") as file:
            return {name: _plain(value) for name, value in file.attrs.items()}


class NpzWriter:
    """npz without pickle: one ``.npy`` file for each array, zipped uncompressed at the end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "data.npz"
        self._members = folder / "members"
        self._members.mkdir(exist_ok=True)

    def create(self, name: str, shape: tuple[int, ...], dtype: Any, chunk_rows: int) -> None:
        """Write the head of a member and make room: the rest is zero until it is written."""
        del chunk_rows
        path, dtype = self._member(name), np.dtype(dtype)
        if self._head(path) is None:
            head = {"descr": dtype.str, "fortran_order": False, "shape": shape}
            with path.open("wb") as file:
                np.lib.format.write_array_header_2_0(file, head)
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        with path.open("r+b") as file:
            file.truncate(self._known(path)[0] + n_bytes)

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows in their place."""
        path = self._member(name)
        offset, _, dtype = self._known(path)
        rows = np.ascontiguousarray(rows, dtype=dtype)
        # Not a memory map: on a full disk that would kill the process, and this raises.
        with path.open("r+b") as file:
            file.seek(offset + first * (rows.nbytes // len(rows)))
            file.write(rows.data)

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        path = self._member(name)
        offset, shape, dtype = self._known(path)
        count = int(np.prod(shape[1:], dtype=np.int64))
        where = offset + row * count * dtype.itemsize
        return np.fromfile(path, dtype, count, offset=where).reshape(shape[1:])

    def strings(self, name: str, values: Sequence[str]) -> None:
        """Write texts as an array of fixed-length unicode."""
        np.save(self._member(name), np.array(list(values), dtype=np.str_), allow_pickle=False)

    def attributes(self, values: Mapping[str, Any]) -> None:
        """Write the attributes as JSON in the member ``attributes``."""
        np.save(self._member("attributes"), np.array(json.dumps(values)), allow_pickle=False)

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing is held open."""

    def finish(self) -> Path:
        """Zip the members."""
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
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return json.loads(str(file["attributes"]))

    def _member(self, name: str) -> Path:
        path = self._members / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        return path

    def _known(self, path: Path) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
        head = self._head(path)
        assert head is not None  # arrays are created before they are written or read
        return head

    @staticmethod
    def _head(path: Path) -> tuple[int, tuple[int, ...], np.dtype[Any]] | None:
        """Where the data of a member begin, their shape and dtype; None without a whole head."""
        try:
            with path.open("rb") as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_2_0(file)
                return file.tell(), shape, dtype
        except (FileNotFoundError, ValueError):
            return None


class ZarrWriter:
    """zarr, version 3 of the format: a folder of compressed chunks, a batch each."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "data.zarr"
        self._group = _library("zarr").open_group(self._path, mode="a")

    def create(self, name: str, shape: tuple[int, ...], dtype: Any, chunk_rows: int) -> None:
        """Make an array in chunks of so many rows."""
        if name not in self._group:
            chunks = (max(1, min(chunk_rows, shape[0])), *shape[1:])
            self._group.create_array(name, shape=shape, dtype=dtype, chunks=chunks)

    def write(self, name: str, first: int, rows: NDArray[Any]) -> None:
        """Write rows."""
        self._group[name][first : first + len(rows)] = rows

    def read(self, name: str, row: int) -> NDArray[Any]:
        """Read one row."""
        return np.asarray(self._group[name][row])

    def strings(self, name: str, values: Sequence[str]) -> None:
        """Write texts as an attribute: zarr has no settled array of texts yet."""
        self._group.attrs[name] = list(values)

    def attributes(self, values: Mapping[str, Any]) -> None:
        """Write attributes of the group."""
        self._group.attrs.update(dict(values))

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing is held open."""

    def finish(self) -> Path:
        """The folder."""
        return self._path

    @staticmethod
    def read_attributes(path: Path) -> dict[str, Any]:
        """The attributes of a folder."""
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
