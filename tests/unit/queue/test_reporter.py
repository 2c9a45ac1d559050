"""Rules of reports on their way back: they come where mail for the sender does, and traces say so."""

from __future__ import annotations

import asyncio
import email
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from kit.queue_house import BEGINNING, DEFERRED, FAILED, PATIENCE, House, Says
from mailsponge.mail.address import Address
from mailsponge.queue.reporter import DsnReporter
from mailsponge.queue.schedule import HOUR, SCHEDULE
from mailsponge.store.protocol import Delivery


class Way(NamedTuple):
    """A way back to a sender."""

    mailboxes: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    reason: str = "<me@example.org> is user me"


def way_back_for(address: Address) -> Way | None:
    """Those at example.org live here, those at gone.example nowhere, and all others elsewhere."""
    if address.domain == "example.org":
        return Way(mailboxes=(address.local,))
    if address.domain == "gone.example":
        return None
    return Way(deliveries=(Delivery(0, address, "", address.domain),))


def played(story: Callable[[House], object]) -> None:
    """Run a story in a house whose reporter writes real reports."""

    async def run() -> None:
        house = House()
        house.reporter = DsnReporter(
            "mail.example.org",
            way_back_for,
            SCHEDULE,
            lambda: "k3J9dkfj2",
            lambda at: datetime.fromtimestamp(at, UTC),
        )
        await house.open()
        async with asyncio.timeout(PATIENCE):
            await story(house)
        await house.runner.stop()

    asyncio.run(run())


def steps(house: House, message: int) -> list[str]:
    return [f"{step.what}: {step.why}" for step in house.store.trace(message)]


def test_a_sender_who_lives_here_finds_the_report_in_their_mailbox():
    async def story(house):
        house.courier = Says(FAILED)
        number = house.store.put("you@example.net", sender="me@example.org")
        await house.quiet()

        [entry] = house.store.mails("me")
        report = email.message_from_bytes(b"".join(house.store.content(entry.id)))
        assert report["Subject"] == "Your message could not be delivered: you@example.net"
        assert report.get_content_type() == "multipart/report"
        assert f"reported: the sender is told: message {entry.id}" in steps(house, number)
        assert steps(house, entry.id)[:2] == [
            f"came: from the queue by its report on message {number}: failed",
            "sender: <>: a report, which nobody is told of",
        ]

    played(story)


def test_of_mail_that_an_alias_or_a_forward_sends_on_they_are_told_so():
    async def story(house):
        house.courier = Says(FAILED)
        for way in ({"leads_to": ["you@example.net"]}, {"user": "you", "hop": "forward you"}):
            house.store.put("team@example.org", sender="me@example.org", **way)
        house.store.put("you@example.net", sender="me@example.org")
        await house.quiet()

        said = [b"".join(house.store.content(entry.id)) for entry in house.store.mails("me")]
        assert sorted(b"Mail to it is sent on" in report for report in said) == [False, True, True]

    played(story)


def test_a_sender_elsewhere_gets_it_by_the_queue():
    async def story(house):
        house.couriers["example.net"] = Says(FAILED)
        house.store.put("you@example.net", sender="them@elsewhere.example")
        await house.quiet()

        assert house.courier.tried == [["them@elsewhere.example"]]

    played(story)


def test_a_report_that_fails_is_dropped_and_its_trace_says_so():
    async def story(house):
        house.courier = Says(FAILED)
        house.store.put("you@example.net", sender="them@elsewhere.example")
        await house.quiet()

        report = house.store.settled[1].delivery
        assert house.courier.tried == [["you@example.net"], ["them@elsewhere.example"]]
        assert len(house.store.reports) == 1
        assert any(
            "nobody hears of it, for it is a report itself" in step for step in steps(house, report >> 20)
        )

    played(story)


def test_where_there_is_no_way_back_the_trace_of_the_message_says_so():
    async def story(house):
        house.courier = Says(FAILED)
        number = house.store.put("you@example.net", sender="them@gone.example")
        await house.quiet()

        assert house.store.reports == []
        [failed] = [step for step in steps(house, number) if step.startswith("failed")]
        assert "its sender could not be told: no mail can be sent to <them@gone.example> from here" in failed

    played(story)


def test_a_delay_is_reported_once_and_says_until_when_it_is_tried():
    async def story(house):
        house.courier = Says(DEFERRED)
        house.store.put("you@example.net", sender="me@example.org")
        await house.pass_(24 * HOUR)

        [entry] = house.store.mails("me")
        text = b"".join(house.store.content(entry.id)).decode()
        assert "Tue, 06 Jan 2026 00:00:00 +0000" in text
        assert entry.arrived_at == BEGINNING + 4 * HOUR

    played(story)


def test_a_message_that_cannot_be_read_any_more_is_reported_all_the_same():
    async def story(house):
        house.courier = Says(FAILED)
        house.store.fails.add("content")
        house.store.put("you@example.net", sender="me@example.org")
        await house.quiet()
        house.store.fails.clear()

        assert len(house.store.mails("me")) == 1

    played(story)


def test_a_message_that_was_taken_out_meanwhile_is_not_reported():
    class Withdraws(Says):
        async def work(self, parcel):
            self.store.withdraw(parcel.message)

    async def story(house):
        house.courier = Withdraws(FAILED)
        house.courier.store = house.store
        house.store.put("you@example.net", sender="me@example.org")
        await house.quiet()

        assert house.store.mails("me") == []

    played(story)
