"""Tells whether somebody has another password by now: sessions that began with the old one end."""

from __future__ import annotations

import hashlib

from mailsponge.config import Config


def stamp_of(config: Config, user: str) -> str:
    """A mark of the user's password as it is configured; the same as long as that is. Empty: there is no such user."""
    found = config.users.get(user)
    if found is None:
        return ""
    known = found.password
    verifiers = "" if known is None else f"{known.argon2id!s} {known.scram!s}"
    return hashlib.sha256(f"{user}\0{verifiers}".encode()).hexdigest()[:32]
