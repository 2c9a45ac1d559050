"""Which server a mail is handed to, as a user may write it: a host, (host, port), a URL, a sendmail program.

Where nobody said anything it is the post office of this machine, if it has a Unix socket that can be trusted: one that
root or this user made. It knows by itself who sends, so there is neither login nor TLS. Else it is port 25.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from mailsponge import postbox
from mailsponge.errors import UsageError

_SHAPES: Final = (
    'write "mail.example.org", "mail.example.org:587", "smtp://user@mail.example.org:587?starttls=require", '
    '"smtps://mail.example.org", "unix:/run/mailsponge/submit" or "sendmail:"'
)
_STARTTLS: Final = ("require", "try", "never")
_PATHS: Final = ("unix", "sendmail")
_DEFAULT_PORTS: Final = {"smtp": 25, "smtps": 465}
DEFAULT_SENDMAIL: Final = "/usr/sbin/sendmail"


class MailHost(NamedTuple):
    """A server to hand mail to, or a program that does."""

    scheme: str
    """smtp, smtps, unix or sendmail."""
    host: str
    """The host; for unix the socket's path, for sendmail the program's."""
    port: int = 0
    user: str = ""
    starttls: str = ""
    """require, try or never; empty: require if there is a user, else try."""

    @property
    def url(self) -> str:
        """The same as a text that :func:`parse` reads; there is never a password in it."""
        if self.scheme in _PATHS:
            return f"{self.scheme}:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        query = f"?starttls={self.starttls}" if self.starttls else ""
        return f"{self.scheme}://{user}{host}:{self.port}{query}"

    def __str__(self) -> str:
        return self.host if self.scheme in _PATHS else f"{self.host}:{self.port}"


Given = str | Sequence[str | int | None] | None


def parse(given: Given, environ: Mapping[str, str] = os.environ) -> MailHost:
    """Read what a user gave; None is the mail server of this machine. Raises UsageError that shows the shapes."""
    if given is None or given == "":
        return _of_this_machine(environ)
    if not isinstance(given, str):
        return _parse_pair(given)
    if given.startswith("sendmail:"):
        return MailHost("sendmail", given.removeprefix("sendmail:") or DEFAULT_SENDMAIL)
    if given.startswith("unix:"):
        return MailHost("unix", _checked_path(given.removeprefix("unix:")))
    if "://" in given:
        return _parse_url(given)
    return _parse_host(given)


def _of_this_machine(environ: Mapping[str, str]) -> MailHost:
    found = next(filter(postbox.is_trusted, postbox.sockets(environ)), None)
    return MailHost("smtp", "localhost", 25) if found is None else MailHost("unix", found)


def _parse_pair(given: Sequence[str | int | None]) -> MailHost:
    try:
        host, port = given
        return MailHost(
            "smtp",
            _checked_host(str(host)),
            _checked_port(_DEFAULT_PORTS["smtp"] if port is None else int(port)),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"mailhost {_shown(repr(given))}: {_SHAPES}") from error


def _parse_host(given: str) -> MailHost:
    host, colon, port = given.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.startswith("[")):
        return MailHost("smtp", _checked_host(host.strip("[]")), _checked_port(int(port)))
    return MailHost("smtp", _checked_host(given.strip("[]")), 25)


def _parse_url(given: str) -> MailHost:
    parts, port = _split(given)
    query = parse_qs(parts.query, keep_blank_values=True)
    starttls = query.pop("starttls", [""])[-1]
    beyond_the_host = query or parts.path not in ("", "/") or parts.fragment
    if parts.scheme not in _DEFAULT_PORTS or beyond_the_host or starttls not in ("", *_STARTTLS):
        raise UsageError(f"mailhost {_shown(given)!r}: {_SHAPES}")
    port = _checked_port(_DEFAULT_PORTS[parts.scheme] if port is None else port)
    host = _checked_host(parts.hostname or "")
    return MailHost(parts.scheme, host, port, unquote(parts.username or ""), starttls)


def _split(given: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(given)
        port = parts.port if parts.password is None else None
    except ValueError:
        # Not chained: a password with a slash in it looks like a port, and that error would show it.
        raise UsageError(f"mailhost {_shown(given)!r}: {_SHAPES}") from None
    if parts.password is not None:
        raise UsageError(
            "mailhost: a password in a URL ends up in logs and process lists; "
            "give it as MAILSPONGE_PASSWORD or MAILSPONGE_PASSWORD_FILE, or, in Python, as credentials="
        )
    return parts, port


def _shown(given: str) -> str:
    """What was given, without what may be a password: that would go into a log with the error."""
    _, at, host = given.rpartition("@")
    return f"…@{host}" if at else given


def _checked_host(host: str) -> str:
    if (
        not host
        or not host.isprintable()
        or any(c in host for c in " /<>@[]?#\\")
        or not _may_have_colons(host)
    ):
        raise UsageError(f"mailhost {_shown(host)!r} is no host: {_SHAPES}")
    return host


def _may_have_colons(host: str) -> bool:
    """Whether it has none, or is an IPv6 address."""
    if ":" not in host:
        return True
    import ipaddress  # few hosts are numbers, and everybody would load it

    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _checked_path(path: str) -> str:
    if not os.path.isabs(path) or not path.isprintable():
        raise UsageError(f"mailhost unix:{_shown(path)}: a Unix socket is named by its whole path: {_SHAPES}")
    return path


def _checked_port(port: int) -> int:
    if not 0 < port < 65536:
        raise UsageError(f"mailhost: {port} is no port: it is a number from 1 to 65535")
    return port


class Credentials(NamedTuple):
    """What to log in with. Never printed."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, …)"


def credentials(
    host: MailHost, given: Sequence[str] | None, environ: Mapping[str, str] = os.environ
) -> Credentials | None:
    """The login for a host: what was given, else the environment's password for the URL's user.

    Raises UsageError if a password file cannot be read, or what was given is not (user, password).
    """
    if given:
        if isinstance(given, str) or len(given) != 2:
            raise UsageError("credentials: give (user, password)")
        return Credentials(str(given[0]), str(given[1]))
    if not host.user:
        return None
    if "MAILSPONGE_PASSWORD" in environ:
        return Credentials(host.user, environ["MAILSPONGE_PASSWORD"])
    if path := environ.get("MAILSPONGE_PASSWORD_FILE"):
        try:
            return Credentials(host.user, Path(path).read_text(encoding="utf-8").rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"MAILSPONGE_PASSWORD_FILE {path}: {error}") from error
    return None
