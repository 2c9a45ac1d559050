"""What decoys are made from: octets that nobody else knows, the same after a restart.

If they changed, the salts of names that nobody has would change too, and those of users would not.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mailsponge import durable
from mailsponge.errors import StateError

NAME: Final = "login-secret"
LENGTH: Final = 32
"""Octets."""


def new() -> bytes:
    """A secret that nobody has had before."""
    return secrets.token_bytes(LENGTH)


def kept_in(data: Path, random: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """Read the secret in the data directory, which must exist; the first time, make it.

    Raises StateError that says what to do.
    """
    file = data / NAME
    try:
        found = file.read_bytes() if file.exists() else b""
        if len(found) == LENGTH:
            return found
        made = random(LENGTH)
        durable.write_file(file, made)
    except OSError as error:
        raise StateError(
            f"{file} cannot be read or written: {error.strerror}; "
            "it has to belong to the user that the server runs as"
        ) from error
    return made
