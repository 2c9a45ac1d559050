"""Command lines: from bytes to words, from words to events (RFC 5321 sections 4.1.1 and 4.1.2).

Each function takes what stands behind a command and returns the event it means, or the
:class:`~mailsponge.mail.reply.Reply` that says what is wrong with it. All are pure and take time in proportion to the
length of the line.

Lenient where it cannot hurt, because clients in the field do it: spaces at the end of a line, and spaces after the
colon of ``MAIL FROM:`` and ``RCPT TO:``. Strict in everything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from difflib import get_close_matches

from mailsponge.errors import AddressError
from mailsponge.mail.address import ORDINARY, ORDINARY_LENGTH, Address, parse
from mailsponge.mail.reply import Reply
from mailsponge.smtp import parameters, replies
from mailsponge.smtp.events import (
    Data,
    Help,
    Mail,
    Noop,
    Question,
    Quit,
    Recipient,
    Reset,
    StartTls,
    Verify,
)
from mailsponge.smtp.states import COMMANDS

_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
# What nearly every client sends, understood in one go; whatever else comes is taken apart step by step below.
_ORDINARY_MAIL = re.compile(rf"[Ff][Rr][Oo][Mm]:<{ORDINARY}>(?: SIZE=([0-9]{{1,20}}))?").fullmatch
_ORDINARY_RCPT = re.compile(rf"[Tt][Oo]:<{ORDINARY}>").fullmatch
_QUOTED_PATH = re.compile(r'<(?:[^"<>]++|"(?:[^"\\]++|\\.)*+")*+>').match
_CHUNK = re.compile(r"([0-9]{1,20})(?: +([Ll][Aa][Ss][Tt]))?").fullmatch

_NOT_OFFERED = frozenset(("ETRN", "EXPN", "TURN"))
_HTTP = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE"))
NAME_LIMIT = 255
"""Octets of a host's name (RFC 5321 section 4.5.3.1.2)."""


def text(line: bytes) -> str | Reply:
    """The line as text: printable ASCII or UTF-8 (RFC 6531 section 3.4), spaces at its end taken off."""
    try:
        said = line.decode()
    except UnicodeDecodeError:
        return replies.NOT_UTF8
    # In ASCII, isprintable() finds the control characters, and quicker; beyond, it takes some letters for such.
    if not said.isprintable() and (said.isascii() or _CONTROL(said)):
        return replies.CONTROL_CHARACTERS
    return said.rstrip(" ")


def not_a_command(said: str) -> Reply:
    """The answer to a line that begins with none of the commands."""
    word = said.split(" ", 1)[0]
    upper = word.upper()
    if not word:
        return replies.LEADING_SPACE if said else replies.EMPTY_LINE
    if upper in _HTTP:
        # A web page can make a browser send this here, commands and all in the body: stop before they come.
        return replies.NOT_HTTP
    if upper in _NOT_OFFERED:
        return replies.not_offered(upper)
    close = get_close_matches(upper[:12], COMMANDS, n=1)
    return replies.unknown_command(word, close[0] if close else None)


def is_starttls(said: str) -> bool:
    """STARTTLS, the one command that is longer than four letters, with or without something behind it."""
    return said[:8].upper() == "STARTTLS" and said[:8].isascii() and said[8:9] in ("", " ")


def client_name(argument: str) -> str | Reply:
    """What stands behind EHLO or HELO: one word. It need not be a name that exists, for many are not."""
    name = argument.strip(" ")
    if not name or " " in name or not name.isascii() or len(name) > NAME_LIMIT:
        return replies.NAME_MISSING
    return name


def mail(argument: str, extended: bool, beyond: Container[str] = ()) -> Mail | Reply:
    """``FROM:<reverse-path> [parameters]`` (RFC 5321 section 4.1.1.2).

    ``extended``: the session began with EHLO; ``beyond``: what is offered just now beyond what always is (AUTH,
    REQUIRETLS).
    """
    ordinary = _ORDINARY_MAIL(argument)
    if ordinary is not None and len(argument) <= ORDINARY_LENGTH:
        local, domain, size = ordinary.groups()
        if size is None or extended:
            return Mail(Address(local, domain.lower()), int(size) if size else None, False, False)
    parts = _path(argument, "FROM:")
    if parts is None:
        return replies.MAIL_SYNTAX
    path, rest = parts
    given = parameters.read(rest) if rest else {}
    if isinstance(given, Reply):
        return given
    if given and not extended:
        return replies.EHLO_NEEDED
    said = parameters.for_mail(given, beyond)
    return said if isinstance(said, Reply) else _mail(path, said)


