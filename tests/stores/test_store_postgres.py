"""What only a store in a database can do well or badly: be shared, be away, lose a session, be somebody else's."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from queue_fixtures import DEFERRED, FAILED, Present, Told, claim, dues, report_of, send, settle
from store_fixtures import LARGE, PATIENCE, SMALL, Outcome, acceptance, hand_over, keep, whole

from kit import postgres as servers
from kit.postgres import Postgres
from mailsponge.errors import StoreError, StoreFull
from mailsponge.store.protocol import HopDown, Parcel, Store

psycopg = pytest.importorskip("psycopg")

from mailsponge.store.postgres import reading, schema  # noqa: E402
from mailsponge.store.postgres.ids import BLOCK  # noqa: E402
from mailsponge.store.postgres.mailboxes import PostgresMailboxes  # noqa: E402
from mailsponge.store.postgres.queue import PostgresQueue  # noqa: E402
from mailsponge.store.postgres.store import PostgresStore  # noqa: E402

Open = Callable[..., PostgresStore]


@pytest.fixture
def node(database: str) -> Iterator[Open]:
    """Opens stores of one database; each is a machine of its own, if nothing else is said."""
    with ExitStack() as at_end:

        def opened(name: str | None = None, **options: Any) -> PostgresStore:
            count.append(None)
            store = PostgresStore(database, node=name or f"machine {len(count)}", **options)
            at_end.callback(store.close)
            return store

        count: list[None] = []
        yield opened


@pytest.fixture
def store(node: Open) -> PostgresStore:
    return node()


def parts(postgres: Postgres, url: str) -> int:
    return int(postgres.sql("SELECT count(*) FROM mailsponge_mail.part", url)[0][0])


# Several servers


def test_all_nodes_have_the_same_mailboxes(node: Open) -> None:
    one, other = node(), node()
    first, second = keep(one, SMALL, "me"), keep(other, LARGE, "me")
    for store in one, other:
        assert {entry.id for entry in store.mails("me")} == {first, second}
        assert whole(store, second) == LARGE
    other.delete(first)
    assert one.message(first) is None


def test_no_two_nodes_ever_draw_the_same_number(node: Open) -> None:
    stores = [node(), node(), node("the same"), node("the same")]
    drawn: list[int] = []
    for _ in range(BLOCK // 2):
        drawn += [store.incoming().id for store in stores]
    for store in stores:
        store.close()
    drawn += [node().incoming().id]
    assert len(set(drawn)) == len(drawn)


def test_nodes_that_start_at_the_same_moment_make_the_tables_once(node: Open, postgres: Postgres) -> None:
    made: list[Store] = []
    faults: list[StoreError] = []
    gate = threading.Barrier(5)

    def start() -> None:
        gate.wait(PATIENCE)
        try:
            made.append(node())
        except StoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (len(made), faults) == (5, [])
    keep(made[0])
    assert all(len(store.mails()) == 1 for store in made)


@pytest.fixture
def killed(database: str, tmp_path: Path) -> Callable[[str], None]:
    """Runs a node that is killed while a large message comes in."""

    def run(name: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", _DIES, database, name], capture_output=True, text=True, check=False
        )
        assert done.returncode == -9, done.stderr

    return run


_DIES = """\
import os, signal, sys, threading
from mailsponge.store.postgres.store import PostgresStore
store = PostgresStore(sys.argv[1], node=sys.argv[2])
incoming, written = store.incoming(), threading.Event()
incoming.write(b"x" * 1_000_000)
incoming.when_written(written.set)
written.wait(60)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_node_left_is_swept_when_its_machine_starts_again(
    killed: Callable[[str], None], node: Open, postgres: Postgres, database: str
) -> None:
    killed("mx1")
    assert parts(postgres, database) > 0
    assert node("mx2").sweep() == 0  # it may be alive: only its machine knows
    assert node("mx1").sweep() == 1
    assert parts(postgres, database) == 0


def test_what_a_killed_node_left_is_swept_by_others_when_its_lease_has_run_out(
    killed: Callable[[str], None], node: Open, postgres: Postgres, database: str
) -> None:
    killed("mx1")
    other = node("mx2")
    postgres.sql("UPDATE mailsponge_mail.node SET until = now() WHERE name = 'mx1'", database)
    assert other.sweep() == 1
    assert other.sweep() == 0


