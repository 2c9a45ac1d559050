"""Each step of settling made to fail in turn: an outcome and the reports about it are kept together or not at all, as
was told, and what could not be kept is still this server's to settle.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from queue_fixtures import ARRIVED, DEFERRED, FAILED, HOP, RELAYED, claim, dues, report_of, send, settle, to
from store_disks import SmallDisk, StumblingDisk, inserted
from store_fixtures import LARGE, SMALL, keep, whole

from mailsponge.errors import StoreError, StoreFull
from mailsponge.store.protocol import HopDown, Parcel, Report
from mailsponge.store.sqlite import SqliteStore

LATER = ARRIVED + 300
REPORT = b"Subject: failed\r\n\r\n" + b"x" * 300_000
"""As much as goes to the disk in parts."""


def sound(data: Path) -> None:
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        orphans = "SELECT count(*) FROM part WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = part.message)"
        assert connection.execute(orphans).fetchall() == [(0,)]


def settle_all(store: SqliteStore) -> dict[str, StoreError | None]:
    """Three messages, each to an end of its own, and the content of one that went goes; what was told of each."""
    failing, going, waiting = ([parcel] for parcel in claim(store))
    return {
        "failed": settle(store, failing, FAILED, *reports(failing)),
        "relayed": settle(store, going, RELAYED),
        "deferred": settle(store, waiting, DEFERRED, again=LATER),
        "tidied": tidied(store),
    }


def reports(parcels: list[Parcel]) -> list[Report]:
    return [report_of(parcels, "sender", to_=to("sender@example.com"), content=REPORT)]


def tidied(store: SqliteStore) -> StoreError | None:
    try:
        while store.tidy(0.0):
            pass
    except StoreError as error:
        return error
    return None


def check(store: SqliteStore, ids: list[int], told: dict[str, StoreError | None]) -> None:
    """Exactly what was told to be durable is so."""
    kept = {what for what, fault in told.items() if fault is None}
    for what, message_id in zip(("failed", "relayed", "deferred"), ids, strict=True):
        steps = [step.what for step in store.trace(message_id)]
        assert (what in steps) == (what in kept)
        assert (store.in_queue(message_id) is None) == (what in kept and what != "deferred")
        assert ("reported" in steps) == (what == "failed" and what in kept)
    found = store.mails("sender")
    assert len(found) == ("failed" in kept)
    assert all(whole(store, entry.id) == REPORT for entry in found)
    assert store.next_hops().keys() - {HOP} == ({"example.com"} if found else set())


def filled(data: Path) -> list[int]:
    with closing(SqliteStore(data)) as store:
        return [send(store, content=content) for content in (SMALL, LARGE, SMALL)]


def steps_of_a_run(data: Path) -> int:
    filled(data)
    with inserted(StumblingDisk()) as disk, closing(SqliteStore(data, connect=disk.connect)) as store:
        began = disk.steps
        settle_all(store)
        return disk.steps - began


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_any_step_may_fail_and_outcome_and_report_are_there_together_or_not_at_all(
    tmp_path: Path, error: type[apsw.Error]
) -> None:
    faults = 0
    for step in range(1, steps_of_a_run(tmp_path / "counted") + 1):
        data = tmp_path / str(step)
        ids = filled(data)
        with inserted(StumblingDisk(error)) as disk:
            with closing(SqliteStore(data, connect=disk.connect)) as store:
                disk.stumble = disk.steps + step
                told = settle_all(store)
                check(store, ids, told)
                assert claim(store) == [], "what could not be settled is claimed as before"
                keep(store)  # the store has recovered
            faults += sum(fault is not None for fault in told.values())
        with closing(SqliteStore(data)) as store:
            check(store, ids, told)
            left = claim(store)
            assert len(left) == sum(told[what] is not None for what in ("failed", "relayed", "deferred"))
            assert settle(store, left, RELAYED) is None
        sound(data)
    assert faults >= 3


OUTCOMES = {"relayed": (RELAYED, None), "deferred": (DEFERRED, LATER), "failed": (FAILED, None)}


@pytest.mark.parametrize("what", OUTCOMES)
def test_on_a_full_disk_nothing_is_settled_and_with_room_it_is_at_the_next_try(
    tmp_path: Path, what: str
) -> None:
    outcome, again = OUTCOMES[what]
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        message_id = send(store)
        parcels = claim(store)
        told_of = reports(parcels) if what == "failed" else []
        disk.room = 0
        for _ in range(2):
            assert isinstance(settle(store, parcels, outcome, *told_of, again=again), StoreFull)
            assert store.in_queue(message_id) is not None
            assert store.mails() == []
        disk.room = None
        assert settle(store, parcels, outcome, *told_of, again=again) is None
        assert len(store.mails("sender")) == len(told_of)
        assert [step.what for step in store.trace(message_id)].count(what) == 1


def test_on_a_full_disk_a_next_hop_that_is_down_is_no_trouble(tmp_path: Path) -> None:
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        disk.room = 0
        store.hop_is_down(HOP, HopDown(LATER, 1, "no answer"))
        send_fails(store)
        disk.room = None
        send(store)
        assert store.hops_down() == {}


def send_fails(store: SqliteStore) -> None:
    with pytest.raises(StoreFull):
        send(store, content=LARGE)


def test_on_a_full_disk_people_are_told(tmp_path: Path) -> None:
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        message_id = send(store)
        disk.room = 0
        for change in (store.hold, store.retry, store.withdraw):
            with pytest.raises(StoreFull, match="no room"):
                change(message_id)
        disk.room = None
        assert store.hold(message_id) == 1


def test_what_failed_to_be_settled_may_be_let_go(tmp_path: Path) -> None:
    with inserted(SmallDisk()) as disk, closing(SqliteStore(tmp_path, connect=disk.connect)) as store:
        send(store)
        parcels = claim(store)
        disk.room = 0
        assert isinstance(settle(store, parcels, RELAYED), StoreFull)
        disk.room = None
        store.let_go([due.id for due in dues(parcels)])
        assert len(claim(store)) == 1
