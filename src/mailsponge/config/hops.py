"""Where mail is handed on to, as people write it in a configuration: a URL, and name servers.

There is never a password in a URL: one would end up in every message about it.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from mailsponge.config.machine import is_hostname
from mailsponge.config.units import Endpoint
from mailsponge.routes import Tls

_SHAPES: Final = (
    '"smtp://mail.example.org:25", "smtp://user@mail.example.org:587?starttls=require", '
    '"smtps://user@mail.example.org", "lmtp://127.0.0.1:24" or "lmtp:unix:/run/dovecot/lmtp"'
)
_UNIX: Final = "lmtp:unix:"
_PORTS: Final = {"smtp": 25, "smtps": 465, "lmtp": 24}
_STARTTLS: Final = (Tls.REQUIRE, Tls.TRY, Tls.NEVER)
DNS_PORT: Final = 53


class Hop:
    """A host that mail is handed to: what a URL says of it. Immutable."""

    __slots__ = ("host", "port", "scheme", "tls", "user")

    def __init__(self, scheme: str, host: str, port: int, user: str = "", tls: Tls = Tls.TRY) -> None:
        self.scheme = scheme
        """smtp, smtps or lmtp."""
        self.host = host
        """A host name; an IP address, without brackets; or the path of a Unix socket."""
        self.port = port
        self.user = user
        """Who to log in as; empty: nobody logs in."""
        self.tls = tls

    @classmethod
    def parse(cls, value: object) -> Hop:
        """Read a URL. Raises ValueError, which never shows what may be a password."""
        if not isinstance(value, str):
            raise ValueError(f"it is written as text: {_SHAPES}")
        if value.startswith(_UNIX):
            return cls("lmtp", _socket(value.removeprefix(_UNIX)), 0, tls=Tls.NEVER)
        try:
            parts = urlsplit(value)
            port = None if parts.password is not None else parts.port
        except ValueError:
            raise ValueError(f"it is a URL: {_SHAPES}") from None
        if parts.password is not None:
            raise ValueError(
                "a password in a URL ends up in logs; put it into a file that relay.password_file names, "
                "or into $MAILSPONGE_RELAY_PASSWORD"
            )
        if parts.scheme not in _PORTS or parts.path not in ("", "/") or parts.fragment:
            raise ValueError(f"it is a URL: {_SHAPES}")
        if port == 0:
            raise ValueError("a port is a number from 1 to 65535")
        user = unquote(parts.username or "")
        if not user.isprintable():
            raise ValueError("the name before the @ has an invisible character in it")
        host = _host(parts.hostname or "")
        return cls(
            parts.scheme, host, port or _PORTS[parts.scheme], user, _tls(parts.scheme, parts.query, user)
        )

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine itself."""
        if _is_ip(self.host):
            return ip_address(self.host).is_loopback
        return self.host == "localhost" or self.host.startswith("/")

    @property
    def name(self) -> str:
        """``smtp.example.net:587``, as the queue and the log call it."""
        if self.host.startswith("/"):
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        if self.host.startswith("/"):
            return f"{_UNIX}{self.host}"
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        asked = f"?starttls={self.tls}" if self.tls in _STARTTLS and self.tls is not _usual(self.user) else ""
        return f"{self.scheme}://{user}{self.name}{asked}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hop) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Hop({str(self)!r})"


class Resolver(Endpoint):
    """A DNS server: an IP address, and a port if it is not 53."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Resolver:
        """Read ``"127.0.0.1"``, ``"127.0.0.1:5353"``, ``"::1"`` or ``"[::1]:5353"``. Raises ValueError."""
        if isinstance(value, str) and _is_ip(value):
            return cls(str(ip_address(value)), DNS_PORT)
        endpoint = super().parse(value)
        return cls(endpoint.host, endpoint.port)


def _usual(user: str) -> Tls:
    """What is asked of STARTTLS where nobody says: with a password, that it is there and proves the host's name."""
    return Tls.REQUIRE if user else Tls.TRY


def _tls(scheme: str, query: str, user: str) -> Tls:
    if scheme == "smtps":
        if query:
            raise ValueError("smtps is TLS from the first byte; there is no STARTTLS to speak of")
        return Tls.FIRST
    if not query:
        return _usual(user)
    key, _, said = query.partition("=")
    if key != "starttls" or said not in list(_STARTTLS):
        raise ValueError(
            "all that can stand behind the ? is starttls=require, starttls=try or starttls=never"
        )
    return Tls(said)


def _socket(path: str) -> str:
    if not path.startswith("/") or not path.isprintable():
        raise ValueError("a Unix socket is named by its whole path: lmtp:unix:/run/dovecot/lmtp")
    return path


def _host(host: str) -> str:
    if _is_ip(host):
        return str(ip_address(host))
    if not is_hostname(host):
        raise ValueError(f"it needs a host: {_SHAPES}")
    return host


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
