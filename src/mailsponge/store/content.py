"""The content of a message, out of the rows that hold it, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator

from mailsponge.errors import StoreError
from mailsponge.store.connection import Reading

_PART = "SELECT content FROM part WHERE message = ? AND number = ?"
_TAIL = "SELECT tail FROM message WHERE id = ? AND parts >= 0"


def pieces(reading: Reading, message_id: int, parts: int) -> Iterator[bytes]:
    """Each part, then the tail, every one of them read when it is asked for. Raises StoreError."""
    for number in range(parts):
        yield _piece(reading, message_id, _PART, message_id, number)
    yield _piece(reading, message_id, _TAIL, message_id)


def _piece(reading: Reading, message_id: int, query: str, *values: int) -> bytes:
    for (piece,) in reading.rows(query, *values):
        return bytes(piece)
    raise StoreError(f"message {message_id} was deleted while it was being read")
