"""Maildir: a file a message, as D. J. Bernstein describes it and Dovecot reads it.

A letter is written into ``tmp``, synced, linked into ``new``, and then the directory is synced: whoever reads finds
all of it or nothing, whenever the power goes. Everything is opened relative to a directory that is open already, and no
symbolic link is followed within the Maildir. Files that are not mail, such as Dovecot's, are never touched.

The name in ``new`` goes by the message: a second attempt, after a crash before anybody knew of the first, makes the
same name, and finds the letter there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from mailsponge.courier.descriptors import DIRECTORY, NEW_FILE, opened
from mailsponge.courier.faults import delivered, outcome_of
from mailsponge.courier.letter import read
from mailsponge.courier.order import Order, Person
from mailsponge.durable import sync_directory
from mailsponge.mail.outcome import Outcome

INSIDE: Final = DIRECTORY | os.O_NOFOLLOW
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)

FOLDER_LENGTH: Final = 200
NOT_FOR_STRANGERS: Final = (
    "inbox", "sent", "draft", "trash", "deleted", "junk", "spam", "archive", "outbox", "template",
)  # fmt: skip
"""What the names of folders begin with that no address reaches. What lies there is taken to be one's own work, or is
looked at by nobody, and the address is a stranger's choice."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+").fullmatch
_STRANGE_IN_A_HOST = re.compile(r"[^A-Za-z0-9.-]").sub


class House(NamedTuple):
    """Whose deliveries these are, for the names of files."""

    host: str
    number: int
    """Tells one store's messages from another's on the same host."""

    @classmethod
    def of(cls, host: str, store: str) -> House:
        """``store``: where the messages are kept."""
        return cls(host, crc32(store.encode(errors="surrogateescape")))


class Maildir(NamedTuple):
    """A way to deliver. ``path`` may begin with ``~/``."""

    path: str
    house: House

    def deliver(self, order: Order, person: Person, letter: int, gone: int) -> Outcome:
        """Lay a letter down; ``gone`` does not matter, for nothing is waited for."""
        path = person.path(self.path)
        try:
            with _maildir(path) as root, _folder(root, order.detail) as folder:
                return _delivered(folder, order, letter, self.house, path)
        except OSError as error:
            return outcome_of(error, path)

    def group(self, person: Person) -> int:
        """Their own."""
        return person.gid


def unique_name(house: House, order: Order, size: int) -> str:
    """The name of a message's file, the same at each attempt."""
    seconds, micros = divmod(round(order.arrived_at * 1_000_000), 1_000_000)
    host = _STRANGE_IN_A_HOST("_", house.host)[:64]
    return f"{seconds}.M{micros}P{house.number}Q{order.message}.{host},S={size}"


def folder_of(detail: str) -> str | None:
    """The Maildir++ folder that an address may lead to by what is behind its plus; None: that is no name for one."""
    if len(detail) > FOLDER_LENGTH or not _PLAIN(detail):
        return None
    names = detail.lower().split(".")
    return None if any(name.startswith(NOT_FOR_STRANGERS) for name in names) else f".{detail}"


def _delivered(folder: int, order: Order, letter: int, house: House, path: str) -> Outcome:
    name = unique_name(house, order, os.fstat(letter).st_size)
    with _made(folder, "tmp") as tmp, _made(folder, "new") as new, _made(folder, "cur") as cur:
        if order.again and _lies_in(cur, name):
            return delivered(f"it lies in {path} since an attempt that nobody heard the end of")
        scratch = f"{name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            _write(tmp, scratch, letter)
            _link(tmp, scratch, new, name)
            os.fsync(new)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(scratch, dir_fd=tmp)
    return delivered(f"into {path}")


def _write(tmp: int, name: str, letter: int) -> None:
    with opened(os.open(name, NEW_FILE, 0o600, dir_fd=tmp)) as file:
        for piece in read(letter):
            while piece:
                piece = piece[os.write(file, piece) :]
        os.fsync(file)


def _link(tmp: int, scratch: str, new: int, name: str) -> None:
    """Let it be seen, or find that it is there already. Where files cannot have two names it is renamed."""
    try:
        os.link(scratch, name, src_dir_fd=tmp, dst_dir_fd=new, follow_symlinks=False)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.rename(scratch, name, src_dir_fd=tmp, dst_dir_fd=new)


def _lies_in(cur: int, name: str) -> bool:
    """Whether somebody has read it, which is said behind a colon. It takes time in proportion to what lies there."""
    with os.scandir(cur) as files:
        return any(file.name.partition(":")[0] == name for file in files)


@contextlib.contextmanager
def _maildir(path: str) -> Iterator[int]:
    """The Maildir itself, made if it is missing: the way to it is the recipient's affair, links and all."""
    try:
        os.mkdir(path, 0o700)
        sync_directory(Path(path).parent)
    except FileExistsError:
        pass
    with opened(os.open(path, DIRECTORY)) as descriptor:
        yield descriptor


@contextlib.contextmanager
def _folder(root: int, detail: str) -> Iterator[int]:
    """The folder that the address leads to, if there is one; else the Maildir's own."""
    name = folder_of(detail)
    try:
        descriptor = os.open(name or ".", INSIDE, dir_fd=root)
    except FileNotFoundError:
        descriptor = os.dup(root)
    with opened(descriptor):
        yield descriptor


@contextlib.contextmanager
def _made(folder: int, name: str) -> Iterator[int]:
    """A directory in it, made if it is missing."""
    try:
        descriptor = os.open(name, INSIDE, dir_fd=folder)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # another delivery was quicker
            os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)
        descriptor = os.open(name, INSIDE, dir_fd=folder)
    with opened(descriptor):
        yield descriptor
