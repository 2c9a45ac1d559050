"""The server killed with SIGKILL: what it called durable is there, the rest is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from mailsponge.store.mailboxes import SqliteMailboxes
from mailsponge.store.sqlite import SqliteStore

HERE = Path(__file__).resolve().parent
KILLS = 25
STEPS = range(1, 140, 5)
"""From the first write of a new store into the first messages; each step is a process of its own."""


def start(data: Path, seed: int, *step: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, HERE / "store_victim.py", data, str(seed), *map(str, step)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, str(HERE.parent / "stores")))},
    )


def read(lines: bytes) -> dict[int, str]:
    """What the victim said was durable: digests by id."""
    return {
        int(message_id): digest
        for message_id, digest in (line.split() for line in lines.decode().splitlines())
    }


def killed_after(data: Path, seed: int, lines: int) -> dict[int, str]:
    """Let the victim accept so many messages, kill it wherever it is then; what it had said."""
    with start(data, seed) as victim:
        assert victim.stdout is not None
        said = b"".join(victim.stdout.readline() for _ in range(lines))
        victim.kill()
        return read(said + victim.stdout.read())


def digest(store: SqliteMailboxes, message_id: int) -> str:
    sha256 = hashlib.sha256()
    for piece in store.content(message_id):
        sha256.update(piece)
    return sha256.hexdigest()


def check(data: Path, durable: dict[int, str], *, since: int = 0) -> None:
    """Everything durable is whole, nothing after ``since`` is half there, the file is sound, and no orphan is left."""
    with closing(SqliteStore(data)) as store:
        store.sweep()
        there = {
            mailbox: {entry.id: entry.size for entry in store.mails(mailbox)} for mailbox in ("me", "you")
        }
        assert durable.keys() <= there["me"].keys()
        assert there["me"] == there["you"]
        assert {message_id: digest(store, message_id) for message_id in durable} == durable
        for message_id in there["me"].keys() - set(range(since)):
            assert sum(map(len, store.content(message_id))) == there["me"][message_id]
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        orphans = "SELECT count(*) FROM part WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = part.message)"
        assert connection.execute(orphans).fetchall() == [(0,)]


def test_a_server_killed_again_and_again_loses_nothing_it_called_durable(tmp_path: Path) -> None:
    rng = random.Random(os.urandom(8))
    durable: dict[int, str] = {}
    for seed in range(KILLS):
        said = killed_after(tmp_path, seed, rng.randrange(60))
        assert not said.keys() & durable.keys(), "an id was drawn twice"
        check(tmp_path, said, since=max(durable, default=0))
        durable |= said
    assert len(durable) > KILLS
    check(tmp_path, durable)


@pytest.mark.parametrize("step", STEPS)
def test_a_server_killed_before_any_write_or_sync_starts_again(tmp_path: Path, step: int) -> None:
    with start(tmp_path, step, step) as victim:
        said, _ = victim.communicate()
    assert victim.returncode == -9
    check(tmp_path, read(said))
