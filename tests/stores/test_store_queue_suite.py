"""What every store does with mail that waits, on disk, in memory or in a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from queue_fixtures import (
    ARRIVED,
    DEFERRED,
    DELIVERED,
    FAILED,
    HOP,
    RELAYED,
    Present,
    Told,
    claim,
    dues,
    queue,
    report_of,
    send,
    settle,
    to,
    try_all,
    wanted,
)
from store_fixtures import LARGE, SMALL, Outcome, acceptance, hand_over, keep, whole

from mailsponge.clock import Clock
from mailsponge.errors import StoreError
from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope, EnvelopeWishes, RecipientWishes
from mailsponge.store.incoming import PART
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import (
    KEPT_WITHDRAWN,
    Call,
    Delivery,
    HopDown,
    Settlement,
    Store,
    direct,
)
from mailsponge.store.sqlite import SqliteStore

STORES = ("sqlite", "memory", "postgres")
"""All of them: a store is added here and in `make` below."""

Make = Callable[[Call, Clock], Store]

NOW = ARRIVED
LATER = ARRIVED + 300
DOWN = HopDown(until=LATER, failures=3, why="mx.example.net does not answer")


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a store of each kind."""
    if request.param == "memory":
        return lambda call, now: MemoryStore(call=call, now=now)
    if request.param == "postgres":
        from mailsponge.store.postgres.store import PostgresStore

        url = request.getfixturevalue("database")
        return lambda call, now: PostgresStore(url, node="test", call=call, now=now)
    return lambda call, now: SqliteStore(tmp_path / "data", call=call, now=now)


@pytest.fixture
def present() -> Present:
    return Present()


@pytest.fixture
def store(make: Make, present: Present) -> Iterator[Store]:
    with closing(make(direct, present)) as store:
        yield store


def told(store: Store, message_id: int) -> list[tuple[str, str]]:
    """The story from the moment on when the message was accepted."""
    steps = [(step.what, step.why) for step in store.trace(message_id)]
    return [step for step in steps if step[0] not in ("came", "sender", "admitted")]


def waiting(store: Store) -> list[int]:
    return [each.id for each in store.queued()]


# What is accepted with deliveries waits.


def test_what_has_deliveries_waits_in_the_queue(store: Store) -> None:
    message_id = send(store, "you@example.net", "her@example.com")
    queued = store.in_queue(message_id)
    assert queued is not None
    assert (queued.id, str(queued.reverse_path), queued.size, queued.arrived_at) == (
        message_id,
        "sender@example.net",
        len(SMALL),
        ARRIVED,
    )
    assert [(str(each.address), each.next_hop) for each in queued.recipients] == [
        ("you@example.net", "example.net"),
        ("her@example.com", "example.com"),
    ]
    first = queued.recipients[0]
    assert (first.attempts, first.next_attempt_at, first.last_reply, first.held) == (0, ARRIVED, "", False)


def test_what_has_none_does_not(store: Store) -> None:
    message_id = keep(store)
    assert store.in_queue(message_id) is None
    assert waiting(store) == []
    assert store.next_hops() == {}


def test_a_message_may_be_delivered_by_being_accepted_and_wait_as_well(store: Store) -> None:
    message_id = queue(store, wanted(to("you@example.net"), "me"))
    assert [entry.mailbox for entry in store.mails()] == ["me"]
    assert waiting(store) == [message_id]


def test_where_an_address_leads_is_told_with_the_recipient_that_it_is_for(store: Store) -> None:
    accepted = wanted(to("team@example.org"))
    leads = (
        Delivery(0, parse("you@example.net"), "", "example.net"),
        Delivery(0, parse("me@example.org"), "me", "maildir me"),
    )
    queued = store.in_queue(queue(store, accepted._replace(deliveries=leads)))
    assert queued is not None
    assert [(str(each.address), str(each.original), each.next_hop) for each in queued.recipients] == [
        ("you@example.net", "team@example.org", "example.net"),
        ("me@example.org", "team@example.org", "maildir me"),
    ]


def test_what_came_first_is_listed_first(store: Store) -> None:
    ids = [send(store, arrived_at=ARRIVED + number) for number in range(5)]
    assert waiting(store) == ids


def test_a_long_queue_is_listed_whole(store: Store) -> None:
    ids = [send(store) for _ in range(1200)]
    assert waiting(store) == ids


def test_nothing_waits_that_was_not_accepted(store: Store) -> None:
    incoming = store.incoming()
    incoming.write(SMALL)
    incoming.discard()
    keep(store)
    assert waiting(store) == []


