"""The client's side of SCRAM-SHA-256, written from RFC 5802 section 3 and sharing nothing with the server's."""

from __future__ import annotations

import base64
import hashlib
import hmac


class ScramClient:
    """One login. What it says are bytes; base64 around them is SMTP's."""

    def __init__(
        self, name: str, password: str, nonce: str = "rOprNGfwEbeRWgbNEkqO", gs2: str = "n,,"
    ) -> None:
        self.name = name.replace("=", "=3D").replace(",", "=2C")
        self.password = password.encode()
        self.nonce = nonce
        self.gs2 = gs2
        self.signature = b""

    @property
    def bare(self) -> str:
        """client-first-message-bare."""
        return f"n={self.name},r={self.nonce}"

    def first(self) -> bytes:
        """client-first-message."""
        return (self.gs2 + self.bare).encode()

    def final(self, server_first: bytes, extension: str = "") -> bytes:
        """client-final-message."""
        told = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert told["r"].startswith(self.nonce)
        assert len(told["r"]) > len(self.nonce)
        without_proof = f"c={base64.b64encode(self.gs2.encode()).decode()},r={told['r']}{extension}"
        auth_message = f"{self.bare},{server_first.decode()},{without_proof}".encode()
        salted = self._hi(base64.b64decode(told["s"]), int(told["i"]))
        client_key = self._hmac(salted, b"Client Key")
        proof = self._xor(client_key, self._hmac(hashlib.sha256(client_key).digest(), auth_message))
        self.signature = self._hmac(self._hmac(salted, b"Server Key"), auth_message)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def trusts(self, server_final: bytes) -> bool:
        """Whether the server has proved to know the verifier."""
        return server_final == b"v=" + base64.b64encode(self.signature)

    def _hi(self, salt: bytes, iterations: int) -> bytes:
        last = self._hmac(self.password, salt + b"\0\0\0\1")
        found = last
        for _ in range(iterations - 1):
            last = self._hmac(self.password, last)
            found = self._xor(found, last)
        return found

    @staticmethod
    def _hmac(key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, hashlib.sha256).digest()

    @staticmethod
    def _xor(one: bytes, other: bytes) -> bytes:
        return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
