"""The URL of a database that hosts share: what may be shown of it, and what tells it from others."""

from __future__ import annotations

import os
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

from mailsponge.errors import UsageError

SCHEMES: Final = ("postgresql://", "postgres://")

EXAMPLE: Final = "postgresql://user@db.example.org/name"
_SECRET: Final = ("password", "sslpassword")


class _Parts(NamedTuple):
    login: str
    hosts: str
    name: str
    query: dict[str, list[str]]


def is_database(state: str | os.PathLike[str] | None) -> bool:
    """Whether a state is the URL of a database, and not a directory."""
    return isinstance(state, str) and state.startswith(SCHEMES)


def checked(url: str) -> str:
    """The URL, if it is one that can be taken apart. Raises UsageError, which shows nothing of it."""
    _parts(url)
    return url


def shown(url: str) -> str:
    """The URL as a message may have it: without password, and without settings, which may hold one."""
    parts = _parts(url)
    user = parts.login.partition(":")[0]
    return f"postgresql://{user}{'@' if user else ''}{parts.hosts}/{parts.name}"


def has_password(url: str) -> bool:
    """Whether there is a password in the URL itself."""
    return bool(passwords(url))


def directory_name(url: str) -> str:
    """What tells this database from others, for the directory in which journals wait for it."""
    login, hosts, name, query = _parts(url)
    given = [value for key in ("service", "host", "port", "dbname") for value in query.get(key, [])]
    by_user = [] if name or "dbname" in query or "service" in query else [unquote(login.partition(":")[0])]
    return "-".join(part for part in ("postgresql", unquote(hosts), unquote(name), *given, *by_user) if part)


def _parts(url: str) -> _Parts:
    """Take a URL apart. A raw ``@``, ``/`` or ``?`` in a password would put a part of it where it could be shown."""
    address, _, query = url.partition("://")[2].partition("?")
    authority, _, name = address.partition("/")
    login, _, hosts = authority.rpartition("@")
    if not url.isprintable() or "@" in login + name + query:
        raise UsageError(
            "the URL of the database (not shown, as there may be a password in it) is not understood: "
            f"write {EXAMPLE}, and %40, %2F or %3F for @, / or ? inside its parts"
        )
    return _Parts(login, hosts, name, parse_qs(query, keep_blank_values=True))


def passwords(url: str) -> list[str]:
    """The passwords in the URL, as they stand there and as they are meant, so that they can be kept out of a text."""
    login, _, _, query = _parts(url)
    raw = login.partition(":")[2]
    given = [raw, unquote(raw), *(value for name in _SECRET for value in query.get(name, []))]
    return [secret for secret in dict.fromkeys(given) if secret]