def test_what_comes_in_at_another_node_is_never_swept(node: Open) -> None:
    one, other = node("mx"), node("mx")
    incoming, outcome = one.incoming(), Outcome()
    incoming.write(LARGE)
    keep(one)
    assert other.sweep() == one.sweep() == 0
    incoming.accept(acceptance("me"), outcome)
    assert outcome.wait() is None
    assert whole(other, incoming.id) == LARGE


def test_a_node_that_was_taken_for_dead_goes_on_as_another(
    node: Open, caplog: pytest.LogCaptureFixture
) -> None:
    cut_off, other = node(lease=0.0), node()
    assert other.sweep() == 0
    with caplog.at_level(logging.WARNING):
        message_id = keep(cut_off)
    assert "heard nothing of this one for too long" in caplog.text
    assert whole(other, message_id) == SMALL


def test_a_message_whose_parts_were_swept_is_refused_and_not_kept_without_them(node: Open) -> None:
    cut_off, other = node(lease=0.0), node()
    incoming, outcome, written = cut_off.incoming(), Outcome(), threading.Event()
    incoming.write(LARGE)
    incoming.when_written(written.set)
    assert written.wait(PATIENCE)
    assert other.sweep() == 1
    incoming.accept(acceptance("me"), outcome)
    assert "parts of the message were swept away" in str(outcome.wait())
    assert other.mails() == []
    assert whole(other, keep(cut_off, LARGE)) == LARGE


def test_a_node_that_says_it_lives_is_not_taken_for_dead(
    node: Open, postgres: Postgres, database: str
) -> None:
    one, other = node(), node()
    postgres.sql("UPDATE mailsponge_mail.node SET until = now()", database)
    one.keep_claims()
    incoming, outcome = one.incoming(), Outcome()
    incoming.write(LARGE)
    assert other.sweep() == 0
    incoming.accept(acceptance("me"), outcome)
    assert outcome.wait() is None


# Away, and back


def test_a_database_that_is_away_is_told_and_all_is_well_when_it_is_back(
    node: Open, postgres: Postgres, database: str
) -> None:
    store = node(patience=0.0)
    kept = keep(store)
    with postgres.away(database):
        outcomes = [hand_over(store, content, acceptance("me"))[1] for content in (SMALL, LARGE) * 3]
        assert all("postgresql://postgres@/test" in str(outcome.wait()) for outcome in outcomes)
        with pytest.raises(StoreError, match="postgresql"):
            store.mails()
    assert whole(store, kept) == SMALL
    assert whole(store, keep(store, LARGE)) == LARGE
    assert len(store.mails()) == 2
    assert store.held == 0


def test_a_session_that_was_ended_meanwhile_is_nobodys_concern(
    store: PostgresStore, postgres: Postgres, database: str
) -> None:
    kept = keep(store)
    for _ in range(3):
        postgres.end_sessions(database)
        assert whole(store, kept) == SMALL
        keep(store)
    postgres.end_sessions(database)
    store.mark_seen(kept, "me")
    assert len(store.mails()) == 4


def begin(store: Store, messages: int) -> None:
    for _ in range(messages):
        store.incoming()


def test_while_it_is_away_messages_can_begin_until_the_numbers_are_used_up(
    node: Open, postgres: Postgres, database: str
) -> None:
    store = node(patience=0.0)
    keep(store)
    with postgres.away(database), pytest.raises(StoreError, match="no numbers"):
        begin(store, 3 * BLOCK)
    store.keep_claims()  # whatever goes to the database brings numbers along
    keep(store)


def test_numbers_are_fetched_before_they_are_used_up(store: PostgresStore) -> None:
    drawn = []
    for _ in range(3 * BLOCK // 100):
        drawn += [store.incoming().id for _ in range(100)]
        store.keep_claims()
    assert len(set(drawn)) == 3 * BLOCK


class Eavesdropper:
    """Stands between a store and its server, and can keep what the server says next to itself, and hang up."""

    def __init__(self, server: Path, place: Path) -> None:
        self._server = server
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(place))
        self._listening.listen()
        self.keeps_the_next_answer = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                for way in (client, server), (server, client):
                    threading.Thread(target=self._carry, args=(*way, way[0] is server), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError), closing(sink):
            while data := source.recv(1 << 16):
                if is_answer and self.keeps_the_next_answer:
                    self.keeps_the_next_answer = False
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def eavesdropped(postgres: Postgres, database: str) -> Iterator[tuple[Eavesdropper, str]]:
    """One who listens in, and the URL by way of them."""
    with tempfile.TemporaryDirectory(prefix="msp-") as folder:
        eavesdropper = Eavesdropper(postgres.home / ".s.PGSQL.5432", Path(folder) / ".s.PGSQL.5432")
        with closing(eavesdropper):
            yield eavesdropper, f"{database.partition('?')[0]}?host={folder}"


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_commit_whose_answer_is_lost_is_looked_up(
    eavesdropped: tuple[Eavesdropper, str], content: bytes
) -> None:
    eavesdropper, url = eavesdropped
    with closing(PostgresStore(url, node="test")) as store:
        for _ in range(5):
            eavesdropper.keeps_the_next_answer = True
            incoming, outcome = hand_over(store, content, acceptance("me"))
            assert outcome.wait() is None
            assert whole(store, incoming.id) == content
        assert len(store.mails()) == 5


