"""Files that are either whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sparse_rnn.files import atomic_path, atomic_writer


def test_a_file_gets_its_name_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with atomic_writer(path) as file:
        file.write("naïve\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == "naïve\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail() -> None:
        with atomic_writer(path) as file:
            file.write("new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_that_the_user_asks_for(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "file") as temporary:
            temporary.write_text("content")
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~umask
    finally:
        assert os.umask(before) == umask
