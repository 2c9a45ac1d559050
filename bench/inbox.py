"""A mailbox of 100,000 messages: what a page of it costs, and finding something in it.

The messages differ: senders, words (drawn as languages have them: a few often, most of them rarely), threads of three.
Each figure is the median and the slowest of many calls; this program caches nothing. Then the same with the shared
store, on a PostgreSQL of its own, if there is one.

    python bench/inbox.py [--messages 100000] [--shared] [--folder DIR]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import private_postgres
from machine import shape
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store.protocol import Acceptance, Store
from mailsponge.store.reading import INBOX, Cursor
from mailsponge.store.sqlite import SqliteStore

VOCABULARY = 50_000
WORDS = 120
"""... of a message."""
PAGE_GOAL = 5.0
SEARCH_GOAL = 50.0
"""Milliseconds."""
TIMES = 200
WAITING = 200
"""Messages that are being accepted at any time."""


def word(number: int) -> str:
    """One that no other number has."""
    letters = []
    while number:
        number, letter = divmod(number, 26)
        letters.append(chr(97 + letter))
    return "w" + "".join(letters)


def message(number: int, draw: random.Random) -> bytes:
    """One of many, which answers another in two cases of three."""
    text = [word(int(VOCABULARY ** draw.random())) for _ in range(WORDS)]
    lines = (
        f"From: Sender {number % 997} <s{number % 997}@example.net>",
        "To: me@example.org",
        f"Subject: {' '.join(text[:5])} {number}",
        "Date: Fri, 1 May 2026 10:00:00 +0000",
        f"Message-ID: <{number}@example.net>",
        *([f"References: <{number - number % 3}@example.net>"] if number % 3 else []),
        "",
        *(" ".join(text[at : at + 10]) for at in range(0, WORDS, 10)),
        "",
    )
    return "\r\n".join(lines).encode()


def fill(store: Store, messages: int) -> None:
    """Accept them all, every tenth for somebody else."""
    draw = random.Random(1)
    room = threading.Semaphore(WAITING)

    def done(fault: Exception | None) -> None:
        assert fault is None, fault
        room.release()

    for number in range(messages):
        room.acquire()
        mailbox = "you" if number % 10 == 9 else "me"
        incoming = store.incoming()
        incoming.write(message(number, draw))
        incoming.accept(
            Acceptance(
                Envelope(Address("a", "example.net"), (Address(mailbox, "example.org"),)),
                (mailbox,),
                1.7e9 + number,
                "192.0.2.1",
                "client.example.net",
                (f"{mailbox} lives here",),
            ),
            done,
        )
    for _ in range(WAITING):
        room.acquire()


def index(store: Store) -> float:
    """Milliseconds a message."""
    begin, read = time.perf_counter(), 0
    while some := store.index(1000):
        read += some
    return (time.perf_counter() - begin) * 1000 / read


def timed(call: Callable[[], object], times: int = TIMES) -> tuple[float, float]:
    """Milliseconds: the median, and the slowest."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        spent.append((time.perf_counter() - begin) * 1000)
    return statistics.median(spent), max(spent)


def measure(store: Store, messages: int, settle: Callable[[], None] = lambda: None) -> bool:
    """Print what everything costs; whether the goals are met. ``settle`` is what the database does within a minute."""
    begin = time.perf_counter()
    fill(store, messages)
    print(f"{messages:,} messages accepted at {messages / (time.perf_counter() - begin):,.0f}/s")
    print(f"indexed in {index(store):.2f} ms each")
    settle()
    first = store.page("me", INBOX).rows[0]
    store.set_starred("me", [row.id for row in store.page("me", INBOX, most=500).rows[::7]], True)
    deep = Cursor(1.7e9 + messages / 2, 1 << 40)
    # At most how often each of these words is in a message: see `message`.
    common, rare = word(1), word(VOCABULARY - 1)
    goals: list[tuple[str, float, Callable[[], object]]] = [
        ("first page", PAGE_GOAL, partial(store.page, "me", INBOX)),
        ("a page in the middle", PAGE_GOAL, partial(store.page, "me", INBOX, before=deep)),
        ("starred", PAGE_GOAL, partial(store.page, "me", INBOX, only="starred")),
        ("unread", PAGE_GOAL, partial(store.page, "me", INBOX, only="unread", before=deep)),
        ("folders", PAGE_GOAL, partial(store.folders, "me")),
        ("a thread", PAGE_GOAL, partial(store.thread, "me", first.thread)),
        ("a message's row", PAGE_GOAL, partial(store.row, "me", first.id)),
        ("version", PAGE_GOAL, partial(store.version, "me")),
        ("nothing to index", PAGE_GOAL, partial(store.index, 100)),
        ("search: a word of most messages", SEARCH_GOAL, partial(store.search, "me", common)),
        ("... that nobody else's has", SEARCH_GOAL, partial(store.search, "me", str(messages // 2))),
        ("... a rare one", SEARCH_GOAL, partial(store.search, "me", rare)),
        ("... a common and a rare one", SEARCH_GOAL, partial(store.search, "me", f"{common} {rare}")),
        ("... ten words", SEARCH_GOAL, partial(store.search, "me", " ".join(map(word, range(1, 11))))),
        ("... of a sender", SEARCH_GOAL, partial(store.search, "me", "from:s500")),
        ("... that there is not", SEARCH_GOAL, partial(store.search, "me", "unheard-of")),
        ("... beginnings", SEARCH_GOAL, partial(store.search, "me", "wab*")),
    ]
    met = True
    for name, goal, call in goals:
        middle, slowest = timed(call)
        mark = "met" if middle <= goal else "MISSED"
        met &= middle <= goal
        print(f"{name:34s} {middle:8.2f} ms   (slowest {slowest:.1f}; goal {goal:.0f}: {mark})")
    return met


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000, help="in the store (default: 100,000)")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to write (default: the temporary folder)"
    )
    parser.add_argument("--shared", action="store_true", help="the shared store alone")
    options = parser.parse_args()
    print(shape(options.folder or Path(tempfile.gettempdir())))
    measurements = [on_postgres] if options.shared else [embedded, on_postgres]
    met = [measured(options.folder, options.messages) for measured in measurements]
    return 0 if all(met) else 1


def embedded(where: Path | None, messages: int) -> bool:
    """In one SQLite file."""
    with tempfile.TemporaryDirectory(dir=where) as folder, closing(SqliteStore(Path(folder))) as store:
        met = measure(store, messages)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        print(f"{size / messages / 1000:.1f} kB of disk a message")
        return met


def on_postgres(where: Path | None, messages: int) -> bool:
    """In a database that many servers may share."""
    if private_postgres.program("initdb") is None:
        print("PostgreSQL is not installed: the shared store is left out")
        return True
    from mailsponge.store.postgres.store import PostgresStore

    print("PostgreSQL:")
    with (
        tempfile.TemporaryDirectory(dir=where) as folder,
        private_postgres.running(Path(folder)) as url,
        closing(PostgresStore(url, node="bench")) as store,
    ):
        return measure(store, messages, partial(analyze, url))


def analyze(url: str) -> None:
    """What autovacuum does by itself."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


if __name__ == "__main__":
    sys.exit(main())