def test_what_nobody_can_look_up_is_told_as_a_failure(
    eavesdropped: tuple[Eavesdropper, str], postgres: Postgres, database: str
) -> None:
    eavesdropper, url = eavesdropped
    with closing(PostgresStore(url, node="test", patience=0.0)) as store:
        eavesdropper.keeps_the_next_answer = True
        with locked(postgres, database):
            _, outcome = hand_over(store, SMALL, acceptance("me"))
            assert "may be there all the same" in str(outcome.wait())
        keep(store)


@contextmanager
def locked(postgres: Postgres, url: str) -> Iterator[None]:
    """Whoever has a session keeps it; nobody gets another."""
    ((name,),) = postgres.sql("SELECT current_database()", url)
    postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        yield
    finally:
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    """A server that syncs, as one that keeps mail has to."""
    try:
        with servers.running(servers.DURABLE) as server:
            yield server
    except servers.NotHere as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("number", [9, 3], ids=["SIGKILL", "immediate"])
def test_a_server_that_dies_in_the_middle_costs_nothing_that_was_told_to_be_durable(
    durable: Postgres, number: int
) -> None:
    url = durable.database()
    told: list[tuple[int, bytes, Outcome]] = []
    ended = threading.Event()

    with closing(PostgresStore(url, node="test")) as store:

        def send() -> None:
            while not ended.is_set():
                for content in (SMALL, LARGE, SMALL):
                    with_content = content + b"%d\r\n" % len(told)
                    try:
                        incoming, outcome = hand_over(store, with_content, acceptance("me", "you"))
                    except StoreError:
                        continue
                    told.append((incoming.id, with_content, outcome))
                told[-1][2].wait()

        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(3):
            before = len(told)
            while len(told) < before + 30:
                assert sender.is_alive()
                told[-1][2].wait() if told else None
            durable.end(number)
            durable.start()
        ended.set()
        sender.join(PATIENCE)
        kept = {message_id: content for message_id, content, outcome in told if outcome.wait() is None}
        assert len(kept) > 90
        for mailbox in "me", "you":
            there = {entry.id for entry in store.mails(mailbox)}
            assert set(kept) <= there
            # Whoever was told of a failure sends again: what is there without having been told would be there twice.
            assert len(there - set(kept)) == 0
        assert all(whole(store, message_id) == content for message_id, content in kept.items())


# What a database may say


def test_what_is_told_is_durable_whatever_the_database_has_as_its_default(
    node: Open, postgres: Postgres, database: str
) -> None:
    ((name,),) = postgres.sql("SELECT current_database()", database)
    postgres.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = node()
    assert store._reading.rows("SHOW synchronous_commit") == [("on",)]
    assert store._node._connection.execute("SHOW synchronous_commit").fetchall() == [("on",)]


