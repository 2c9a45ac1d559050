"""Inputs for a fuzzer: dialogues from the corpus, spoilt in ways that machines and attackers spoil them.

All chance comes from the generator that is handed in, so a seed and a number name an input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

LONGEST = 700
"""Octets of an input. What matters happens at edges, and edges fit into less."""
TOKENS = (
    b"\r", b"\n", b"\r\n", b"\0", b".", b"\r\n.", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n",
    b"\r\n\0.\r\n", b"\r\n\r\n", b"..", b" ", b"<", b">", b"@", b'"', b"\\", b"=", b"*", b"+3D", b"\xff",
    "é".encode(), b"\xf0TLS\xf0", b"EHLO x\r\n", b"HELO x\r\n", b"LHLO x\r\n", b"MAIL FROM:<>\r\n",
    b"RCPT TO:<b@c.example>\r\n", b"DATA\r\n", b"RSET\r\n", b"BDAT 0 LAST\r\n", b"BDAT 3\r\nabc", b"QUIT\r\n",
    b"BDAT 4 LAST\r\nab\r\n", b"BDAT 999\r\n", b"BDAT x\r\n", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"NOOP\r\n",
    b"AUTH LOGIN AAAA\r\n", b"AUTH PLAIN =\r\n", b"AAAA\r\n", b"*\r\n", b" SIZE=9", b" BODY=8BITMIME", b" SMTPUTF8",
    b" NOTIFY=NEVER", b" ORCPT=rfc822;a+2Bb", b" RET=HDRS", b" ENVID=x", b" AUTH=<>", b" LAST", b"x" * 70, b"x" * 300,
)  # fmt: skip


def mutated(rng: Random, corpus: Sequence[bytes]) -> bytes:
    """One input: a dialogue, or the beginning of one and the end of another, with up to six things changed."""
    choice, random = rng.choice, rng.random
    data = choice(corpus)
    if random() < 0.2:
        other = choice(corpus)
        data = data[: int(random() * len(data))] + other[int(random() * len(other)) :]
    for _ in range(int(random() ** 2 * 7)):
        data = choice(_WAYS)(data, rng)
    return data[:LONGEST]


def _insert(data: bytes, rng: Random) -> bytes:
    at = int(rng.random() * (len(data) + 1))
    return data[:at] + rng.choice(TOKENS) + data[at:]


def _replace(data: bytes, rng: Random) -> bytes:
    at = int(rng.random() * (len(data) + 1))
    return data[:at] + rng.choice(TOKENS) + data[at + int(rng.random() * 8) :]


def _delete(data: bytes, rng: Random) -> bytes:
    at = int(rng.random() * (len(data) + 1))
    return data[:at] + data[at + 1 + int(rng.random() ** 3 * 40) :]


def _flip(data: bytes, rng: Random) -> bytes:
    at = int(rng.random() * (len(data) + 1))
    return data[:at] + bytes((int(rng.random() * 256),)) + data[at + 1 :]


def _repeat(data: bytes, rng: Random) -> bytes:
    at = int(rng.random() * (len(data) + 1))
    end = at + int(rng.random() * 40)
    return data[:end] + data[at:]


def _move_line(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\r\n")
    line = lines.pop(int(rng.random() * len(lines)))
    lines.insert(int(rng.random() * (len(lines) + 1)), line)
    return b"\r\n".join(lines)


def _drop_line(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\r\n")
    del lines[int(rng.random() * len(lines))]
    return b"\r\n".join(lines)


_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _insert, _insert, _replace, _delete, _flip, _repeat, _move_line, _drop_line
)  # fmt: skip
