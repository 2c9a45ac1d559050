"""The whole server killed between any two writes, while it takes mail, delivers it, sends it on and sends it back.

Whoever got a 250 finds the letter at its next hop, in the mailbox, or back with its sender; and where there are two of
one, we know why.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import apsw

from kit.black_hole import Proxy
from kit.busy_office import AWAY, BusyOffice
from kit.mail_server import MailServer
from kit.postgres import Postgres

VICTIM = Path(__file__).with_name("office_victim.py")

STEPS = (*range(1, 25), *range(25, 85, 3))
"""Each life of the server ends at the next one: from before the first write of all to the third letter and beyond."""
WHILE_IT_STARTS, LATER = 20, 11
"""Each life on a database ends so many pieces later than the one before. A piece is what passes between the two: a
statement that goes there, or an answer that comes back.
"""
LATEST = 300
"""Pieces from when it listens."""
MANY = 20
"""Letters that are taken in all these lives, at least."""
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""How it ends; of one that root has started, the process that keeps root's rights says so."""
ON_THEIR_WAY = 5
"""Letters that a next hop gets at a time, to begin with."""


def is_sound(data: Path) -> None:
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def live_and_die(busy: BusyOffice, victims: Iterable[MailServer]) -> Counter[str]:
    """Let one after the other take letters until it is killed, then one that is not. Returns what there is twice."""
    lives = 0
    for server in victims:
        lives += 1
        server.launch()
        if server.wait_until_it_listens_or_ends():
            busy.post_until_it_is_gone(server)
        assert server.ended() in KILLED
    last = busy.server()
    last.start()
    busy.office.wait_until_nothing_waits()
    assert last.stop() == 0
    twice = busy.account()
    print(
        f"{lives} lives; {len(busy.posted.taken)} of {len(busy.posted.letters)} letters were taken; {twice}"
    )
    assert len(busy.posted.taken) > MANY
    # It had the letter, and we died before we had written down that it has.
    assert twice.pop(AWAY) <= lives * ON_THEIR_WAY
    return twice


def test_killed_before_any_write_it_loses_nothing_that_got_its_250(folder: Path) -> None:
    with BusyOffice(folder) as busy:
        first = busy.server()
        first.start()
        assert first.stop() == 0
        twice = live_and_die(busy, (busy.server(VICTIM, "kill", step) for step in STEPS))
    is_sound(folder / "data")
    assert not +twice


class DeadlyProxy(Proxy):
    """Between a server and its database. When so many pieces have passed, it kills the server instead of passing on."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        super().__init__(f"{postgres.home}/.s.PGSQL.5432")
        name = database.rpartition("/")[2].partition("?")[0]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/{name}"
        self.passed = 0
        self._victim: MailServer | None = None
        self._last = 0
        self._turn = threading.Lock()

    def watch(self, victim: MailServer, last: int = 0) -> None:
        """The next one to be killed, and when; 0: not at all."""
        with self._turn:
            self._victim, self._last, self.passed = victim, last, 0

    def before_passing(self) -> None:
        """A statement on its way there, or an answer on its way back: it is done then, and nobody knows."""
        with self._turn:
            self.passed += 1
            if self.passed == self._last and self._victim is not None:
                os.killpg(self._victim.pid, signal.SIGKILL)
            if self._last and self.passed >= self._last:
                raise ConnectionError("the server is dead")


def test_killed_between_any_two_statements_it_loses_nothing_either(
    folder: Path, postgres: Postgres, database: str
) -> None:
    def victims() -> Iterator[MailServer]:
        for last in (*range(1, ready, WHILE_IT_STARTS), *range(ready, ready + LATEST, LATER)):
            server = busy.server()
            proxy.watch(server, last)
            yield server
        proxy.watch(server)

    with DeadlyProxy(postgres, database) as proxy, BusyOffice(folder, proxy.url) as busy:
        first = busy.server()
        first.start()
        ready = proxy.passed
        assert first.stop() == 0
        twice = live_and_die(busy, victims())
    assert not +twice
