"""Delivering on this machine: Maildir, mbox and pipe, in threads, for a disk and a program may take their time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from weakref import WeakValueDictionary

from mailsponge import clock
from mailsponge.courier.agent import Agent
from mailsponge.courier.faults import deferred, outcome_of
from mailsponge.courier.letter import laid_out, letter, unix_lines
from mailsponge.courier.order import Order, detail
from mailsponge.errors import StoreError
from mailsponge.mail.outcome import Outcome
from mailsponge.store.protocol import Due, Parcel

AT_ONCE: Final = 64
"""Letters that are delivered at the same time."""
EACH: Final = 4
"""... for the same user, so that a program which hangs is no other's affair."""
PROMPT: Final = 60.0
"""Seconds. Whatever has been here for longer may have been tried before, by a server that died, or another one."""


class LocalCourier:
    """Delivers for all whose mail stays on this machine. See `protocol.Courier`."""

    def __init__(self, agent: Agent, now: clock.Clock = clock.now) -> None:
        self._agent = agent
        self._now = now
        self._since = now()
        self._threads = ThreadPoolExecutor(AT_ONCE, "mailsponge delivery")
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def deliver(self, parcel: Parcel) -> Sequence[Outcome]:
        """One letter after the other, for they are nearly always one; two addresses that mean the same are one."""
        outcomes: dict[tuple[str, str], Outcome] = {}
        for due in parcel.dues:
            if _place(due) not in outcomes:
                outcomes[_place(due)] = await self._in_turn(parcel, due)
        return [outcomes[_place(due)] for due in parcel.dues]

    async def close(self) -> None:
        """Let the threads go, once what they do is done."""
        self._threads.shutdown(wait=False)

    async def _in_turn(self, parcel: Parcel, due: Due) -> Outcome:
        turn = self._turns.get(due.user) or asyncio.Semaphore(EACH)
        self._turns[due.user] = turn
        async with turn:
            return await self._in_a_thread(parcel, self._order(parcel, due))

    async def _in_a_thread(self, parcel: Parcel, order: Order) -> Outcome:
        """Have it delivered. Whoever does it learns by the end of a socket that nobody waits any more."""
        ours, theirs = socket.socketpair()
        with ours:
            delivering = self._threads.submit(self._deliver, parcel, order, theirs.fileno())
            delivering.add_done_callback(lambda _: theirs.close())
            return await asyncio.wrap_future(delivering)

    def _deliver(self, parcel: Parcel, order: Order, gone: int) -> Outcome:
        try:
            with laid_out(unix_lines(letter(parcel, order.recipient)), parcel.size) as whole:
                return self._agent.deliver(order, whole, gone)
        except StoreError as error:
            return deferred(str(error))
        except OSError as error:
            return outcome_of(error, "the way from the store to the recipient")

    def _order(self, parcel: Parcel, due: Due) -> Order:
        age = self._now() - parcel.arrived_at
        reverse_path = parcel.envelope.reverse_path
        return Order(
            user=due.user,
            domain=due.address.domain,
            message=parcel.message,
            arrived_at=parcel.arrived_at,
            sender="" if reverse_path is None else str(reverse_path),
            recipient=str(due.address),
            detail=detail(due.address.local, due.user),
            again=due.attempts > 0 or parcel.arrived_at < self._since or age > PROMPT,
        )


def _place(due: Due) -> tuple[str, str]:
    """Where a letter goes."""
    return due.user, detail(due.address.local, due.user)
