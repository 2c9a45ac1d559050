"""Logging in (AUTH, RFC 4954): what the client says to a server's challenges, without randomness and without a socket.

PLAIN and LOGIN show the password to whoever reads along, so the engine says them over TLS alone. SCRAM-SHA-256 shows
it to nobody, the server included, and has the server prove that it knows it, too: a 235 without that proof is the word
of an impostor.

Secrets stand in no repr and in no exception.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from typing import ClassVar, final

from mailsponge.errors import UsageError
from mailsponge.smtp.prepared import prepared

FEWEST_ROUNDS = 4096
"""Rounds of hashing that a server may ask for (RFC 7677 section 4): with fewer, a password is guessed too fast."""
MOST_ROUNDS = 1_000_000
"""Half a second on the processor. Without a bound a hostile server could keep the client busy for hours."""

_NONCE = re.compile(r"[!-+\--~]{16,}+").fullmatch
_SERVER_FIRST = re.compile(
    r"r=([!-+\--~]++),s=([A-Za-z0-9/+=]++),i=([0-9]{1,9}+)(?:,.*)?", re.DOTALL
).fullmatch
_SERVER_FINAL = re.compile(r"v=([A-Za-z0-9/+=]++)(?:,.*)?", re.DOTALL).fullmatch


class Distrust(Exception):
    """The server said what the mechanism does not allow. The message says what, and holds nothing of it."""


class Mechanism(ABC):
    """One way of logging in, with what it needs to know. ``begin`` may be called again for another session."""

    name: ClassVar[str]
    shows_password: ClassVar[bool]
    """Whoever reads along learns the password."""

    def __init__(self, user: str, password: str) -> None:
        """Raises UsageError if one of them is empty or holds a NUL."""
        if not user or not password or "\0" in user or "\0" in password:
            raise UsageError("a user and a password are needed, both without NUL")
        self._user = user
        self._password = password

    def __repr__(self) -> str:
        return f"{type(self).__name__}(user={self._user!r})"

    @abstractmethod
    def begin(self) -> bytes | None:
        """What goes with AUTH itself (the initial response), or None if the server is to speak first."""

    @abstractmethod
    def answer(self, challenge: bytes) -> bytes:
        """The answer to a 334. Raises Distrust."""

    @property
    @abstractmethod
    def believes(self) -> bool:
        """A 235 may be believed now: the server has done its part."""


@final
class Plain(Mechanism):
    """PLAIN (RFC 4616). ``acting_as``: the identity to act as, if it is not the user's own."""

    name = "PLAIN"
    shows_password = True
    believes = True

    def __init__(self, user: str, password: str, acting_as: str = "") -> None:
        super().__init__(user, password)
        if "\0" in acting_as:
            raise UsageError("an identity cannot hold a NUL")
        self._acting_as = acting_as

    def begin(self) -> bytes:
        """Everything at once."""
        return f"{self._acting_as}\0{self._user}\0{self._password}".encode()

    def answer(self, challenge: bytes) -> bytes:
        """There is nothing left to say."""
        raise Distrust("it asks for more than PLAIN has")


@final
class Login(Mechanism):
    """LOGIN, which no RFC describes: the user, then the password, whatever the server calls them."""

    name = "LOGIN"
    shows_password = True
    believes = True

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user, password)
        self._left: list[str] = []

    def begin(self) -> None:
        """The server asks first."""
        self._left = [self._password, self._user]

    def answer(self, challenge: bytes) -> bytes:
        """The user, then the password."""
        if not self._left:
            raise Distrust("it asks for more than LOGIN has")
        return self._left.pop().encode()


@final
class ScramSha256(Mechanism):
    """SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

    ``nonce``: at least 16 characters of printable ASCII without a comma, made anew from good randomness for each login:
    ``secrets.token_urlsafe(24)``. Raises UsageError for another.
    """

    name = "SCRAM-SHA-256"
    shows_password = False

    def __init__(self, user: str, password: str, nonce: str) -> None:
        super().__init__(user, password)
        if not _NONCE(nonce):
            raise UsageError("a nonce has at least 16 characters of printable ASCII, and no comma")
        self._nonce = nonce
        self._secret = prepared(password).encode()
        name = prepared(user).replace("=", "=3D").replace(",", "=2C")
        self._client_first = f"n={name},r={nonce}"
        self._expected = b""
        self._steps = [self._prove, self._verify]
        self._verified = False

    @property
    def believes(self) -> bool:
        """The server has proven that it knows the password."""
        return self._verified

    def begin(self) -> bytes:
        """client-first-message (RFC 5802 section 5)."""
        self._expected = b""
        self._steps = [self._verify, self._prove]
        self._verified = False
        return b"n,," + self._client_first.encode()

    def answer(self, challenge: bytes) -> bytes:
        """client-final-message; then, to the server's proof, nothing more."""
        if not self._steps:
            raise Distrust("it asks for more than SCRAM has")
        try:
            return self._steps.pop()(challenge.decode())
        except UnicodeDecodeError:
            raise Distrust("its challenge is not UTF-8") from None

    def _prove(self, server_first: str) -> bytes:
        """Prove the password without showing it (RFC 5802 section 3)."""
        said = _SERVER_FIRST(server_first)
        if said is None:
            raise Distrust("its challenge is not that of SCRAM")
        nonce, salt, rounds = said[1], decoded(said[2]), int(said[3])
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise Distrust("its nonce does not go on from the client's")
        if not FEWEST_ROUNDS <= rounds <= MOST_ROUNDS:
            raise Distrust(
                f"it asks for fewer than {FEWEST_ROUNDS} rounds of hashing, or more than {MOST_ROUNDS}"
            )
        without_proof = f"c=biws,r={nonce}"
        signed = f"{self._client_first},{server_first},{without_proof}".encode()
        salted = hashlib.pbkdf2_hmac("sha256", self._secret, salt, rounds)
        key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(key).digest(), signed)
        self._expected = _hmac(_hmac(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{without_proof},p={b64encode(proof).decode()}".encode()

    def _verify(self, server_final: str) -> bytes:
        """The server's own proof (RFC 5802 section 3)."""
        said = _SERVER_FINAL(server_final)
        if said is None or not hmac.compare_digest(decoded(said[1]), self._expected):
            raise Distrust("it does not prove that it knows the password")
        self._verified = True
        return b""


def decoded(text: str) -> bytes:
    """Base64, strictly read. Raises Distrust."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise Distrust("its challenge is not base64") from None


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
