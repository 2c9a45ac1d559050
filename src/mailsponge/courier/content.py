"""A message as it leaves the house: without the Return-Path that final delivery puts on top, whole or in pieces."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from mailsponge.courier.letter import read
from mailsponge.errors import StoreError
from mailsponge.mail.trace_header import without_return_path
from mailsponge.store.protocol import Parcel

WHOLE: Final = 256 * 1024
"""Octets up to which a message is read at once, and held until it is handed over; a larger one is never in memory."""


class Content(NamedTuple):
    """What is sent."""

    size: int
    """Octets."""
    head: bytes
    """Its beginning: all of it, if it is `whole`; else at least its header section."""
    whole: bool
    pieces: Callable[[], Iterator[bytes]]
    """All of it, from the beginning, as often as it is asked for. Raises StoreError. May wait for a disk."""


async def content_of(parcel: Parcel) -> Content:
    """The content of a parcel, read as far as is good for it. Raises StoreError."""
    if parcel.in_memory:
        return whole(b"".join(without_return_path(parcel.content())))
    if parcel.size <= WHOLE:
        return whole(await asyncio.to_thread(lambda: b"".join(without_return_path(parcel.content()))))
    return await asyncio.to_thread(_large, parcel)


def whole(data: bytes) -> Content:
    """Content that is here."""
    return Content(len(data), data, True, lambda: iter((data,)))


def laid_aside(data: bytes) -> Content:
    """Content that was made here: in a file, for as long as it is sent, if it is large. Raises StoreError."""
    if len(data) <= WHOLE:
        return whole(data)
    try:
        return Content(len(data), data[:WHOLE], False, _Aside(tempfile.TemporaryFile(), data).pieces)
    except OSError as error:
        raise StoreError(f"there is no room for it beside: {error}") from error


class _Aside:
    """A file without a name, which goes when nobody needs it any more."""

    def __init__(self, file: BinaryIO, data: bytes) -> None:
        self._file = file
        file.write(data)
        file.flush()

    def __del__(self) -> None:
        self._file.close()

    def pieces(self) -> Iterator[bytes]:
        """All of it."""
        yield from read(self._file.fileno())


def _large(parcel: Parcel) -> Content:
    """Content that is read while it is sent."""
    first = next(parcel.content(), b"")
    head = next(without_return_path((first,)), b"")
    return Content(
        parcel.size - (len(first) - len(head)),
        head,
        False,
        lambda: without_return_path(parcel.content()),
    )
