"""Rules of what a reader may hear of a message's trace."""

from __future__ import annotations

from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Message, Step
from mailsponge.web.inbox.telling import told_to, wrote

ME, YOU = parse("me@example.org"), parse("you@example.org")


def message(*recipients: Address, mailboxes: tuple[str, ...] = ("me",), how: str = "ESMTP") -> Message:
    reasons = tuple(f"<{address}> is a user" for address in recipients)
    came = (Step(1.0, "came", how),)
    return Message(
        1, Envelope(parse("ann@example.net"), recipients), mailboxes, 1.0, "192.0.2.1", "x", reasons, came, 9
    )


STEPS = (
    Step(1.0, "came", "from 192.0.2.1 by ESMTP, and called itself x"),
    Step(1.0, "sender", "<ann@example.net>"),
    Step(1.0, "admitted", "<me@example.org> is a user"),
    Step(1.0, "admitted", "<you@example.org> is a user"),
    Step(1.0, "delivered", "into the mailbox me, 9 bytes, by being accepted"),
    Step(1.0, "delivered", "into the mailbox you, 9 bytes, by being accepted"),
    Step(1.0, "delivered", "into the mailbox me-too, 9 bytes, by being accepted"),
    Step(2.0, "opened", "in the mailbox you"),
    Step(2.0, "opened", "in the mailbox me"),
)


def mine(address: Address) -> bool:
    return address == ME


def test_the_only_reader_hears_all_of_it():
    assert told_to("me", message(ME), STEPS, mine).steps == STEPS


def test_one_of_several_hears_nothing_of_the_others():
    told = told_to("me", message(ME, YOU, mailboxes=("me", "you")), STEPS, mine)

    assert told.steps == (*STEPS[:3], STEPS[4], STEPS[8])
    assert told.kept_back == 4


def test_whoever_wrote_it_hears_all_of_it():
    sent = message(ME, YOU, mailboxes=("me", "you"), how="ESMTPSA, logged in as me")

    assert told_to("me", sent, STEPS, mine).steps == STEPS


def test_a_name_that_ends_like_another_is_not_taken_for_it():
    assert not wrote("me", message(ME, how="ESMTPSA, logged in as acme"))
