"""mbox: all of a user's mail in one file, ``/var/mail/me``, each message behind a line that begins with ``From``.

Locked as Debian's policy wants it (section 11.6): the kernel's lock (fcntl(2)) first, then the file beside it. A letter
is made whole first, and then goes on at the end by one write, so that being killed never leaves half of it. A loss of
power can: then the next attempt finds the beginning of its own letter at the end, and puts the whole one in its place.

The file has to be the recipient's own, an ordinary one with one name: whoever may write in the directory could else
make it lead to another file of theirs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import re
import select
import stat
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from mailsponge import clock
from mailsponge.courier.descriptors import DIRECTORY, opened
from mailsponge.courier.dotlock import dotlocked
from mailsponge.courier.faults import deferred, delivered, outcome_of
from mailsponge.courier.letter import laid_out, read
from mailsponge.courier.order import Order, Person
from mailsponge.mail.outcome import Outcome

LOCKED: Final = 60.0
"""Seconds that a mailbox may be locked by somebody else before a delivery is put off."""
LOOK_EVERY: Final = 0.2
"""Seconds between two attempts at a lock."""

_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE: Final = _OPEN | os.O_CREAT | os.O_EXCL

_BEGINNING = re.compile(rb"\A>*+From ").match
_FOLLOWING = re.compile(rb"\n(>*+From )").sub
_PERHAPS: Final = (b"F", b"Fr", b"Fro", b"From")


class Mbox(NamedTuple):
    """A way to deliver. ``path`` may begin with ``~/``."""

    path: str

    def deliver(self, order: Order, person: Person, letter: int, gone: int) -> Outcome:
        """Append a letter. ``gone`` becomes readable when nobody waits for the outcome any more."""
        path = person.path(self.path)
        try:
            with laid_out(entry(order, read(letter)), os.fstat(letter).st_size) as whole:
                return _delivered(path, whole, order.again, _Patience(gone))
        except OSError as error:
            # A name that it has is one in the mailbox's directory, and mostly the mailbox's own.
            return outcome_of(error, os.path.dirname(path) if error.filename else path)

    def group(self, person: Person) -> int:
        """The group to deliver as: that of a directory where root lets a group make mailboxes, such as /var/mail.

        Only where the configuration names it whole: a path below their home is the user's to choose.
        """
        if self.path.startswith("~/"):
            return person.gid
        group = _group_that_makes_mailboxes(os.stat(os.path.dirname(self.path)))
        return person.gid if group is None else group


def entry(order: Order, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What stands for a letter in the file: the line that begins it, its own lines, and an empty one.

    Lines of it that begin with ``From `` after any number of ``>`` get one more (the variant called mboxrd).
    """
    at = time.asctime(time.gmtime(order.arrived_at))
    sender = order.sender.replace(" ", "_") or "MAILER-DAEMON"
    yield f"From {sender} {at}\n".encode()
    last = b""
    for lines in _escaped(pieces):
        yield lines
        last = lines or last
    yield b"\n" if last.endswith(b"\n") else b"\n\n"


def _escaped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """One more ``>`` before each ``From ``, which may go anywhere among those that are there: nothing is held back but
    what may become that word in the next piece.
    """
    held, begins = b"", True  # whether the line has had nothing but ">" so far
    for piece in pieces:
        lines = held + piece
        if begins and _BEGINNING(lines):
            yield b">"
        _, newline, last = lines.rpartition(b"\n")
        word = last.lstrip(b">")
        begins = (begins or bool(newline)) and (not word or word in _PERHAPS)
        held = word if begins else b""
        yield _FOLLOWING(rb"\n>\1", lines[: len(lines) - len(held)])
    yield held


class _Patience:
    """How long a lock is waited for, and whether there is anybody who waits for the outcome."""

    def __init__(self, gone: int) -> None:
        self._deadline = clock.Deadline(LOCKED)
        self._gone = select.poll()
        self._gone.register(gone, select.POLLIN)

    def wait(self) -> bool:
        """A little while; whether it is worth another attempt."""
        return not self._gone.poll(LOOK_EVERY * 1000) and self._deadline.left() > 0


def _delivered(path: str, whole: int, again: bool, patience: _Patience) -> Outcome:
    directory, name = os.path.split(path)
    with opened(os.open(directory, DIRECTORY)) as parent, opened(_mailbox(parent, name)) as mailbox:
        wrong = _wrong(os.fstat(mailbox))
        if wrong:
            return deferred(f"{path} {wrong}", "4.3.5")
        if not _locked(mailbox, patience.wait):
            return _held(path)
        with dotlocked(parent, name, patience.wait) as locked:
            if not locked:
                return _held(path)
            if not os.path.samestat(os.fstat(mailbox), os.stat(name, dir_fd=parent, follow_symlinks=False)):
                return deferred(f"{path} was replaced by another file in this moment")
            there = _put(mailbox, whole, again)
            os.fsync(parent)
    if there:
        return delivered(f"it lies in {path} since an attempt that nobody heard the end of")
    return delivered(f"into {path}")


