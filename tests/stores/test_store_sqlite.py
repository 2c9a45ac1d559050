"""What only a store on disk can do well or badly: outlive its server, be opened beside, be damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from store_fixtures import LARGE, SMALL, Outcome, acceptance, keep, whole

from mailsponge.errors import StoreError
from mailsponge.store import database
from mailsponge.store.database import PAGE
from mailsponge.store.mailboxes import SqliteMailboxes
from mailsponge.store.reading import INBOX
from mailsponge.store.sqlite import SqliteStore


def raw(data: Path) -> apsw.Connection:
    """The file itself, as any SQLite program sees it."""
    return apsw.Connection(str(data / "store.db"))


def parts(data: Path) -> int:
    with closing(raw(data)) as connection:
        return int(connection.execute("SELECT count(*) FROM part").fetchall()[0][0])


def test_what_was_accepted_is_there_when_the_server_starts_again(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        ids = {content: keep(store, content) for content in (SMALL, LARGE)}
    with closing(SqliteStore(tmp_path)) as store:
        assert {content: whole(store, message_id) for content, message_id in ids.items()} == {
            SMALL: SMALL,
            LARGE: LARGE,
        }


def test_the_next_server_draws_no_id_again_that_was_deleted(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.delete(message_id := keep(store))
    with closing(SqliteStore(tmp_path)) as store:
        assert store.incoming().id > message_id


def test_the_next_server_draws_no_id_again_that_left_no_message(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        discarded = store.incoming().id
    with closing(SqliteStore(tmp_path)) as store:
        assert store.incoming().id > discarded


def test_ids_go_on_without_a_gap_for_people_to_wonder_at(tmp_path: Path) -> None:
    ids = []
    for _ in range(3):
        with closing(SqliteStore(tmp_path)) as store:
            ids.append(keep(store))
    assert ids[2] - ids[0] <= 4


def test_data_are_for_the_owners_eyes_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with closing(SqliteStore(data)) as store:
        keep(store)
        modes = {file.name: file.stat().st_mode & 0o777 for file in (data, *data.iterdir())}
    assert modes == {
        "data": 0o700,
        "store.db": 0o600,
        "store.db-wal": 0o600,
        "store.db-shm": 0o600,
        "lock": 0o600,
    }


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)), closing(database.connect(tmp_path / "store.db")) as connection:
        assert connection.pragma("synchronous") == 2
        assert connection.pragma("journal_mode") == "wal"


def test_a_second_server_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        with pytest.raises(
            StoreError, match=rf"another server \(process {os.getpid()}\) .* another data directory"
        ):
            SqliteStore(tmp_path)
        keep(store)


def test_a_server_that_is_gone_locks_nobody_out(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    SqliteStore(tmp_path).close()


def test_a_server_that_could_not_start_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            SqliteStore(tmp_path)


def test_a_reader_beside_the_server_sees_each_commit(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, SqliteMailboxes(tmp_path) as beside:
        assert beside.mails() == []
        message_id = keep(store)
        assert [entry.id for entry in beside.mails()] == [message_id]
        assert whole(beside, message_id) == SMALL


def test_a_reader_needs_no_server(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        message_id = keep(store, LARGE)
    with SqliteMailboxes(tmp_path) as mailboxes:
        assert whole(mailboxes, message_id) == LARGE


def test_what_is_marked_and_deleted_beside_the_server_holds_in_it(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store, SqliteMailboxes(tmp_path) as beside:
        read, gone = keep(store), keep(store)
        beside.mark_seen(read, "me")
        beside.delete(gone)
        assert [(entry.id, entry.seen) for entry in store.mails()] == [(read, True)]
        keep(store)


def test_another_process_reads_and_marks_while_the_server_writes(tmp_path: Path) -> None:
    program = """
import json, pathlib, sys
from mailsponge.store.mailboxes import SqliteMailboxes
with SqliteMailboxes(pathlib.Path(sys.argv[1])) as mailboxes:
    entries = mailboxes.mails("me")
    for entry in entries:
        mailboxes.mark_seen(entry.id, "me")
    print(json.dumps([len(b"".join(mailboxes.content(entry.id))) for entry in entries]))
