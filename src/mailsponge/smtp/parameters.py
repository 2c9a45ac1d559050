"""What stands behind the address in MAIL and RCPT: ``KEYWORD[=value]`` (RFC 5321 section 4.1.1.11), and what it means.

All of it is read by pure functions that take time in proportion to the length of the line.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from mailsponge.mail.reply import Reply
from mailsponge.smtp import replies, xtext

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*+)(?:=([^\x00- =\x7f]++))?").fullmatch
_ORIGINAL = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*+);(.++)").fullmatch
_EVENTS = frozenset(("SUCCESS", "FAILURE", "DELAY"))
_NEVER = frozenset(("NEVER",))
ENVID_LIMIT = 100
ORCPT_LIMIT = 500
"""Characters as they stand in the command (RFC 3461 sections 4.4 and 4.2)."""

Given = dict[str, str | None]
"""Parameters by keyword, in capitals."""


class ForMail(NamedTuple):
    """What the parameters of MAIL say."""

    size: int | None = None
    eight_bit: bool = False
    smtputf8: bool = False
    auth: str | None = None
    ret: str | None = None
    envid: str | None = None
    require_tls: bool = False


class ForRecipient(NamedTuple):
    """What the parameters of RCPT say."""

    notify: frozenset[str] | None = None
    orcpt: tuple[str, str] | None = None


def read(rest: str) -> Given | Reply:
    """`` KEYWORD[=value]`` again and again, at least one."""
    given: Given = {}
    if rest[0] != " ":
        return replies.PARAMETER_SYNTAX
    for word in rest[1:].split(" "):
        parameter = _PARAMETER(word)
        if parameter is None:
            return replies.PARAMETER_SYNTAX
        keyword = parameter[1].upper()
        if keyword in given:
            return replies.repeated_parameter(keyword)
        given[keyword] = parameter[2]
    return given


def for_mail(given: Given, beyond: Container[str]) -> ForMail | Reply:
    """SIZE, BODY, SMTPUTF8, RET, ENVID, and AUTH and REQUIRETLS if they are among ``beyond``: what is offered just now
    beyond what always is.
    """
    said = ForMail()
    for keyword, value in given.items():
        reader = _OF_MAIL.get(keyword)
        if reader is None or (keyword in _AT_TIMES and keyword not in beyond):
            return replies.unknown_parameter(keyword)
        next_said = reader(said, value)
        if isinstance(next_said, Reply):
            return next_said
        said = next_said
    return said


def for_recipient(given: Given) -> ForRecipient | Reply:
    """NOTIFY and ORCPT."""
    said = ForRecipient()
    for keyword, value in given.items():
        reader = _OF_RECIPIENT.get(keyword)
        if reader is None:
            return replies.unknown_parameter(keyword)
        next_said = reader(said, value)
        if isinstance(next_said, Reply):
            return next_said
        said = next_said
    return said


def _size(said: ForMail, value: str | None) -> ForMail | Reply:
    """SIZE (RFC 1870)."""
    if value is None or not (value.isascii() and value.isdigit() and len(value) <= 20):
        return replies.SIZE_SYNTAX
    return said._replace(size=int(value))


def _body(said: ForMail, value: str | None) -> ForMail | Reply:
    """BODY (RFC 6152)."""
    body = (value or "").lower()
    if body not in ("7bit", "8bitmime"):
        return replies.BODY_UNKNOWN
    return said._replace(eight_bit=body == "8bitmime")


def _smtputf8(said: ForMail, value: str | None) -> ForMail | Reply:
    """SMTPUTF8 (RFC 6531)."""
    return replies.SMTPUTF8_VALUE if value is not None else said._replace(smtputf8=True)


def _auth(said: ForMail, value: str | None) -> ForMail | Reply:
    """AUTH (RFC 4954 section 5)."""
    who = xtext.decode(value) if value else None
    return said._replace(auth=who) if who else replies.AUTH_VALUE


def _require_tls(said: ForMail, value: str | None) -> ForMail | Reply:
    """REQUIRETLS (RFC 8689)."""
    return replies.REQUIRETLS_VALUE if value is not None else said._replace(require_tls=True)


def _ret(said: ForMail, value: str | None) -> ForMail | Reply:
    """RET (RFC 3461 section 4.3)."""
    ret = (value or "").upper()
    return said._replace(ret=ret) if ret in ("FULL", "HDRS") else replies.RET_UNKNOWN


def _envid(said: ForMail, value: str | None) -> ForMail | Reply:
    """ENVID (RFC 3461 section 4.4)."""
    envid = xtext.decode(value) if value and len(value) <= ENVID_LIMIT else None
    return said._replace(envid=envid) if envid else replies.ENVID_SYNTAX


def _notify(said: ForRecipient, value: str | None) -> ForRecipient | Reply:
    """NOTIFY (RFC 3461 section 4.1)."""
    notify = frozenset((value or "").upper().split(","))
    return said._replace(notify=notify) if notify in (_NEVER, notify & _EVENTS) else replies.NOTIFY_UNKNOWN


def _orcpt(said: ForRecipient, value: str | None) -> ForRecipient | Reply:
    """ORCPT (RFC 3461 section 4.2, RFC 6533 section 3)."""
    parts = _ORIGINAL(value) if value and len(value) <= ORCPT_LIMIT else None
    if parts is None:
        return replies.ORCPT_SYNTAX
    kind = parts[1].lower()
    address = xtext.decode_utf8(parts[2]) if kind == "utf-8" else xtext.decode(parts[2])
    if address is None and kind == "rfc822":
        # Postfix names this type for every address, and encodes the octets of those beyond ASCII.
        kind, address = "utf-8", xtext.decode_octets(parts[2])
    return said._replace(orcpt=(kind, address)) if address else replies.ORCPT_SYNTAX


_OF_MAIL = {
    "SIZE": _size,
    "BODY": _body,
    "SMTPUTF8": _smtputf8,
    "AUTH": _auth,
    "RET": _ret,
    "ENVID": _envid,
    "REQUIRETLS": _require_tls,
}
_AT_TIMES = frozenset(("AUTH", "REQUIRETLS"))
"""What is offered in some sessions, or at some times."""
_OF_RECIPIENT = {"NOTIFY": _notify, "ORCPT": _orcpt}
