r"""Text inside parameters, where spaces, ``=`` and whatever is not ASCII cannot stand (RFC 3461 section 4).

``+3D`` is written for ``=``, and so on. Addresses beyond ASCII have a way of their own, ``\x{E9}`` (RFC 6533
section 3).
"""

from __future__ import annotations

import re

_XTEXT = re.compile(r"(?:[!-*,-<>-~]++|\+[0-9A-F]{2})*+").fullmatch
_HEX = re.compile(r"\+([0-9A-F]{2})").sub
_SPECIAL = re.compile(r"[^!-*,-<>-~]").sub
_POINT = re.compile(r"\\x\{([0-9A-F]{2,6})\}").sub


def decode(value: str) -> str | None:
    """What the xtext says: printable ASCII and spaces. None if it is no xtext, or says anything else."""
    said = decode_octets(value)
    return said if said is not None and said.isascii() else None


def decode_octets(value: str) -> str | None:
    """What the xtext says in UTF-8, octet by octet: ``s+C3+B8ren``. None if it is no xtext, or no printable text."""
    if not _XTEXT(value):
        return None
    octets = _HEX(lambda found: chr(int(found[1], 16)), value).encode("latin-1")
    try:
        said = octets.decode()
    except UnicodeDecodeError:
        return None
    return said if said.isprintable() else None


def encode(said: str) -> str:
    """Printable ASCII as xtext; :func:`decode` reads it back."""
    return _SPECIAL(lambda found: f"+{ord(found[0]):02X}", said)


def decode_utf8(value: str) -> str | None:
    r"""An address of the type ``utf-8``, where ``\x{E9}`` stands for ``é``. None if it is not printable text."""
    try:
        said = _POINT(lambda found: chr(int(found[1], 16)), value)
    except ValueError:  # beyond the last letter of Unicode
        return None
    return said if said.isprintable() and "+" not in value and "=" not in value else None
