"""Each step of the writer made to fail in turn: whatever fails, a message is there whole or not at all, as was told."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from store_disks import ForgetfulDisk, SmallDisk, StumblingDisk, inserted
from store_fixtures import LARGE, PATIENCE, SMALL, Outcome, acceptance, hand_over, keep, whole

from mailsponge.errors import StoreError, StoreFull
from mailsponge.store.incoming import PART
from mailsponge.store.mailboxes import SqliteMailboxes
from mailsponge.store.sqlite import SqliteStore

IN_PARTS = SMALL + b"x" * PART
"""As little as goes to the disk in parts, so that its steps can be tried one by one."""

MESSAGES = [SMALL, IN_PARTS, SMALL * 2]


def sound(data: Path) -> None:
    """The file is what SQLite calls whole."""
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def orphaned_parts(data: Path) -> int:
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        query = "SELECT count(*) FROM part WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = part.message)"
        return int(connection.execute(query).fetchall()[0][0])


def accept_all(store: SqliteStore) -> dict[int, tuple[bytes, StoreError | None]]:
    """Accept one message after the other; what was written and what was told, by id."""
    told = {}
    for content in MESSAGES:
        incoming, outcome = hand_over(store, content, acceptance("me", "you"))
        told[incoming.id] = (content, outcome.wait())
    return told


def check(store: SqliteStore | SqliteMailboxes, told: dict[int, tuple[bytes, StoreError | None]]) -> None:
    """Exactly the messages that were told to be durable are there, whole, in both mailboxes."""
    taken = {message_id for message_id, (_, fault) in told.items() if fault is None}
    for mailbox in ("me", "you"):
        assert {entry.id for entry in store.mails(mailbox)} == taken
    assert all(whole(store, message_id) == told[message_id][0] for message_id in taken)


def steps_of_a_run(data: Path) -> int:
    with inserted(StumblingDisk()) as disk, closing(SqliteStore(data, connect=disk.connect)) as store:
        began = disk.steps
        accept_all(store)
        return disk.steps - began


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_any_step_may_fail_and_no_message_is_ever_half_there(tmp_path: Path, error: type[apsw.Error]) -> None:
    faults = 0
    for step in range(1, steps_of_a_run(tmp_path / "counted") + 1):
        data = tmp_path / str(step)
        with inserted(StumblingDisk(error)) as disk:
            with closing(SqliteStore(data, connect=disk.connect)) as store:
                disk.stumble = disk.steps + step
                told = accept_all(store)
                check(store, told)
                last = keep(store, SMALL, "after")  # the store has recovered
                assert whole(store, last) == SMALL
            faults += sum(fault is not None for _, fault in told.values())
        with closing(SqliteStore(data)) as store:
            check(store, told)
            store.sweep()
        sound(data)
        assert orphaned_parts(data) == 0
    assert faults >= len(MESSAGES)


def test_a_store_that_could_not_be_made_is_made_at_the_next_try(tmp_path: Path) -> None:
    with inserted(StumblingDisk()) as disk:
        with closing(SqliteStore(tmp_path / "counted", connect=disk.connect)):
            steps = disk.steps
        for step in range(1, steps + 1):
            data = tmp_path / str(step)
            disk.stumble = disk.steps + step
            with pytest.raises(StoreError, match="the disk under it failed"):
                SqliteStore(data, connect=disk.connect).close()
            with closing(SqliteStore(data)) as store:
                keep(store)
            sound(data)


def test_what_a_refused_message_left_is_removed_once_there_is_room(tmp_path: Path) -> None:
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        disk.room = 3 * len(LARGE)
        _, outcome = hand_over(store, LARGE * 5, acceptance("me"))
        assert isinstance(outcome.wait(), StoreFull)
        assert orphaned_parts(tmp_path) > 0
        disk.room = None
        keep(store)
        keep(store)
        assert orphaned_parts(tmp_path) == 0


def test_a_message_with_a_hole_is_refused_even_when_there_is_room_again(tmp_path: Path) -> None:
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        incoming, outcome, failed = store.incoming(), Outcome(), threading.Event()
        disk.room = 0
        incoming.write(LARGE)
        incoming.when_written(failed.set)
        assert failed.wait(PATIENCE)
        disk.room = None
        incoming.write(LARGE)
        incoming.accept(acceptance("me"), outcome)
        assert isinstance(outcome.wait(), StoreFull)
        assert store.mails() == []


def test_a_power_cut_costs_nothing_that_was_told_to_be_durable(tmp_path: Path) -> None:
    remains = tmp_path / "remains"
    remains.mkdir()
    data = tmp_path / "data"
    with inserted(ForgetfulDisk(remains)) as disk, closing(SqliteStore(data, connect=disk.connect)) as store:
        told = {}
        for number, content in enumerate([SMALL, LARGE, SMALL * 2, LARGE * 2] * 5):
            incoming, outcome = hand_over(store, content, acceptance("me", "you"))
            told[incoming.id] = (content, outcome.wait())
            after = tmp_path / f"after {number}"
            shutil.copytree(remains, after)
            with closing(SqliteStore(after)) as survivor:
                check(survivor, told)
            sound(after)
            shutil.rmtree(after)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system with room for 4 MB, where the system lets the tests mount one."""
    place = tmp_path / "small disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(
            f"no right to mount a small disk here ({mounted.stderr.strip()}); its twin in memory is tested"
        )
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_real_disk_that_fills_up_is_told_and_survived(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with closing(SqliteStore(small_disk / "data")) as store:
        kept = keep(store, SMALL)
        filler.write_bytes(bytes(4_000_000 - 1_200_000))
        for content in (LARGE * 2, LARGE * 3):
            _, outcome = hand_over(store, content, acceptance("me"))
            assert isinstance(outcome.wait(), StoreFull)
        assert [entry.id for entry in store.mails()] == [kept]
        filler.unlink()
        assert whole(store, keep(store, LARGE)) == LARGE
        assert whole(store, kept) == SMALL
    sound(small_disk / "data")