def _mailbox(parent: int, name: str) -> int:
    """The mailbox, opened, and made if there is none."""
    with contextlib.suppress(FileNotFoundError):
        return os.open(name, _OPEN, dir_fd=parent)
    try:
        descriptor = os.open(name, _MAKE, 0o600, dir_fd=parent)
    except FileExistsError:  # another delivery was quicker
        return os.open(name, _OPEN, dir_fd=parent)
    if _group_that_makes_mailboxes(os.fstat(parent)) is not None:
        os.fchmod(descriptor, 0o660)
    return descriptor


def _wrong(file: os.stat_result) -> str:
    """What is against a file as somebody's mailbox; empty: nothing."""
    if not stat.S_ISREG(file.st_mode):
        return "is no ordinary file: remove what is in the mailbox's place"
    if file.st_nlink != 1:
        return "has another name too, which nobody's mailbox should: remove one of them"
    if file.st_uid != os.geteuid():
        return "is somebody else's file: give it to the recipient with chown"
    return ""


def _group_that_makes_mailboxes(directory: os.stat_result) -> int | None:
    """The group that root lets make mailboxes in a directory, as Debian's /var/mail has it; None: it is none such."""
    shared = directory.st_uid == 0 and directory.st_gid != 0 and directory.st_mode & stat.S_IWGRP
    return directory.st_gid if shared else None


def _locked(mailbox: int, wait: Callable[[], bool]) -> bool:
    """Hold the kernel's lock until the file is closed."""
    while not _try_to_lock(mailbox):
        if not wait():
            return False
    return True


def _try_to_lock(mailbox: int) -> bool:
    try:
        if hasattr(fcntl, "F_OFD_SETLK"):  # one that holds against other threads of this process, too
            fcntl.fcntl(
                mailbox, fcntl.F_OFD_SETLK, struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            )
        else:
            fcntl.lockf(mailbox, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _held(path: str) -> Outcome:
    return deferred(
        f"{path} is locked by another program for {LOCKED:.0f} s: see what holds {path}.lock", "4.2.0"
    )


def _put(mailbox: int, whole: int, again: bool) -> bool:
    """Append it, durably, or leave all as it was; whether it was there already."""
    end = os.fstat(mailbox).st_size
    with mmap.mmap(whole, 0, prot=mmap.PROT_READ) as letter:
        if again:
            start = _own_remains(mailbox, end, letter)
            if end - start == len(letter):
                return True
            os.ftruncate(mailbox, start)
            end = start
        try:
            _write(mailbox, end, _empty_line(mailbox, end), letter)
            os.fsync(mailbox)
        except BaseException:
            os.ftruncate(mailbox, end)
            raise
    return False


def _write(mailbox: int, end: int, before: bytes, letter: mmap.mmap) -> None:
    """All at once; a disk that takes less of it says why when it is asked again."""
    os.lseek(mailbox, end, os.SEEK_SET)
    written = os.writev(mailbox, [before, letter]) - len(before)
    if written < 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    missing = memoryview(letter)[written:]
    try:
        while missing.nbytes:
            taken = os.write(mailbox, missing)
            rest = missing[taken:]
            missing.release()
            missing = rest
    finally:
        missing.release()


def _empty_line(mailbox: int, end: int) -> bytes:
    """What is missing at the end for a message to begin there."""
    last = os.pread(mailbox, 2, max(end - 2, 0))
    if not last or last.endswith(b"\n\n"):
        return b""
    return b"\n" if last.endswith(b"\n") else b"\n\n"


def _own_remains(mailbox: int, end: int, letter: mmap.mmap) -> int:
    """Where, at the end of the mailbox, the beginning of this letter stands (or all of it); the end, if nowhere.

    No other message is taken for it: the letter begins with the store's number of it, and the moment that it came.
    """
    at = max(end - len(letter) - 1, 0)
    tail = os.pread(mailbox, end - at, at)
    start = 0 if not at and tail.startswith(b"From ") else None
    found = tail.rfind(b"\nFrom ")  # in no letter does a line begin so, but the one that begins it
    if found >= 0:
        start = found + 1
    if start is None or letter[: len(tail) - start] != tail[start:]:
        return end
    return at + start
