"""A dialogue without a connection: what a client would have said comes from a file, and nobody waits for the replies.

It is what a session is for a socket. As there, one thing at a time is said where the protocol asks for it, and nothing
more while the store is behind, or commits.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from mailsponge.mail.reply import Reply
from mailsponge.server import held
from mailsponge.server.dialogue import Dialogue
from mailsponge.server.house import House
from mailsponge.server.role import Role
from mailsponge.server.transaction import Client
from mailsponge.smtp.events import NEED_DATA, Event, Mail

_MORE_SAID: Final = 100
"""Commands beside its recipients that may be said in one talk."""
_LONGEST_LINE: Final = 64 * 1024
"""Bytes without a line's end that are handed on as they are; the engine has a smaller limit, and an answer to it."""


class Said(NamedTuple):
    """Something that was said, and the answer."""

    event: Event
    reply: Reply


class Talk:
    """One dialogue, from its greeting on."""

    def __init__(self, house: House, role: Role, client: Client) -> None:
        self._most_said = house.rules.limits.recipients + _MORE_SAID
        self._dialogue = Dialogue(house, role, client, self._answered)
        self._dialogue.engine.greet()
        self._ready = asyncio.Event()
        self._reply: Reply | None = None
        self._unsaid = b""
        self.said: list[Said] = []
        """Everything that was answered, in order."""
        self.over = False
        """The other side has ended it: it listens no more."""

    async def say(self, data: bytes) -> None:
        """Say some more of what the client says, the commands in it line by line."""
        self._unsaid += data
        while self._unsaid and not self.over:
            if self._dialogue.in_message:
                piece, self._unsaid = self._unsaid, b""
            else:
                end = self._unsaid.find(b"\n") + 1
                if not end and len(self._unsaid) < _LONGEST_LINE:
                    return
                piece, self._unsaid = self._unsaid[: end or None], self._unsaid[end or len(self._unsaid) :]
            in_message = self._dialogue.in_message
            await self._answer(piece)
            if not in_message and piece.strip().upper() == b"DATA" and not self._dialogue.in_message:
                self.over = True  # the message is not wanted, and its lines are no commands

    def hang_up(self) -> None:
        """Say no more; a message that is not complete is forgotten."""
        self._dialogue.forget("incomplete")

    async def _answer(self, piece: bytes) -> None:
        """Answer all that can be answered by now."""
        engine = self._dialogue.engine
        engine.receive_data(piece)
        while (event := engine.next_event()) is not NEED_DATA:
            answer = self._dialogue.answer(event)
            if answer == held.LEAVING:
                self.over = True
                return
            if answer == held.COMMITTING:
                await self._until_ready()
                answer = self._reply
            elif answer == held.STORE_BEHIND:
                self._dialogue.when_store_is_ready(self._ready.set)
                await self._until_ready()
            if isinstance(answer, Reply):
                self._dialogue.send(answer)
                self.said.append(Said(event, answer))
                if len(self.said) > self._most_said or (isinstance(event, Mail) and not answer.positive):
                    self.over = True
                    return

    async def _until_ready(self) -> None:
        await self._ready.wait()
        self._ready.clear()

    def _answered(self, reply: Reply) -> None:
        self._reply = reply
        self._ready.set()
