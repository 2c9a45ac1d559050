"""Rules of several servers that share a database: one that dies costs nothing but a few letters that come twice, and a
database that is away costs nothing at all.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kit import hasty
from kit.awaited import awaited, until
from kit.busy_office import AWAY, ME, SENDER, BusyOffice
from kit.mail_server import MailServer
from kit.postgres import DURABLE, NotHere, Postgres, running

LETTERS = 2000
CLAIMED_BY_THE_DEAD = """
SELECT count(*) FROM mailsponge_mail.delivery JOIN mailsponge_mail.node ON node.id = claimed_by
WHERE next_attempt_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM pg_stat_activity WHERE application_name = 'mailsponge node ' || node.id)
"""


@pytest.fixture
def two(folder: Path, database: str) -> Iterator[tuple[BusyOffice, list[MailServer]]]:
    """Two servers, each in a folder of its own, on one database."""
    with BusyOffice(folder, database) as busy:
        servers = []
        for name in "first", "second":
            servers.append(busy.server(hasty.__file__, 1, 30, name=name))
            servers[-1].start()
        yield busy, servers


def post_many(busy: BusyOffice, server: MailServer, number: int) -> None:
    with busy.posted.line(server.port) as line:
        for _ in range(number):
            assert line.post(SENDER, AWAY).taken


def test_what_a_killed_server_had_begun_another_ends(
    two: tuple[BusyOffice, list[MailServer]], postgres: Postgres, database: str
) -> None:
    busy, (first, second) = two
    with busy.far.waits_at_the_end(), ThreadPoolExecutor() as threads:
        for posting in [threads.submit(post_many, busy, server, LETTERS // 2) for server in (first, second)]:
            posting.result()
    until(lambda: len(busy.far.mails) > LETTERS // 5, lambda: first.log.read_text()[-2000:])
    first.kill()
    ((begun,),) = postgres.sql(CLAIMED_BY_THE_DEAD, database)
    came = len(busy.far.mails)
    assert begun > 0
    assert came < LETTERS
    busy.office.wait_until_nothing_waits()
    assert second.stop() == 0
    twice = busy.account()
    print(f"{came} of {LETTERS} had come, and {begun} were begun, when it was killed; twice: {dict(twice)}")
    # Of what it had begun some had come, and it died before that was written down.
    assert twice.pop(AWAY) <= begun
    assert not +twice


@pytest.fixture
def database_server() -> Iterator[Postgres]:
    """One of this test's own, which syncs what it commits."""
    try:
        with running(DURABLE) as server:
            yield server
    except NotHere as reason:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL], ids=["stopped", "killed"])
def test_while_the_database_is_away_mail_is_put_off_and_then_all_goes_on(
    folder: Path, database_server: Postgres, way: int
) -> None:
    with BusyOffice(folder, database_server.database()) as busy:
        server = busy.server(hasty.__file__, 60, 1)
        server.start()
        with busy.posted.line(server.port) as line:
            with busy.far.waits_at_the_end():
                busy.post_some(line)
                until(lambda: busy.far.letters(), server.log.read_text)
                database_server.end(way)
            awaited(lambda log: "not-settled " in log, server.log.read_text)
            for size in 0, 600_000:
                assert str(line.post(SENDER, ME, AWAY, size=size).reply).startswith("451 4.3.0 ")
            database_server.start()
            until(lambda: line.post(SENDER, ME, AWAY).taken, server.log.read_text)
            busy.post_some(line)
        busy.office.wait_until_nothing_waits()
        hears_of_what_others_release(busy, server)
        assert server.stop() == 0
        assert not +busy.account()
        assert "Traceback" not in server.log.read_text()


def hears_of_what_others_release(busy: BusyOffice, server: MailServer) -> None:
    """By LISTEN: by itself it would look in a minute only."""
    with busy.far.puts_all_off(), busy.posted.line(server.port) as line:
        letter = line.post(SENDER, AWAY)
        [waiting] = until(busy.office.waiting, server.log.read_text)
        with busy.office.opened() as store:
            store.hold(waiting.id)
    with busy.office.opened() as store:
        store.release(waiting.id)
    until(lambda: letter.token in busy.far.letters(), server.log.read_text)
