r"""Reports to senders (RFC 3461, 3462, 3464; with addresses beyond ASCII RFC 6533), composed as bytes. Pure.

    Return-Path: <>
    From, To, Subject, …           multipart/report; report-type=delivery-status
    ├── text/plain                 for people (`report_text.py`)
    ├── message/delivery-status    for programs
    └── message/rfc822, or text/rfc822-headers: the message it is about (`returned.py`)

Strangers' words stand in all three parts, and none of them can begin a header, end a part or make a line longer than
mail may have. Recipients are named as the sender wrote them: where mail for them is sent on to stays their secret, but
for what the server there says.
"""

from __future__ import annotations

import re
import textwrap
from binascii import b2a_qp
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mailsponge import clean
from mailsponge.mail import report_text
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.notify import Action
from mailsponge.mail.outcome import Outcome
from mailsponge.mail.reply import printable
from mailsponge.mail.report_text import Group
from mailsponge.mail.returned import Returned, returned
from mailsponge.mail.trace_header import date, return_path

FIELD_LIMIT: Final = 900
"""Octets of a field; a line of mail has at most 998 octets (RFC 5322 section 2.1.1)."""

_CLASS: Final = {Action.FAILED: "5", Action.DELAYED: "4"}
_STATUS: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}").fullmatch
_SANE_ID: Final = re.compile(r"[!#-'*-;=?A-Z^-~]{1,120}@[!#-'*-;=?A-\[\]-~]{1,120}").fullmatch


class Told(NamedTuple):
    """A recipient that a report is about."""

    recipient: int
    """Which of the envelope's recipients, from 0."""
    outcome: Outcome
    sent_on: bool = False
    """Their mail is sent on from here to another address, and it is there that it came to this."""


class About(NamedTuple):
    """What a report is about. Times are seconds since the epoch."""

    action: Action
    message: int
    """The number that this server gave the message."""
    envelope: Envelope
    arrived_at: float
    told: Sequence[Told]
    """At least one; a recipient that is in it twice is told of once."""
    tried_at: float
    retry_until: float
    """When a delayed message is given up."""
    subject: str
    """The message's, as text; anybody's words."""
    message_id: str
    """The message's, without brackets; anybody's words."""
    content: bytes
    """The message itself, as far as `returned.taken` takes it."""


class Composed(NamedTuple):
    """A report, and what its envelope has to declare."""

    content: bytes
    eight_bit: bool
    smtputf8: bool


def compose(
    about: About, *, hostname: str, at: float, unique: str, local: Callable[[float], datetime]
) -> Composed:
    """Write a report at a moment, for the sender of a message (ValueError if it has none).

    ``unique``: letters and digits that nobody could guess, for the Message-ID and between the parts. ``local`` says
    which hour a moment is where the server stands.
    """
    sender = about.envelope.reverse_path
    if sender is None:
        raise ValueError("nobody is told of a message with the null reverse-path")
    international = _is_international(about)
    part = returned(about.content, about.envelope.wishes.ret, about.action, international=international)

    def dated(moment: float) -> str:
        return date(local(moment))

    text = _text_part(about, part, hostname, dated, international)
    status = _status_part(about, hostname, dated, international)
    original = _part(part.kind, part.encoding, part.body)
    parts = (text, status, original)
    boundary = _boundary(unique, parts)
    eight_bit = part.encoding == "8bit" or international
    header = _header(about, sender, boundary, hostname, dated(at), unique, eight_bit)
    body = b"".join(b"--" + boundary + b"\r\n" + one + b"\r\n" for one in parts)
    content = return_path(None) + header + b"\r\n" + body + b"--" + boundary + b"--\r\n"
    return Composed(content, eight_bit, international)


def _is_international(about: About) -> bool:
    """Whether it takes UTF-8 in headers: then who sent the message understands that (RFC 6533 section 1)."""
    envelope = about.envelope
    if not envelope.smtputf8:
        return not str(envelope.reverse_path).isascii()
    addresses = [str(envelope.reverse_path), *(str(envelope.recipients[one.recipient]) for one in about.told)]
    return not (about.content.isascii() and all(map(str.isascii, addresses)))


def _header(
    about: About, sender: Address, boundary: bytes, hostname: str, at: str, unique: str, eight_bit: bool
) -> bytes:
    recipients = [str(about.envelope.recipients[one.recipient]) for one in _once(about.told)]
    subject = report_text.subject(about.action, recipients)
    thread = f"<{about.message_id}>" if _SANE_ID(about.message_id) else ""
    fields = [
        ("Date", at),
        ("From", f'"Mail server {hostname}" <MAILER-DAEMON@{hostname}>'),
        ("To", f"<{sender}>"),
        ("Subject", subject if about.envelope.smtputf8 else printable(subject)),
        ("Message-ID", f"<{unique}@{hostname}>"),
        *([("In-Reply-To", thread), ("References", thread)] if thread else []),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
        (
            "Content-Type",
            f'multipart/report; report-type=delivery-status; boundary="{boundary.decode()}"',
        ),
        *([("Content-Transfer-Encoding", "8bit")] if eight_bit else []),
    ]
    return b"".join(_field(name, value) for name, value in fields)


