"""What only a queue on disk can do well or badly: outlive its server, be put right from beside it, be brought up to
date, be damaged.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from queue_fixtures import (
    ARRIVED,
    DEFERRED,
    FAILED,
    HOP,
    RELAYED,
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
from store_fixtures import LARGE, SMALL, hand_over, keep, whole

from mailsponge.errors import StoreError
from mailsponge.store import database, jobs
from mailsponge.store.beside import SqliteBeside
from mailsponge.store.database import PAGE
from mailsponge.store.protocol import HopDown
from mailsponge.store.sqlite import SqliteStore

LATER = ARRIVED + 300


def test_what_waits_is_there_when_the_server_starts_again(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        deferred, untried = send(store), send(store, content=LARGE)
        parcels = claim(store)
        settle(store, parcels[:1], DEFERRED, again=LATER)
        store.hop_is_down("example.com", HopDown(LATER, 2, "no answer"))
    with closing(SqliteStore(tmp_path)) as store:
        assert [each.id for each in store.queued()] == [deferred, untried]
        assert store.next_hops() == {HOP: ARRIVED}
        assert store.hops_down() == {"example.com": HopDown(LATER, 2, "no answer")}
        (parcel,) = claim(store)
        assert b"".join(parcel.content()) == LARGE


def test_what_a_server_had_claimed_is_due_for_the_next_one(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        send(store)
        assert len(claim(store)) == 1
    with closing(SqliteStore(tmp_path)) as store:
        assert len(claim(store)) == 1


def test_claiming_writes_nothing(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, closing(raw(tmp_path)) as beside:
        for _ in range(10):
            send(store)
        before = beside.pragma("data_version")
        claimed = claim(store)
        store.keep_claims()
        store.let_go([due.id for due in dues(claimed)])
        assert beside.pragma("data_version") == before


def test_small_messages_are_in_memory_and_large_ones_are_read_when_they_are_sent(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        send(store, content=SMALL)
        send(store, content=LARGE)
        small, large = claim(store)
        assert (small.in_memory, large.in_memory) == (True, False)


def raw(data: Path) -> apsw.Connection:
    return apsw.Connection(str(data / "store.db"))


# From beside the server.


def test_the_queue_is_looked_at_from_beside_a_server_and_without_one(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, SqliteBeside(tmp_path) as beside:
        assert list(beside.queued()) == []
        message_id = send(store)
        settle(store, claim(store), DEFERRED, again=LATER)
        assert [each.id for each in beside.queued()] == [message_id]
    with SqliteBeside(tmp_path) as beside:
        found = beside.in_queue(message_id)
        assert found is not None
        assert found.recipients[0].last_reply == "450 4.2.0 Busy"
        assert beside.trace(message_id)[-1].what == "waiting"


@pytest.mark.parametrize("change", ["retry", "release", "retry_all"])
def test_a_server_hears_of_what_another_process_does(tmp_path: Path, change: str) -> None:
    program = """
import pathlib, sys
from mailsponge.store.beside import SqliteBeside
with SqliteBeside(pathlib.Path(sys.argv[1])) as beside:
    getattr(beside, sys.argv[2])(*map(int, sys.argv[3:]))
