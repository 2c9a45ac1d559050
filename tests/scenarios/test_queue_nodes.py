"""Rules of several servers that share a database: one that dies costs nothing but a few letters that come twice, and a
database that is away costs nothing at all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit import short_claims
from kit.awaited import awaited, until
from kit.busy_office import AWAY, ME, SENDER, BusyOffice
from kit.mail_server import PATIENCE, MailServer
from kit.postgres import DURABLE, NotHere, Postgres, running

LETTERS = 2000
CLAIMED_AHEAD = 100
"""Letters that a server may have begun, or claimed, or sent and not yet said so."""

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
            servers.append(busy.server(short_claims.__file__, name=name))
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
    assert 0 < begun
    assert came < LETTERS
    busy.office.wait_until_nothing_waits()
    assert second.stop() == 0
    twice = busy.account()
    print(f"{came} of {LETTERS} had come, and {begun} were begun, when it was killed; twice: {dict(twice)}")
    # It has sent them, and died before that was written down.
    assert twice.pop(AWAY) <= CLAIMED_AHEAD
    assert not +twice
