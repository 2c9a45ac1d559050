"""Headers and parts put together: bytes for the wire, 7 bit and in short lines, whatever stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final, NamedTuple

from mailsponge import clean, clock
from mailsponge.sponge.model import Flip

_MOST_THREADS: Final = 100
"""Message-IDs in References: a server takes only so long a header."""
_LONGEST_JOB: Final = 160
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")


class Parts(NamedTuple):
    """What a mail consists of."""

    text: str
    html: str
    attachment: bytes | None
    attachment_name: str


class Heading(NamedTuple):
    """What stands in its headers."""

    fromaddr: str
    toaddrs: Sequence[str]
    subject: str
    job: str
    now: float
    message_id: str
    flips: Sequence[Flip]


def assembled(heading: Heading, parts: Parts) -> bytes:
    """The mail: text and HTML as alternatives, and beside them the log, if there is one."""
    # 7 bit on the wire: the next server may not know 8BITMIME. Only an address that is not ASCII asks for more.
    utf8 = not all(address.isascii() for address in (heading.fromaddr, *heading.toaddrs))
    message = EmailMessage(policy=SMTP.clone(utf8=utf8, cte_type="7bit", refold_source="none"))
    _put_headers(message, heading)
    message.set_content(parts.text, cte=None if parts.text.isascii() else "quoted-printable")
    message.add_alternative(
        parts.html, subtype="html", cte=None if parts.html.isascii() else "quoted-printable"
    )
    if parts.attachment is not None:
        message.add_attachment(
            parts.attachment, maintype="application", subtype="gzip", filename=parts.attachment_name
        )
    _set_boundaries(message, heading.message_id, parts)
    return message.as_bytes()


def _put_headers(message: EmailMessage, heading: Heading) -> None:
    # Put in as they are. Assigned, they would be decoded first: "=?utf-8?q?=0AX-Header:_1?=", the title of a feed as
    # like as not, would become a header of its own.
    put = message.set_raw
    put("From", heading.fromaddr)
    put("To", ",\r\n ".join(heading.toaddrs))
    put("Subject", encoded(heading.subject))
    put("Date", format_datetime(clock.local(heading.now)))
    put("Message-ID", heading.message_id)
    threads = _threads(heading.flips)
    if len(threads) == 1:
        put("In-Reply-To", threads[0])
    if threads:
        put("References", "\r\n ".join(threads))
    # RFC 3834: no vacation message shall answer this.
    put("Auto-Submitted", "auto-generated")
    # For whoever sorts mail by rules.
    job = clean.shortened(clean.line(heading.job), _LONGEST_JOB)
    put("X-Mailsponge-Job", encoded(job, "X-Mailsponge-Job"))
    kinds = dict.fromkeys(str(flip.kind) for flip in heading.flips) or ["digest"]
    put("X-Mailsponge-Kind", ", ".join(kinds))


def _threads(flips: Sequence[Flip]) -> list[str]:
    """The mails that told of the incidents inside; the last ones, if that is more than a header can hold."""
    known = dict.fromkeys(flip.thread for flip in flips if flip.thread and _MESSAGE_ID.fullmatch(flip.thread))
    return list(known)[-_MOST_THREADS:]


def encoded(text: str, header: str = "Subject") -> str:
    """One line of text as a header's value, folded; what ASCII cannot say, or would be taken for code, as RFC 2047."""
    plain = text.isascii() and "=?" not in text and text == text.strip()
    return Header(text, "us-ascii" if plain else "utf-8", header_name=header).encode(linesep="\r\n")


def _set_boundaries(message: EmailMessage, message_id: str, parts: Parts) -> None:
    """Lines between the parts that stand in none of them: the same mail gives the same bytes."""
    mark = sha256(message_id.encode("utf-8", "backslashreplace")).hexdigest()[:32]
    while mark in parts.text or mark in parts.html:
        mark += "x"
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"={mark}-{number}=")
