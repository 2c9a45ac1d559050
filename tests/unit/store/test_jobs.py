"""Batches: the rows of many jobs, in few statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.store import committing, database
from mailsponge.store.footprint import Footprint
from mailsponge.store.jobs import AcceptJob, Batch, DiscardJob, DrawnJob, MarkJob, PartJob, Transfer
from mailsponge.store.protocol import Acceptance

ACCEPTANCE = Acceptance(
    Envelope(Address("a", "b.example"), (Address("me", "example.org"),)),
    ("me", "you"),
    1.0,
    "peer",
    "helo",
    ("why",),
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(database.open_or_create(tmp_path / "store.db")) as connection:
        yield connection


def accept_job(message_id: int, transfer: Transfer | None = None) -> AcceptJob:
    return AcceptJob(
        transfer or Transfer(message_id, Footprint()), 4, b"tail", ACCEPTANCE, lambda fault: None
    )


def write(connection: apsw.Connection, *jobs: AcceptJob | PartJob | DiscardJob | DrawnJob | MarkJob) -> None:
    batch = Batch()
    for job in jobs:
        job.join(batch)
    committing.commit(connection, batch)


def count(connection: apsw.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


@pytest.mark.parametrize("messages", [1, 2, 31, 32, 33, 100])
def test_every_message_of_a_batch_is_written(connection: apsw.Connection, messages: int) -> None:
    write(connection, *(accept_job(message_id) for message_id in range(1, messages + 1)))
    assert count(connection, "message") == messages
    assert count(connection, "entry") == 2 * messages


def test_a_batch_of_nothing_writes_nothing(connection: apsw.Connection) -> None:
    before = connection.total_changes()
    write(connection, MarkJob(lambda: None))
    assert connection.total_changes() == before


def test_discarding_takes_the_parts_of_one_message_alone(connection: apsw.Connection) -> None:
    write(
        connection,
        PartJob(Transfer(1, Footprint()), 0, b"one"),
        PartJob(Transfer(2, Footprint()), 0, b"two"),
        DiscardJob(1),
    )
    assert connection.execute("SELECT message FROM part").fetchall() == [(2,)]


def test_discarding_never_takes_the_parts_of_a_message_that_was_accepted(connection: apsw.Connection) -> None:
    write(connection, PartJob(Transfer(1, Footprint()), 0, b"one"), accept_job(1), DiscardJob(1))
    assert count(connection, "part") == 1


def test_the_highest_id_is_remembered_and_never_lowered(connection: apsw.Connection) -> None:
    write(connection, DrawnJob(7))
    write(connection, DrawnJob(3))
    assert connection.execute("SELECT highest FROM drawn").fetchall() == [(7,)]


def test_after_a_part_that_failed_neither_parts_nor_message_join_a_batch() -> None:
    transfer = Transfer(1, Footprint())
    PartJob(transfer, 0, b"lost").settle(StoreError("gone"))
    for job in (PartJob(transfer, 1, b"next"), accept_job(1, transfer)):
        with pytest.raises(StoreError, match="gone"):
            job.join(Batch())


def test_a_refused_message_with_parts_leaves_them_to_be_discarded() -> None:
    transfer = Transfer(1, Footprint())
    transfer.parts = 2
    assert isinstance(accept_job(1, transfer).settle(StoreError("full")), DiscardJob)
    assert accept_job(1, transfer).settle(None) is None
    assert accept_job(2).settle(StoreError("full")) is None


def test_discarding_is_tried_again_but_not_for_ever() -> None:
    job = DiscardJob(1)
    tries = 1
    while job.settle(StoreError("full")) is job:
        tries += 1
    assert tries == 3
    assert DiscardJob(1).settle(None) is None