"""
    with closing(SqliteStore(tmp_path)) as store:
        for _ in range(3):
            keep(store, LARGE)
        reader = subprocess.Popen(
            [sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True
        )
        while reader.poll() is None:
            keep(store, SMALL, "somebody else")
        assert reader.communicate()[0] == json.dumps([len(LARGE)] * 3) + "\n"
        assert reader.returncode == 0
        assert all(entry.seen for entry in store.mails("me"))


def test_a_message_deleted_while_it_is_read_is_an_error_and_not_a_short_message(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        message_id = keep(store, LARGE)
        pieces = store.content(message_id)
        next(pieces)
        store.delete(message_id)
        with pytest.raises(StoreError, match="deleted while it was being read"):
            list(pieces)


def test_a_reader_never_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no mail store in .*mailsponge serve"):
        SqliteMailboxes(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_an_empty_file_says_what_may_be_the_matter_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    with pytest.raises(StoreError, match=r"store\.db is empty: .*just starting.*start it.*restore a backup"):
        SqliteMailboxes(tmp_path)


def test_a_closed_reader_says_so(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    mailboxes = SqliteMailboxes(tmp_path)
    mailboxes.close()
    mailboxes.close()
    with pytest.raises(StoreError, match="has been closed"):
        mailboxes.mails()


@pytest.mark.parametrize("opener", [SqliteStore, SqliteMailboxes])
def test_a_newer_store_is_left_to_a_newer_program(
    tmp_path: Path, opener: type[SqliteStore] | type[SqliteMailboxes]
) -> None:
    SqliteStore(tmp_path).close()
    with closing(raw(tmp_path)) as connection:
        connection.pragma("user_version", 99)
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(StoreError, match=r"newer mailsponge wrote it \(version 99.*upgrade"):
        opener(tmp_path)
    assert (tmp_path / "store.db").read_bytes() == before


def test_an_older_store_is_brought_up_to_date_by_the_server_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        message_id = keep(store)
    now = database.migrations()
    monkeypatch.setattr(database, "migrations", lambda: [*now, "CREATE TABLE later (column)"])
    with pytest.raises(StoreError, match="older mailsponge wrote it: start `mailsponge serve` once"):
        SqliteMailboxes(tmp_path)
    with closing(SqliteStore(tmp_path)) as store, closing(raw(tmp_path)) as connection:
        assert connection.pragma("user_version") == len(now) + 1
        assert whole(store, message_id) == SMALL
    SqliteMailboxes(tmp_path).close()


def test_mail_of_a_store_without_stories_has_them_after_the_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        scripts = database.migrations()[:2]
        patch.setattr(database, "migrations", lambda: scripts)
        with closing(database.open_or_create(tmp_path / "store.db")) as connection:
            connection.execute(
                "INSERT INTO message VALUES (7, 1.0, 5, NULL, '[[\"me\", \"b.example\"]]', 0, 0, 'peer', 'helo', "
                "'[\"why\"]', '[\"me\"]', 0, x'6162630d0a')"
            )
    with closing(SqliteStore(tmp_path)) as store:
        assert [step.what for step in store.trace(7)] == ["came", "sender", "admitted", "delivered"]
        assert keep(store) > 7


def test_mail_of_a_store_without_an_inbox_is_in_it_after_the_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        scripts = database.migrations()[:4]
        patch.setattr(database, "migrations", lambda: scripts)
        with closing(database.open_or_create(tmp_path / "store.db")) as connection:
            for number in 7, 8:
                connection.execute(
                    "INSERT INTO message VALUES (?, 1.0, 7, NULL, '[[\"me\", \"b.example\"]]', 0, 0, 'peer', 'helo', "
                    "'[\"why\"]', '[\"me\"]', 0, x'0d0a68656c6c6f', '[]', NULL, NULL)",
                    (number,),
                )
            connection.execute("UPDATE entry SET seen = 1 WHERE message = 7")
    with closing(SqliteStore(tmp_path)) as store:
        assert store.page("me", INBOX).rows == ()
        assert store.index(1) == store.index(10) == 1
        assert [(row.id, row.seen) for row in store.page("me", INBOX).rows] == [(8, False), (7, True)]
        assert len(store.search("me", "hello").rows) == 2


def test_an_upgrade_that_fails_leaves_the_older_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(tmp_path).close()
    now = database.migrations()
    with monkeypatch.context() as patch:
        patch.setattr(
            database, "migrations", lambda: [*now, "CREATE TABLE later (column); CREATE TABLE later (column)"]
        )
        with pytest.raises(StoreError, match="already exists"):
            SqliteStore(tmp_path)
    with closing(SqliteStore(tmp_path)) as store:
        keep(store)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with closing(raw(tmp_path)) as connection:
        connection.execute("CREATE TABLE contacts (name)")
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        SqliteStore(tmp_path)
    assert (tmp_path / "store.db").read_bytes() == before


DAMAGES = {
    "overwritten from the start": lambda content: b"\xff" * 4096 + content[4096:],
    "a page lost in the schema": lambda content: content[:100] + b"\xff" * 3900 + content[4000:],
    "cut off": lambda content: content[:5000],
    "text": lambda content: b"Dear diary, \n" * 1000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_told_and_never_overwritten(tmp_path: Path, damage: str) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        keep(store, LARGE)
    file = tmp_path / "store.db"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"damaged.*left as it is"):
        SqliteStore(tmp_path)
    assert file.read_bytes() == before


def test_a_page_that_is_damaged_spoils_no_other_message(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        spoilt = keep(store, b"From: spoilt\r\n\r\n" + b"SPOILT" * 100_000, "a")
        fine = keep(store, SMALL, "b")
    file = tmp_path / "store.db"
    content = file.read_bytes()
    at = (
        content.index(b"SPOILT" * (PAGE // len(b"SPOILT") - 10)) // PAGE * PAGE
    )  # all of it is that message's
    file.write_bytes(content[:at] + b"\xff" * PAGE + content[at + PAGE :])
    with closing(SqliteStore(tmp_path)) as store:
        assert whole(store, fine) == SMALL
        with pytest.raises(StoreError, match="damaged"):
            whole(store, spoilt)
        assert whole(store, keep(store, SMALL, "b")) == SMALL


def test_an_emptied_store_whose_log_still_holds_mail_is_not_begun_anew(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        keep(store)
        log = (tmp_path / "store.db-wal").read_bytes()
    assert log
    (tmp_path / "store.db").write_bytes(b"")
    (tmp_path / "store.db-wal").write_bytes(log)
    for opener in (SqliteStore, SqliteMailboxes):
        with pytest.raises(StoreError, match="emptied"):
            opener(tmp_path)
        assert (tmp_path / "store.db-wal").read_bytes() == log


def test_a_data_directory_that_cannot_be_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot keep mail in .*/file/data: Not a directory"):
        SqliteStore(tmp_path / "file" / "data")


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2"])
def test_an_sqlite_that_damages_mail_is_refused(version: str) -> None:
    with pytest.raises(StoreError, match=r"3\.51\.3 or later is needed: pip install -U apsw"):
        database.require_safe_sqlite(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.54.1", "4.0.0"])
def test_a_safe_sqlite_is_taken(version: str) -> None:
    database.require_safe_sqlite(version)


def test_orphans_of_an_earlier_server_are_swept(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    for _ in range(2):
        store.incoming().write(LARGE)
    kept = keep(store, LARGE)
    store.close()
    orphaned = parts(tmp_path)
    with closing(SqliteStore(tmp_path)) as store:
        assert store.sweep() == 2
        assert store.sweep() == 0
        assert whole(store, kept) == LARGE
    assert parts(tmp_path) < orphaned


def test_what_is_still_on_its_way_in_is_never_swept(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        incoming, outcome = store.incoming(), Outcome()
        incoming.write(LARGE)
        keep(store)
        assert store.sweep() == 0
        incoming.accept(acceptance("me"), outcome)
        assert outcome.wait() is None
        assert whole(store, incoming.id) == LARGE


def test_a_discarded_message_gives_its_room_back(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        incoming = store.incoming()
        incoming.write(LARGE)
        incoming.discard()
        keep(store)
        assert parts(tmp_path) == 0


def test_another_program_that_keeps_the_store_locked_is_named_as_the_reason(tmp_path: Path) -> None:
    def impatient(file: Path) -> apsw.Connection:
        connection = database.connect(file)
        connection.set_busy_timeout(1)
        return connection

    with closing(SqliteStore(tmp_path, connect=impatient)) as store, closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program has kept it locked"):
            keep(store)
        other.execute("ROLLBACK")
        keep(store)


def test_a_store_with_pages_of_another_size_goes_on_as_it_is(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        first = keep(store, SMALL)
    with closing(database.connect(tmp_path / "store.db")) as connection:
        connection.pragma("journal_mode", "delete")
        connection.pragma("page_size", 4096)
        connection.execute("VACUUM")
    with closing(SqliteStore(tmp_path)) as store:
        second = keep(store, LARGE)
        assert whole(store, first) == SMALL
        assert whole(store, second) == LARGE
    with closing(database.connect(tmp_path / "store.db")) as connection:
        assert connection.pragma("page_size") == 4096


@pytest.mark.parametrize("again", [False, True], ids=["a new store", "one that is there"])
def test_much_that_is_written_at_once_is_not_kept_in_memory(tmp_path: Path, again: bool) -> None:
    if again:
        database.open_or_create(tmp_path / database.NAME).close()
    with closing(database.open_or_create(tmp_path / database.NAME)) as connection, connection:
        for number in range(40):
            connection.execute("INSERT INTO part VALUES (1, ?, ?)", (number, b"x" * 256 * 1024))
        kept, _ = connection.status(apsw.SQLITE_DBSTATUS_CACHE_USED)

    assert kept < 1.1 * database.CACHE * 1024
