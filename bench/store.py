"""The store alone: durable messages a second through group commit, beside what SQLite itself can do in the same run.

Medians of interleaved rounds. "SQLite itself" writes the same bytes as bare rows in prepared statements from one
thread; the store adds the envelope, the mailbox, the thread and the telling. The shared store is measured in the same
way, on a PostgreSQL of its own that syncs, if one is installed. No goal is set: the figures explain those of the whole
server.

    python bench/store.py [--rounds 5] [--messages 4000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import apsw

import private_postgres
from machine import shape, synced_appends
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store import database
from mailsponge.store.protocol import Acceptance, Call, Delivery, Settlement, Step, Store, direct
from mailsponge.store.sqlite import SqliteStore

HEADER = b"From: a@example.net\r\nTo: me@example.org\r\nSubject: hello\r\nDate: Fri, 1 May 2026 10:00:00 +0000\r\n\r\n"
MESSAGE = HEADER + b"x" * (4096 - len(HEADER))
LARGE = 50_000_000
CHUNK = bytes(256 * 1024)
ACCEPTANCE = Acceptance(
    envelope=Envelope(Address("a", "example.net"), (Address("me", "example.org"),)),
    mailboxes=("me",),
    arrived_at=1.78e9,
    peer="192.0.2.1",
    helo="client.example.net",
    reasons=("me@example.org lives here",),
    steps=(Step(1.78e9, "came", "ESMTP"), Step(1.78e9, "complete", "all of it has come")),
)


GOES_OUT = ACCEPTANCE._replace(
    mailboxes=(), deliveries=(Delivery(0, Address("you", "example.com"), "", "example.com"),)
)
RELAYED = Outcome(
    Result.RELAYED, "2.0.0", "mx.example.com has it", "250 2.0.0 Ok: queued as 7", "mx.example.com"
)
CLAIMED_AT_ONCE = 50

Open = Callable[[Path, Call], Store]


def embedded(folder: Path, call: Call = direct) -> Store:
    """One SQLite file."""
    return SqliteStore(folder, call=call)


def shared(url: str, folder: Path, call: Call = direct) -> Store:
    """PostgreSQL, emptied."""
    import psycopg

    from mailsponge.store.postgres.store import PostgresStore

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS mailsponge_mail CASCADE")
        connection.execute("CHECKPOINT")
    return PostgresStore(url, node="bench", call=call)


def bare(folder: Path, messages: int, at_once: int) -> float:
    """Messages a second that SQLite takes as bare rows, so many a commit."""
    file = folder / "bare.db"
    file.touch()
    connection = database.connect(file)
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, content BLOB)")
    begin = time.perf_counter()
    for _ in range(messages // at_once):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO bare (content) VALUES (?)", [(MESSAGE,)] * at_once)
        connection.execute("COMMIT")
    rate = messages / (time.perf_counter() - begin)
    connection.close()
    return rate


def stored(
    folder: Path, messages: int, at_once: int, opened: Open = embedded, acceptance: Acceptance = ACCEPTANCE
) -> float:
    """Messages a second through the store, from an event loop where so many wait at any time."""
    return asyncio.run(_stored(folder, messages, at_once, opened, acceptance))


async def _stored(folder: Path, messages: int, at_once: int, opened: Open, acceptance: Acceptance) -> float:
    loop = asyncio.get_running_loop()
    store = opened(folder, loop.call_soon_threadsafe)
    finished = loop.create_future()
    left = {"begun": messages, "done": messages}

    def done(fault: Exception | None) -> None:
        assert fault is None, fault
        left["done"] -= 1
        if left["begun"]:
            accept()
        elif not left["done"]:
            finished.set_result(None)

    def accept() -> None:
        left["begun"] -= 1
        incoming = store.incoming()
        incoming.write(MESSAGE)
        incoming.accept(acceptance, done)

    begin = time.perf_counter()
    for _ in range(at_once):
        accept()
    await finished
    rate = messages / (time.perf_counter() - begin)
    store.close()
    return rate


def sent_on(folder: Path, messages: int, opened: Open = embedded) -> float:
    """Messages a second that are claimed and settled, fifty at a time, while the last fifty are written."""
    store = opened(folder, direct)
    accept_all(store, messages)
    told: list[object] = []
    begin = time.perf_counter()
    while parcels := store.claim("example.com", CLAIMED_AT_ONCE, 2e9):
        assert all(b"".join(parcel.content()) for parcel in parcels)
        dues = [due for parcel in parcels for due in parcel.dues]
        store.settle([Settlement(due.id, RELAYED, 1.78e9, None) for due in dues], (), told.append)
    store.close()
    rate = messages / (time.perf_counter() - begin)
    assert told == [None] * -(-messages // CLAIMED_AT_ONCE)
    return rate


def accept_all(store: Store, messages: int) -> None:
    """So many messages wait in the queue."""
    told: list[object] = []
    for number in range(messages):
        while len(told) < number - 500:  # a server's memory has bounds, too
            time.sleep(0.001)
        incoming = store.incoming()
        incoming.write(MESSAGE)
        incoming.accept(GOES_OUT, told.append)
    while len(told) < messages:
        time.sleep(0.001)


def large(folder: Path, opened: Open = embedded) -> float:
    """MB/s of one large message, written as fast as the backlog allows."""
    return asyncio.run(_large(folder, opened))


async def _large(folder: Path, opened: Open) -> float:
    loop = asyncio.get_running_loop()
    store = opened(folder, loop.call_soon_threadsafe)
    begin = time.perf_counter()
    incoming = store.incoming()
    for _ in range(LARGE // len(CHUNK)):
        incoming.write(CHUNK)
        if incoming.backlog > 4 * len(CHUNK):
            written = loop.create_future()
            incoming.when_written(lambda written=written: written.set_result(None))  # type: ignore[misc]
            await written
    kept = loop.create_future()
    incoming.accept(ACCEPTANCE, kept.set_result)
    assert await kept is None
    rate = LARGE / (time.perf_counter() - begin) / 1e6
    store.close()
    return rate


def listed(folder: Path, messages: int) -> float:
    """Lines of a mailbox's list a second."""
    stored(folder, messages, 50)
    store = SqliteStore(folder)
    begin = time.perf_counter()
    assert len(store.mails("me")) == messages
    rate = messages / (time.perf_counter() - begin)
    store.close()
    return rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: 5)")
    parser.add_argument("--messages", type=int, default=4000, help="messages a round (default: 4000)")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to write (default: the temporary folder)"
    )
    options = parser.parse_args()
    count = options.messages
    measurements: dict[str, Callable[[Path], float]] = {
        "4 kB appended and synced, a file": synced_appends,
        "SQLite itself, 1 a commit": lambda folder: bare(folder, count // 4, 1),
        "the store, 1 waiting": lambda folder: stored(folder, count // 4, 1),
        "SQLite itself, 20 a commit": lambda folder: bare(folder, count, 20),
        "the store, 20 waiting": lambda folder: stored(folder, count, 20),
        "the store, 200 waiting": lambda folder: stored(folder, count, 200),
        "lines of a list": lambda folder: listed(folder, count),
        "one 50 MB message, in MB": large,
        "claimed and settled, 50 at a time": lambda folder: sent_on(folder, count),
    }
    print(f"SQLite {apsw.sqlite_lib_version()}; {shape(options.folder or Path(tempfile.gettempdir()))}")
    with ExitStack() as at_end:
        if private_postgres.program("initdb") is None:
            print("PostgreSQL is not installed: its figures are left out")
        else:
            place = Path(at_end.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
            url = at_end.enter_context(private_postgres.running(place))
            measurements |= on_postgres(partial(shared, url), count)
        take_turns(measurements, options.rounds, options.folder)


def on_postgres(opened: Open, count: int) -> dict[str, Callable[[Path], float]]:
    """The same with the shared store."""
    return {
        "PostgreSQL, 1 waiting": lambda folder: stored(folder, count // 4, 1, opened),
        "PostgreSQL, 20 waiting": lambda folder: stored(folder, count, 20, opened),
        "PostgreSQL, 200 waiting": lambda folder: stored(folder, count, 200, opened),
        "PostgreSQL, 200 waiting, to go out": lambda folder: stored(folder, count, 200, opened, GOES_OUT),
        "PostgreSQL, one 50 MB message, in MB": lambda folder: large(folder, opened),
        "PostgreSQL, claimed and settled": lambda folder: sent_on(folder, count, opened),
    }


def take_turns(measurements: dict[str, Callable[[Path], float]], rounds: int, where: Path | None) -> None:
    """Measure each in turn, as often, and print."""
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            with tempfile.TemporaryDirectory(dir=where) as folder:
                rates[name].append(measure(Path(folder)))
    for name, figures in rates.items():
        print(
            f"{name:36s} {statistics.median(figures):10,.0f}/s   ({min(figures):,.0f} to {max(figures):,.0f})"
        )


if __name__ == "__main__":
    main()
