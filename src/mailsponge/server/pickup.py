"""Collects the mail that programs left while the server was down, and treats it as if it were said to it now.

A letter in the pickup directory is a transaction written down (RFC 2442): MAIL, RCPT, DATA, the message and its dot. It
goes through the same dialogue as what comes by the Unix socket, from the user whose file it is, so that there is one
rule for both. It is removed once the store has the message for good. A crash between these two takes it twice, with
the same Message-ID; none is lost.

What is refused here has nobody waiting at the other end: a report goes to who sent it, or else to postmaster.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailsponge import clean, clock
from mailsponge.mail.address import Address
from mailsponge.mail.date import date
from mailsponge.mail.reply import Reply
from mailsponge.mail.sent_back import Returned, returned
from mailsponge.server import unix
from mailsponge.server.house import House
from mailsponge.server.pickup_directory import Letter, PickupDirectory, Unfit
from mailsponge.server.role import PICKUP
from mailsponge.server.talk import Said, Talk
from mailsponge.server.transaction import Client
from mailsponge.server.unix import LocalUser
from mailsponge.smtp.events import Data, EndOfData, Mail

log = logging.getLogger("mailsponge.pickup")

EVERY: Final = 2.0
"""Seconds between two looks at the directory."""
AFTER_TROUBLE: Final = 30.0
"""Seconds when the store, or the directory, could not do what was to be done."""

_PIECE: Final = 64 * 1024
_ENVELOPE: Final = 10_000_000
"""Bytes that a letter may have beside its message: the envelope, and the dots that are put before dots."""
_INCOMPLETE: Final = "it is not complete, or it was changed while it was read"
_SHOWN: Final = 8_000
"""Bytes of a refused letter that go back with the report."""


class Pickup:
    """Looks into one directory again and again. Made in a running event loop."""

    def __init__(self, directory: PickupDirectory, house: House) -> None:
        self._directory = directory
        self._house = house
        self._stopping = asyncio.Event()
        self._trouble = ""

    async def run(self) -> None:
        """Collect until `stop` is called."""
        while not self._stopping.is_set():
            wait = await self._round()
            try:
                await asyncio.wait_for(self._stopping.wait(), wait)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """End after the letter that is being read, if one is."""
        self._stopping.set()

    async def _round(self) -> float:
        """Collect what waits; returns how long to wait before the next look."""
        try:
            wait = await self.collect()
        except OSError as error:
            if str(error) != self._trouble:
                log.error("the pickup directory %s: %s", self._directory.path, error)
            self._trouble = str(error)
            return AFTER_TROUBLE
        self._trouble = ""
        return wait

    async def collect(self) -> float:
        """Look once, and collect what waits; returns how long to wait before the next look. Raises OSError."""
        found = await asyncio.to_thread(self._directory.look, self._house.clock())
        for name in found.rubbish:
            await asyncio.to_thread(self._clear, name)
        for name in found.letters:
            if self._stopping.is_set():
                return 0.0
            if not await self._take(name):
                return AFTER_TROUBLE
        return 0.0 if found.letters else EVERY

    def _clear(self, name: str) -> None:
        try:
            self._directory.remove(name)
            log.info(
                "removed %s from the pickup directory: it is no letter, and an hour old", clean.line(name)
            )
        except OSError as error:  # a directory with something in it, and not ours
            log.debug("cannot remove %s: %s", clean.line(name), error)

    async def _take(self, name: str) -> bool:
        """Take one letter; returns whether the server can take more. Raises OSError."""
        try:
            letter = await asyncio.to_thread(self._directory.open, name)
        except FileNotFoundError:
            return True
        except Unfit as why:
            log.warning("removed %s from the pickup directory: %s", name, why)
            await asyncio.to_thread(self._directory.remove, name)
            return True
        try:
            return await self._taken(letter)
        finally:
            os.close(letter.descriptor)

    async def _taken(self, letter: Letter) -> bool:
        user = LocalUser(letter.uid, unix.name_of(letter.uid))
        most = self._house.rules.limits.message_size + _ENVELOPE
        if letter.size > most:  # all of it would have to be read to be refused
            verdict = Verdict(refusals=(f"it has {letter.size} bytes, and may have {most}",))
        else:
            verdict = judged(await self._read_out(letter, user))
        if verdict.later:
            return False
        if verdict.refusals and not await self._report(letter, user, verdict):
            return False
        await asyncio.to_thread(self._directory.remove, letter.name)
        return True

    async def _read_out(self, letter: Letter, user: LocalUser) -> list[Said]:
        """Say to the server what is written there. What was changed meanwhile is left unfinished."""
        talk = Talk(self._house, PICKUP, Client(str(user), user=user))
        try:
            await talk.say(b"EHLO pickup\r\n")
            piece = await asyncio.to_thread(os.read, letter.descriptor, _PIECE)
            while piece and not talk.over:
                following = await asyncio.to_thread(os.read, letter.descriptor, _PIECE)
                is_whole = bool(following) or await asyncio.to_thread(self._directory.is_unchanged, letter)
                if is_whole:
                    await talk.say(piece)
                piece = following
        finally:
            talk.hang_up()
        return talk.said

    async def _report(self, letter: Letter, user: LocalUser, verdict: Verdict) -> bool:
        """Tell the sender, else postmaster, what was refused; False: it cannot be told now."""
        log.warning("pickup %s of %s: %s", letter.name, user, clean.line("; ".join(verdict.refusals)))
        if verdict.from_nobody:
            return True
        began = await asyncio.to_thread(os.pread, letter.descriptor, _SHOWN, 0)
        news = Returned(
            verdict.refusals,
            verdict.taken,
            began.partition(b"\r\nDATA\r\n")[2],
            clock.local(letter.left_at).strftime("%Y-%m-%d %H:%M"),
        )
        for to in (
            verdict.sender or Address(user.name, self._house.rules.hostname),
            Address("postmaster", ""),
        ):
            told = judged(await self._tell(to, user, news))
            if told.taken or told.later:
                return told.taken
        return True

    async def _tell(self, to: Address, user: LocalUser, news: Returned) -> list[Said]:
        """Have the report taken like any other message."""
        hostname = self._house.rules.hostname
        content = returned(
            news,
            to=to,
            hostname=hostname,
            date=date(clock.local(self._house.clock())),
            message_id=f"<{secrets.token_hex(12)}@{hostname}>",
        )
        smtputf8 = "" if str(to).isascii() else " SMTPUTF8"
        envelope = f"EHLO pickup\r\nMAIL FROM:<> BODY=8BITMIME{smtputf8}\r\nRCPT TO:<{to}>\r\nDATA\r\n"
        talk = Talk(self._house, PICKUP, Client(str(user), user=user))
        await talk.say(envelope.encode() + content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        talk.hang_up()
        return talk.said


class Verdict(NamedTuple):
    """What the server's answers to a letter come to."""

    taken: bool = False
    """The message is in the store, for some of its recipients at least."""
    later: bool = False
    """It is not, and the same letter may be taken later."""
    refusals: tuple[str, ...] = ()
    """What was said that was no consent."""
    sender: Address | None = None
    """Whom a report goes to; None: the sender's name was none of theirs."""
    from_nobody: bool = False
    """It had the null reverse-path, so nobody is to hear of it."""


def judged(said: Sequence[Said]) -> Verdict:
    """What the answers to a letter come to."""
    decisive = [one for one in said if isinstance(one.event, Mail | Data | EndOfData)]
    taken = any(isinstance(one.event, EndOfData) and one.reply.positive for one in decisive)
    refusals = tuple(_in_a_line(one.reply) for one in said if not one.reply.positive)
    senders = [one.event.reverse_path for one in said if isinstance(one.event, Mail) and one.reply.positive]
    return Verdict(
        taken=taken,
        later=not taken and any(one.reply.temporary for one in decisive),
        refusals=refusals if taken or refusals else (_INCOMPLETE,),
        sender=senders[0] if senders else None,
        from_nobody=senders[:1] == [None],
    )


def _in_a_line(reply: Reply) -> str:
    return " ".join((str(reply.code), *filter(None, (reply.enhanced,)), *reply.lines))
