"""What the tests of exports share: reading one, comparing two, and stopping one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import modcog
from modcog.exporting import export as exporting

LIBRARIES = {".h5": "h5py", ".npz": "numpy", ".zarr": "zarr"}

N = 6


def sampler_of(suite: Any = "cog-20", **settings: Any) -> modcog.BatchSampler:
    return modcog.BatchSampler(suite, **{"batch_size": 3, "seq_len": 70, "seed": 5, **settings})


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and attributes, as a user reads them."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "attributes"}
            return arrays, json.loads(str(file["attributes"]))
    if path.suffix == ".h5":
        import h5py

        arrays = {}
        with h5py.File(path, "r") as file:
            for name in ("inputs", "targets", "mask", "rules"):
                if name in file:
                    arrays[name] = file[name][()]
            for name, column in file["trials"].items():
                arrays[f"trials/{name}"] = column[()]
            for name in ("tasks", "task_names", "task_periods"):
                arrays[name] = file[name].asstr()[()].astype(np.str_)
            return arrays, dict(file.attrs)
    import zarr

    group = zarr.open_group(path, mode="r")
    names = ("inputs", "targets", "mask", "rules")
    arrays = {name: group[name][:] for name in names if name in group}
    arrays.update({f"trials/{name}": array[:] for name, array in group["trials"].arrays()})
    attributes = dict(group.attrs)
    for name in ("tasks", "task_names", "task_periods"):
        arrays[name] = np.array(attributes.pop(name))
    return arrays, attributes


def assert_same_exports(one: Path, other: Path) -> None:
    (arrays, attributes), (arrays_b, attributes_b) = read(one), read(other)
    assert attributes == attributes_b
    assert arrays.keys() == arrays_b.keys()
    for name, array in arrays.items():
        assert (array.dtype, array.shape) == (arrays_b[name].dtype, arrays_b[name].shape)
        assert array.tobytes() == arrays_b[name].tobytes(), name
    assert contents(one) == contents(other)


def contents(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}


# --- stopped and gone on with --------------------------------------------------------------------


class Boom(Exception):
    pass


def stop_at(n: int, error: BaseException) -> exporting.Progress:
    def progress(done: int, total: int) -> None:
        assert done <= total
        if done == n:
            raise error

    return progress
