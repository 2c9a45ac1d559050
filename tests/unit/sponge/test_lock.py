"""Locks belong to open files, go with them, and are waited for no longer than there is time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from mailsponge.sponge import lock
from mailsponge.sponge.lock import above_standard_streams, is_free, locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def at_once() -> float:
    return 0.0


def test_a_lock_is_had_by_one_at_a_time(path):
    with locked(path, at_once) as one, locked(path, at_once) as other:
        assert (one, other) == (True, False)


def test_a_lock_is_free_again_when_its_block_is_left(path):
    for _ in range(3):
        with locked(path, at_once) as mine:
            assert mine


def test_an_exception_frees_it_too(path):
    def fail() -> None:
        with locked(path, at_once):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert is_free(path)


def test_whether_it_is_free_can_be_seen_without_taking_it(path):
    with locked(path, at_once):
        assert not is_free(path)
    assert is_free(path)
    with locked(path, at_once) as mine:
        assert mine


def test_a_lock_is_waited_for_while_there_is_time(path):
    asked = 0
    holder = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)

    def free_it_at_the_third_look() -> float:
        nonlocal asked
        asked += 1
        if asked == 3:
            os.close(holder)
        return 10.0

    with locked(path, free_it_at_the_third_look) as mine:
        assert mine
    assert asked >= 3


def test_the_file_is_its_owners_alone(path):
    before = os.umask(0)
    try:
        with locked(path, at_once):
            assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_lock_in_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "not there" / "lock", at_once):
        pytest.fail("there is nothing to lock")


def test_a_file_that_is_not_there_is_not_free_but_missing(path):
    with pytest.raises(FileNotFoundError):
        is_free(path)


def test_a_fork_lets_go_of_the_locks_of_its_parent(path):
    """It has copies of them, and would hold them as long as it lives."""
    told, tell = os.pipe()
    stop, stopping = os.pipe()
    with locked(path, at_once):
        child = os.fork()
        if child == 0:
            lock.forked()
            os.close(stopping)
            os.write(tell, b".")
            os.read(stop, 1)
            os._exit(0)
        os.read(told, 1)
        assert not is_free(path)

    assert is_free(path)
    for descriptor in (stopping, stop, told, tell):
        os.close(descriptor)
    os.waitpid(child, 0)


def test_a_descriptor_is_none_of_the_standard_streams():
    """In a process that was started without them, as the next file that is opened gets the place of one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for stream in (0, 1, 2):
            os.close(stream)
        opened = os.open(os.devnull, os.O_RDONLY)
        above = above_standard_streams(opened)
        is_closed = False
        try:
            os.fstat(opened)
        except OSError:
            is_closed = True
        os.write(writing, f"{opened} {above > 2} {is_closed} {os.get_inheritable(above)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    said = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)

    assert said == "0 True True False"
