"""Files that are either whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sparse_rnn.files import Log, atomic_path, atomic_writer, remove_leftovers


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


def test_logs_go_on_from_a_mark_and_cut_off_what_is_beyond(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with Log(path) as log:
        log.write("head\n1\n")
        assert path.read_text() == "head\n1\n"  # at once
        mark = log.mark()
        log.write("2\n3")
    assert (mark.lines, mark.size) == (2, 7)
    assert mark.fits(path)
    with Log(path, mark) as log:
        assert path.read_text() == "head\n1\n"
        log.write("two\n")
        assert log.mark().lines == 3
    assert path.read_text() == "head\n1\ntwo\n"
    path.write_text("head\n9\n")
    assert not mark.fits(path)
    path.unlink()
    assert not mark.fits(path)


def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    for name in (".a.csv.x1.tmp", "notes.tmp", ".hidden"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "notes.tmp"]
