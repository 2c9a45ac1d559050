"""A message from the browser on its way into the store: the same admission, and the same commit, as for submission."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from mailsponge import clock
from mailsponge.accounts import Accounts
from mailsponge.admission import Admitted, Refused, recipient_anywhere, sender
from mailsponge.deliveries import MOST_DELIVERIES, Deliveries
from mailsponge.errors import StoreError, UsageError
from mailsponge.mail.address import Address
from mailsponge.mail.date import date
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.trace_header import received, return_path
from mailsponge.routes import Routes
from mailsponge.smtp.events import Recipient
from mailsponge.store.protocol import Acceptance, Delivery, Step, Store

PROTOCOL = "HTTP"
"""How it came, in the Received header and in its trace."""


class Post(NamedTuple):
    """What is to be accepted."""

    user: str
    """Who has logged in."""
    peer: str
    """The browser's address."""
    sender: Address
    recipients: tuple[Address, ...]
    mailboxes: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    reasons: tuple[str, ...]
    content: bytes
    smtputf8: bool

    @property
    def is_to_themselves(self) -> bool:
        """It arrives in the writer's own mailbox, too."""
        return self.user in self.mailboxes


class Limits(NamedTuple):
    """What one message may come to."""

    size: int
    """Bytes."""
    recipients: int


def admitted(
    accounts: Accounts,
    routes: Routes,
    limits: Limits,
    *,
    user: str,
    peer: str,
    writer: Address,
    recipients: tuple[Address, ...],
    content: bytes,
    smtputf8: bool,
) -> Post:
    """Decide about a message as a whole, as submission does line by line. Raises UsageError with what submission would
    have replied: all is taken, or nothing is.
    """
    if len(content) > limits.size:
        raise UsageError(
            f"the message has {len(content):,} bytes, and {limits.size:,} may be sent: attach less"
        )
    if len(recipients) > limits.recipients:
        raise UsageError(
            f"it is for {len(recipients)} people, and {limits.recipients} may be written to at once"
        )
    decision = sender(accounts, user, writer)
    if isinstance(decision, Refused):
        raise UsageError(" ".join(decision.reply.lines))
    deliveries = Deliveries()
    mailboxes: dict[str, None] = {}
    reasons: list[str] = []
    for number, address in enumerate(recipients):
        found = _admitted(accounts, routes, address)
        reasons.append(found.reason)
        mailboxes.update(dict.fromkeys(found.mailboxes))
        deliveries.add(number, Recipient(address), found)
    if len(deliveries) > MOST_DELIVERIES:
        raise UsageError(f"its aliases lead to more than {MOST_DELIVERIES:,} people: send it in parts")
    return Post(
        user, peer, writer, recipients, tuple(mailboxes), tuple(deliveries), tuple(reasons), content, smtputf8
    )


def _admitted(accounts: Accounts, routes: Routes, address: Address) -> Admitted:
    decision = recipient_anywhere(accounts, routes, address)
    if isinstance(decision, Refused):
        raise UsageError(" ".join(decision.reply.lines))
    return decision


async def accepted(store: Store, post: Post, hostname: str, now: Callable[[], float] = clock.now) -> int:
    """Have the store accept the message, and wait until it is durable; its id. To be called in the server's loop, where
    alone messages on their way in are handled. Raises StoreError.

    A copy of it lies in the writer's own mailbox by the same commit.
    """
    at = now()
    incoming = store.incoming()
    incoming.write(_trace(post, hostname, incoming.id, at) + post.content)
    ended: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    incoming.accept(_acceptance(post, at), lambda failure: _tell(ended, failure))
    failure = await ended
    if failure is not None:
        raise failure
    return incoming.id


def _tell(ended: asyncio.Future[StoreError | None], failure: StoreError | None) -> None:
    if not ended.done():  # whoever waited may have gone
        ended.set_result(failure)


def _trace(post: Post, hostname: str, number: int, at: float) -> bytes:
    """The lines on top. Where the writer sits is nobody's business: they name this server alone."""
    when = date(clock.local(at))
    only = post.recipients[0] if len(post.recipients) == 1 else None
    line = received(
        helo=hostname, peer="", by=hostname, protocol=PROTOCOL, id=number, at=when, recipient=only
    )
    return return_path(post.sender) + line


def _acceptance(post: Post, at: float) -> Acceptance:
    return Acceptance(
        Envelope(post.sender, post.recipients, smtputf8=post.smtputf8),
        tuple(dict.fromkeys((*post.mailboxes, post.user))),
        at,
        post.peer,
        "a browser",
        post.reasons,
        (
            Step(at, "came", f"{PROTOCOL}, logged in as {post.user}"),
            Step(at, "complete", "all of it has come"),
        ),
        post.deliveries,
    )
