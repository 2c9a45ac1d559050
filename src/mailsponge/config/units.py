"""Sizes, times and listening addresses, as people write them in a configuration.

Each class reads a text (``parse``, raising ValueError with the words of a correction) and writes it back with ``str``.
"""

from __future__ import annotations

import ipaddress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

Number = TypeVar("Number", int, float)

_SIZES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE_NAMES = {name.lower(): factor for name, factor in _SIZES.items()}
_TIMES = {"s": 1, "min": 60, "hour": 3600, "day": 86400}
_TIME_NAMES = {**_TIMES, "sec": 1, "second": 1, "minute": 60, "h": 3600}


class Size(int):
    """A number of bytes; ``"50 MB"`` is 50,000,000 and ``"50 MiB"`` is 52,428,800."""

    @classmethod
    def parse(cls, value: object) -> Size:
        """Read a whole number of bytes or a text such as ``"50 MB"``. Raises ValueError."""
        if isinstance(value, int) and not isinstance(value, bool):
            return cls(_positive(value))
        number, unit = _number_and_unit(value)
        if unit not in _SIZE_NAMES:
            raise ValueError(f"a size is a number and a unit, one of {', '.join(_SIZES)}")
        return cls(_positive(int(number * _SIZE_NAMES[unit])))

    def __str__(self) -> str:
        return _in_units(int(self), {name: factor for name, factor in _SIZES.items() if "i" not in name})


class Duration(float):
    """A length of time in seconds; ``"5 min"`` is 300.0."""

    @classmethod
    def parse(cls, value: object) -> Duration:
        """Read a number of seconds or a text such as ``"5 min"``. Raises ValueError."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return cls(_positive(value))
        number, unit = _number_and_unit(value)
        unit = unit if unit in _TIME_NAMES else unit.removesuffix("s")
        if unit not in _TIME_NAMES:
            raise ValueError(f"a time is a number and a unit, one of {', '.join(_TIMES)}")
        return cls(_positive(float(number * _TIME_NAMES[unit])))

    def __str__(self) -> str:
        text = _in_units(float(self), _TIMES)
        return f"{text}s" if text.endswith(("hour", "day")) and not text.startswith("1 ") else text


class Endpoint:
    """Where to listen: an IP address and a port. Port 0 lets the system choose one."""

    __slots__ = ("host", "port")

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    @classmethod
    def parse(cls, value: object) -> Endpoint:
        """Read ``"127.0.0.1:2525"`` or ``"[::1]:2525"``. Raises ValueError.

        Names are not looked up: a server should not wait for DNS to know its own address.
        """
        if not isinstance(value, str):
            raise ValueError("an address and a port are written as text")
        host, _, port = value.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        try:
            address = ipaddress.ip_address(host[1:-1] if bracketed else host)
        except ValueError:
            raise ValueError(
                "it needs an IP address and a port, such as 127.0.0.1:2525 or [::1]:2525"
            ) from None
        if (address.version == 6) != bracketed:
            raise ValueError(
                f"an IPv6 address stands in brackets: [::1]:{port or 2525}; an IPv4 address does not"
            )
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            raise ValueError("a port is a number from 0 to 65535")
        return cls(str(address), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Endpoint) and (self.host, self.port) == (other.host, other.port)

    def __hash__(self) -> int:
        return hash((self.host, self.port))

    def __repr__(self) -> str:
        return f"Endpoint({str(self)!r})"


class Place:
    """Where to listen: an :class:`Endpoint`, or the path of a Unix socket."""

    __slots__ = ("at",)

    def __init__(self, at: Endpoint | Path) -> None:
        self.at = at

    @classmethod
    def parse(cls, value: object) -> Place:
        """Read ``"127.0.0.1:2424"`` or ``"unix:/run/mailsponge/lmtp"``. Raises ValueError."""
        if not isinstance(value, str) or not value.startswith("unix:"):
            return cls(Endpoint.parse(value))
        path = Path(value.removeprefix("unix:")).expanduser()
        if not path.is_absolute() or "\0" in value:
            raise ValueError("a Unix socket is named by its whole path: unix:/run/mailsponge/lmtp")
        return cls(path)

    def __str__(self) -> str:
        return f"unix:{self.at}" if isinstance(self.at, Path) else str(self.at)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self.at == other.at

    def __hash__(self) -> int:
        return hash(self.at)

    def __repr__(self) -> str:
        return f"Place({str(self)!r})"


def _positive(number: Number) -> Number:
    if not 0 < number < float("inf"):
        raise ValueError("it must be more than 0")
    return number


def _number_and_unit(value: object) -> tuple[Decimal, str]:
    """``"1.5 MB"`` → (1.5, "mb"). The space may be missing."""
    if not isinstance(value, str):
        raise ValueError("it is written as text, a number and a unit, or as a plain number")
    text = value.strip()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    try:
        return Decimal(number.strip().replace("_", "")), text[len(number) :].lower()
    except InvalidOperation:
        raise ValueError("it does not begin with a number") from None


def _in_units(amount: float, units: dict[str, int]) -> str:
    """The amount in the largest unit that gives a whole number, else in the smallest."""
    for name, factor in reversed(units.items()):
        if amount % factor == 0:
            return (
                f"{amount // factor:g} {name}"
                if amount // factor < 1e6
                else f"{int(amount // factor)} {name}"
            )
    return f"{amount:g} {next(iter(units))}"
