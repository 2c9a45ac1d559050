"""How someone's mail is delivered, as the configuration says it: ``mailbox``, ``maildir:~/Maildir``, ``pipe:…``.

A text is taken apart and checked as far as that can be done without looking at a disk. What a path leads to, and
whether a program is there, shows when mail is delivered.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address

from mailsponge.errors import AddressError
from mailsponge.mail.address import parse

USER = "{user}"
"""Stands for the name of each user, in what is said for many."""

_WAYS = '"mailbox", "maildir:PATH", "mbox:PATH", "lmtp:unix:PATH", "lmtp:HOST:PORT", "pipe:COMMAND", "forward:ADDRESS"'


class Kind(StrEnum):
    """The ways there are."""

    MAILBOX = "mailbox"  # the post office's own
    MAILDIR = "maildir"
    MBOX = "mbox"
    LMTP = "lmtp"
    PIPE = "pipe"
    FORWARD = "forward"


class Deliver:
    """One way of delivering. Immutable."""

    __slots__ = ("kind", "target")

    def __init__(self, kind: Kind, target: str = "") -> None:
        self.kind = kind
        self.target = target
        """By the kind: a path, absolute or beginning with ``~/`` (the home directory of the user whose mail it is);
        ``unix:`` and an absolute path, or ``host:port``; a command line, taken apart as `shlex.split` does it; an
        address or a name that lives here. Empty for a mailbox."""

    @classmethod
    def parse(cls, value: object) -> Deliver:
        """Read ``"maildir:~/Maildir"`` and the like. Raises ValueError."""
        if not isinstance(value, str):
            raise ValueError(f"it is written as text: {_WAYS}")
        word, colon, target = value.partition(":")
        if word not in list(Kind):
            way = Kind.MBOX if value.startswith(("/var/mail/", "/var/spool/mail/")) else Kind.MAILDIR
            meant = f"; did you mean {way}:{value}?" if value[:1] in ("/", "~") else ""
            raise ValueError(f"it begins with the way of delivering: {_WAYS}{meant}")
        kind = Kind(word)
        if (kind is Kind.MAILBOX) == bool(colon):
            raise ValueError(f"it is one of {_WAYS}")
        if not target.isprintable():
            raise ValueError("it has an invisible character in it")
        if check := _CHECKS.get(kind):
            check(target)
        return cls(kind, target)

    def for_user(self, name: str) -> Deliver:
        """What it is for one of the many it is said for; ``name`` can be a part of a path."""
        return Deliver(self.kind, self.target.replace(USER, name))

    def __str__(self) -> str:
        return self.kind if self.kind is Kind.MAILBOX else f"{self.kind}:{self.target}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deliver) and (self.kind, self.target) == (other.kind, other.target)

    def __hash__(self) -> int:
        return hash((self.kind, self.target))

    def __repr__(self) -> str:
        return f"Deliver({str(self)!r})"


IN_A_MAILBOX = Deliver(Kind.MAILBOX)


def _check_path(target: str) -> None:
    if not target.startswith(("/", "~/")):
        raise ValueError(
            "a path is whole, or begins at the user's home: maildir:/srv/mail/me, maildir:~/Maildir"
        )


def _check_server(target: str) -> None:
    if target.startswith("unix:"):
        if not target.startswith("unix:/"):
            raise ValueError("a Unix socket is named by its whole path: lmtp:unix:/run/dovecot/lmtp")
        return
    host, colon, port = target.rpartition(":")
    if not colon or not _is_host(host):
        raise ValueError(
            "it needs a host and a port, such as lmtp:127.0.0.1:24, or lmtp:unix:/run/dovecot/lmtp"
        )
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("a port is a number from 1 to 65535")


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        return _is_ip(host[1:-1], 6)
    return (
        host.isascii()
        and bool(host)
        and all(label.replace("-", "").replace("_", "").isalnum() for label in host.split("."))
    )


def _is_ip(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


def _check_command(target: str) -> None:
    try:
        words = shlex.split(target)
    except ValueError as error:
        raise ValueError(f"the command has a quote without its partner ({error})") from None
    if not words or not words[0].startswith("/"):
        raise ValueError(
            "a command begins with the whole path of a program; there is no shell that would look for it: "
            "pipe:/usr/bin/procmail -d me"
        )


def _check_forward(target: str) -> None:
    try:
        parse(target if "@" in target else f"{target}@localhost", smtputf8=True)
    except AddressError as error:
        raise ValueError(f"it forwards to one address, or to a name that lives here: {error}") from None


_CHECKS: dict[Kind, Callable[[str], None]] = {
    Kind.MAILDIR: _check_path,
    Kind.MBOX: _check_path,
    Kind.LMTP: _check_server,
    Kind.PIPE: _check_command,
    Kind.FORWARD: _check_forward,
}
