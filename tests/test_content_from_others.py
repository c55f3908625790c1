"""What stands in files and texts that somebody else wrote is not believed."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog


def _bank_with(path: Path, name: str, member: bytes, *, size: int | None = None) -> None:
    """Write a bank in which one array is replaced by the bytes of another file."""
    sound = io.BytesIO()
    modcog.trial_bank("Go", 2).save(path)
    sound.write(path.read_bytes())
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, member if info.filename == name else old.read(info))
    if size is not None:  # the table at the end says how large a member is
        content = path.read_bytes()
        at = content.rindex(b"PK\1\2", 0, content.rindex(name.encode()))
        path.write_bytes(content[: at + 24] + size.to_bytes(4, "little") + content[at + 28 :])


def _head(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    head = io.BytesIO()
    what = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(head, what)
    return head.getvalue()


@pytest.mark.parametrize(
    ("shape", "dtype", "size"),
    [
        ((1000, 1000, 1000), "<f4", None),
        ((1 << 40, 1 << 40), "<f4", None),
        ((-1, 4), "<f4", None),
        ((10, 10, 10), "|O", None),
        ((900, 1000, 1000), "<f4", 3_600_000_128),
    ],
)
def test_a_shape_is_not_believed_before_its_bytes_are_there(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, size: int | None
) -> None:
    import resource

    path = tmp_path / "bank.npz"
    _bank_with(path, "inputs.npy", _head(shape, dtype), size=size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(modcog.InvalidArgument, match="^path must be a file that TrialBank.save"):
        modcog.TrialBank.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 200_000  # kilobytes


def test_columns_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.npz"
    for shape, dtype in (((3,), "<i8"), ((2, 1), "<i8"), ((2,), "<f8")):
        data = bytes(int(np.prod(shape)) * 8)
        _bank_with(path, "rule.npy", _head(shape, dtype) + data)
        with pytest.raises(modcog.InvalidArgument, match="rule"):
            modcog.TrialBank.load(path)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in JSON."""
    inner: Any = enumerate(value) if isinstance(value, list) else ()
    found = [place]
    for key, one in value.items() if isinstance(value, dict) else inner:
        found += _places(one, (*place, key))
    return found


_TASK = json.loads(modcog.task("DlyGo_IntL").to_json())


@given(
    place=st.sampled_from(_places(_TASK)[1:]),
    other=st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)
def test_the_text_of_a_task_is_read_or_refused(place: tuple[Any, ...], other: Any) -> None:
    record = json.loads(json.dumps(_TASK))
    around = record
    for key in place[:-1]:
        around = around[key]
    around[place[-1]] = other
    with contextlib.suppress(modcog.ModcogError):
        modcog.task_from_json(json.dumps(record))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "", "\0", "1e999", '{"base": [], "modifiers": []}']
)
def test_what_is_no_text_of_a_task_is_refused(text: str) -> None:
    with pytest.raises(modcog.InvalidArgument):
        modcog.task_from_json(text)
