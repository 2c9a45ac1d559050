"""One connection: bytes from the socket to the dialogue, its answers back, in time.

The engine is asked for events only while nothing holds the session up (:mod:`mailsponge.server.held`). What arrives
meanwhile stays in the kernel, where TCP slows the peer down: memory is bounded whatever the peer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from mailsponge.mail.reply import Reply
from mailsponge.server import held, unix
from mailsponge.server.dialogue import PIPELINED, Dialogue, LmtpDialogue
from mailsponge.server.house import House
from mailsponge.server.load import TOO_SLOW, Pace
from mailsponge.server.role import Role
from mailsponge.server.transaction import Client
from mailsponge.smtp.events import NEED_DATA
from mailsponge.smtp.replies import START_TLS
from mailsponge.wire.deadline import Deadline
from mailsponge.wire.tls import Tunnel, listening

STOPPING: Final = Reply(421, "4.3.2", "This server is stopping; please come again in a minute")

LINGER: Final = 5.0
"""Seconds to read on after the last word until the peer closes. Closing first, with bytes unread, would reset the
connection, and the peer might lose the reply that tells it why."""
LINGER_STOPPING: Final = 1.0
SHAKE_HANDS: Final = 30.0
"""Seconds for agreeing on TLS, which takes a client less than one; or the deadline of a command, if that is less."""
REPLIES_AT_ONCE: Final = 200
"""Replies gathered for one write; more are written in between, so that a peer who does not read is noticed."""


class Session(asyncio.BaseProtocol):
    """The server's side of one connection. How what is read gets here, the two below know."""

    __slots__ = (
        "_deadline",
        "_dialogue",
        "_held",
        "_house",
        "_message_due",
        "_out",
        "_pace",
        "_patience",
        "_peer_done",
        "_reading",
        "_received",
        "_role",
        "_silent_due",
        "_stopping",
        "_time",
        "_transport",
        "_witness",
    )

    _transport: asyncio.Transport
    _deadline: Deadline
    _dialogue: Dialogue

    def __init__(self, house: House, role: Role) -> None:
        self._house = house
        self._role = role
        self._witness = house.witness_of(role.name)
        self._time: Callable[[], float] = house.loop.time
        self._held = held.NOT
        self._reading = True
        self._peer_done = False  # the peer has closed its side
        self._stopping = False
        self._message_due = 0.0  # by the loop's clock; 0.0 while no message is being read
        self._pace: Pace | None = None  # of the message that is being read
        self._received = 0  # bytes, in all
        self._patience = 0.0  # seconds that the peer was given last
        self._silent_due = 0.0  # when they are over
        self._out: list[bytes] = []

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn away."""
        self._transport = transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's is one in all but descent
        client = _client(transport)
        dialogue = LmtpDialogue if self._role.lmtp else Dialogue
        self._dialogue = dialogue(self._house, self._role, client, self._answered)
        self._be_patient()
        self._deadline = Deadline(self._house.loop, self._silent_due, self._missed)
        refusal = self._house.enter(self, client.peer)
        if refusal is not None:
            self._witness.turned_away(client, refusal)
            self._held = held.LEAVING
            if not self._role.tls_first:  # else nobody could read it
                transport.write(refusal.encoded)
            transport.close()
            return
        self._witness.counts.sessions += 1
        if self._role.tls_first:
            self._shake_hands()
        else:
            transport.write(self._dialogue.engine.greet())

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and act on them unless something holds the session up."""
        self._received += len(data)
        self._witness.counts.bytes_received += len(data)
        if not self._held:
            self._dialogue.engine.receive_data(data)
            self._pump()
        elif not self._held & held.LEAVING:
            self._dialogue.engine.receive_data(data)
            self._listen(False)

    def eof_received(self) -> bool:
        """The peer says no more. It may still read, so what is owed to it is sent before the connection closes."""
        if self._held & held.LEAVING:
            return False
        self._peer_done = True
        self._dialogue.engine.receive_data(b"")
        if not self._held:
            self._pump()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what was not complete. A commit under way goes on; the peer will send that message again."""
        self._dialogue.hang_up(committing=bool(self._held & held.COMMITTING))
        self._held |= held.LEAVING
        self._reading = False
        self._deadline.cancel()
        self._house.leave(self, self._dialogue.client.peer)

    def pause_writing(self) -> None:
        """The peer does not read its replies: take no more commands from it."""
        self._held |= held.PEER_DEAF
        self._listen(False)

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._resume(held.PEER_DEAF)

    # What the tunnel tells, beside the same as any transport.

    def secured(self, how: str) -> None:
        """TLS is agreed on: from here on nothing of what was said before counts."""
        first_word = self._dialogue.secured(how)
        if first_word:
            self._out.append(first_word)
        self._resume(held.SHAKING_HANDS)

    def not_secured(self, why: str) -> None:
        """TLS has failed, and the connection is closing."""
        self._witness.no_tls(self._dialogue.client, why)
        self._held |= held.LEAVING

    # What the listener tells.

    def hurry(self) -> None:
        """The server is under load: whoever is silent has less time from now on."""
        if not self._held & ~held.PEER_DEAF:
            due = self._silent_due
            self._be_patient()
            self._silent_due = min(due, self._silent_due)
            self._set_deadline()

    def stop(self) -> None:
        """Say 421 and go, at once or when the commit under way is done."""
        self._stopping = True
        if self._held & held.SHAKING_HANDS:
            self.abort()
        elif not self._held & (held.COMMITTING | held.LEAVING):
            self._leave("stopping", STOPPING, LINGER_STOPPING)

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    # Events and answers.

    def _pump(self) -> None:
        """Answer all that has come, in one write if it is not very much."""
        next_event = self._dialogue.engine.next_event
        event = next_event()
        if event is NEED_DATA:
            if self._dialogue.in_message:  # a message that will be refused has no events before its end
                self._move_deadline()
            return
        send, answer_to, out = self._dialogue.send, self._dialogue.answer, self._out
        while event is not NEED_DATA:
            answer = answer_to(event)
            if isinstance(answer, Reply):
                out.append(send(answer))
                if answer is PIPELINED:
                    self._leave("pipelined")
                elif len(out) >= REPLIES_AT_ONCE:
                    self._flush()
            elif answer is not None:
                self._hold(answer)
            if self._held:
                break
            event = next_event()
        self._move_deadline()
        self._flush()

    def _answered(self, reply: Reply) -> None:
        """The message is in the store, or could not be put there; or it is known who has logged in, or has not."""
        if self._held & held.LEAVING:
            return
        self._out.append(self._dialogue.send(reply))
        if self._stopping:
            self._leave("stopping", STOPPING, LINGER_STOPPING)
        else:
            self._resume(held.COMMITTING | held.LOGGING_IN)

    def _hold(self, reason: int) -> None:
        """Ask for no more events for now."""
        self._held |= reason
        if reason == held.LEAVING:
            self._go()
        elif reason == held.STORE_BEHIND:
            self._listen(False)
            self._dialogue.when_store_is_ready(self._store_is_ready)
        elif reason == held.SHAKING_HANDS:
            self._out.append(self._dialogue.send(START_TLS))
            self._flush()
            self._shake_hands()

    def _resume(self, reason: int) -> None:
        """One reason to hold the session up is gone."""
        self._held &= ~reason
        if self._held & held.LEAVING:
            return
        if not self._held:
            self._pump()
        self._flush()
        self._move_deadline()
        if not self._held:
            self._listen(True)

    def _store_is_ready(self) -> None:
        self._pace = None  # what did not come meanwhile was not the peer's doing
        self._resume(held.STORE_BEHIND)

    def _shake_hands(self) -> None:
        """Put TLS between this session and its transport."""
        certificate = self._house.certificate
        if certificate is None:  # a reload took it away, and this address is still listened on
            self.not_secured("there is no certificate any more")
            self.abort()
            return
        self._held |= held.SHAKING_HANDS
        self._transport = Tunnel(listening(certificate.current()), self._transport, self, self._house.buffer)
        self._deadline.set(self._time() + min(SHAKE_HANDS, self._dialogue.rules.command_deadline))

    # The socket and the clock.

    def _listen(self, yes: bool) -> None:
        """Read from the socket, or let TCP hold the peer."""
        if yes is not self._reading and not self._transport.is_closing():
            self._reading = yes
            (self._transport.resume_reading if yes else self._transport.pause_reading)()

    def _flush(self) -> None:
        out = self._out
        if out:
            written = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self._transport.write(written)

    def _leave(self, why: str, last_word: Reply | None = None, linger: float = LINGER) -> None:
        """Drop what is not complete, say the last word, and go."""
        self._dialogue.dismiss(why, last_word)
        if last_word is not None:
            self._out.append(self._dialogue.engine.send(last_word))
        self._held |= held.LEAVING
        self._go(linger)

    def _go(self, linger: float = LINGER) -> None:
        """Close, at once if the peer waits for that, else when it has closed or a little while is over."""
        self._flush()
        transport = self._transport
        if self._peer_done or self._dialogue.quit:
            transport.close()
        elif not transport.is_closing():
            self._listen(True)
            try:
                transport.write_eof()
            except OSError:  # the peer is gone already, and the transport has not noticed yet
                transport.abort()
        if not transport.is_closing() or transport.get_write_buffer_size():
            self._deadline.set(self._time() + linger)

    def _missed(self) -> None:
        """A deadline has passed."""
        if self._held & held.LEAVING:
            self._transport.abort()
        elif self._held & held.PEER_DEAF:
            if not self._held & held.COMMITTING:
                self._dialogue.dismiss("deaf", None)
            self._transport.abort()
        elif self._held & held.SHAKING_HANDS:
            self._witness.no_tls(self._dialogue.client, "it was not agreed on in time")
            self._transport.abort()
        elif self._held:  # it is the store that takes its time, not the peer
            self._deadline.set(self._time() + self._dialogue.rules.command_deadline)
        elif self._is_over():
            self._leave("too-slow", self._dialogue.too_slow(self._patience))
        elif self._is_slow():
            self._leave("too-slow", TOO_SLOW)
        else:
            self._pace = Pace(self._time(), self._patience, self._received)
            self._set_deadline()

    def _is_over(self) -> bool:
        """The peer's own time, or the message's; else it is a window of its pace that has ended."""
        return not self._dialogue.in_message or self._time() >= min(self._silent_due, self._message_due)

    def _is_slow(self) -> bool:
        pace, rate = self._pace, self._dialogue.rules.least_data_rate
        return pace is not None and not pace.is_kept(self._received, rate)

    def _move_deadline(self) -> None:
        """Something happened: give the peer its time anew."""
        if self._held & (held.LEAVING | held.SHAKING_HANDS):
            return
        now = self._be_patient()
        if self._dialogue.in_message:
            self._message_due = self._message_due or now + self._dialogue.rules.message_deadline
            self._pace = self._pace or Pace(now, self._patience, self._received)
            self._set_deadline()
        else:
            self._message_due = 0.0
            self._pace = None
            self._deadline.set(self._silent_due)

    def _be_patient(self) -> float:
        """Give the peer as much time from now on as there is to give; returns the moment that is now."""
        rules = self._dialogue.rules
        patience = rules.command_deadline
        if self._house.busy:
            patience = min(patience, rules.command_deadline_under_load)
        now = self._time()
        self._patience = patience
        self._silent_due = now + patience
        return now

    def _set_deadline(self) -> None:
        pace = self._pace
        due = self._silent_due
        self._deadline.set(due if pace is None else min(due, self._message_due, pace.due))


class StreamedSession(Session, asyncio.Protocol):
    """On uvloop, which reads into a buffer of its own and hands on what there is of it."""

    __slots__ = ()


class BufferedSession(Session, asyncio.BufferedProtocol):
    """On asyncio's own loop, which would make a large buffer for each read, and that costs more than all the rest.

    All sessions read into one buffer of the listener's: what is in it is taken out before anything else is read.
    """

    __slots__ = ()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport shall put what it reads."""
        return self._house.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take out what was read."""
        self.data_received(bytes(self._house.buffer[:nbytes]))


def session_for(loop: asyncio.AbstractEventLoop) -> type[Session]:
    """Which of the two suits a loop."""
    return BufferedSession if isinstance(loop, asyncio.BaseEventLoop) else StreamedSession


def _client(transport: asyncio.Transport) -> Client:
    """Who is at the other end, by the word of the kernel."""
    name = transport.get_extra_info("peername")
    if isinstance(name, tuple):
        return Client(name[0])
    user = unix.peer(transport.get_extra_info("socket"))
    return Client(str(user), user=user)