"""
    listener = Told()
    with closing(SqliteStore(tmp_path)) as store:
        message_id = send(store)
        store.hop_is_down(HOP, HopDown(4e9, 2, "no answer"))
        settle(store, claim(store), DEFERRED, again=4e9)
        if change == "release":
            store.hold(message_id)
        store.watch(listener)
        listener.forget()
        numbers = [] if change == "retry_all" else [str(message_id)]
        subprocess.run([sys.executable, "-c", program, tmp_path, change, *numbers], check=True)
        listener.wait_for(HOP)
        assert store.hops_down() == {}
        assert len(claim(store, now=3e9)) == 1


def test_a_server_hears_only_of_what_is_due(tmp_path: Path) -> None:
    listener = Told()
    with closing(SqliteStore(tmp_path)) as store, SqliteBeside(tmp_path) as beside:
        mine = send(store)
        send(store, "a@example.com")
        for hop in (HOP, "example.com"):
            try_all(store, DEFERRED, hop, again=4e9)
        store.watch(listener)
        beside.retry(mine)
        listener.wait_for(HOP)
        assert listener.hops == {HOP}


def test_a_server_hears_of_no_next_hop_that_is_still_down(tmp_path: Path) -> None:
    listener = Told()
    with closing(SqliteStore(tmp_path)) as store, SqliteBeside(tmp_path) as beside:
        mine = send(store)
        send(store, "a@example.com")
        store.hop_is_down("example.com", HopDown(LATER, 2, "no answer"))
        keep(store)
        store.watch(listener)
        beside.retry(mine)
        listener.wait_for(HOP)
        assert listener.hops == {HOP}


def test_what_is_withdrawn_beside_the_server_is_not_tried_by_it(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, SqliteBeside(tmp_path) as beside:
        beside.withdraw(send(store))
        assert claim(store) == []


# Brought up to date.


def version_3(data: Path) -> None:
    """A store as the version before left it, with mail in it."""
    scripts = database.migrations()[:3]
    data.mkdir(exist_ok=True)
    file = data / database.NAME
    file.touch()
    with closing(database.connect(file)) as connection:
        connection.pragma("page_size", PAGE)
        for script in scripts:
            connection.execute(script)
        connection.pragma("user_version", 3)
        connection.pragma("application_id", database.APPLICATION_ID)
        connection.pragma("journal_mode", "wal")
        for number in range(1, 60):
            connection.execute(
                "INSERT INTO message VALUES (?, 1.0, ?, NULL, '[[\"me\", \"b.example\"]]', 1, 0, 'peer', 'helo', "
                '\'["why"]\', \'["me", "you"]\', 0, ?, \'[[1.0, "came", "ESMTP"]]\')',
                (number, len(SMALL), SMALL),
            )
            connection.execute(
                "INSERT INTO trace (message, at, what, why) VALUES (?, 2.0, 'opened', 'in the mailbox me')",
                (number,),
            )


def test_mail_of_the_version_before_is_there_after_the_upgrade(tmp_path: Path) -> None:
    version_3(tmp_path)
    with closing(SqliteStore(tmp_path)) as store, closing(raw(tmp_path)) as connection:
        assert connection.pragma("user_version") == len(database.migrations())
        assert len(store.mails("me")) == len(store.mails("you")) == 59
        message = store.message(7)
        assert message is not None
        assert message.envelope.eight_bit
        assert message.envelope.recipient_wishes == ()
        assert whole(store, 7) == SMALL
        steps = [step.what for step in store.trace(7)]
        assert steps == ["came", "sender", "admitted", "delivered", "delivered", "opened"]
        assert list(store.queued()) == []
        assert store.tidy(1e12) == 0
        assert send(store) > 59
        assert try_all(store) == 1
        store.delete(7)
        assert store.message(7) is None


def test_an_upgrade_that_fails_in_the_middle_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_3(tmp_path)
    now = database.migrations()
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations", lambda: [*now[:3], now[3] + "; CREATE TABLE hop (name)"])
        with pytest.raises(StoreError, match="already exists"):
            SqliteStore(tmp_path)
    with closing(raw(tmp_path)) as connection:
        assert connection.pragma("user_version") == 3
    with closing(SqliteStore(tmp_path)) as store:
        assert len(store.mails("me")) == 59


# Damaged, or refused.


def test_a_message_that_is_damaged_keeps_no_other_from_being_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        spoilt = send(store, content=b"SPOILT" * 8000)
        fine = send(store)
    file = tmp_path / "store.db"
    content = file.read_bytes()
    at = content.index(b"SPOILT" * (PAGE // len(b"SPOILT") - 10)) // PAGE * PAGE
    file.write_bytes(content[:at] + b"\xff" * PAGE + content[at + PAGE :])
    with closing(SqliteStore(tmp_path)) as store:
        assert [parcel.message for parcel in claim(store)] == [fine]
        assert claim(store) == []
    assert f"message {spoilt} waits and cannot be read" in caplog.text


def test_one_settlement_that_cannot_be_kept_fails_no_other(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        bad, good = send(store), send(store)
        parcels = claim(store)
        spoilt = DEFERRED._replace(why="\udc80")
        assert isinstance(settle(store, parcels[:1], spoilt, again=LATER), StoreError)
        assert settle(store, parcels[1:], RELAYED) is None
        assert [each.id for each in store.queued()] == [bad]
        assert claim(store) == [], "it is claimed as before"
        assert settle(store, parcels[:1], RELAYED) is None
        assert store.in_queue(bad) is store.in_queue(good) is None


def test_nobody_hears_of_what_could_not_be_accepted(tmp_path: Path) -> None:
    listener = Told()
    with closing(SqliteStore(tmp_path)) as store:
        store.watch(listener)
        _, outcome = hand_over(store, SMALL, wanted(to("a@example.net"))._replace(peer="\udc80"))
        assert isinstance(outcome.wait(), StoreError)
        send(store, "b@example.com")
        listener.wait_for("example.com")
        assert listener.hops == {"example.com"}


def test_a_time_that_is_none_ends_nothing(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        message_id = send(store)
        assert "no number" in str(settle(store, claim(store), DEFERRED, again=float("nan")))
        assert store.in_queue(message_id) is not None


def test_reports_are_counted_as_messages_that_were_accepted(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        send(store)
        parcels = claim(store)
        settle(store, parcels, FAILED, report_of(parcels, "me"))
        settle(store, parcels, FAILED, report_of(parcels, "me"))
        assert store.commits.messages == 2


def test_local_mail_leaves_nothing_in_the_queues_tables(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, closing(raw(tmp_path)) as connection:
        keep(store)
        query = "SELECT count(*) FROM message WHERE wishes IS NOT NULL OR deliveries IS NOT NULL"
        assert connection.execute(query).fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM delivery").fetchall() == [(0,)]


def test_a_tidied_message_gives_its_room_back(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, closing(raw(tmp_path)) as connection:
        send(store, content=LARGE * 6)
        try_all(store)
        calls = 0
        while store.tidy(0.0):
            calls += 1
        assert calls > 1, "a large message goes in several transactions"
        assert connection.execute("SELECT count(*) FROM part").fetchall() == [(0,)]
        assert connection.pragma("freelist_count") > 5 * len(LARGE) / PAGE


def test_a_closed_store_tidies_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.tidy(0.0)


def test_what_is_accepted_while_somebody_claims_and_settles_is_all_sent_once(tmp_path: Path) -> None:
    sent: list[int] = []
    finished = threading.Event()
    with closing(SqliteStore(tmp_path)) as store:

        def work() -> None:
            idle = 0
            while idle < 3 or not finished.is_set():
                parcels = claim(store, most=5)
                idle = 0 if parcels else idle + 1
                sent.extend(due.id for due in dues(parcels))
                assert settle(store, parcels) is None

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        accepted = [hand_over(store, SMALL, wanted(to("you@example.net")))[1] for _ in range(300)]
        assert {outcome.wait() for outcome in accepted} == {None}
        finished.set()
        for thread in threads:
            thread.join()
        assert len(sent) == len(set(sent)) == 300
        assert list(store.queued()) == []


def test_a_message_with_too_many_deliveries_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MOST_DELIVERIES", 4)
    with closing(SqliteStore(tmp_path)) as store:
        with pytest.raises(StoreError, match="fewer than 4 deliveries"):
            queue(store, wanted(to(*(f"r{number}@example.net" for number in range(4)))))
        keep(store)
