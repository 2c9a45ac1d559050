"""Another mail server, where some of the letters go on to: as unreliable as real ones are.

It keeps the account of what came whole, whether it said so or not: sometimes it takes a letter and hangs up without a
word, and then whoever sent it has to send it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from contextlib import closing, suppress

from letters import MARK, Letters, token_of

DOMAIN = "far.example"
BOX, NEVER = "far", "never"
"""The aliases that lead there: to a mailbox, and to one that does not exist."""

MOODS = {
    "well": 60,
    "closed": 5,
    "busy": 5,
    "grey": 8,
    "full": 8,
    "forgetful": 6,
    "gone in the middle": 8,
}
"""What a connection meets, and how often."""


GOES_ON = 0.7
"""How often a connection may be used again; else it is closed, and the next one may meet another mood."""


class Far:
    """Started once; it outlives the server that sends to it."""

    def __init__(self, letters: Letters, rng: random.Random) -> None:
        self._letters = letters
        self._rng = rng
        self.copies: Counter[str] = Counter()
        """Letters that came whole, by token."""
        self.unanswered = 0
        """How many of those nobody was told of."""
        self.refused = 0
        """Recipients that do not exist."""
        self.moods: Counter[str] = Counter()
        self.faults: list[str] = []
        self.always_well = False

    async def start(self) -> int:
        """Returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        moods = list(MOODS)
        mood = "well" if self.always_well else self._rng.choices(moods, list(MOODS.values()))[0]
        self.moods[mood] += 1
        # The server may be killed meanwhile: that is what a soak is for.
        with closing(writer), suppress(OSError, asyncio.IncompleteReadError):
            await self._talk(reader, writer, mood)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mood: str) -> None:
        if mood == "closed":
            return
        if mood == "busy":
            writer.write(b"421 4.3.2 Too busy, come again\r\n")
            return
        writer.write(b"220 mx.far.example ESMTP\r\n")
        taken = 0
        while True:
            line = (await reader.readuntil(b"\r\n")).upper()
            if line.startswith((b"EHLO", b"HELO")):
                writer.write(b"250-mx.far.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 90000000\r\n")
            elif line.startswith(b"MAIL"):
                taken = 0
                writer.write(b"250 2.1.0 Ok\r\n")
            elif line.startswith(b"RCPT"):
                taken += self._recipient(writer, line, mood)
            elif line.startswith(b"DATA"):
                if not taken:
                    writer.write(b"554 5.5.1 No valid recipients\r\n")
                    continue
                writer.write(b"354 Go ahead\r\n")
                if not await self._content(reader, writer, mood):
                    return
            elif line.startswith(b"QUIT"):
                writer.write(b"221 2.0.0 Bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 Ok\r\n")

    def _recipient(self, writer: asyncio.StreamWriter, line: bytes, mood: str) -> bool:
        if line.startswith(f"RCPT TO:<{NEVER}@".upper().encode()):
            self.refused += 1
            writer.write(b"550 5.1.1 No such user here\r\n")
        elif mood == "grey" and self._rng.random() < 0.5:
            writer.write(b"451 4.7.1 Greylisted, come again\r\n")
        else:
            writer.write(b"250 2.1.5 Ok\r\n")
            return True
        return False

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mood: str) -> bool:
        """Take a message; returns whether the connection goes on."""
        lines = []
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
            if mood == "gone in the middle" and len(lines) > 5:
                return False
        if mood == "full" and self._rng.random() < 0.5:
            writer.write(b"452 4.3.1 Disk full\r\n")
            return True
        self._keep(b"".join(lines))
        if mood == "forgetful":
            self.unanswered += 1
            return False
        writer.write(b"250 2.0.0 Taken\r\n")
        return self.always_well or self._rng.random() < GOES_ON

    def _keep(self, content: bytes) -> None:
        head, mark, rest = content.partition(MARK)
        token = token_of(mark + rest)
        letter = self._letters.find(token)
        if letter is None:
            self.faults.append(f"far away: nobody wrote this: {content[:60]!r}")
        elif hashlib.sha256(mark + rest).digest() != letter.digest:
            self.faults.append(
                f"far away: {token} is not as it was: {len(mark + rest)} octets of {letter.size}"
            )
        elif not head.startswith(b"Received: "):
            self.faults.append(
                f"far away: {token} has no trace on top, or what is not for others: {head[:60]!r}"
            )
        self.copies[token] += 1
