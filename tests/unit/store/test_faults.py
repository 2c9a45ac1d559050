"""What SQLite says, in words."""

from __future__ import annotations

import errno
from pathlib import Path

import apsw
import pytest

from mailsponge.errors import StoreError, StoreFull, StoreReadOnly
from mailsponge.store.faults import locked_out, store_error, worded

FILE = Path("/data/store.db")


@pytest.mark.parametrize(
    ("error", "system_errno"),
    [
        (apsw.FullError("database or disk is full"), 0),
        (apsw.IOError("disk I/O error"), errno.ENOSPC),
        (apsw.IOError("disk I/O error"), errno.EDQUOT),
        (apsw.IOError("disk I/O error"), errno.EFBIG),
    ],
)
def test_no_room_is_told_from_other_faults(error: Exception, system_errno: int) -> None:
    fault = store_error(error, FILE, system_errno)
    assert isinstance(fault, StoreFull)
    assert "/data/store.db" in str(fault)


@pytest.mark.parametrize(
    ("error", "system_errno"), [(apsw.ReadOnlyError("x"), 0), (apsw.IOError("disk I/O error"), errno.EROFS)]
)
def test_a_disk_that_can_only_be_read_is_told_from_other_faults(error: Exception, system_errno: int) -> None:
    fault = store_error(error, FILE, system_errno)
    assert isinstance(fault, StoreReadOnly)
    assert "mounted read-only" in str(fault)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (apsw.BusyError("x"), "another program has kept it locked"),
        (apsw.CantOpenError("x"), "look at its owner"),
        (apsw.NotADBError("x"), "left as it is"),
        (apsw.CorruptError("x"), "left as it is"),
        (apsw.IOError("x"), "the disk under it failed"),
        (ValueError("x"), r"could not do what was asked \(ValueError: x\)"),
    ],
)
def test_other_faults_say_where_and_what_to_do(error: Exception, words: str) -> None:
    fault = store_error(error, FILE, errno.EIO)
    assert not isinstance(fault, StoreFull)
    assert str(fault).startswith("/data/store.db: ")
    with pytest.raises(StoreError, match=words):
        raise fault
    assert fault.__cause__ is error


def test_an_old_errno_does_not_make_another_fault_a_full_disk() -> None:
    assert not isinstance(store_error(apsw.ConstraintError("x"), FILE, errno.ENOSPC), StoreFull)


def test_a_fault_in_words_keeps_them() -> None:
    fault = StoreFull("no room")
    assert store_error(fault, FILE) is fault


def test_what_happens_inside_is_worded() -> None:
    with pytest.raises(StoreError, match="damaged"), worded(FILE):
        raise apsw.CorruptError("x")


def test_being_locked_out_is_known() -> None:
    assert locked_out(store_error(apsw.BusyError("x"), FILE))
    assert not locked_out(store_error(apsw.FullError("x"), FILE))
    assert not locked_out(None)
