"""A message as it is laid down for its recipient.

``Return-Path`` stands first and then ``Delivered-To``, by which a mail that comes back is known. Files have Unix's line
ends: no bare CR or LF was ever taken in, so whoever reads them can put all of it back.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from mailsponge.mail.trace_header import return_path, without_return_path
from mailsponge.store.protocol import Parcel

PIECE: Final = 262_144
"""Bytes that are read or written at a time."""
IN_MEMORY: Final = 1_000_000
"""Bytes of a message that are held in memory on the way to its recipient; a larger one is on a disk."""


def letter(parcel: Parcel, address: str) -> Iterator[bytes]:
    """The message for an address as it goes over the wire, in lines that end in CRLF. Raises StoreError."""
    pieces = without_return_path(parcel.content())
    yield return_path(parcel.envelope.reverse_path) + delivered_to(address) + next(pieces, b"")
    yield from pieces


def delivered_to(address: str) -> bytes:
    """The line by which a mail that comes back is known."""
    return f"Delivered-To: {address}\r\n".encode()


def unix_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same with lines that end in LF, wherever a piece ends."""
    held = b""
    for piece in pieces:
        whole = held + piece
        held = b"\r" if whole.endswith(b"\r") else b""
        yield (whole[:-1] if held else whole).replace(b"\r\n", b"\n")
    yield held


@contextlib.contextmanager
def laid_out(pieces: Iterable[bytes], size: int) -> Iterator[int]:
    """A file without a name that has all of it, open for reading from its beginning; ``size``: about how many bytes.

    Raises OSError, and what the pieces raise.
    """
    with _file(size) as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        file.seek(0)
        yield file.fileno()


def _file(size: int) -> BinaryIO:
    if size <= IN_MEMORY and hasattr(os, "memfd_create"):
        return open(os.memfd_create("letter"), "w+b")
    return tempfile.TemporaryFile()


def read(descriptor: int) -> Iterator[bytes]:
    """What is in such a file, from its beginning, in pieces. Raises OSError."""
    at = 0
    while piece := os.pread(descriptor, PIECE, at):
        at += len(piece)
        yield piece
