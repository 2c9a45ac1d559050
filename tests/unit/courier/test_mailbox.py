"""Rules of delivery into the post office's own mailboxes, after the message was accepted."""

from __future__ import annotations

import asyncio
from contextlib import closing

from kit.parcels import due, parcel
from mailsponge.courier.mailbox import MailboxCourier
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Acceptance


async def delivered(*users: str, delete: bool = False) -> tuple[list[Outcome], list[str]]:
    """What it comes to, and the mailboxes that then hold mail."""
    loop = asyncio.get_running_loop()
    with closing(MemoryStore(call=loop.call_soon_threadsafe)) as store:
        incoming = store.incoming()
        incoming.write(b"Subject: hello\r\n\r\n")
        incoming.accept(Acceptance(Envelope(None, ()), (), 1000.0, "", "", ()), lambda fault: None)
        if delete:
            store.delete(incoming.id)
        courier = MailboxCourier(store)
        wanted = parcel(*(due(user=user) for user in users), message=incoming.id)
        outcomes = await courier.deliver(wanted)
        assert await courier.deliver(wanted) == outcomes
        return list(outcomes), store.mailboxes()


def test_the_message_lies_in_each_mailbox_once():
    outcomes, mailboxes = asyncio.run(delivered("me", "you"))

    assert [outcome.result for outcome in outcomes] == [Result.DELIVERED] * 2
    assert [outcome.why for outcome in outcomes] == ["into the mailbox me", "into the mailbox you"]
    assert mailboxes == ["me", "you"]


def test_a_message_that_is_gone_is_told():
    [outcome], _ = asyncio.run(delivered("me", delete=True))

    assert outcome.result is Result.DEFERRED
    assert "there is no message" in outcome.why
