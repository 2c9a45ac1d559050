"""Mails that were decided on are handed over once each, oldest first, and are lost by nothing that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailsponge.clock import Deadline
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.outbox import Drained, counted, drain

SENT = Outcome("sent", "250 OK")
LATER = Outcome("waiting", "451 later")
NEVER = Outcome("refused", "550 no such user")
AWAY = Outcome("waiting", "connection refused", server_is_there=False)

NOW = 1_700_000_000.0


def mail(n: int, **fields: object) -> Mail:
    return replace(Mail(f"<{n}@h>", 100.0 + n, "subject", "a@h", ("b@h",), b"content"), **fields)


class Server:
    """Answers one mail after the other as it is told, the last answer again and again, and keeps what it was asked."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, mail: Mail, deadline: Deadline) -> Outcome:
        self.asked.append(mail.message_id)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def ledger() -> MemoryLedger:
    """A ledger with three mails that wait."""
    made = MemoryLedger()
    with made.transaction():
        for n in (2, 1, 3):
            made.add_mail(mail(n))
    return made


@pytest.fixture
def handed_to(ledger: MemoryLedger) -> Callable[[Server], Drained]:
    return lambda server: drain(ledger, server, Deadline(60), lambda: NOW)


def statuses(ledger: MemoryLedger) -> list[str]:
    with ledger.transaction():
        return [mail.status for mail in ledger.mails()]


def test_what_waits_is_handed_over_oldest_first(handed_to, ledger):
    server = Server(SENT)

    drained = handed_to(server)

    assert server.asked == ["<1@h>", "<2@h>", "<3@h>"]
    assert statuses(ledger) == ["sent"] * 3
    assert drained.waiting == 0
    assert str(drained) == "3 mails handed over"


def test_what_was_sent_is_not_sent_again(handed_to):
    handed_to(Server(SENT))
    server = Server(SENT)

    assert handed_to(server) == Drained()
    assert server.asked == []


def test_an_answer_is_kept_with_when_and_how_often(handed_to, ledger):
    handed_to(Server(LATER))
    handed_to(Server(NEVER))

    with ledger.transaction():
        first = ledger.mails()[0]
    assert first == mail(1, status="refused", attempts=2, last_attempt_at=NOW, last_reply="550 no such user")


def test_what_was_refused_for_good_stays_and_is_not_tried_again(handed_to, ledger):
    drained = handed_to(Server(NEVER))
    server = Server(SENT)

    handed_to(server)

    assert server.asked == []
    assert statuses(ledger) == ["refused"] * 3
    assert str(drained) == "3 mails refused for good: 550 no such user"


def test_one_that_must_wait_holds_up_no_other(handed_to, ledger):
    drained = handed_to(Server(LATER, SENT, NEVER))

    assert statuses(ledger) == ["waiting", "sent", "refused"]
    assert [m.message_id for m in drained.sent + drained.refused] == ["<2@h>", "<3@h>"]


def test_why_mails_wait_is_what_was_said_of_those_that_wait(handed_to):
    drained = handed_to(Server(LATER, SENT, NEVER))

    assert (drained.waiting, drained.trouble) == (1, "451 later")
    assert (
        str(drained)
        == "1 mail handed over; 1 mail refused for good: 550 no such user; 1 mail waiting: 451 later"
    )


def test_when_the_server_is_away_no_other_mail_is_tried(handed_to, ledger):
    server = Server(SENT, AWAY)

    drained = handed_to(server)

    assert server.asked == ["<1@h>", "<2@h>"]
    assert statuses(ledger) == ["sent", "waiting", "waiting"]
    assert (drained.waiting, drained.trouble) == (2, "connection refused")


def test_without_time_left_nothing_is_tried(ledger):
    server = Server(SENT)

    drained = drain(ledger, server, Deadline(0), lambda: NOW)

    assert server.asked == []
    assert (drained.waiting, drained.trouble) == (3, "no time was left to hand it over")


def test_the_time_is_asked_before_every_mail(ledger):
    present = [0.0]

    def slow(mail: Mail, deadline: Deadline) -> Outcome:
        present[0] += 6.0
        return SENT

    drained = drain(ledger, slow, Deadline(10, lambda: present[0]), lambda: NOW)

    assert len(drained.sent) == 2
    assert drained.waiting == 1


def test_a_mail_is_marked_after_the_answer_and_not_before(ledger):
    def look_then_die(mail: Mail, deadline: Deadline) -> Outcome:
        assert statuses(ledger) == ["waiting"] * 3
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain(ledger, look_then_die, Deadline(60), lambda: NOW)

    assert statuses(ledger) == ["waiting"] * 3


def test_what_was_sent_before_a_death_is_not_sent_again(ledger, handed_to):
    asked: list[str] = []

    def die_at_the_second(mail: Mail, deadline: Deadline) -> Outcome:
        asked.append(mail.message_id)
        if len(asked) == 2:
            raise SystemExit
        return SENT

    with pytest.raises(SystemExit):
        drain(ledger, die_at_the_second, Deadline(60), lambda: NOW)
    server = Server(SENT)
    handed_to(server)

    assert asked == ["<1@h>", "<2@h>"]
    assert server.asked == ["<2@h>", "<3@h>"]


def test_no_transaction_is_open_while_the_server_is_waited_for(ledger, handed_to):
    def look(mail: Mail, deadline: Deadline) -> Outcome:
        with ledger.transaction():
            return SENT

    assert len(handed_to(look).sent) == 3


def test_whoever_finds_another_at_it_leaves_at_once(ledger, handed_to):
    server = Server(SENT)

    with ledger.outbox_lock() as mine:
        assert mine
        drained = handed_to(server)

    assert server.asked == []
    assert drained == Drained(trouble="another process is handing them over")
    assert len(handed_to(server).sent) == 3


def test_what_was_tried_is_told_as_it_stands_now(handed_to, ledger):
    drained = handed_to(Server(LATER, SENT, NEVER))

    with ledger.transaction():
        assert sorted(drained.tried, key=lambda mail: mail.message_id) == ledger.mails()


def test_some_can_be_asked_for_and_the_others_wait(ledger):
    server = Server(SENT)

    drained = drain(ledger, server, Deadline(60), lambda: NOW, {"<2@h>", "<9@h>"})

    assert server.asked == ["<2@h>"]
    assert (len(drained.sent), drained.waiting) == (1, 0)
    assert statuses(ledger) == ["waiting", "sent", "waiting"]


def test_an_empty_outbox_has_nothing_to_say():
    assert str(drain(MemoryLedger(), Server(SENT), Deadline(60), lambda: NOW)) == ""


@pytest.mark.parametrize(("mails", "said"), [(0, "0 mails"), (1, "1 mail"), (2, "2 mails")])
def test_mails_are_counted_in_words(mails, said):
    assert counted(mails) == said
