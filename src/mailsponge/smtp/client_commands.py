"""The command lines that a client sends, from words to bytes.

Nothing that is handed in can end a line or begin a parameter: an address is written as its grammar has it or not at
all, and a value that a parameter cannot carry is a UsageError. All are pure.
"""

from __future__ import annotations

import re

from mailsponge.errors import UsageError
from mailsponge.mail.address import Address, parse
from mailsponge.mail.reply import printable
from mailsponge.smtp.offers import Offers
from mailsponge.smtp.outgoing import ForwardPath, Notify, Outgoing

NAME_LIMIT = 255
"""Octets of a host's name (RFC 5321 section 4.5.3.1.2)."""
ENVID_LIMIT = 100
ORIGINAL_LIMIT = 500
"""Characters of ENVID and ORCPT (RFC 3461 sections 4.4 and 4.2); a few more once encoded."""

_NAME = re.compile(r"[!-~]++").fullmatch
_PRINTABLE = re.compile(r"[ -~]*+").fullmatch
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]++").fullmatch
_NEEDS_XTEXT = re.compile(r"[^!-*,-<>-~]").sub
_NEEDS_UNICODE_XTEXT = re.compile(r"[^!-*,-<>-\[\]-~]").sub


def hello(verb: str, name: str) -> bytes:
    """``EHLO name`` (RFC 5321 section 4.1.1.1). UsageError for what is no one word of ASCII."""
    if len(name) > NAME_LIMIT or not _NAME(name):
        raise UsageError(
            f"a client is called by one word of printable ASCII, at most {NAME_LIMIT} octets, "
            f"such as client.example.org or [192.0.2.1]; not {printable(name[:60])!r}"
        )
    return f"{verb} {name}\r\n".encode("ascii")


def mail(message: Outgoing, offers: Offers) -> bytes:
    """``MAIL FROM:<reverse-path> [parameters]`` (RFC 5321 section 4.1.1.2), with what is offered and no more."""
    parts = ["MAIL FROM:<", "" if message.reverse_path is None else path(message.reverse_path), ">"]
    if message.size is not None and "SIZE" in offers:
        if message.size < 0:
            raise UsageError(f"a message has 0 octets or more, and not {message.size}")
        parts.append(f" SIZE={message.size:d}")  # RFC 1870 section 3
    if message.eight_bit and "8BITMIME" in offers:
        parts.append(" BODY=8BITMIME")  # RFC 6152 section 2
    if needs_smtputf8(message):
        parts.append(" SMTPUTF8")  # RFC 6531 section 3.4
    if message.require_tls:
        parts.append(" REQUIRETLS")  # RFC 8689 section 2
    if "DSN" in offers:
        if message.ret is not None:
            parts.append(f" RET={message.ret}")  # RFC 3461 section 4.3
        if message.envid:
            parts.append(f" ENVID={_envid(message.envid)}")  # RFC 3461 section 4.4
    parts.append("\r\n")
    return "".join(parts).encode()


def rcpt(recipient: ForwardPath, offers: Offers) -> bytes:
    """``RCPT TO:<forward-path> [parameters]`` (RFC 5321 section 4.1.1.3)."""
    line = f"RCPT TO:<{path(recipient.address)}>"
    if "DSN" in offers:
        if recipient.notify:
            line += f" NOTIFY={_notify(recipient.notify)}"  # RFC 3461 section 4.1
        if recipient.original:
            line += f" ORCPT={_original(recipient.original)}"  # RFC 3461 section 4.2
    return f"{line}\r\n".encode()


def path(address: Address) -> str:
    """The address as it stands between the brackets. AddressError (a UsageError) if it is none."""
    text = str(address)
    parse(text, smtputf8=True)
    return text


def needs_smtputf8(message: Outgoing) -> bool:
    """Whether the message as such, whoever gets it, needs SMTPUTF8 (RFC 6531 section 3.2)."""
    sender = message.reverse_path
    return message.smtputf8 or (sender is not None and not is_ascii(sender))


def is_ascii(address: Address) -> bool:
    """Whether the address can be said without SMTPUTF8."""
    return address.local.isascii() and address.domain.isascii()


def xtext(text: str) -> str:
    """Printable ASCII as xtext (RFC 3461 section 4): a space, ``+`` and ``=`` as ``+20``, ``+2B`` and ``+3D``."""
    return _NEEDS_XTEXT(lambda letter: f"+{ord(letter[0]):02X}", text)


def _envid(envid: str) -> str:
    if len(envid) > ENVID_LIMIT or not _PRINTABLE(envid):
        raise UsageError(
            f"ENVID is printable ASCII, at most {ENVID_LIMIT} characters; not {printable(envid[:60])!r}"
        )
    return xtext(envid)


def _notify(wishes: frozenset[Notify]) -> str:
    if Notify.NEVER in wishes and len(wishes) > 1:
        raise UsageError("NOTIFY=NEVER stands alone; leave the others out, or leave NEVER out")
    return ",".join(wish for wish in Notify if wish in wishes)


def _original(original: str) -> str:
    kind, mark, address = original.partition(";")
    if not mark or not address or not _ADDRESS_TYPE(kind) or len(original) > ORIGINAL_LIMIT:
        raise UsageError(
            f"ORCPT is a type and an address, such as rfc822;me@example.org, at most {ORIGINAL_LIMIT} characters; "
            f"not {printable(original[:60])!r}"
        )
    if kind.lower() == "utf-8":
        if not address.isprintable():
            raise UsageError("ORCPT has characters that cannot be seen; leave it out")
        # RFC 6533 section 3, the form that needs no SMTPUTF8.
        return f"{kind};{_NEEDS_UNICODE_XTEXT(lambda letter: f'{chr(92)}x{{{ord(letter[0]):X}}}', address)}"
    if not _PRINTABLE(address):
        raise UsageError(
            "ORCPT has characters beyond printable ASCII; write utf-8; instead of its type, or leave it out"
        )
    return f"{kind};{xtext(address)}"
