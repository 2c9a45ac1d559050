"""The server with a queue killed with SIGKILL: nothing that waited is lost, an outcome that was told stands, and there
is one report about each delivery that failed, and none about any other.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from mailsponge.store.sqlite import SqliteStore

HERE = Path(__file__).resolve().parent
KILLS = 25
STEPS = range(20, 260, 6)
"""From the first message into the third round; each step is a process of its own."""

Said = tuple[set[int], dict[int, tuple[str, int]]]
"""Messages that were accepted; results and attempts of deliveries."""


def start(data: Path, seed: int, *step: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, HERE / "queue_victim.py", data, str(seed), *map(str, step)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, str(HERE.parent / "stores")))},
    )


def read(lines: bytes) -> Said:
    """What the victim said was durable."""
    accepted, settled = set(), {}
    for line in lines.decode().splitlines():
        what, number, *more = line.split()
        if what == "accepted":
            accepted.add(int(number))
        else:
            settled[int(number)] = (more[0], int(more[1]))
    return accepted, settled


def rows(data: Path, query: str) -> list[Any]:
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        return connection.execute(query).fetchall()


def check(data: Path, said: Said) -> None:
    with closing(SqliteStore(data)) as store:
        store.sweep()
        for message_id in said[0]:
            assert store.message(message_id) is not None
            assert store.trace(message_id)
    assert rows(data, "PRAGMA integrity_check") == [("ok",)]
    deliveries = {number: more for number, *more in rows(data, "SELECT id, result, attempts FROM delivery")}
    for number, outcome in said[1].items():
        assert tuple(deliveries[number]) == outcome
    assert all(number * 2**20 + place in deliveries for number in said[0] for place in (0, 1))
    no_report_is_lost_or_doubled(data, deliveries)
    each_attempt_is_told(data)
    what_has_ended_is_known_to_who_tidies(data)


def no_report_is_lost_or_doubled(data: Path, deliveries: dict[int, list[Any]]) -> None:
    heads = rows(
        data,
        "SELECT coalesce((SELECT content FROM part WHERE message = message.id AND number = 0), tail) FROM message",
    )
    marks = [
        head[len(b"Message-ID: <about-") :] for (head,) in heads if head.startswith(b"Message-ID: <about-")
    ]
    reports = Counter(int(mark[: mark.index(b">")]) for mark in marks)
    assert reports == Counter(number for number, (result, _) in deliveries.items() if result == "failed")


def each_attempt_is_told(data: Path) -> None:
    """Once, in the trace or in its delivery's own row; and of each report its original tells."""
    told = "SELECT count(*) FROM trace WHERE what = '{}'"
    assert rows(data, told.format("deferred")) == rows(
        data, "SELECT coalesce(sum(attempts - (next_attempt_at IS NULL)), 0) FROM delivery"
    )
    assert rows(data, told.format("reported")) == rows(
        data, "SELECT count(*) FROM delivery WHERE result = 'failed'"
    )


def what_has_ended_is_known_to_who_tidies(data: Path) -> None:
    forgotten = """
    SELECT id FROM message
    WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id >> 20 = message.id AND next_attempt_at IS NOT NULL)
        AND id NOT IN (SELECT message FROM ended WHERE stage = iif(parts < 0, 'told', 'sent'))
    """
    assert rows(data, forgotten) == []
    assert rows(data, "SELECT message FROM part WHERE message NOT IN (SELECT id FROM message)") == []


def test_a_server_killed_again_and_again_loses_nothing_that_waits(tmp_path: Path) -> None:
    rng = random.Random(os.urandom(8))
    accepted: set[int] = set()
    settled: dict[int, tuple[str, int]] = {}
    for seed in range(KILLS):
        with start(tmp_path, seed) as victim:
            assert victim.stdout is not None
            said = b"".join(victim.stdout.readline() for _ in range(rng.randrange(120)))
            victim.kill()
            now = read(said + victim.stdout.read())
        assert not now[0] & accepted, "an id was drawn twice"
        assert not now[1].keys() & settled.keys(), "what had come to its end was tried again"
        accepted |= now[0]
        settled |= now[1]
        check(tmp_path, (accepted, settled))
    assert len(accepted) > KILLS


@pytest.mark.parametrize("step", STEPS)
def test_a_server_killed_before_any_write_or_sync_keeps_outcomes_and_reports_together(
    tmp_path: Path, step: int
) -> None:
    with start(tmp_path, step, step) as victim:
        said, _ = victim.communicate()
    assert victim.returncode == -9
    check(tmp_path, read(said))
