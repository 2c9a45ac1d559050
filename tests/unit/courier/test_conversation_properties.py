"""Whatever a server says, in whatever pieces, a conversation comes to an end: with outcomes, or with trouble."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.relaying import LIMITS
from mailsponge.courier.content import whole
from mailsponge.courier.conversation import Caller, Conversation
from mailsponge.courier.trouble import Trouble
from mailsponge.courier.trust import trust
from mailsponge.mail.address import parse
from mailsponge.mail.outcome import Result
from mailsponge.routes import Credentials, NextHop, Tls
from mailsponge.smtp.client import ForwardPath, Outgoing

CALLER = Caller(
    "me.example", trust(), LIMITS, lambda: "a-nonce-that-is-no-secret", memoryview(bytearray(4096))
)
LINES = [
    b"220 hi\r\n",
    b"250-hi\r\n",
    b"250 PIPELINING\r\n",
    b"250 CHUNKING\r\n",
    b"250 STARTTLS\r\n",
    b"250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n",
    b"250 ok\r\n",
    b"235 ok\r\n",
    b"334 \r\n",
    b"354 go\r\n",
    b"421 bye\r\n",
    b"450 later\r\n",
    b"550 5.1.1 no\r\n",
    b"\n",
    b"2",
]
"""What servers say, and parts of it."""


class Wire(asyncio.Transport):
    """A connection whose other end says what the test has it say, a piece for each thing that it hears."""

    def __init__(self, conversation: Conversation, said: list[bytes]) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._conversation: asyncio.BaseProtocol = conversation
        self._said = iter(said)
        self._closed = False
        self._speak()

    def _speak(self) -> None:
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._closed:
            return
        piece = next(self._said, None)
        if piece is None:
            self.abort()
        else:
            feed(self._conversation, piece)
            self._speak()

    def set_protocol(self, protocol) -> None:
        self._conversation = protocol

    def write(self, data) -> None:
        assert not self._closed

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._conversation.connection_lost, None)


def feed(protocol, piece: bytes) -> None:
    """Hand bytes to a conversation, or to the tunnel in front of it."""
    if isinstance(protocol, Conversation):
        protocol.data_received(piece)
    else:
        protocol.get_buffer(-1)[: len(piece)] = piece
        protocol.buffer_updated(len(piece))


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(LINES), max_size=4).map(b"".join).filter(bool)
        | st.binary(min_size=1, max_size=20),
        max_size=15,
    ),
    st.sampled_from(Tls),
    st.booleans(),
    st.booleans(),
)
def test_it_always_comes_to_an_end(said, tls, lmtp, login):
    hop = NextHop("x", "x.example", 25, False, tls, lmtp, Credentials("me", "secret") if login else None)
    recipients = tuple(ForwardPath(parse(f"{name}@x.example")) for name in "ab")

    async def talk():
        conversation = Conversation(CALLER, "x.example", hop, local=False)
        conversation.connection_made(Wire(conversation, said))
        outcomes, trouble = (), None
        try:
            await conversation.open()
            outcomes = await conversation.deliver(Outgoing(None, recipients), whole(b"Subject: x\r\n\r\n"))
        except Trouble as met:
            trouble = met.outcome
        assert trouble is None or trouble.result is Result.DEFERRED
        assert [outcome.recipient for outcome in outcomes] == [
            each.address for each in recipients if trouble is None
        ]
        conversation.leave()
        await asyncio.sleep(0)
        assert conversation.over

    asyncio.run(asyncio.wait_for(talk(), 20))
