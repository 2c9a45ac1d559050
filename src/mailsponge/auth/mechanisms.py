"""The mechanisms there are, by the names that clients know them by (the registry of RFC 4422)."""

from __future__ import annotations

from typing import Final

from mailsponge.auth.directory import Directory
from mailsponge.auth.exchange import Exchange
from mailsponge.auth.login import Login
from mailsponge.auth.plain import Plain
from mailsponge.auth.scram import ScramSha256

SCRAM_SHA_256: Final = "SCRAM-SHA-256"
PLAIN: Final = "PLAIN"
LOGIN: Final = "LOGIN"


def offered(directory: Directory) -> tuple[str, ...]:
    """What EHLO offers within TLS, the best first. Nothing if nobody could log in."""
    if directory.empty:
        return ()
    return (SCRAM_SHA_256, PLAIN, LOGIN) if directory.scram else (PLAIN, LOGIN)


def begun(mechanism: str, directory: Directory, nonce: str) -> Exchange | None:
    """A new exchange, to be given the initial response; None: the mechanism is not offered (504).

    ``mechanism`` in upper case. ``nonce``: text that nobody can guess, printable ASCII without a comma, for SCRAM.
    """
    if mechanism not in offered(directory):
        return None
    match mechanism:
        case "SCRAM-SHA-256":
            return ScramSha256(directory.find, nonce)
        case "LOGIN":
            return Login()
        case _:
            return Plain()