def test_addresses_come_back_as_they_were(store: Store) -> None:
    address = Address('quoted "local" \\ Müller', "bücher.example")
    accepted = wanted(to("you@example.net"))
    accepted = accepted._replace(deliveries=(Delivery(0, address, "", "a 'hop' \"in\" words"),))
    queue(store, accepted)
    (parcel,) = claim(store, "a 'hop' \"in\" words")
    assert parcel.dues[0].address == address


# What is due, and claimed.


def test_the_next_hops_are_told_with_when_the_first_is_due(store: Store) -> None:
    send(store, "a@example.net", "b@example.com", arrived_at=20.0)
    send(store, "a@example.net", arrived_at=10.0)
    assert store.next_hops() == {"example.net": 10.0, "example.com": 20.0}


def test_a_claim_has_all_that_a_courier_needs(store: Store) -> None:
    envelope = Envelope(
        Address("sender", "example.net"),
        (Address("you", "example.net"),),
        eight_bit=True,
        smtputf8=True,
        wishes=EnvelopeWishes("HDRS", "an envelope+3D"),
        recipient_wishes=(RecipientWishes(frozenset({"SUCCESS", "FAILURE"}), ("rfc822", "you@example.net")),),
    )
    message_id = queue(store, wanted(to("you@example.net"))._replace(envelope=envelope))
    (parcel,) = claim(store)
    assert parcel.envelope == envelope
    assert (parcel.message, parcel.arrived_at, parcel.size) == (message_id, ARRIVED, len(SMALL))
    assert b"".join(parcel.content()) == b"".join(parcel.content()) == SMALL
    (due,) = parcel.dues
    assert (due.recipient, due.address, due.user, due.next_hop, due.attempts, due.warned) == (
        0,
        Address("you", "example.net"),
        "",
        "example.net",
        0,
        False,
    )


@pytest.mark.parametrize(
    "wishes",
    [
        (EnvelopeWishes(), ()),
        (EnvelopeWishes(ret="FULL"), ()),
        (EnvelopeWishes(envid="x"), (RecipientWishes(), RecipientWishes(frozenset({"NEVER"})))),
        (EnvelopeWishes(), (RecipientWishes(), RecipientWishes(None, ("utf-8", "mü@example.net")))),
    ],
)
def test_wishes_come_back_as_they_were(
    store: Store, wishes: tuple[EnvelopeWishes, tuple[RecipientWishes, ...]]
) -> None:
    accepted = wanted(to("a@example.net", "b@example.net"))
    envelope = accepted.envelope._replace(wishes=wishes[0], recipient_wishes=wishes[1])
    message_id = queue(store, accepted._replace(envelope=envelope))
    message = store.message(message_id)
    assert message is not None
    assert message.envelope == claim(store)[0].envelope == envelope


def test_the_longest_due_comes_first(store: Store) -> None:
    ids = {at: send(store, arrived_at=at) for at in (30.0, 10.0, 20.0)}
    assert [parcel.message for parcel in claim(store, now=25.0)] == [ids[10.0], ids[20.0]]
    assert [parcel.message for parcel in claim(store, now=30.0)] == [ids[30.0]]


def test_one_next_hop_is_claimed_alone(store: Store) -> None:
    send(store, "a@example.com")
    mine = send(store, "b@example.net")
    assert [parcel.message for parcel in claim(store, "example.net")] == [mine]


def test_no_more_is_claimed_than_was_asked_for(store: Store) -> None:
    ids = [send(store) for _ in range(5)]
    assert [parcel.message for parcel in claim(store, most=2)] == ids[:2]
    assert [parcel.message for parcel in claim(store, most=2)] == ids[2:4]
    assert [parcel.message for parcel in claim(store, most=2)] == ids[4:]
    assert claim(store, most=2) == []


def test_the_deliveries_of_one_message_come_together(store: Store) -> None:
    accepted = wanted(to("a@example.net", "b@example.com", "c@example.net"))
    message_id = queue(store, accepted)
    (parcel,) = claim(store)
    assert parcel.message == message_id
    assert [(due.recipient, str(due.address)) for due in parcel.dues] == [
        (0, "a@example.net"),
        (2, "c@example.net"),
    ]


def test_a_message_of_many_deliveries_may_come_in_several_claims(store: Store) -> None:
    send(store, *(f"r{number}@example.net" for number in range(50)))
    claimed = [claim(store, most=20) for _ in range(4)]
    assert [len(dues(parcels)) for parcels in claimed] == [20, 20, 10, 0]
    assert len({due.id for parcels in claimed for due in dues(parcels)}) == 50


def test_what_is_claimed_is_nobody_elses(store: Store) -> None:
    send(store)
    assert len(claim(store)) == 1
    assert claim(store) == []
    store.keep_claims()
    assert claim(store) == []


