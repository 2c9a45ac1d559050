"""What a user's ``password`` in the configuration can be: two ways to know a password again without knowing it.

    $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>               the form of the argon2 programs (PHC string format)
    SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>  RFC 5803, which PostgreSQL and others write, too

Both are taken apart once, when the configuration is read. What is wrong with one is told without showing it, and
neither shows its secrets when it is printed.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from typing import Final, NamedTuple

from mailsponge.errors import UsageError

ARGON2_MEMORY_LIMIT: Final = 1024 * 1024
"""KiB. A hash that asks for more would let one login take the machine."""
ARGON2_PASSES_LIMIT: Final = 64
ARGON2_LANES_LIMIT: Final = 64
SCRAM_LEAST: Final = 4096
"""Iterations that RFC 7677 section 4 asks for at least."""
SCRAM_LIMIT: Final = 1_000_000
"""Iterations. They cost a quarter of a second; a password that comes as it is has to go through them here."""
SALT_LIMITS: Final = (8, 64)
"""Octets. RFC 9106 section 3.1 asks for at least 8."""
DIGEST_LIMITS: Final = (32, 64)
"""Octets. Every program that writes such a hash writes 32 or more; fewer are one that was copied in part."""
KEY_LENGTH: Final = 32
"""Octets that SHA-256 gives."""

MAKE_ONE: Final = "`mailsponge password` makes one"

_ARGON2 = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$([A-Za-z0-9+/]++)\$([A-Za-z0-9+/]++)"
).fullmatch
_SCRAM = re.compile(r"SCRAM-SHA-256\$([0-9]{1,9}):([^$:]++)\$([^$:]++):([^$:]++)").fullmatch


class Argon2id(NamedTuple):
    """A hash by argon2id, version 1.3 (RFC 9106)."""

    memory: int
    """KiB."""
    passes: int
    lanes: int
    salt: bytes
    digest: bytes

    def __str__(self) -> str:
        """As it stands in a configuration."""
        costs = f"m={self.memory},t={self.passes},p={self.lanes}"
        return f"$argon2id$v=19${costs}${_unpadded(self.salt)}${_unpadded(self.digest)}"

    def __repr__(self) -> str:
        return f"Argon2id(memory={self.memory}, passes={self.passes}, lanes={self.lanes}, …)"


class Scram(NamedTuple):
    """What a server keeps for SCRAM-SHA-256 (RFC 5802 section 3)."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        """As it stands in a configuration (RFC 5803)."""
        salt, stored, server = (b64encode(each).decode() for each in self[1:])
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"

    def __repr__(self) -> str:
        return f"Scram(iterations={self.iterations}, …)"


Verifier = Argon2id | Scram


class Verifiers:
    """All that is known of one user's password: a verifier of each kind, or of one. Immutable."""

    __slots__ = ("argon2id", "scram")

    def __init__(self, argon2id: Argon2id | None, scram: Scram | None) -> None:
        """Raises UsageError when both are missing."""
        if argon2id is None and scram is None:
            raise UsageError(f"it is empty; {MAKE_ONE}, or leave it out: who has no password cannot log in")
        self.argon2id = argon2id
        self.scram = scram

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Verifiers:
        """Read them as they stand in a configuration. Raises UsageError, which never shows one."""
        found: dict[type[Verifier], Verifier] = {}
        for verifier in map(parse, texts):
            if type(verifier) in found:
                raise UsageError("it has two of the same kind; a user has one password, so leave one out")
            found[type(verifier)] = verifier
        argon2id, scram = found.get(Argon2id), found.get(Scram)
        assert not isinstance(argon2id, Scram)
        assert not isinstance(scram, Argon2id)
        return cls(argon2id, scram)

    @property
    def for_passwords(self) -> Verifier:
        """What a password that came as it is gets compared with."""
        verifier = self.argon2id or self.scram
        assert verifier is not None
        return verifier

    def __repr__(self) -> str:
        return f"Verifiers({self.argon2id!r}, {self.scram!r})"


def parse(text: str) -> Verifier:
    """Read one as it stands in a configuration. Raises UsageError, which never shows the text."""
    if text.startswith("$argon2id$"):
        return _argon2id(text)
    if text.startswith("SCRAM-SHA-256$"):
        return _scram(text)
    if text.startswith(("$", "{", "SCRAM-")):
        raise UsageError(f"it is a hash of a kind that is not known here; {MAKE_ONE} of a kind that is")
    raise UsageError(f"a password itself never stands here, only its hash; {MAKE_ONE}")


def _argon2id(text: str) -> Argon2id:
    found = _ARGON2(text)
    if found is None:
        raise UsageError(
            "it begins like an argon2id hash and is none: $argon2id$v=19$m=…,t=…,p=…$salt$hash; was all of it copied?"
        )
    memory, passes, lanes = map(int, found.groups()[:3])
    if not (8 * lanes <= memory <= ARGON2_MEMORY_LIMIT and 1 <= passes <= ARGON2_PASSES_LIMIT):
        raise UsageError(
            f"it costs m={memory}, t={passes}: m is from 8 times p to {ARGON2_MEMORY_LIMIT}, "
            f"t from 1 to {ARGON2_PASSES_LIMIT}"
        )
    if not 1 <= lanes <= ARGON2_LANES_LIMIT:
        raise UsageError(f"it has p={lanes}, which is from 1 to {ARGON2_LANES_LIMIT}")
    salt = _octets(found[4] + "=" * (-len(found[4]) % 4), "salt", SALT_LIMITS)
    digest = _octets(found[5] + "=" * (-len(found[5]) % 4), "hash", DIGEST_LIMITS)
    return Argon2id(memory, passes, lanes, salt, digest)


def _scram(text: str) -> Scram:
    found = _SCRAM(text)
    if found is None:
        raise UsageError(
            "it begins like a SCRAM-SHA-256 verifier and is none: "
            "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey; was all of it copied?"
        )
    iterations = int(found[1])
    if not SCRAM_LEAST <= iterations <= SCRAM_LIMIT:
        raise UsageError(f"it has {iterations} iterations, which are from {SCRAM_LEAST} to {SCRAM_LIMIT}")
    keys = (KEY_LENGTH, KEY_LENGTH)
    return Scram(
        iterations,
        _octets(found[2], "salt", SALT_LIMITS),
        _octets(found[3], "StoredKey", keys),
        _octets(found[4], "ServerKey", keys),
    )


def _octets(text: str, what: str, limits: tuple[int, int]) -> bytes:
    """Read base64 strictly. ``what`` is its name for a message."""
    least, most = limits
    try:
        octets = b64decode(text, validate=True)
    except (Error, ValueError):
        raise UsageError(f"its {what} is no base64; was all of it copied?") from None
    if not least <= len(octets) <= most:
        expected = str(least) if least == most else f"from {least} to {most}"
        raise UsageError(f"its {what} has {len(octets)} octets instead of {expected}; was all of it copied?")
    return octets


def _unpadded(octets: bytes) -> str:
    return b64encode(octets).decode().rstrip("=")
