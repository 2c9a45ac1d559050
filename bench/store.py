"""The store alone: durable messages a second through group commit, beside what SQLite itself can do in the same run.

Medians of interleaved rounds. "SQLite itself" writes the same bytes as bare rows in prepared statements from one
thread; the store adds the envelope, the mailbox, the thread and the telling. No goal is set: the figures explain
those of the whole server. Then the same with the shared store, on a PostgreSQL of its own that syncs, if there is one.

The queue: messages that go out are accepted, claimed in portions of 20, settled in portions of 20 with so many portions
on their way at a time, and tidied; and a hundred thousand of them wait for as many next hops.

    python bench/store.py [--rounds 5] [--messages 4000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import apsw

import private_postgres
from machine import shape, synced_appends
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store import database
from mailsponge.store.protocol import Acceptance, Call, Delivery, Parcel, Settlement, Step, Store, direct
from mailsponge.store.sqlite import SqliteStore

HEADER = b"From: a@example.net\r\nTo: me@example.org\r\nSubject: hello\r\nDate: Fri, 1 May 2026 10:00:00 +0000\r\n\r\n"
MESSAGE = HEADER + b"x" * (4096 - len(HEADER))
LARGE = 50_000_000
CHUNK = bytes(256 * 1024)
PORTION = 20
"""Deliveries that are claimed, and settled, together."""
WAITING = 5
"""Portions whose outcome is on its way to the disk at any time."""
MANY = 100_000
RELAYED = Outcome(
    Result.RELAYED,
    "2.0.0",
    "mx.example.com has it: 250 2.0.0 Ok: queued as 12345678",
    "250 2.0.0 Ok: queued as 12345678",
    "mx.example.com",
)
ACCEPTANCE = Acceptance(
    envelope=Envelope(Address("a", "example.net"), (Address("me", "example.org"),)),
    mailboxes=("me",),
    arrived_at=1.78e9,
    peer="192.0.2.1",
    helo="client.example.net",
    reasons=("me@example.org lives here",),
    steps=(Step(1.78e9, "came", "ESMTP"), Step(1.78e9, "complete", "all of it has come")),
)


Open = Callable[[Path, Call], Store]
"""Opens a store; one in a directory, where that is."""


def embedded(folder: Path, call: Call = direct) -> Store:
    """One SQLite file."""
    return SqliteStore(folder, call=call)


def shared(url: str, anew: bool, folder: Path, call: Call = direct) -> Store:
    """A PostgreSQL database; ``anew``: emptied first."""
    import psycopg

    from mailsponge.store.postgres.store import PostgresStore

    if anew:
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


def stored(folder: Path, messages: int, at_once: int, opened: Open = embedded) -> float:
    """Messages a second through the store, from an event loop where so many wait at any time."""
    return asyncio.run(_stored(folder, messages, at_once, opened))


async def _stored(folder: Path, messages: int, at_once: int, opened: Open) -> float:
    store = opened(folder, asyncio.get_running_loop().call_soon_threadsafe)
    begin = time.perf_counter()
    await _fill(store, messages, at_once, lambda number: ACCEPTANCE)
    rate = messages / (time.perf_counter() - begin)
    store.close()
    return rate


async def _fill(
    store: Store,
    messages: int,
    at_once: int,
    acceptance: Callable[[int], Acceptance],
    content: bytes = MESSAGE,
) -> None:
    """Accept messages, so many of which wait at any time."""
    finished = asyncio.get_running_loop().create_future()
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
        incoming.write(content)
        incoming.accept(acceptance(left["begun"]), done)

    for _ in range(at_once):
        accept()
    await finished


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


def queued(number: int = 0) -> Acceptance:
    """Of a message that goes out; all to one next hop, unless they are numbered."""
    to = Address("you", f"h{number}.example.com" if number else "example.com")
    return ACCEPTANCE._replace(mailboxes=(), deliveries=(Delivery(0, to, "", to.domain),))


def through(folder: Path, messages: int, opened: Open = embedded) -> dict[str, float]:
    """Messages a second at each step of the way through the queue."""
    return asyncio.run(_through(folder, messages, opened))


async def _through(folder: Path, messages: int, opened: Open) -> dict[str, float]:
    store = opened(folder, asyncio.get_running_loop().call_soon_threadsafe)
    seconds: dict[str, float] = {}
    claimed: list[Sequence[Parcel]] = []

    async def timed(name: str, work: Awaitable[None]) -> None:
        begin = time.perf_counter()
        await work
        seconds[name] = time.perf_counter() - begin

    async def claim() -> None:
        while parcels := store.claim("example.com", PORTION, 2e9):
            claimed.append(parcels)
            assert all(parcel.in_memory for parcel in parcels)
            assert all(next(parcel.content()) == MESSAGE for parcel in parcels)

    async def settle() -> None:
        await asyncio.gather(*(_settle(store, claimed[at::WAITING]) for at in range(WAITING)))

    async def tidy() -> None:
        while await asyncio.to_thread(store.tidy, 0.0):
            pass

    await timed("accepted into the queue, 20 waiting", _fill(store, messages, 20, lambda _: queued()))
    await timed("claimed, 20 at a time", claim())
    await timed("settled, 20 at a time", settle())
    await timed("tidied", tidy())
    store.close()
    return {name: messages / spent for name, spent in seconds.items()}


async def _settle(store: Store, portions: Sequence[Sequence[Parcel]]) -> None:
    """One after the other, as a next hop's attempts end."""
    for parcels in portions:
        kept = asyncio.get_running_loop().create_future()
        settlements = [Settlement(due.id, RELAYED, 1.78e9, None) for parcel in parcels for due in parcel.dues]
        store.settle(settlements, (), kept.set_result)
        assert await kept is None


