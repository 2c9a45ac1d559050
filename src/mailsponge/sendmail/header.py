"""The header of a message that is submitted: whom it names, what must not go out with it, and what it lacks.

A mail server leaves a message as it is; whoever submits one has to see that it is complete (RFC 6409 section 8).
"""

from __future__ import annotations

from collections.abc import Iterator

from mailsponge.sendmail.addresses import BadAddress, addresses

_TO = ("to", "cc", "bcc")
_RESENT_TO = ("resent-to", "resent-cc", "resent-bcc")
_LEFT_OUT = ("bcc", "resent-bcc", "return-path")
"""Bcc is for nobody else to see, and Return-Path is the business of whoever delivers."""

_LONGEST_NAME = 200
_ENCODED_AT_ONCE = 36
"""Octets in one encoded word, so that its line has no more than 76 characters (RFC 2047 section 2)."""


class Field:
    """A field of a header: all of its lines, as they stand (``raw``), and its ``name`` in lower case."""

    __slots__ = ("name", "raw")

    def __init__(self, raw: bytes) -> None:
        self.name = raw.partition(b":")[0].strip().decode("ascii", "replace").lower()
        self.raw = raw

    def value(self) -> str:
        """What stands behind the colon, unfolded; bytes that are no UTF-8 as lone surrogates."""
        text = self.raw.partition(b":")[2].replace(b"\r\n", b"")
        return text.decode("utf-8", "surrogateescape").strip()


def fields(header: bytes) -> list[Field]:
    """Take a header section apart, whose lines end in CRLF; joined again, they are what it was."""
    found: list[list[bytes]] = []
    for line in header.splitlines(keepends=True):
        if found and line.startswith((b" ", b"\t")):
            found[-1].append(line)
        else:
            found.append([line])
    return [Field(b"".join(lines)) for lines in found]


def recipients(header: list[Field]) -> list[str]:
    """Whom the header names in To, Cc and Bcc; of a message that is sent again, in Resent-To, Resent-Cc and
    Resent-Bcc instead (RFC 5322 section 3.6.6). Raises BadAddress that says where.
    """
    names = {field.name for field in header}
    wanted = _RESENT_TO if names & set(_RESENT_TO) else _TO
    found: list[str] = []
    for field in header:
        if field.name in wanted:
            try:
                found += addresses(field.value())
            except BadAddress as error:
                raise BadAddress(f"the header {field.name.title()}: {error}") from None
    return found


class Known:
    """What a header that is missing is made of: the sender's address and full name (or ``""``), the date as
    RFC 5322 has it, and a Message-ID, brackets and all.
    """

    __slots__ = ("date", "message_id", "name", "sender")

    def __init__(self, sender: str, name: str, date: str, message_id: str) -> None:
        self.sender = sender
        self.name = name
        self.date = date
        self.message_id = message_id


def completed(header: list[Field], known: Known) -> bytes:
    """The header section as it goes out: what must not is taken out, and what is missing stands at its end."""
    kept = [field for field in header if field.name not in _LEFT_OUT]
    return b"".join(field.raw for field in kept) + "".join(_missing(kept, known)).encode("utf-8", "replace")


def kept(header: list[Field]) -> bytes:
    """The header section as it goes out of a message that comes from elsewhere: what must not is taken out."""
    return b"".join(field.raw for field in header if field.name not in _LEFT_OUT)


def _missing(header: list[Field], known: Known) -> Iterator[str]:
    names = {field.name for field in header}
    again = "Resent-" if any(name.startswith("resent-") for name in names) else ""
    for name, value in (
        ("From", f"{_phrase(known.name)}<{known.sender}>" if known.name else known.sender),
        ("Date", known.date),
        ("Message-ID", known.message_id),
    ):
        if f"{again}{name}".lower() not in names:
            yield f"{again}{name}: {value}\r\n"
    if not names & {"to", "cc", "resent-to", "resent-cc"}:
        yield "To: undisclosed-recipients:;\r\n"


def _phrase(name: str) -> str:
    """A person's name as it stands before an address: in quotes, or as encoded words (RFC 2047)."""
    name = "".join(c if c.isprintable() else " " for c in name[:_LONGEST_NAME]).strip()
    if not name:
        return ""
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" '
    return "\r\n ".join(map(_encoded_word, _pieces(name))) + "\r\n "


def _pieces(text: str) -> Iterator[bytes]:
    """The text as UTF-8 in pieces, none of which ends within a character."""
    piece = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _ENCODED_AT_ONCE:
            yield piece
            piece = b""
        piece += octets
    yield piece


def _encoded_word(octets: bytes) -> str:
    from binascii import b2a_base64  # few names need it

    return f"=?utf-8?b?{b2a_base64(octets, newline=False).decode('ascii')}?="
