"""Trace headers: the lines a server puts on top of a message it takes or delivers (RFC 5321 section 4.4).

Each function returns complete, folded header lines that end in CRLF. What a stranger said (the name in EHLO) is made
harmless first: it cannot begin a new header, and it cannot pass for something that this server found out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mailsponge.mail.address import Address
from mailsponge.mail.date import date as date

_RETURN_PATH = b"Return-Path:"
_RETURN_PATH_LIMIT = 1000
"""Octets of that line; an address has 511 at most."""

_HARMLESS = re.compile(r"[A-Za-z0-9._:\[\]\-]{1,255}").fullmatch
_DOUBTFUL = re.compile(r"[^A-Za-z0-9._:\[\]\-]").sub


def received(
    *,
    helo: str,
    peer: str,
    by: str,
    protocol: str,
    id: int | str,  # noqa: A002 - the RFC's word for it
    at: str,
    recipient: Address | None = None,
    tls: str = "",
    user: tuple[int, str] | None = None,
) -> bytes:
    """The ``Received`` header of one message that came in over SMTP (RFC 5321 section 4.4, RFC 3848).

    ``helo``: what the client called itself. ``peer``: its IP address as text, ``""`` where there is none. ``by``: this
    server's name. ``protocol``: see :func:`protocol`. ``id``: the store's number of the message. ``at``: when it came,
    as :func:`date` writes it. ``recipient``: only when there is exactly one, for a list of them would tell each who
    else was written to (RFC 5321 section 7.6). ``tls``: how the connection was encrypted, in words; empty if it was
    not. ``user``: uid and name of the user of this machine whose program it came from, by the word of the kernel.
    """
    origin = f" (local uid {user[0]} ({_name(user[1])}))" if user is not None else _literal(peer)
    how = f"{protocol} ({tls})" if tls else protocol
    for_whom = f"\r\n\tfor <{recipient}>" if recipient is not None else ""
    return (
        f"Received: from {_name(helo)}{origin}\r\n"
        f"\tby {_name(by)} with {how} id {id}{for_whom};\r\n"
        f"\t{at}\r\n"
    ).encode()


def return_path(reverse_path: Address | None) -> bytes:
    """The ``Return-Path`` header that final delivery puts first; None is the null reverse-path, ``<>``."""
    return f"Return-Path: <{'' if reverse_path is None else reverse_path}>\r\n".encode()


def without_return_path(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A message without the ``Return-Path`` line that :func:`return_path` has put on top; any other is as it was.

    Only final delivery has that header (RFC 5321 section 4.4): who sends on takes it off. However short the pieces are,
    no more than that line is held.
    """
    left = iter(pieces)
    head = b""
    for piece in left:
        head += piece
        end = head.find(b"\r\n", 0, _RETURN_PATH_LIMIT)
        if not head.startswith(_RETURN_PATH[: len(head)]) or end >= 0 or len(head) >= _RETURN_PATH_LIMIT:
            break
    if head.startswith(_RETURN_PATH) and (end := head.find(b"\r\n", 0, _RETURN_PATH_LIMIT)) >= 0:
        head = head[end + 2 :]
    if head:
        yield head
    yield from left


def protocol(
    *, extended: bool, smtputf8: bool = False, tls: bool = False, login: bool = False, lmtp: bool = False
) -> str:
    """The registered word for how a message came: SMTP after HELO, ESMTP after EHLO, LMTP after LHLO (RFC 3848);
    UTF8SMTP and UTF8LMTP when SMTPUTF8 was asked for (RFC 6531 section 4.3); with an S at the end
    within TLS, and an A when the client has logged in.
    """
    if not extended:
        return "SMTP"
    plain = "LMTP" if lmtp else "SMTP" if smtputf8 else "ESMTP"
    return f"{'UTF8' if smtputf8 else ''}{plain}{'S' if tls else ''}{'A' if login else ''}"


def _name(said: str) -> str:
    """A host's name as it may stand in a header: anything else than a name's letters becomes a question mark."""
    if _HARMLESS(said):
        return said
    return _DOUBTFUL("?", said[:255]) or "unknown"


def _literal(peer: str) -> str:
    if not peer:
        return ""
    address = _name(peer.partition("%")[0])  # a link-local address may carry its interface: fe80::1%eth0
    return f" ([IPv6:{address}])" if ":" in address else f" ([{address}])"
