"""The writer: what waits is committed together, nobody pays for another's failure, and nothing ends the thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_fixtures import LARGE, PATIENCE, SMALL, Outcome, acceptance, hand_over, keep, whole

from mailsponge.errors import StoreError
from mailsponge.store.protocol import Call, Store
from mailsponge.store.sqlite import SqliteStore

BAD = acceptance("me", "me")
"""The same mailbox twice: the database does not take it."""


class Turnstile:
    """A `call` that carries callbacks on and, when it is shut, holds the writer up behind the one it carried last."""

    def __init__(self) -> None:
        self.calls = 0
        self.reached = threading.Event()
        self._open = threading.Event()
        self._open.set()

    def __call__(self, callback: Callable[[], None]) -> None:
        self.calls += 1
        callback()
        self.reached.set()
        assert self._open.wait(PATIENCE)

    def shut(self) -> None:
        self._open.clear()
        self.reached.clear()

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def turnstile() -> Turnstile:
    return Turnstile()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, turnstile: Turnstile) -> Iterator[Store]:
    with closing(_store(request, tmp_path, turnstile)) as store:
        yield store
        turnstile.open()


def _store(request: pytest.FixtureRequest, folder: Path, call: Call) -> Store:
    if request.param == "sqlite":
        return SqliteStore(folder, call=call)
    from mailsponge.store.postgres.store import PostgresStore

    return PostgresStore(request.getfixturevalue("database"), node="test", call=call)


@pytest.fixture
def hold(store: Store, turnstile: Turnstile) -> Callable[[], None]:
    """Holds the writer up; returns when it stands."""

    def hold() -> None:
        turnstile.shut()
        hand_over(store, SMALL, acceptance("first"))
        assert turnstile.reached.wait(PATIENCE)

    return hold


def test_whatever_waits_is_committed_together_and_told_in_one_call(
    store: Store, turnstile: Turnstile, hold: Callable[[], None]
) -> None:
    hold()
    before = turnstile.calls
    waiting = [hand_over(store, SMALL, acceptance("me"))[1] for _ in range(100)]
    assert not any(outcome.told for outcome in waiting)
    turnstile.open()
    assert [outcome.wait() for outcome in waiting] == [None] * 100
    assert turnstile.calls == before + 1
    assert len(store.mails("me")) == 100


def test_one_bad_message_never_fails_the_others(
    store: Store, turnstile: Turnstile, hold: Callable[[], None]
) -> None:
    hold()
    good = [hand_over(store, SMALL, acceptance("me"))[1] for _ in range(3)]
    bad, refused = hand_over(store, SMALL, BAD)
    good += [hand_over(store, LARGE, acceptance("me"))[1] for _ in range(3)]
    turnstile.open()
    assert [outcome.wait() for outcome in good] == [None] * 6
    assert "unique" in str(refused.wait()).lower()
    assert store.message(bad.id) is None
    assert len(store.mails("me")) == 6


def test_every_outcome_is_told_once(store: Store, turnstile: Turnstile, hold: Callable[[], None]) -> None:
    hold()
    outcomes = [
        hand_over(store, SMALL, accepted)[1] for accepted in (acceptance("me"), BAD, acceptance("me"))
    ]
    turnstile.open()
    for outcome in outcomes:
        outcome.wait()
    keep(store)
    assert [outcome.times for outcome in outcomes] == [1, 1, 1]


@pytest.mark.parametrize(
    "acceptance_",
    [BAD, acceptance("me")._replace(peer="\udc80"), acceptance("me")._replace(arrived_at=float("nan"))],
)
def test_what_cannot_be_kept_is_told_and_the_next_message_is_taken(store: Store, acceptance_: object) -> None:
    refused, outcome = hand_over(store, LARGE, acceptance_)  # type: ignore[arg-type]
    assert isinstance(outcome.wait(), StoreError)
    assert store.message(refused.id) is None
    assert whole(store, keep(store)) == SMALL


def test_a_listener_that_fails_leaves_no_other_waiting(
    store: Store, turnstile: Turnstile, hold: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(fault: StoreError | None) -> None:
        raise RuntimeError("the listener has a defect")

    hold()
    incoming = store.incoming()
    incoming.write(SMALL)
    incoming.accept(acceptance("me"), fails)
    _, outcome = hand_over(store, SMALL, acceptance("me"))
    with caplog.at_level(logging.ERROR):
        turnstile.open()
        assert outcome.wait() is None
    assert "the listener has a defect" in caplog.text


def test_outcomes_that_nobody_hears_do_not_end_the_writer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(callback: Callable[[], None]) -> None:
        raise RuntimeError("the loop is closed")

    store = SqliteStore(tmp_path, call=gone)
    for _ in range(3):
        hand_over(store, SMALL, acceptance("me"))
    store.close()
    assert "could not be told" in caplog.text
    with closing(SqliteStore(tmp_path)) as store:
        assert len(store.mails()) == 3


def test_a_slow_sender_holds_nobody_up(store: Store) -> None:
    slow, outcome = store.incoming(), Outcome()
    for _ in range(5):
        slow.write(LARGE)
        keep(store, SMALL)
    slow.accept(acceptance("me"), outcome)
    assert outcome.wait() is None
    assert whole(store, slow.id) == LARGE * 5


def test_the_backlog_is_what_the_disk_has_still_before_it(
    store: Store, turnstile: Turnstile, hold: Callable[[], None]
) -> None:
    hold()
    incoming, written = store.incoming(), threading.Event()
    incoming.write(LARGE)
    assert 0 < incoming.backlog <= len(LARGE)
    incoming.when_written(written.set)
    turnstile.open()
    assert written.wait(PATIENCE)
    assert incoming.backlog == 0


def test_closing_commits_what_waits(tmp_path: Path) -> None:
    turnstile = Turnstile()
    store = SqliteStore(tmp_path, call=turnstile)
    turnstile.shut()
    hand_over(store, SMALL, acceptance("me"))
    assert turnstile.reached.wait(PATIENCE)
    waiting = [hand_over(store, LARGE, acceptance("me"))[1] for _ in range(10)]
    closing_thread = threading.Thread(target=store.close)
    closing_thread.start()
    turnstile.open()
    closing_thread.join(PATIENCE)
    assert [outcome.told and outcome.fault for outcome in waiting] == [None] * 10


def test_outcomes_reach_an_event_loop_in_its_own_thread(tmp_path: Path) -> None:
    async def accept_some() -> set[int]:
        loop = asyncio.get_running_loop()
        with closing(SqliteStore(tmp_path, call=loop.call_soon_threadsafe)) as store:
            told = [loop.create_future() for _ in range(20)]
            threads = set()

            def done_for(future: asyncio.Future[None]) -> Callable[[StoreError | None], None]:
                def done(fault: StoreError | None) -> None:
                    threads.add(threading.get_ident())
                    future.set_result(None)

                return done

            for future in told:
                incoming = store.incoming()
                incoming.write(SMALL)
                incoming.accept(acceptance("me"), done_for(future))
            await asyncio.gather(*told)
            return threads

    assert asyncio.run(accept_some()) == {threading.get_ident()}
