"""A file is the old one or the new one, whole, whatever step fails or is the last."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mailsponge import durable
from mailsponge.durable import sync_directory, write_file

OLD = b"the old content\n"
NEW = b"the new content, which is longer\n" * 1000
STEPS = ["write", "fsync", "rename", "sync directory"]
BEFORE_IT_COUNTS = ["write", "fsync"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_bytes(OLD)
    return file


class PowerCut(BaseException):
    """The last thing that happens."""


def failing_after(last: str, error: BaseException) -> Callable[[str], None]:
    def after_step(step: str) -> None:
        if step == last:
            raise error

    return after_step


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.iterdir())


def test_what_was_written_is_there(path):
    write_file(path, NEW)

    assert path.read_bytes() == NEW
    assert names(path) == ["file"]


@pytest.mark.parametrize("content", [b"", b"\0\r\n\xff", NEW])
def test_a_file_that_was_not_there_is_made(tmp_path, content):
    write_file(tmp_path / "new", content)

    assert (tmp_path / "new").read_bytes() == content


def test_the_steps_come_in_the_order_that_makes_it_durable(path):
    steps: list[str] = []

    write_file(path, NEW, after_step=steps.append)

    assert steps == STEPS


def test_content_and_directory_are_synced_and_the_content_before_the_rename(path, monkeypatch):
    happened: list[str] = []
    fsync = os.fsync

    def noticed(descriptor: int) -> None:
        kind = (
            "directory"
            if stat.S_ISDIR(os.fstat(descriptor).st_mode)
            else f"{os.fstat(descriptor).st_size} bytes"
        )
        happened.append(f"fsync {kind}")
        fsync(descriptor)

    monkeypatch.setattr(durable.os, "fsync", noticed)
    write_file(path, NEW, after_step=happened.append)

    assert happened == [
        "write",
        f"fsync {len(NEW)} bytes",
        "fsync",
        "rename",
        "fsync directory",
        "sync directory",
    ]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), PowerCut(), KeyboardInterrupt()])
@pytest.mark.parametrize("last", STEPS)
def test_whatever_step_fails_the_file_is_whole_and_nothing_is_left_beside_it(path, last, error):
    with pytest.raises(type(error)):
        write_file(path, NEW, after_step=failing_after(last, error))

    assert path.read_bytes() == (OLD if last in BEFORE_IT_COUNTS else NEW)
    assert names(path) == ["file"]


@pytest.mark.parametrize("last", STEPS)
def test_the_file_is_whole_after_each_step(path, last):
    seen: list[bytes] = []

    write_file(path, NEW, after_step=lambda step: seen.append(path.read_bytes()) if step == last else None)

    assert seen == [OLD if last in BEFORE_IT_COUNTS else NEW]


@pytest.mark.parametrize("failing", ["open", "fsync"])
def test_a_call_that_fails_leaves_the_old_file(path, monkeypatch, failing):
    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(durable.os, failing, fail)
        with pytest.raises(OSError, match="input/output error"):
            write_file(path, NEW)

    assert path.read_bytes() == OLD
    assert names(path) == ["file"]


def test_a_rename_that_fails_leaves_what_was_there(tmp_path):
    (tmp_path / "file").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_file(tmp_path / "file", NEW)

    assert names(tmp_path / "file") == ["file"]


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_file(tmp_path / "not there" / "file", NEW)


def test_no_descriptor_is_left_open(path):
    def descriptors() -> list[str]:
        return sorted(os.listdir("/proc/self/fd"))

    before = descriptors()
    write_file(path, NEW)
    for last in STEPS:
        with pytest.raises(PowerCut):
            write_file(path, NEW, after_step=failing_after(last, PowerCut()))

    assert descriptors() == before


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_file_has_the_mode_asked_for(path, mode):
    before = os.umask(0)
    try:
        write_file(path, NEW, mode=mode)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_is_its_owners_alone_unless_told_otherwise(path):
    path.chmod(0o666)

    write_file(path, NEW)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_not_followed(path, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(OLD)
    path.unlink()
    path.symlink_to(elsewhere)

    write_file(path, NEW)

    assert elsewhere.read_bytes() == OLD
    assert not path.is_symlink()


def test_two_writers_leave_the_file_of_one_of_them(path):
    write_file(path, NEW, after_step=lambda step: write_file(path, b"other") if step == "fsync" else None)

    assert path.read_bytes() == NEW
    assert names(path) == ["file"]


def test_a_directory_can_be_synced_and_what_is_none_cannot(path):
    sync_directory(path.parent)
    with pytest.raises(NotADirectoryError):
        sync_directory(path)