def _text_part(
    about: About, part: Returned, hostname: str, dated: Callable[[float], str], international: bool
) -> bytes:
    groups: dict[tuple[Outcome, bool], list[str]] = {}
    for one in _once(about.told):
        groups.setdefault((one.outcome, one.sent_on), []).append(
            str(about.envelope.recipients[one.recipient])
        )
    text = report_text.text(
        about.action,
        [Group(outcome, recipients, sent_on) for (outcome, sent_on), recipients in groups.items()],
        hostname=hostname,
        sent=dated(about.arrived_at),
        about=about.subject,
        until=dated(about.retry_until),
        whole=part.whole,
    )
    body = text.replace("\n", "\r\n").encode("utf-8", "replace")
    if international:
        return _part("text/plain; charset=utf-8", "8bit", body)
    if body.isascii():
        return _part("text/plain; charset=us-ascii", "7bit", body)
    return _part("text/plain; charset=utf-8", "quoted-printable", b2a_qp(body, istext=True))


def _status_part(about: About, hostname: str, dated: Callable[[float], str], international: bool) -> bytes:
    """For programs (RFC 3464 section 2)."""
    envid = about.envelope.wishes.envid
    lines = [_field("Reporting-MTA", f"dns; {hostname}")]
    if envid:
        lines.append(_field("Original-Envelope-Id", printable(envid)))
    lines.append(_field("Arrival-Date", dated(about.arrived_at)))
    for one in _once(about.told):
        lines.append(b"\r\n")
        lines += [_field(name, value) for name, value in _of_recipient(about, one, dated, international)]
    kind = "message/global-delivery-status" if international else "message/delivery-status"
    return _part(kind, "8bit" if international else "7bit", b"".join(lines))


def _of_recipient(
    about: About, one: Told, dated: Callable[[float], str], international: bool
) -> Iterator[tuple[str, str]]:
    envelope, outcome = about.envelope, one.outcome
    wishes = envelope.recipient_wishes
    orcpt = wishes[one.recipient].orcpt if one.recipient < len(wishes) else None
    if orcpt is not None:
        yield "Original-Recipient", _typed(*orcpt, international)
    address = str(envelope.recipients[one.recipient])
    yield "Final-Recipient", _typed("rfc822" if address.isascii() else "utf-8", address, international)
    yield "Action", about.action
    yield "Status", outcome.status if _STATUS(outcome.status) else f"{_CLASS.get(about.action, '2')}.0.0"
    if outcome.by:
        yield "Remote-MTA", f"dns; {printable(outcome.by)}"
    if outcome.reply:
        yield "Diagnostic-Code", f"smtp; {printable(outcome.reply)}"
    elif about.action in _CLASS and not one.sent_on:
        yield "Diagnostic-Code", f"x-mailsponge; {printable(outcome.why)}"
    yield "Last-Attempt-Date", dated(about.tried_at)
    yield "Final-Log-ID", str(about.message)
    if about.action is Action.DELAYED:
        yield "Will-Retry-Until", dated(about.retry_until)


def _typed(kind: str, address: str, international: bool) -> str:
    r"""An address with its type; in ASCII, what is beyond it is written ``\x{E9}`` (RFC 6533 section 3)."""
    if address.isascii() or international:
        return f"{printable(kind)}; {clean.line(address)}"
    escaped = "".join(c if "!" <= c <= "~" and c not in "\\+=" else f"\\x{{{ord(c):X}}}" for c in address)
    return f"utf-8; {escaped}"


def _once(told: Iterable[Told]) -> list[Told]:
    """Each recipient once, by their first outcome: an alias may lead to several places that all fail."""
    return list({one.recipient: one for one in reversed(list(told))}.values())[::-1]


def _field(name: str, value: str) -> bytes:
    """A header field, folded where it is long."""
    harmless = clean.line(value).encode()[:FIELD_LIMIT].decode("utf-8", "ignore")
    lines = textwrap.wrap(
        f"{name}: {harmless}", 78, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def _part(kind: str, encoding: str, body: bytes) -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def _boundary(unique: str, parts: Iterable[bytes]) -> bytes:
    """A line that stands in none of the parts."""
    boundary = f"=_{unique[:40]}".encode()
    while any(boundary in part for part in parts):
        boundary += b"_"
    return boundary