def many_hops(folder: Path, anew: Open = embedded, again: Open = embedded) -> None:
    """Print how long it takes to look at a great queue, and what that costs in memory."""
    asyncio.run(_many_hops(folder, anew, again))


async def _many_hops(folder: Path, anew: Open, again: Open) -> None:
    store = anew(folder, asyncio.get_running_loop().call_soon_threadsafe)
    await _fill(store, MANY, 500, lambda number: queued(number + 1), content=HEADER)
    store.close()
    begin = time.perf_counter()
    store = again(folder, direct)
    opened = time.perf_counter()
    assert len(store.next_hops()) == MANY
    looked = time.perf_counter()
    assert sum(1 for _ in store.queued()) == MANY
    listed = time.perf_counter()
    assert store.retry_all() == MANY
    retried = time.perf_counter()
    store.close()
    print(
        f"{MANY:,} waiting for as many next hops: opened in {opened - begin:.3f} s, next hops known in "
        f"{looked - opened:.3f} s, listed in {listed - looked:.2f} s, all retried in {retried - listed:.2f} s; "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most"
    )


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
    }
    print(f"SQLite {apsw.sqlite_lib_version()}; {shape(options.folder or Path(tempfile.gettempdir()))}")
    take_turns(measurements, lambda folder: through(folder, count), options.rounds, options.folder)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        many_hops(Path(folder))
    if private_postgres.program("initdb") is None:
        print("PostgreSQL is not installed: the shared store is left out")
    else:
        on_postgres(count, options.rounds, options.folder)


def on_postgres(count: int, rounds: int, where: Path | None) -> None:
    """The same with the shared store."""
    with tempfile.TemporaryDirectory(dir=where) as folder, private_postgres.running(Path(folder)) as url:
        anew = partial(shared, url, True)
        measurements: dict[str, Callable[[Path], float]] = {
            "PostgreSQL, 1 waiting": lambda folder: stored(folder, count // 4, 1, anew),
            "... 20 waiting": lambda folder: stored(folder, count, 20, anew),
            "... 200 waiting": lambda folder: stored(folder, count, 200, anew),
            "... one 50 MB message, in MB": lambda folder: large(folder, anew),
        }
        take_turns(measurements, lambda folder: through(folder, count, anew), rounds, where)
        many_hops(Path(folder), anew, partial(shared, url, False))


def take_turns(
    measurements: dict[str, Callable[[Path], float]],
    way_through: Callable[[Path], dict[str, float]],
    rounds: int,
    where: Path | None,
) -> None:
    """Measure each in turn, so many times, and print."""
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            with tempfile.TemporaryDirectory(dir=where) as folder:
                rates[name].append(measure(Path(folder)))
        with tempfile.TemporaryDirectory(dir=where) as folder:
            for name, rate in way_through(Path(folder)).items():
                rates.setdefault(name, []).append(rate)
    for name, figures in rates.items():
        print(
            f"{name:34s} {statistics.median(figures):10,.0f}/s   ({min(figures):,.0f} to {max(figures):,.0f})"
        )


if __name__ == "__main__":
    main()
