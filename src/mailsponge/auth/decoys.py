"""Verifiers of those who do not live here, so that nobody learns who does.

A name that nobody has gets a salt, as every name does, and the same one whenever it is asked for. It costs as much to
check as some user's: if users have different costs, unknown names have them in the same proportion. So neither an
answer nor the time until it comes tells a wrong name from a wrong password.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from mailsponge.auth.verifiers import Argon2id, Scram, Verifiers


def decoy(secret: bytes, name: str, models: Sequence[Verifiers]) -> Verifiers:
    """Verifiers that no password matches, for this name always the same, and like those of one of the ``models``.

    Whoever does not have the ``secret`` cannot tell them from a user's.
    """
    drawn = _Drawn(secret, name)
    model = models[int.from_bytes(drawn.octets("model", 8), "big") % len(models)]
    return Verifiers(
        None if model.argon2id is None else _argon2id(drawn, model.argon2id),
        None if model.scram is None else _scram(drawn, model.scram),
    )


class _Drawn:
    """Octets that look like chance, and are the same for the same name."""

    def __init__(self, secret: bytes, name: str) -> None:
        self._secret = secret
        self._name = name

    def octets(self, what: str, length: int) -> bytes:
        """At most 64 of them."""
        return hmac.digest(self._secret, f"{what}\0{self._name}".encode(), "sha512")[:length]


def _argon2id(drawn: _Drawn, model: Argon2id) -> Argon2id:
    return model._replace(
        salt=drawn.octets("argon2id salt", len(model.salt)),
        digest=drawn.octets("argon2id hash", len(model.digest)),
    )


def _scram(drawn: _Drawn, model: Scram) -> Scram:
    return model._replace(
        salt=drawn.octets("scram salt", len(model.salt)),
        stored_key=drawn.octets("scram stored key", len(model.stored_key)),
        server_key=drawn.octets("scram server key", len(model.server_key)),
    )
