"""Connections that wait for the next message: a few seconds, and not for ever."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.courier.conversation import Conversation
from mailsponge.routes import NextHop


class Reuse(NamedTuple):
    """How long connections are kept, and for how much."""

    seconds: float = 4.0
    """Without anything to do. Another server has better uses for a connection, too."""
    messages: int = 100
    """Over one connection: so a host that gets much is asked for anew now and then, and DNS can share the load."""
    connections: int = 100
    """Waiting at a time, to all hosts together."""


class Idle:
    """The connections that wait, by next hop. Two hops that differ in anything, be it a password, share none."""

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._waiting: dict[NextHop, list[Conversation]] = {}
        self._hops: dict[Conversation, NextHop] = {}

    def __len__(self) -> int:
        return len(self._hops)

    def take(self, hop: NextHop) -> Conversation | None:
        """One that waits, the one that was used last, for it is the most likely to be alive."""
        waiting = self._waiting.get(hop)
        if not waiting:
            return None
        conversation = waiting[-1]
        self._forget(conversation)
        conversation.wake()
        return conversation

    def put(self, hop: NextHop, conversation: Conversation) -> None:
        """Keep one for what comes next, or let it say goodbye."""
        if conversation.over:
            return
        if conversation.carried >= self._reuse.messages or len(self._hops) >= self._reuse.connections:
            conversation.leave()
            return
        self._waiting.setdefault(hop, []).append(conversation)
        self._hops[conversation] = hop
        conversation.rest(self._reuse.seconds, self._forget)

    def close(self) -> None:
        """Let all of them say goodbye."""
        for conversation in tuple(self._hops):
            conversation.leave()

    def _forget(self, conversation: Conversation) -> None:
        hop = self._hops.pop(conversation)
        waiting = self._waiting[hop]
        waiting.remove(conversation)
        if not waiting:
            del self._waiting[hop]