def test_a_next_hop_whose_mail_is_all_claimed_has_nothing_due(store: Store) -> None:
    send(store)
    claim(store)
    assert store.next_hops().get(HOP, float("inf")) > NOW


def test_what_is_let_go_is_due_again(store: Store) -> None:
    send(store)
    claimed = claim(store)
    store.let_go([due.id for due in dues(claimed)])
    assert store.next_hops() == {HOP: ARRIVED}
    assert dues(claim(store)) == dues(claimed)


def test_many_threads_that_claim_at_once_never_get_the_same(store: Store) -> None:
    for _ in range(20):
        send(store, *(f"r{number}@example.net" for number in range(10)))
    claimed: list[int] = []

    def work() -> None:
        while found := dues(claim(store, most=7)):
            claimed.extend(due.id for due in found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 200


@pytest.mark.parametrize("content", [b"", SMALL, SMALL + b"x" * 100_000, b"x" * PART, LARGE])
def test_the_content_of_a_claim_is_the_messages(store: Store, content: bytes) -> None:
    send(store, content=content)
    (parcel,) = claim(store)
    assert b"".join(parcel.content()) == b"".join(parcel.content()) == content
    assert max(map(len, parcel.content()), default=0) <= PART


# What attempts come to.


@pytest.mark.parametrize("outcome", [RELAYED, DELIVERED, FAILED])
def test_what_has_come_to_its_end_waits_no_more(store: Store, outcome: Outcome) -> None:
    message_id = send(store)
    assert settle(store, claim(store), outcome) is None  # type: ignore[arg-type]
    assert store.in_queue(message_id) is None
    assert waiting(store) == []
    assert store.next_hops() == {}
    assert claim(store, now=1e9) == []


def test_what_is_deferred_is_tried_again_at_its_time(store: Store) -> None:
    message_id = send(store)
    settle(store, claim(store), DEFERRED, again=LATER)
    assert store.next_hops() == {HOP: LATER}
    assert claim(store, now=LATER - 1) == []
    queued = store.in_queue(message_id)
    assert queued is not None
    (each,) = queued.recipients
    assert (each.attempts, each.next_attempt_at, each.last_reply) == (1, LATER, "450 4.2.0 Busy")
    (due,) = dues(claim(store, now=LATER))
    assert (due.attempts, due.warned) == (1, False)


def test_without_a_reply_the_reason_is_what_was_said_last(store: Store) -> None:
    message_id = send(store)
    settle(store, claim(store), DEFERRED._replace(reply="", by=""), again=LATER)
    queued = store.in_queue(message_id)
    assert queued is not None
    assert queued.recipients[0].last_reply == "mx.example.net is busy"


def test_a_warning_is_remembered(store: Store) -> None:
    send(store)
    (due,) = dues(claim(store))
    outcome = Outcome()
    store.settle([Settlement(due.id, DEFERRED, NOW, LATER, warned=True)], (), outcome)
    assert outcome.wait() is None
    assert dues(claim(store, now=LATER))[0].warned


def test_each_recipient_has_an_outcome_of_its_own(store: Store) -> None:
    message_id = send(store, "a@example.net", "b@example.net", "c@example.net")
    a, b, c = dues(claim(store))
    outcome = Outcome()
    store.settle(
        [
            Settlement(a.id, RELAYED, NOW, None),
            Settlement(b.id, DEFERRED, NOW, LATER),
            Settlement(c.id, FAILED, NOW, None),
        ],
        (),
        outcome,
    )
    assert outcome.wait() is None
    queued = store.in_queue(message_id)
    assert queued is not None
    assert [str(each.address) for each in queued.recipients] == ["b@example.net"]


def test_a_great_many_are_settled_at_once(store: Store) -> None:
    for _ in range(3):
        send(store, *(f"r{number}@example.net" for number in range(500)))
    parcels = claim(store, most=2000)
    assert settle(store, parcels, RELAYED) is None
    assert waiting(store) == []


def test_nothing_is_settled_by_settling_nothing(store: Store) -> None:
    outcome = Outcome()
    store.settle((), (), outcome)
    assert outcome.wait() is None
    assert outcome.times == 1


def test_what_nobody_claimed_cannot_be_settled(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    store.let_go([due.id for due in dues(claimed)])
    assert settle(store, claimed, RELAYED) is None
    assert waiting(store) == [message_id]


def test_what_was_settled_once_is_not_settled_again(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    settle(store, claimed, DEFERRED, again=LATER)
    settle(store, claimed, FAILED, report_of(claimed, "sender"))
    queued = store.in_queue(message_id)
    assert queued is not None
    assert queued.recipients[0].attempts == 1
    assert store.mails() == []


def test_what_became_of_the_unknown_changes_nothing(store: Store) -> None:
    outcome = Outcome()
    store.settle([Settlement(2**50, RELAYED, NOW, None)], (), outcome)
    assert outcome.wait() is None


# Reports.


def test_a_report_is_accepted_with_the_outcome_that_it_tells_of(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    assert (
        settle(store, claimed, FAILED, report_of(claimed, "sender", content=b"Subject: failed\r\n\r\n"))
        is None
    )
    (entry,) = store.mails("sender")
    assert entry.id > message_id
    assert entry.subject == "failed"
    assert whole(store, entry.id) == b"Subject: failed\r\n\r\n"
    report = store.message(entry.id)
    assert report is not None
    assert report.envelope.reverse_path is None


def test_a_report_to_somebody_elsewhere_waits_itself(store: Store) -> None:
    send(store)
    claimed = claim(store)
    listener = Told()
    store.watch(listener)
    settle(store, claimed, FAILED, report_of(claimed, to_=to("sender@example.com")))
    (parcel,) = claim(store, "example.com")
    assert [str(due.address) for due in parcel.dues] == ["sender@example.com"]
    assert waiting(store) == [parcel.message]
    listener.wait_for("example.com")


def test_a_large_report_comes_back_as_it_was_written(store: Store) -> None:
    send(store)
    claimed = claim(store)
    settle(store, claimed, FAILED, report_of(claimed, "sender", content=LARGE))
    (entry,) = store.mails()
    assert entry.size == len(LARGE)
    assert whole(store, entry.id) == LARGE


def test_a_report_that_is_about_nothing_is_accepted_in_any_case(store: Store) -> None:
    outcome = Outcome()
    store.settle((), [report_of((), "me")], outcome)
    assert outcome.wait() is None
    assert len(store.mails("me")) == 1


def test_a_report_of_what_was_withdrawn_meanwhile_is_not_sent(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    store.withdraw(message_id)
    assert settle(store, claimed, FAILED, report_of(claimed, "sender")) is None
    assert store.mails() == []


def test_a_report_is_sent_if_any_of_what_it_tells_is_true(store: Store) -> None:
    gone, kept = send(store), send(store)
    claimed = claim(store)
    store.withdraw(gone)
    settle(store, claimed, FAILED, report_of(claimed, "sender"))
    assert len(store.mails("sender")) == 1
    assert "reported" in dict(told(store, kept))


def test_ids_of_reports_are_nobody_elses(store: Store) -> None:
    ids = []
    for _ in range(3):
        ids.append(send(store))
        claimed = claim(store)
        settle(store, claimed, FAILED, report_of(claimed, "sender"))
    reports = {entry.id for entry in store.mails()}
    assert len(reports) == 3
    assert not reports & set(ids)


# What a person does.


def test_what_is_held_is_not_tried(store: Store) -> None:
    message_id = send(store, "a@example.net", "b@example.com")
    assert store.hold(message_id) == 2
    assert store.next_hops() == {}
    assert claim(store, now=1e9) == []
    queued = store.in_queue(message_id)
    assert queued is not None
    assert all(each.held for each in queued.recipients)


def test_what_is_released_is_tried_at_once(store: Store, present: Present) -> None:
    message_id = send(store)
    settle(store, claim(store), DEFERRED, again=LATER)
    store.hold(message_id)
    present.at = ARRIVED + 7
    assert store.release(message_id) == 1
    assert store.next_hops() == {HOP: ARRIVED + 7}


def test_changing_nothing_changes_nothing(store: Store) -> None:
    message_id = send(store)
    assert store.release(message_id) == 0
    store.hold(message_id)
    assert store.hold(message_id) == 0
    assert [what for what, _ in told(store, message_id)] == ["queued", "held", "waiting"]


def test_what_is_retried_is_tried_at_once(store: Store, present: Present) -> None:
    message_id = send(store)
    settle(store, claim(store), DEFERRED, again=LATER)
    present.at = ARRIVED + 7
    assert store.retry(message_id) == 1
    assert store.next_hops() == {HOP: ARRIVED + 7}
    (due,) = dues(claim(store, now=ARRIVED + 7))
    assert due.attempts == 1


def test_what_is_held_is_not_retried(store: Store) -> None:
    message_id = send(store)
    store.hold(message_id)
    assert store.retry(message_id) == 0
    assert store.next_hops() == {}


def test_all_is_retried(store: Store, present: Present) -> None:
    ids = [send(store), send(store, "a@example.com", "b@example.com"), send(store)]
    for hop in (HOP, "example.com"):
        try_all(store, DEFERRED, hop, again=LATER)
    store.hold(ids[2])
    present.at = ARRIVED + 7
    assert store.retry_all() == 3
    assert store.next_hops() == {HOP: ARRIVED + 7, "example.com": ARRIVED + 7}


def test_a_great_queue_is_retried_whole(store: Store, present: Present) -> None:
    for _ in range(1200):
        send(store)
    present.at = LATER
    assert store.retry_all() == 1200


def test_what_is_retried_finds_its_next_hop_taken_to_be_up(store: Store) -> None:
    message_id = send(store)
    store.hop_is_down(HOP, DOWN)
    store.hop_is_down("example.com", DOWN)
    settled(store)
    store.retry(message_id)
    assert store.hops_down() == {"example.com": DOWN}


@pytest.mark.parametrize("change", ["retry", "release", "retry_all"])
def test_who_watches_hears_of_what_is_to_be_tried_at_once(
    store: Store, present: Present, change: str
) -> None:
    message_id = send(store)
    settle(store, claim(store), DEFERRED, again=LATER)
    if change == "release":
        store.hold(message_id)
    listener = Told()
    store.watch(listener)
    present.at = ARRIVED + 7
    getattr(store, change)(*([] if change == "retry_all" else [message_id]))
    listener.wait_for(HOP)


def test_what_is_withdrawn_waits_no_more(store: Store) -> None:
    message_id = send(store, "a@example.net", "b@example.com")
    store.hold(message_id)
    assert store.withdraw(message_id) == 2
    assert store.in_queue(message_id) is None
    assert store.next_hops() == {}
    assert claim(store, now=1e9) == []
    assert whole(store, message_id) == SMALL


def test_what_was_withdrawn_can_be_released_for_a_week(store: Store, present: Present) -> None:
    message_id = send(store)
    settle(store, claim(store), DEFERRED, again=LATER)
    store.withdraw(message_id)
    present.at = ARRIVED + KEPT_WITHDRAWN - 1
    assert store.release(message_id) == 1
    (due,) = dues(claim(store, now=present.at))
    assert due.attempts == 1
    queued = store.in_queue(message_id)
    assert queued is not None
    assert (queued.recipients[0].held, queued.recipients[0].last_reply) == (False, "450 4.2.0 Busy")


def test_after_a_week_it_is_too_late_for_that(store: Store, present: Present) -> None:
    message_id = send(store)
    store.withdraw(message_id)
    present.at = ARRIVED + KEPT_WITHDRAWN
    with pytest.raises(StoreError, match="not in the queue"):
        store.release(message_id)


def test_only_what_was_withdrawn_comes_back(store: Store) -> None:
    message_id = send(store, "a@example.net", "b@example.com")
    try_all(store, RELAYED)
    store.withdraw(message_id)
    assert store.release(message_id) == 1
    assert store.next_hops().keys() == {"example.com"}


@pytest.mark.parametrize("change", ["hold", "release", "retry", "withdraw"])
def test_what_is_not_in_the_queue_cannot_be_changed(store: Store, change: str) -> None:
    delivered, gone = keep(store), send(store)
    try_all(store)
    for message_id in (delivered, gone, 12345):
        with pytest.raises(StoreError, match=f"message {message_id} is not in the queue"):
            getattr(store, change)(message_id)


def test_what_is_held_while_it_is_tried_is_held_afterwards(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    store.hold(message_id)
    settle(store, claimed, DEFERRED, again=LATER)
    assert claim(store, now=1e9) == []
    store.release(message_id)
    assert len(claim(store, now=1e9)) == 1


def test_what_is_withdrawn_while_it_is_tried_stays_withdrawn(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    store.withdraw(message_id)
    settle(store, claimed, DEFERRED, again=LATER)
    assert store.in_queue(message_id) is None
    assert store.release(message_id) == 1


def test_what_got_there_while_it_was_withdrawn_cannot_be_sent_again(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    store.withdraw(message_id)
    settle(store, claimed, RELAYED)
    assert told(store, message_id)[-1][0] == "relayed"
    with pytest.raises(StoreError, match="not in the queue"):
        store.release(message_id)


def test_what_is_released_while_it_is_tried_is_not_tried_twice(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    store.withdraw(message_id)
    store.release(message_id)
    assert claim(store, now=1e9) == []
    settle(store, claimed, RELAYED)
    assert waiting(store) == []


# Next hops that nothing gets through to.


def settled(store: Store) -> None:
    """Whatever was told before is on the disk now."""
    outcome = Outcome()
    store.settle((), (), outcome)
    assert outcome.wait() is None


def test_a_next_hop_that_is_down_is_remembered_until_it_is_not(store: Store) -> None:
    store.hop_is_down(HOP, HopDown(LATER - 100, 2, "another reason"))
    store.hop_is_down(HOP, DOWN)
    settled(store)
    assert store.hops_down() == {HOP: DOWN}
    store.hop_is_down(HOP, None)
    settled(store)
    assert store.hops_down() == {}


# Who watches.


def test_who_watches_hears_of_what_was_accepted(store: Store) -> None:
    listener = Told()
    store.watch(listener)
    keep(store)
    send(store, "a@example.net", "b@example.com")
    listener.wait_for("example.net")
    listener.wait_for("example.com")
    assert listener.hops == {"example.net", "example.com"}


def test_nobody_hears_of_what_was_not_accepted(store: Store) -> None:
    listener = Told()
    store.watch(listener)
    incoming = store.incoming()
    incoming.write(SMALL)
    incoming.discard()
    send(store, "b@example.com")
    listener.wait_for("example.com")
    assert listener.hops == {"example.com"}


def test_who_watches_is_told_by_the_call_that_was_handed_in(make: Make, present: Present) -> None:
    threads: list[str] = []
    calls: list[Callable[[], None]] = []
    came = threading.Event()

    def call(callback: Callable[[], None]) -> None:
        calls.append(callback)
        came.set()

    with closing(make(call, present)) as store:
        store.watch(lambda hops: threads.append(threading.current_thread().name))
        hand_over(store, SMALL, wanted(to("a@example.net")))
        while not threads:
            assert came.wait(60)
            came.clear()
            while calls:
                calls.pop(0)()
    assert set(threads) == {threading.current_thread().name}


# Mailboxes.


def test_a_message_is_put_into_a_mailbox_once(store: Store) -> None:
    message_id = queue(store, wanted(to("me@example.org", user="me", hop="mailbox me")))
    for _ in range(2):
        outcome = Outcome()
        store.put_into(message_id, "me", outcome)
        assert outcome.wait() is None
    assert [(entry.id, entry.mailbox) for entry in store.mails()] == [(message_id, "me")]
    message = store.message(message_id)
    assert message is not None
    assert message.mailboxes == ("me",)
    try_all(store, DELIVERED, "mailbox me")
    store.delete(message_id)
    assert store.mails() == []
    assert store.message(message_id) is None


def test_what_is_not_there_cannot_be_put_into_a_mailbox(store: Store) -> None:
    outcome = Outcome()
    store.put_into(12345, "me", outcome)
    assert "no message 12345" in str(outcome.wait())
    assert store.mails() == []


def test_who_has_read_it_has_read_it_when_it_is_put_there_again(store: Store) -> None:
    message_id = keep(store, SMALL, "me")
    store.mark_seen(message_id, "me")
    outcome = Outcome()
    store.put_into(message_id, "me", outcome)
    assert outcome.wait() is None
    assert store.mails()[0].seen


def test_deleting_mail_that_waits_takes_it_out_of_the_mailboxes_alone(store: Store) -> None:
    message_id = queue(store, wanted(to("you@example.net"), "me"))
    store.delete(message_id)
    assert store.mails() == []
    assert waiting(store) == [message_id]
    assert ("deleted", "from the mailbox me") in told(store, message_id)
    (parcel,) = claim(store)
    assert b"".join(parcel.content()) == SMALL


def test_mail_that_lies_in_no_mailbox_is_not_deleted_from_the_queue(store: Store) -> None:
    message_id = send(store)
    with pytest.raises(StoreError, match=f"`mailsponge queue delete {message_id}`"):
        store.delete(message_id)
    assert waiting(store) == [message_id]


def test_deleting_mail_that_has_gone_where_it_should_leaves_nothing(store: Store) -> None:
    message_id = queue(store, wanted(to("you@example.net"), "me"))
    try_all(store)
    store.delete(message_id)
    assert store.message(message_id) is None
    with pytest.raises(StoreError, match="no message"):
        store.trace(message_id)


# Tidying.


def tidied(store: Store, before: float = 0.0) -> int:
    """Tidy until there is nothing more to do."""
    changed = 0
    while some := store.tidy(before):
        changed += some
    return changed


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_the_content_of_what_has_gone_is_removed_and_its_story_stays(store: Store, content: bytes) -> None:
    content = b"Message-ID: <a@b.example>\r\n" + content
    message_id = send(store, content=content)
    try_all(store)
    assert tidied(store) == 1
    with pytest.raises(StoreError, match="its content was removed"):
        store.content(message_id)
    assert [what for what, _ in told(store, message_id)] == ["queued", "relayed"]
    message = store.message(message_id)
    assert message is not None
    assert message.size == len(content)
    assert store.with_message_id("a@b.example") == [message_id]
    assert tidied(store) == 0


def test_what_failed_is_tidied_as_what_did_not(store: Store) -> None:
    message_id = send(store)
    try_all(store, FAILED)
    assert tidied(store) == 1
    assert told(store, message_id)[-1][0] == "failed"


@pytest.mark.parametrize("kind", ["in a mailbox", "waiting", "partly waiting", "local"])
def test_nothing_is_tidied_that_somebody_needs(store: Store, kind: str) -> None:
    message_id = {
        "in a mailbox": lambda: queue(store, wanted(to("a@example.net"), "me")),
        "waiting": lambda: send(store, "a@example.com"),
        "partly waiting": lambda: send(store, "a@example.net", "b@example.com"),
        "local": lambda: keep(store),
    }[kind]()
    try_all(store)
    assert tidied(store, 1e12) == 0
    assert whole(store, message_id) == SMALL


def test_what_waited_and_has_gone_is_tidied_then(store: Store) -> None:
    send(store, "a@example.net", "b@example.com")
    try_all(store)
    assert tidied(store) == 0
    try_all(store, hop="example.com")
    assert tidied(store) == 1


def test_old_stories_go(store: Store) -> None:
    old, new = send(store), send(store)
    parcels = claim(store)
    settle(store, parcels[:1], RELAYED, at=2000.0)
    settle(store, parcels[1:], RELAYED, at=3000.0)
    tidied(store, 2500.0)
    assert store.message(old) is None
    with pytest.raises(StoreError, match="no message"):
        store.trace(old)
    assert told(store, new)[-1][0] == "relayed"


def test_an_id_whose_story_has_gone_is_never_drawn_again(store: Store) -> None:
    message_id = send(store)
    try_all(store)
    tidied(store, 1e12)
    assert store.message(message_id) is None
    assert store.incoming().id > message_id


def test_what_was_withdrawn_keeps_its_content_for_a_week(store: Store, present: Present) -> None:
    message_id = send(store, "a@example.net", "b@example.com")
    try_all(store)
    store.withdraw(message_id)
    present.at = ARRIVED + KEPT_WITHDRAWN - 1
    assert tidied(store, 1e12) == 0
    assert whole(store, message_id) == SMALL
    present.at += 2
    assert tidied(store) == 1
    with pytest.raises(StoreError, match="removed"):
        store.content(message_id)


def test_what_was_withdrawn_twice_is_kept_for_a_week_from_then_on(store: Store, present: Present) -> None:
    message_id = send(store)
    store.withdraw(message_id)
    store.release(message_id)
    present.at = ARRIVED + KEPT_WITHDRAWN / 2
    store.withdraw(message_id)
    present.at = ARRIVED + KEPT_WITHDRAWN + 1
    assert tidied(store, 1e12) == 0
    assert store.release(message_id) == 1
    (parcel,) = claim(store, now=present.at)
    assert b"".join(parcel.content()) == SMALL
    store.withdraw(message_id)
    settle(store, [parcel], DEFERRED, again=1e9)
    present.at += KEPT_WITHDRAWN
    assert tidied(store) == 1


def test_what_was_released_again_is_not_tidied(store: Store, present: Present) -> None:
    message_id = send(store)
    store.withdraw(message_id)
    store.release(message_id)
    present.at = ARRIVED + 2 * KEPT_WITHDRAWN
    assert tidied(store, 1e12) == 0
    assert try_all(store, now=present.at) == 1
    assert tidied(store) == 1
    assert store.message(message_id) is not None


def test_a_great_many_are_tidied(store: Store) -> None:
    for _ in range(700):
        send(store)
    try_all(store)
    assert tidied(store) == 700
    assert tidied(store, 1e12) == 700
    assert store.next_hops() == {}


def test_a_next_hop_that_was_down_long_ago_is_forgotten(store: Store) -> None:
    store.hop_is_down(HOP, DOWN)
    settled(store)
    store.tidy(DOWN.until)
    assert store.hops_down() == {HOP: DOWN}
    store.tidy(DOWN.until + 1)
    settled(store)
    assert store.hops_down() == {}


def test_reports_are_tidied_as_other_mail(store: Store) -> None:
    send(store)
    claimed = claim(store)
    settle(store, claimed, FAILED, report_of(claimed, to_=to("sender@example.com")))
    try_all(store, hop="example.com")
    assert tidied(store) == 2


# Stories.


def test_the_story_of_a_message_that_went_out(store: Store) -> None:
    message_id = send(store, "you@example.net")
    settle(store, claim(store), DEFERRED, at=1010.0, again=1310.0)
    settle(store, claim(store, now=1310.0), RELAYED, at=1311.0)
    assert told(store, message_id) == [
        ("queued", "for <you@example.net>, by example.net"),
        (
            "deferred",
            "<you@example.net>: mx.example.net is busy (mx.example.net: 450 4.2.0 Busy); tried again in 5 minutes",
        ),
        ("relayed", "<you@example.net>: mx.example.net has it (mx.example.net: 250 2.0.0 Ok: queued as 7)"),
    ]
    moments = [step.at for step in store.trace(message_id)]
    assert moments[-2:] == [1010.0, 1311.0]


def test_a_story_ends_with_why_it_waits_and_when_it_is_tried_next(store: Store) -> None:
    message_id = send(store)
    assert told(store, message_id)[-1] == ("waiting", "<you@example.net>: not tried yet; attempt 1")
    settle(store, claim(store), DEFERRED, at=1010.0, again=LATER)
    last = store.trace(message_id)[-1]
    assert (last.at, last.what) == (LATER, "waiting")
    assert last.why == (
        "<you@example.net>: mx.example.net is busy (mx.example.net: 450 4.2.0 Busy); attempt 2"
    )


def test_a_story_tells_that_nothing_gets_through_to_a_next_hop(store: Store) -> None:
    message_id = send(store)
    store.hop_is_down(HOP, DOWN)
    settled(store)
    last = store.trace(message_id)[-1]
    assert (last.at, last.what) == (DOWN.until, "waiting")
    assert (
        last.why == "<you@example.net>: nothing gets through to example.net: mx.example.net does not answer"
    )


def test_a_story_tells_what_a_person_did(store: Store, present: Present) -> None:
    message_id = send(store)
    for number, change in enumerate(("hold", "release", "retry", "withdraw", "release", "hold")):
        present.at = ARRIVED + number
        getattr(store, change)(message_id)
    assert [what for what, _ in told(store, message_id)] == [
        "queued",
        "held",
        "released",
        "retried",
        "withdrawn",
        "released",
        "held",
        "waiting",
    ]
    assert f"`mailsponge queue release {message_id}`" in told(store, message_id)[-1][1]


def test_a_story_tells_which_report_was_sent(store: Store) -> None:
    message_id = send(store)
    claimed = claim(store)
    settle(store, claimed, FAILED, report_of(claimed, "sender"))
    (report,) = store.mails()
    assert told(store, message_id)[-2:] == [
        (
            "failed",
            "<you@example.net>: there is nobody of that name (mx.example.net: 550 5.1.1 No such user)",
        ),
        ("reported", f"the sender is told: message {report.id}"),
    ]


def test_a_story_tells_where_an_alias_leads(store: Store) -> None:
    accepted = wanted(to("team@example.org"))
    message_id = queue(
        store, accepted._replace(deliveries=(Delivery(0, parse("me@example.org"), "me", "maildir me"),))
    )
    try_all(store, DELIVERED, "maildir me")
    assert told(store, message_id) == [
        ("queued", "for <me@example.org>, where <team@example.org> leads, by maildir me"),
        ("delivered", "<me@example.org>: into the Maildir of me"),
    ]


def test_what_was_put_into_a_mailbox_later_is_told_once(store: Store) -> None:
    message_id = queue(store, wanted(to("me@example.org", user="me", hop="mailbox me")))
    outcome = Outcome()
    store.put_into(message_id, "me", outcome)
    assert outcome.wait() is None
    try_all(store, DELIVERED, "mailbox me")
    assert [what for what, _ in told(store, message_id)] == ["queued", "delivered"]


# A store that is closed.


def test_a_closed_store_tells_who_settles(make: Make, present: Present) -> None:
    store = make(direct, present)
    send(store)
    claimed = claim(store)
    store.close()
    assert "closed" in str(settle(store, claimed, RELAYED))


def test_a_closing_store_keeps_what_was_settled(make: Make, present: Present) -> None:
    store = make(direct, present)
    send(store)
    outcome = Outcome()
    store.settle([Settlement(due.id, RELAYED, NOW, None) for due in dues(claim(store))], (), outcome)
    store.close()
    assert outcome.told
    assert outcome.fault is None


def test_accepting_without_mailboxes_or_deliveries_is_no_reason_to_tidy(store: Store) -> None:
    incoming, outcome = hand_over(store, SMALL, acceptance())
    assert outcome.wait() is None
    assert tidied(store, 1e12) == 0
    assert whole(store, incoming.id) == SMALL
