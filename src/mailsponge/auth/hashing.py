"""Making verifiers of a password, and comparing a password with one. It costs time on purpose: call it in a thread.

The salt is handed in. What the costs are, and why, is in docs/decisions/0022.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from argon2.low_level import Type, hash_secret_raw

from mailsponge.auth import saslprep
from mailsponge.auth.credentials import PASSWORD_LIMIT
from mailsponge.auth.verifiers import KEY_LENGTH, Argon2id, Scram, Verifier
from mailsponge.errors import UsageError

ARGON2_MEMORY: Final = 19 * 1024
"""KiB."""
ARGON2_PASSES: Final = 2
ARGON2_LANES: Final = 1
SCRAM_ITERATIONS: Final = 65_536
"""Clients do as many at each login; those built on Cyrus SASL refuse to do more."""
SALT_LENGTH: Final = 16
"""Octets to hand in."""


def argon2id(password: str, salt: bytes) -> Argon2id:
    """Hash a password. Raises UsageError for one that cannot be."""
    octets = _stored(password)
    digest = _argon2(octets, salt, ARGON2_MEMORY, ARGON2_PASSES, ARGON2_LANES, KEY_LENGTH)
    return Argon2id(ARGON2_MEMORY, ARGON2_PASSES, ARGON2_LANES, salt, digest)


def scram(password: str, salt: bytes, iterations: int = SCRAM_ITERATIONS) -> Scram:
    """What a server keeps of a password (RFC 5802 section 3). Raises UsageError for one that cannot be."""
    return _scram(_stored(password), salt, iterations)


def matches(verifier: Verifier, password: str) -> bool:
    """Whether it is the password; ``password`` comes out of :func:`saslprep.query`.

    Takes the same time whether it is or not. Raises argon2's HashingError when there is no memory left.
    """
    octets = password.encode()
    match verifier:
        case Argon2id(memory, passes, lanes, salt, digest):
            return hmac.compare_digest(_argon2(octets, salt, memory, passes, lanes, len(digest)), digest)
        case Scram(iterations, salt, stored_key, _):
            return hmac.compare_digest(_scram(octets, salt, iterations).stored_key, stored_key)


def _stored(password: str) -> bytes:
    if not password:
        raise UsageError("an empty password lets everybody in; choose one")
    if len(password) > PASSWORD_LIMIT or len(password.encode("utf-8", "surrogatepass")) > PASSWORD_LIMIT:
        raise UsageError(f"that password has more than {PASSWORD_LIMIT} octets; choose a shorter one")
    try:
        prepared = saslprep.stored(password)
    except UsageError as error:
        raise UsageError(f"that password cannot be: {error}") from None
    if not prepared:
        raise UsageError(
            "that password consists of characters that count for nothing (RFC 4013); choose another"
        )
    return prepared.encode()


def _argon2(password: bytes, salt: bytes, memory: int, passes: int, lanes: int, length: int) -> bytes:
    return hash_secret_raw(password, salt, passes, memory, lanes, length, Type.ID)


def _scram(password: bytes, salt: bytes, iterations: int) -> Scram:
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return Scram(iterations, salt, hashlib.sha256(client_key).digest(), server_key)