def _mail(path: str, said: parameters.ForMail) -> Mail | Reply:
    sender = _address(path, said.smtputf8, "5.1.7") if path else None
    if isinstance(sender, Reply):
        return sender
    if sender is not None and not sender.domain:  # the bare postmaster only receives (RFC 5321 4.1.1.3)
        return replies.SENDER_NEEDS_DOMAIN
    size, eight_bit, smtputf8, auth, ret, envid, require_tls = said
    return Mail(sender, size, eight_bit, smtputf8, auth, ret, envid, require_tls)


def recipient(argument: str, smtputf8: bool, extended: bool = True) -> Recipient | Reply:
    """``TO:<forward-path> [parameters]`` (RFC 5321 section 4.1.1.3).

    ``smtputf8``: MAIL asked for it; ``extended``: the session began with EHLO.
    """
    ordinary = _ORDINARY_RCPT(argument)
    if ordinary is not None and len(argument) <= ORDINARY_LENGTH:
        local, domain = ordinary.groups()
        return Recipient(Address(local, domain.lower()))
    parts = _path(argument, "TO:")
    if parts is None:
        return replies.RCPT_SYNTAX
    path, rest = parts
    given = parameters.read(rest) if rest else {}
    if isinstance(given, Reply):
        return given
    if given and not extended:
        return replies.EHLO_NEEDED
    said = parameters.for_recipient(given)
    if isinstance(said, Reply):
        return said
    address = _address(path, smtputf8, "5.1.3") if path else replies.RECIPIENT_EMPTY
    return address if isinstance(address, Reply) else Recipient(address, said.notify, said.orcpt)


def chunk(argument: str) -> tuple[int, bool] | None:
    """``octets [LAST]`` (RFC 3030 section 2): how many, and whether they are the last. None if it says neither."""
    found = _CHUNK(argument)
    return (int(found[1]), found[2] is not None) if found else None


def _address(path: str, smtputf8: bool, code: str) -> Address | Reply:
    try:
        return parse(path, smtputf8=smtputf8)
    except AddressError as error:
        if not (smtputf8 or path.isascii()):
            return replies.UTF8_NOT_ASKED
        return replies.bad_address(code, str(error))


def _path(argument: str, keyword: str) -> tuple[str, str] | None:
    """What stands between ``<`` and ``>``, and what stands behind; None if it does not look so."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    rest = argument[len(keyword) :].lstrip(" ")
    if rest[:1] != "<":
        return None
    if '"' in rest:  # a > inside quotes does not end the path
        quoted = _QUOTED_PATH(rest)
        end = quoted.end() - 1 if quoted else -1
    else:
        end = rest.find(">")
    return (rest[1:end], rest[end + 1 :]) if end > 0 else None


def _alone(event: Question) -> Callable[[str], Question | Reply]:
    """A command that takes no argument: always the same event."""
    return lambda argument: replies.NO_ARGUMENT if argument else event


def _anything(event: Question) -> Callable[[str], Question | Reply]:
    """A command whose argument means nothing here; it must be ASCII all the same (RFC 6531 section 3.4)."""
    return lambda argument: event if argument.isascii() else replies.ASCII_ONLY


def _verify(argument: str) -> Verify | Reply:
    """VRFY name (RFC 5321 section 4.1.1.6)."""
    name = argument.strip(" ")
    if not name.isascii():
        return replies.ASCII_ONLY
    return Verify(name) if name else replies.VRFY_WHOM


SIMPLE: Mapping[str, Callable[[str], Question | Reply]] = {
    "DATA": _alone(Data()),
    "STARTTLS": _alone(StartTls()),
    "RSET": _alone(Reset()),
    "QUIT": _alone(Quit()),
    "NOOP": _anything(Noop()),
    "HELP": _anything(Help()),
    "VRFY": _verify,
}
"""The commands that need to know nothing of the session."""
