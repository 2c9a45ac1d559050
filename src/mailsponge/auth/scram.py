"""SCRAM-SHA-256 (RFC 5802, RFC 7677): the client proves that it knows the password, and never sends it.

    client-first   n,,n=<name>,r=<client's nonce>
    server-first   r=<both nonces>,s=<salt>,i=<iterations>
    client-final   c=<base64 of the gs2 header>,r=<both nonces>,p=<proof>
    server-final   v=<signature>          as a challenge, which the client answers with nothing; then 235

The server proves that it knows the verifier, too, in what it says last. A 235 carries no data (RFC 4954 section 4), so
that goes into a challenge. There is no channel binding: a client that asks for it is refused, one that could (``y``)
goes on without.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable
from typing import Final

from mailsponge.auth.credentials import prepared_name
from mailsponge.auth.directory import Candidate
from mailsponge.auth.exchange import MESSAGE_LIMIT, OVER, TOO_LONG, Challenge, Denied, Granted, Step
from mailsponge.auth.verifiers import KEY_LENGTH
from mailsponge.errors import UsageError

# One attribute after the other, as RFC 5802 section 7 has them; unknown ones are passed over, but for "m", which means
# that they may not be (section 5.1). Possessive, so never stepping back.
_CLIENT_FIRST = re.compile(
    rb"([ny],(?:a=([^,\0]++))?,)(n=([^,\0]++),r=([!-+\--~]{1,512}+)(?:,[A-Za-lnoq-z]=[^,\0]++)*+)"
).fullmatch
_CLIENT_FINAL = re.compile(
    rb"(c=([A-Za-z0-9+/=]++),r=([!-+\--~]{1,1024}+)(?:,[A-Za-lnoq-z]=[^,\0]++)*+),p=([A-Za-z0-9+/=]++)"
).fullmatch

_NOT_A_MESSAGE: Final = Denied("a message is not as SCRAM has it (RFC 5802 section 7)")


Find = Callable[[str], Candidate]
"""Finds the candidate of a prepared name: there is always one."""


class ScramSha256:
    """The server's side of one exchange.

    ``find`` finds whose proof it would be. ``nonce`` is fresh and cannot be guessed: printable ASCII without a comma.
    """

    __slots__ = ("_auth_message", "_candidate", "_find", "_gs2_header", "_next", "_nonce", "_verifier")

    _candidate: Candidate
    _gs2_header: bytes
    _auth_message: bytes
    """As much of it as has been said (RFC 5802 section 3)."""

    def __init__(self, find: Find, nonce: str) -> None:
        self._find = find
        self._nonce = nonce.encode("ascii")
        self._next: Callable[[bytes], Step] = self._client_first

    def begin(self, initial: bytes | None) -> Step:
        """Ask for the first message, if it did not come with AUTH."""
        return Challenge(b"") if initial is None else self.respond(initial)

    def respond(self, data: bytes) -> Step:
        """Take the client's next message."""
        step = TOO_LONG if len(data) > MESSAGE_LIMIT else self._next(data)
        if not isinstance(step, Challenge):
            self._next = _over
        return step

    def _client_first(self, data: bytes) -> Step:
        if data.startswith(b"p="):
            return Denied("the client wants channel binding, which is not offered")
        found = _CLIENT_FIRST(data)
        if found is None:
            return _NOT_A_MESSAGE
        self._gs2_header, authzid, bare, name, nonce = found.groups()
        try:
            claimed = prepared_name(_unescaped(name))
            acts_as = claimed if authzid is None else prepared_name(_unescaped(authzid))
        except UnicodeDecodeError:
            return Denied("the name is not UTF-8")
        except UsageError as error:
            return Denied(f"the name cannot be: {error}")
        if acts_as != claimed:
            return Denied("it asks to act as somebody else, which nobody may")
        return self._server_first(claimed, nonce, bare)

    def _server_first(self, name: str, nonce: bytes, bare: bytes) -> Step:
        self._candidate = self._find(name)
        self._nonce = nonce + self._nonce
        verifier = self._candidate.verifiers.scram
        assert verifier is not None  # or SCRAM would not be offered
        self._verifier = verifier
        said = b"r=%b,s=%b,i=%d" % (self._nonce, b64encode(verifier.salt), verifier.iterations)
        self._auth_message = b"%b,%b," % (bare, said)
        self._next = self._client_final
        return Challenge(said)

    def _client_final(self, data: bytes) -> Step:
        found = _CLIENT_FINAL(data)
        if found is None:
            return _NOT_A_MESSAGE
        without_proof, binding, nonce, proof = found.groups()
        if _base64(binding) != self._gs2_header:
            return Denied("the header is another than at first: somebody has changed it on its way")
        if not hmac.compare_digest(nonce, self._nonce):
            return Denied("the nonce is another than the one given")
        user, verifier = self._candidate.user, self._verifier
        self._auth_message += without_proof
        right = self._is_proof(_base64(proof) or b"", verifier.stored_key)
        if user is None:
            return Denied("nobody of that name can log in")
        if not right:
            return Denied(f"wrong password of {user}")
        self._next = self._last_answer
        return Challenge(b"v=" + b64encode(hmac.digest(verifier.server_key, self._auth_message, "sha256")))

    def _is_proof(self, proof: bytes, stored_key: bytes) -> bool:
        """Whether the key that the proof hides is the one that is stored (RFC 5802 section 3)."""
        signature = hmac.digest(stored_key, self._auth_message, "sha256")
        hidden = bytes(one ^ other for one, other in zip(proof, signature, strict=False))
        return len(proof) == KEY_LENGTH and hmac.compare_digest(hashlib.sha256(hidden).digest(), stored_key)

    def _last_answer(self, data: bytes) -> Step:
        if data:
            return _NOT_A_MESSAGE
        assert self._candidate.user is not None
        return Granted(self._candidate.user)


def _over(data: bytes) -> Step:
    return OVER


def _unescaped(name: bytes) -> bytes:
    """A name with its commas and equals signs again (RFC 5802 section 5.1, ``saslname``). Raises UsageError."""
    if name.count(b"=") != name.count(b"=2C") + name.count(b"=3D"):
        raise UsageError("it has an = that is not written =3D")
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


def _base64(text: bytes) -> bytes | None:
    """Base64, read strictly; None: it is none."""
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError):
        return None