def test_a_server_that_does_not_sync_is_warned_of(node: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        node()
    assert "fsync = off" in caplog.text


def test_a_database_that_is_read_only_is_told_as_that(
    store: PostgresStore, postgres: Postgres, database: str
) -> None:
    kept = keep(store)
    ((name,),) = postgres.sql("SELECT current_database()", database)
    postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgres.end_sessions(database)
    _, outcome = hand_over(store, SMALL, acceptance("me"))
    assert "read-only" in str(outcome.wait())
    assert whole(store, kept) == SMALL
    postgres.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only", "")
    postgres.end_sessions(database)
    keep(store)


def test_a_server_without_room_for_another_session_says_so(postgres: Postgres, database: str) -> None:
    postgres.sql("CREATE ROLE narrow LOGIN CONNECTION LIMIT 0")
    try:
        with pytest.raises(StoreError, match="no session left for us: raise its max_connections"):
            PostgresMailboxes(database.replace("postgres@", "narrow@"))
    finally:
        postgres.sql("DROP ROLE narrow")


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:hunter2@127.0.0.1:1/mail", "postgresql://me@127.0.0.1:1/mail?password=hunter2"],
)
def test_a_password_is_never_shown(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        PostgresMailboxes(url)
    assert "postgresql://me@127.0.0.1:1/mail: it cannot be reached now" in str(refused.value)
    assert "hunter2" not in "".join(map(repr, (refused.value, refused.value.__context__)))


def test_a_database_that_is_not_there_says_what_to_do(postgres: Postgres) -> None:
    with pytest.raises(StoreError, match="create it with createdb"):
        PostgresMailboxes(postgres.url("nowhere"))


@pytest.fixture
def small_tablespace(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database on a real file system with little room, where the system lets the tests mount one."""
    place = postgres.home / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "none", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk here ({mounted.stderr.decode().strip()})")
    shutil.chown(place, postgres.home.owner(), postgres.home.group())
    url = postgres.url("on_a_small_disk")
    try:
        postgres.sql(f"CREATE TABLESPACE small LOCATION '{place}'")
        postgres.sql("CREATE DATABASE on_a_small_disk TABLESPACE small")
        yield url
    finally:
        postgres.sql("DROP DATABASE IF EXISTS on_a_small_disk WITH (FORCE)")
        postgres.sql("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_of_the_server_is_told_and_survived(small_tablespace: str) -> None:
    with closing(PostgresStore(small_tablespace, node="test")) as store:
        kept = keep(store)
        assert whole(store, kept) == SMALL  # a new session would need room for a file of its own
        refused, outcome = hand_over(store, LARGE * 20, acceptance("me"))
        assert isinstance(outcome.wait(), StoreFull)
        assert "no room left on the database server's disk" in str(outcome.fault)
        assert store.message(refused.id) is None
        assert whole(store, kept) == SMALL
        keep(store)  # what was refused is removed by the next
        keep(store)
        assert parts_of(store) == 0


def parts_of(store: PostgresStore) -> int:
    return int(store._reading.rows("SELECT count(*) FROM mailsponge_mail.part")[0][0])


# Versions


def test_a_reader_never_makes_a_store(postgres: Postgres, database: str) -> None:
    with pytest.raises(StoreError, match="no mail store in it: start `mailsponge serve`"):
        PostgresMailboxes(database)
    assert postgres.sql("SELECT to_regnamespace('mailsponge_mail')", database) == [(None,)]


@pytest.mark.parametrize("reader", [True, False])
def test_a_newer_store_is_left_to_a_newer_program(postgres: Postgres, database: str, reader: bool) -> None:
    PostgresStore(database, node="test").close()
    postgres.sql("INSERT INTO mailsponge_mail.version VALUES (99)", database)
    with pytest.raises(StoreError, match=r"newer mailsponge wrote it \(version 99.*upgrade"):
        PostgresMailboxes(database) if reader else PostgresStore(database, node="test")


def test_an_older_store_is_brought_up_to_date_by_the_server_alone(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(PostgresStore(database, node="test")) as store:
        message_id = keep(store)
    now = schema.migrations()
    monkeypatch.setattr(
        schema, "migrations", lambda: [*now, "CREATE TABLE mailsponge_mail.later (id integer)"]
    )
    with pytest.raises(StoreError, match="older mailsponge wrote it: start `mailsponge serve` once"):
        PostgresMailboxes(database)
    with closing(PostgresStore(database, node="test")) as store:
        assert whole(store, message_id) == SMALL
    PostgresMailboxes(database).close()


def test_an_upgrade_that_fails_leaves_the_older_store(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PostgresStore(database, node="test").close()
    now = schema.migrations()
    with monkeypatch.context() as patch:
        twice = "CREATE TABLE mailsponge_mail.later (id integer);" * 2
        patch.setattr(schema, "migrations", lambda: [*now, twice])
        with pytest.raises(StoreError, match="already exists"):
            PostgresStore(database, node="test")
    with closing(PostgresStore(database, node="test")) as store:
        keep(store)


def test_a_database_in_another_encoding_is_refused(postgres: Postgres) -> None:
    postgres.sql("CREATE DATABASE latin_mail ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoded as LATIN1: not every text fits in"):
        PostgresStore(postgres.url("latin_mail"), node="test")


# Beside a server


def test_a_reader_sees_what_the_server_keeps_and_changes_it(store: PostgresStore, database: str) -> None:
    message_id = keep(store, LARGE)
    with PostgresMailboxes(database) as beside:
        assert whole(store, message_id) == LARGE
        beside.mark_seen(message_id, "me")
        assert [entry.seen for entry in store.mails()] == [True]
        beside.delete(message_id)
    assert store.mails() == []


def test_a_message_deleted_while_it_is_read_is_an_error_and_not_a_short_message(store: PostgresStore) -> None:
    message_id = keep(store, LARGE)
    pieces = store.content(message_id)
    next(pieces)
    store.delete(message_id)
    with pytest.raises(StoreError, match="deleted while it was being read"):
        list(pieces)


def test_a_closed_reader_says_so(store: PostgresStore, database: str) -> None:
    mailboxes = PostgresMailboxes(database)
    mailboxes.close()
    mailboxes.close()
    with pytest.raises(StoreError, match="has been closed"):
        mailboxes.mails()


# A queue that several servers share


def test_claims_of_nodes_never_overlap(node: Open) -> None:
    nodes = [node() for _ in range(3)]
    for number in range(60):
        send(nodes[0], *(f"r{number}-{each}@example.net" for each in range(5)))
    claimed: list[int] = []

    def work(store: PostgresStore) -> None:
        while found := dues(claim(store, most=7)):
            claimed.extend(due.id for due in found)

    threads = [threading.Thread(target=work, args=(store,)) for store in nodes for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(claimed) == len(set(claimed)) == 300


def test_what_a_node_has_claimed_stays_its_own_as_long_as_it_says_that_it_lives(
    node: Open, postgres: Postgres, database: str
) -> None:
    one, other = node(), node()
    send(one)
    claimed = claim(one)
    postgres.sql("UPDATE mailsponge_mail.node SET until = now()", database)
    one.keep_claims()
    other.keep_claims()
    assert claim(other) == []
    assert settle(one, claimed) is None
    assert list(other.queued()) == []


def test_what_a_node_had_claimed_is_taken_over_when_its_lease_has_run_out(node: Open) -> None:
    cut_off, other = node(lease=0.0), node()
    message_id = send(cut_off)
    claimed = claim(cut_off)
    assert claim(other) == []
    other.keep_claims()
    (parcel,) = claim(other)
    assert (parcel.message, dues([parcel])) == (message_id, dues(claimed))
    assert settle(cut_off, claimed, FAILED, report_of(claimed, "sender")) is None
    assert cut_off.mails() == []
    (queued,) = other.queued()
    assert queued.recipients[0].attempts == 0
    assert settle(other, [parcel]) is None
    assert list(other.queued()) == []


def test_what_a_killed_node_had_claimed_its_machine_takes_up_at_once(node: Open, database: str) -> None:
    send(node())
    done = subprocess.run(
        [sys.executable, "-c", _CLAIMS_AND_DIES, database], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    other = node("mx2")
    other.sweep()
    assert claim(other) == []
    again = node("mx1")
    again.sweep()
    assert len(claim(again)) == 1


_CLAIMS_AND_DIES = """\
import os, signal, sys
from mailsponge.store.postgres.store import PostgresStore
store = PostgresStore(sys.argv[1], node="mx1")
assert len(store.claim("example.net", 10, 1e9)) == 1
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_node_had_claimed_others_take_over_when_they_miss_it(node: Open, database: str) -> None:
    send(node())
    subprocess.run([sys.executable, "-c", _CLAIMS_AND_DIES, database], capture_output=True, check=False)
    patient, quick = node(), node(grace=0.0)
    patient.keep_claims()
    assert claim(patient) == []
    claimed: list[Parcel] = []
    while not claimed:  # the database may need a moment to see that the session is over
        quick.keep_claims()
        claimed = claim(quick)
    assert len(claimed) == 1


def test_a_node_that_has_a_session_is_not_missed(node: Open) -> None:
    silent, other = node(), node(grace=0.0)
    send(silent)
    claimed = claim(silent)
    other.keep_claims()
    assert claim(other) == []
    assert settle(silent, claimed) is None
    assert list(other.queued()) == []


def test_a_node_that_stops_leaves_what_it_had_claimed(node: Open) -> None:
    one, other = node(), node()
    send(one)
    claim(one)
    one.close()
    assert len(claim(other)) == 1


def test_what_was_withdrawn_while_a_node_died_can_be_released(node: Open) -> None:
    cut_off, other = node(lease=0.0, now=Present()), node(now=Present())
    message_id = send(cut_off)
    claim(cut_off)
    other.withdraw(message_id)
    other.keep_claims()
    assert other.release(message_id) == 1
    assert len(claim(other)) == 1


def test_what_one_node_accepts_all_others_hear_of(node: Open) -> None:
    one, other = node(), node()
    here, there = Told(), Told()
    one.watch(here)
    other.watch(there)
    send(one, "a@example.net", "b@example.com")
    for listener in here, there:
        listener.wait_for("example.net")
        listener.wait_for("example.com")


def test_what_a_person_releases_beside_the_servers_all_of_them_hear_of(node: Open, database: str) -> None:
    nodes, listeners = [node(), node()], [Told(), Told()]
    message_id = send(nodes[0])
    nodes[0].hold(message_id)
    for store, listener in zip(nodes, listeners, strict=True):
        store.watch(listener)
    with PostgresQueue(database) as beside:
        beside.release(message_id)
    for listener in listeners:
        listener.wait_for("example.net")


def test_who_lost_the_session_for_word_from_others_looks_when_it_has_another(
    node: Open, postgres: Postgres, database: str
) -> None:
    one, other = node(), node()
    listener = Told()
    other.watch(listener)
    send(one, "a@example.net")
    listener.wait_for("example.net")
    postgres.end_sessions(database)
    send(one, "b@example.com")
    listener.wait_for("example.com")


def test_a_claim_that_was_lost_on_the_way_is_made_again(
    eavesdropped: tuple[Eavesdropper, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    eavesdropper, url = eavesdropped
    with closing(PostgresStore(url, node="test")) as store:
        message_id = send(store)
        ping = reading._ping

        def then_lost(connection: Any) -> Any:
            """What is asked next is done, and its answer lost."""
            pinged = ping(connection)
            eavesdropper.keeps_the_next_answer = True
            return pinged

        with monkeypatch.context() as patch:
            patch.setattr(reading, "_ping", then_lost)
            with pytest.raises(StoreError, match="connection was lost"):
                claim(store)
        assert [parcel.message for parcel in claim(store)] == [message_id]


def test_a_settlement_whose_answer_is_lost_is_kept_once_with_its_report(
    eavesdropped: tuple[Eavesdropper, str],
) -> None:
    eavesdropper, url = eavesdropped
    with closing(PostgresStore(url, node="test")) as store:
        message_id = send(store)
        claimed = claim(store)
        eavesdropper.keeps_the_next_answer = True
        assert settle(store, claimed, FAILED, report_of(claimed, "sender")) is None
        assert len(store.mails("sender")) == 1
        assert [step.what for step in store.trace(message_id)][-2:] == ["failed", "reported"]


def test_a_queue_of_a_database_that_is_away_says_so(node: Open, postgres: Postgres, database: str) -> None:
    store = node(patience=0.0)
    message_id = send(store)
    claimed = claim(store)
    with postgres.away(database):
        for failing in (
            lambda: claim(store),
            store.next_hops,
            lambda: list(store.queued()),
            lambda: store.retry(message_id),
            lambda: store.tidy(0.0),
        ):
            with pytest.raises(StoreError, match="postgresql://"):
                failing()
        assert settle(store, claimed) is not None
    assert settle(store, claimed) is None
    assert list(store.queued()) == []


def test_nodes_that_settle_the_last_two_deliveries_of_a_message_leave_it_to_be_tidied(node: Open) -> None:
    one, other = node(), node()
    send(one, "a@example.net", "b@example.com")
    claims = [(one, claim(one)), (other, claim(other, "example.com"))]
    threads = [threading.Thread(target=settle, args=each) for each in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert one.tidy(0.0) + other.tidy(0.0) == 1


def test_whatever_somebody_says_is_settled(store: PostgresStore) -> None:
    message_id = send(store)
    said = FAILED._replace(reply="550 \0 \udc80 nobody", why="\0", by="\ud800")
    assert settle(store, claim(store), said._replace(result=DEFERRED.result), again=2000.0) is None
    store.hop_is_down("example.net", HopDown(2000.0, 1, "\0\udc80"))
    assert settle(store, ()) is None
    (queued,) = store.queued()
    assert (queued.id, queued.recipients[0].last_reply) == (message_id, "550 ␀ ? nobody")
    assert store.hops_down()["example.net"].why == "␀?"
