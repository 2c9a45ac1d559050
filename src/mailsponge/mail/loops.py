"""Mail that goes in circles: found by the lines that every server on the way puts on top of it.

Pure, and in time that grows with the length of the head alone, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailsponge.mail.address import Address

HEAD: Final = 128 * 1024
"""Bytes of content that are looked at. The lines stand on top, and fifty of them are shorter than that."""

MOST_HOPS: Final = 50
"""Servers that a message may have been through. RFC 5321 section 6.3 speaks of a hundred; other servers count to about
fifty, and no sound way is half as long."""

_RECEIVED: Final = b"\nreceived:"
_DELIVERED_TO: Final = b"\ndelivered-to:"


def head_of(pieces: Iterable[bytes]) -> bytes:
    """The header section of content that comes in pieces, as far as it is looked at; no more is read than need be."""
    head = b""
    for piece in pieces:
        begin = max(len(head) - 3, 0)
        head += piece
        end = head.find(b"\r\n\r\n", begin)
        if end >= 0:
            return head[: min(end + 2, HEAD)]
        if len(head) >= HEAD:
            break
    return head[:HEAD]


def hops(head: bytes) -> int:
    """How many servers it has been through, this one included."""
    return _lowered(head).count(_RECEIVED)


def fault(head: bytes, finals: Iterable[Address | None]) -> tuple[str, ...]:
    """Why the message goes in circles, for each of some recipients, empty where it does not; nothing if for none.

    ``finals``: where a recipient's mail ends here, under which address; None for what goes on to other servers, where
    a Delivered-To is no news.
    """
    lowered = _lowered(head)
    if lowered.count(_RECEIVED) > MOST_HOPS:
        return tuple(f"it went through more than {MOST_HOPS} servers, so it goes in circles" for _ in finals)
    if _DELIVERED_TO not in lowered:
        return ()
    been = _delivered_to(lowered)
    found = tuple(
        f"it was delivered to <{final}> before, so it goes in circles"
        if final is not None and _spelt(final) in been
        else ""
        for final in finals
    )
    return found if any(found) else ()


def _lowered(head: bytes) -> bytes:
    return b"\n" + head.lower()


def _delivered_to(lowered: bytes) -> frozenset[bytes]:
    """The addresses of the Delivered-To lines."""
    return frozenset(line.partition(b"\r\n")[0].strip(b" \t<>") for line in lowered.split(_DELIVERED_TO)[1:])


def _spelt(address: Address) -> bytes:
    return str(address).lower().encode("utf-8", "replace")
