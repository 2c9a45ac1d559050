"""Rules of delivering on this machine: from a parcel to outcomes, in threads, for several users at once."""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import Callable

import pytest

from kit.parcels import CONTENT, due, parcel
from mailsponge.courier.letter import read
from mailsponge.courier.local import EACH, PROMPT, LocalCourier
from mailsponge.courier.order import Order
from mailsponge.errors import StoreError
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store.protocol import Parcel

DELIVERED = Outcome(Result.DELIVERED, "2.0.0", "there")
PATIENCE = 30.0


class Recording:
    """An agent that notes what it is told to deliver."""

    def __init__(self, then: Callable[[Order, int], None] = lambda order, gone: None) -> None:
        self.orders: list[Order] = []
        self.letters: list[bytes] = []
        self._then = then

    def deliver(self, order: Order, letter: int, gone: int) -> Outcome:
        self.orders.append(order)
        self.letters.append(b"".join(read(letter)))
        self._then(order, gone)
        return DELIVERED._replace(why=f"there for {order.recipient}")


def deliver(agent: Recording, *parcels: Parcel, now: float = 1700000001.0) -> list[list[Outcome]]:
    async def all_at_once() -> list[list[Outcome]]:
        courier = LocalCourier(agent, now=lambda: now)
        try:
            return [list(each) for each in await asyncio.gather(*map(courier.deliver, parcels))]
        finally:
            await courier.close()

    return asyncio.run(all_at_once())


def test_the_agent_gets_the_letter_and_all_that_is_known_of_it():
    agent = Recording()
    [[outcome]] = deliver(agent, parcel(due("Me+lists@example.org")))

    assert outcome.result is Result.DELIVERED
    assert agent.orders == [
        Order(
            user="me", domain="example.org", message=17, arrived_at=1700000000.25, sender="you@example.net",
            recipient="Me+lists@example.org", detail="lists", again=True,
        )
    ]  # fmt: skip
    assert agent.letters == [
        b"Return-Path: <you@example.net>\nDelivered-To: Me+lists@example.org\nReceived: from there\n"
        b"Subject: hello\n\nHello.\n"
    ]


def test_two_addresses_that_mean_the_same_get_one_letter():
    agent = Recording()
    [outcomes] = deliver(agent, parcel(due("me@example.org"), due("ME@example.org"), due("root@example.org")))

    assert len(agent.letters) == 1
    assert len(outcomes) == 3


def test_another_detail_is_another_letter():
    agent = Recording()
    [outcomes] = deliver(agent, parcel(due("me@example.org"), due("me+x@example.org")))

    assert [outcome.why for outcome in outcomes] == ["there for me@example.org", "there for me+x@example.org"]


@pytest.mark.parametrize(
    ("arrived_after", "attempts", "later", "again"),
    [(1, 0, 2, False), (1, 1, 2, True), (-1, 0, 2, True), (1, 0, PROMPT + 2, True)],
)
def test_what_may_have_been_delivered_before_is_looked_for(
    arrived_after: float, attempts: int, later: float, again: bool
):
    """It was tried before, or came before this server was there, or has been here for long."""
    agent, times = Recording(), iter([1000.0, 1000.0 + later])

    async def once() -> None:
        courier = LocalCourier(agent, now=lambda: next(times))
        await courier.deliver(parcel(due(attempts=attempts), arrived_at=1000.0 + arrived_after))
        await courier.close()

    asyncio.run(once())
    assert [order.again for order in agent.orders] == [again]


def test_a_user_whose_deliveries_hang_keeps_no_other_waiting():
    go_on, others = threading.Event(), threading.Semaphore(0)

    def hang(order: Order, gone: int) -> None:
        if order.user == "me":
            assert go_on.wait(PATIENCE)
        else:
            others.release()

    async def both() -> int:
        agent = Recording(hang)
        courier = LocalCourier(agent)
        hanging = [asyncio.create_task(courier.deliver(parcel(due()))) for _ in range(100)]
        await courier.deliver(parcel(due("you@example.org", "you")))
        under_way = sum(order.user == "me" for order in agent.orders)
        go_on.set()
        await asyncio.gather(*hanging)
        await courier.close()
        return under_way

    assert asyncio.run(both()) <= EACH


def test_who_is_cancelled_tells_the_agent_that_nobody_waits():
    begun, noticed = threading.Event(), threading.Event()

    def wait(order: Order, gone: int) -> None:
        begun.set()
        assert select.select([gone], [], [], PATIENCE)[0]
        noticed.set()

    async def cancelled() -> None:
        courier = LocalCourier(Recording(wait))
        delivering = asyncio.create_task(courier.deliver(parcel()))
        await asyncio.to_thread(begun.wait, PATIENCE)
        delivering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivering
        assert await asyncio.to_thread(noticed.wait, PATIENCE)
        await courier.close()

    asyncio.run(cancelled())


def test_a_message_that_cannot_be_read_is_put_off():
    def gone() -> None:
        raise StoreError("message 17 was deleted while it was being read")

    agent = Recording()
    [[outcome]] = deliver(agent, parcel()._replace(content=gone))

    assert outcome.result is Result.DEFERRED
    assert "was deleted" in outcome.why
    assert agent.letters == []


def test_no_descriptor_is_left_open():
    deliver(Recording(), parcel(content=CONTENT))
    before = len(os.listdir("/proc/self/fd"))
    deliver(Recording(), *[parcel(content=CONTENT)] * 10)

    assert len(os.listdir("/proc/self/fd")) == before
