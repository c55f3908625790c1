"""Files that are either whole or absent."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sparse_rnn.errors import RunDamaged
from sparse_rnn.system import files
from sparse_rnn.system.files import (
    Log,
    Mark,
    atomic_path,
    atomic_writer,
    open_regular,
    read_regular,
    remove_leftovers,
    set_aside,
)


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
    assert mark == Mark.after(b"head\n1\n")
    for content in (b"head\n1\n2\n3", b"head\r\n1\r\n2\r\n", b"head\r\n1\r\n"):
        path.write_bytes(content)
        known = mark.known(path)
        assert known == b"head\n1\n"
        with Log(path, known) as log:
            assert path.read_bytes() == known
            log.write("two\n")
            assert log.mark().lines == 3
        assert path.read_bytes() == b"head\n1\ntwo\n"
    path.write_text("head\n9\n")
    assert mark.known(path) is None
    path.unlink()
    assert mark.known(path) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=30), st.integers(0, 40), st.binary(max_size=5))
def test_a_mark_knows_what_was_before_it_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int, more: bytes
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    mark = Mark.after(content)
    path.write_bytes(content[:cut] + more)
    known = mark.known(path)
    assert known in (None, content)
    assert (known == content) >= path.read_bytes().startswith(content)


def test_what_is_set_aside_never_meets_what_was_set_aside_before(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "a").write_text(str(number))
        aside = set_aside([tmp_path / "a", tmp_path / "absent"], tmp_path / "checkpoint")
        assert aside == tmp_path / f"checkpoint.set-aside-{number}"
    texts = [path.read_text() for path in sorted(tmp_path.glob("*/a"))]
    assert texts == ["1", "2"]


MODES = ("r", "rb", "w", "wb", "r+", "rb+", "a", "ab")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder", "device", "socket"])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str, mode: Any) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "file"
    theirs.write_text("precious")
    if kind == "link":
        path.symlink_to(theirs)
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "new")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    with pytest.raises(RunDamaged, match="must be a regular file"):
        open_regular(path, mode)
    assert theirs.read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_a_link_that_comes_between_two_looks_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "file"
    theirs.write_text("precious")
    path.symlink_to(theirs)

    def look_away(_path: Path) -> None:
        pass

    monkeypatch.setattr(files, "check_kind", look_away)
    with pytest.raises((OSError, RunDamaged)):
        open_regular(path, "wb")
    # Where the system has no way to refuse links.
    monkeypatch.delattr(os, "O_NOFOLLOW", raising=False)
    with pytest.raises(RunDamaged, match="exchanged"):
        open_regular(path, "wb")
    assert theirs.read_text() == "precious"


def test_regular_files_are_opened_as_ever_and_large_ones_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with open_regular(path, "w") as file:
        file.write("naïve\r\n")
    assert path.read_bytes() == "naïve\r\n".encode()
    with open_regular(path, "r") as file:
        assert file.read() == "naïve\r\n"
    assert read_regular(path) == read_regular(path, limit=None) == path.read_bytes()
    with pytest.raises(RunDamaged, match="has 8 bytes, and no more than 7"):
        read_regular(path, limit=7)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    for name in (".a.csv.x1y2z3_4.tmp", "notes.tmp", ".notes.tmp", ".hidden"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".hidden",
        ".notes.tmp",
        "notes.tmp",
    ]
