"""What is special about a ledger in PostgreSQL: other connections, other hosts, and a database that is away."""

from __future__ import annotations

import json
import random
import string
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from kit.black_hole import Proxy, refused_port, silent_port
from kit.programs import PREAMBLE, SOURCES, Job, ended
from kit.smtp_server import SmtpServer
from mailsponge.errors import LedgerUnreadable, StateError
from mailsponge.sponge.ledger.migrations import MIGRATIONS
from mailsponge.sponge.ledger.opening import every_job, forget_job, open_ledger, read_ledger
from mailsponge.sponge.ledger.postgres import PostgresLedger, jobs
from mailsponge.sponge.model import ERROR, Ending, Mail, Record, Run, SourceState
from mailsponge.sponge.places import job_place, state_directory

RUN = Run("run1", 1, "a", 100.0, 105.0, Ending.FINISHED, 1)
RECORD = Record("x", 100.0, ERROR, "feeds", "HTTP 404", "")
MAIL = Mail("<1@example.org>", 100.0, "subject", "sponge@example.org", ("me@example.org",), b"content")

Connect = Callable[..., PostgresLedger]


@pytest.fixture
def connect(database: str) -> Iterator[Connect]:
    """Opens the ledger of a job, as often as one likes."""
    opened: list[PostgresLedger] = []

    def open_one(job: str = "job", seconds: float = 5.0) -> PostgresLedger:
        opened.append(PostgresLedger(database, job, lambda: seconds))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


def fill(ledger: PostgresLedger) -> None:
    ledger.add_records("run1", [RECORD])
    ledger.add_run(RUN, {"x": ERROR}, "")
    ledger.put_states({"x": SourceState()}, "a")
    ledger.put_settings({"job": "job"})
    ledger.add_mail(MAIL)


def kept(ledger: PostgresLedger) -> list[object]:
    with ledger.transaction():
        return [
            ledger.runs(10),
            ledger.records("run1", None, 0),
            ledger.standings(),
            ledger.settings(),
            ledger.mails(),
        ]


# Connections


def test_what_one_has_committed_another_sees(connect):
    one, other = connect(), connect()

    with one.transaction():
        fill(one)

    assert kept(other) == kept(one)
    assert kept(other)[0] == [(RUN, {"x": ERROR}, "")]


def test_two_are_never_inside_at_the_same_time(connect):
    one, other = connect(), connect(seconds=0)

    with (
        one.transaction(),
        pytest.raises(StateError, match="in use: whoever squeezes this job was not done in time"),
        other.transaction(),
    ):
        pytest.fail("both are inside")

    with other.transaction():
        pass


def test_who_waits_sees_what_was_committed_meanwhile(connect):
    one, other = connect(), connect()

    def read() -> object:
        with other.transaction():
            return other.settings()

    with ThreadPoolExecutor() as pool:
        with one.transaction():
            waiting = pool.submit(read)
            while not one._session.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ):
                pass
            one.put_settings({"job": "job"})
        assert waiting.result() == {"job": "job"}


def test_jobs_do_not_wait_for_each_other_and_see_nothing_of_each_other(connect):
    one, other = connect("one"), connect("other", seconds=0)

    with one.transaction():
        fill(one)
        with other.transaction():
            fill(other)
            other.put_states({"y": SourceState()}, "a")
            other.forget(["x"])
            other.prune(10**9, 10**9, 0)
            other.put_silences([])

    assert kept(one)[0] == [(RUN, {"x": ERROR}, "")]
    assert len(kept(one)[2]) == 1


def test_the_outboxs_lock_is_one_connections_and_goes_with_it(connect, postgres, database):
    one, other, third = connect(), connect(), connect("another job")

    with one.outbox_lock() as mine:
        assert mine
        with other.outbox_lock() as theirs, third.outbox_lock() as of_another_job:
            assert not theirs
            assert of_another_job
        # A lock that was not had is not given back.
        with other.outbox_lock() as theirs:
            assert not theirs
        assert postgres.end_sessions(database) == 3
        with other.outbox_lock() as theirs:
            assert theirs
    with one.outbox_lock() as mine:
        assert mine


def test_a_transaction_may_be_open_while_the_outbox_is_locked_by_another(connect):
    one, other = connect(), connect(seconds=0)

    with one.outbox_lock(), other.transaction():
        fill(other)


def test_of_a_transaction_whose_connection_is_ended_nothing_is_kept(connect, postgres, database):
    ledger = connect()

    def interrupted() -> None:
        with ledger.transaction():
            fill(ledger)
            postgres.end_sessions(database)
            ledger.put_memo("after", 1)

    with pytest.raises(StateError, match="cannot be used now"):
        interrupted()
    assert kept(ledger) == [[], [], [], None, []]
    with ledger.transaction():
        fill(ledger)
    assert len(kept(connect())[0]) == 1


def test_a_transaction_is_not_continued_in_another_connection(connect, postgres, database):
    ledger = connect()

    def stubborn() -> None:
        with ledger.transaction():
            postgres.end_sessions(database)
            for _ in range(2):
                with pytest.raises(StateError):
                    fill(ledger)

    with pytest.raises(StateError):
        stubborn()
    assert kept(ledger)[0] == []


def test_a_connection_that_was_lost_meanwhile_is_made_anew(connect, postgres, database):
    ledger = connect()
    with ledger.transaction():
        fill(ledger)

    postgres.end_sessions(database)

    assert len(kept(ledger)[0]) == 1


def test_records_that_cannot_be_read_to_the_end_leave_nothing_and_the_ledger_usable(connect):
    ledger = connect()

    def reader() -> Iterator[Record]:
        yield from [RECORD] * 10_000
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"), ledger.transaction():
        ledger.add_records("run1", reader())

    assert kept(ledger)[1] == []


def test_ctrl_c_in_the_middle_leaves_nothing(connect):
    ledger = connect()

    def reader() -> Iterator[Record]:
        yield RECORD
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), ledger.transaction():
        ledger.add_records("run1", reader())

    assert kept(ledger)[1] == []


# What is made in the database


def test_several_may_make_what_is_missing_at_the_same_time(database):
    def open_and_fill(job: int) -> str:
        with closing(PostgresLedger(database, f"job{job}", lambda: 20.0)) as ledger, ledger.transaction():
            ledger.put_settings({"job": f"job{job}"})
            return str(ledger.settings())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(open_and_fill, range(8)))) == 8
    assert jobs(database) == [f"job{n}" for n in range(8)]


def test_a_database_of_a_newer_version_is_refused_and_left_alone(connect, postgres, database):
    connect()
    postgres.sql(f"UPDATE mailsponge.version SET version = {len(MIGRATIONS) + 1}", database)

    with pytest.raises(StateError, match="written by a newer mailsponge; upgrade this one") as refused:
        connect()

    assert not isinstance(refused.value, LedgerUnreadable)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres):
    postgres.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")

    with pytest.raises(StateError, match="encoded as LATIN1: not every text fits in"):
        PostgresLedger(postgres.url("latin"), "job")


def test_a_role_needs_no_more_than_a_schema_of_its_own(postgres, database):
    postgres.sql("CREATE ROLE sponge LOGIN", database)
    url = database.replace("postgres@", "sponge@")
    with pytest.raises(StateError, match="permission denied for database"):
        PostgresLedger(url, "job")

    postgres.sql("CREATE SCHEMA mailsponge AUTHORIZATION sponge", database)

    with closing(PostgresLedger(url, "job")) as ledger, ledger.transaction():
        fill(ledger)
    postgres.sql("DROP OWNED BY sponge", database)
    postgres.sql("DROP ROLE sponge", database)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE mailsponge.source SET state = '{'",
        "UPDATE mailsponge.setting SET value = '5'",
        "UPDATE mailsponge.outbox SET toaddrs = 'me'",
        "UPDATE mailsponge.run SET ending = 'exploded'",
        "DROP TABLE mailsponge.record",
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_reason_to_set_a_database_aside(
    connect, postgres, database, damage
):
    ledger = connect()
    with ledger.transaction():
        fill(ledger)
    postgres.sql(damage, database)

    with pytest.raises(StateError) as refused:
        kept(ledger)

    assert not isinstance(refused.value, LedgerUnreadable)


# Jobs


def test_a_job_that_is_only_in_the_database_is_listed_and_read(connect, database, tmp_path):
    ledger = connect("S%C3%B8ndag")
    with ledger.transaction():
        fill(ledger)
    here = job_place(tmp_path, "here", database)
    here.runs.mkdir(parents=True)

    found = every_job(tmp_path, database)

    assert [place.name for place in found] == ["Søndag", "here"]
    read = read_ledger(found[0])
    assert read is not None
    with closing(read):
        assert kept(read)[0] == [(RUN, {"x": ERROR}, "")]
    assert read_ledger(here) is None


def test_before_anything_is_kept_a_database_has_no_jobs(database, tmp_path):
    assert jobs(database) == []
    assert every_job(tmp_path, database) == []
    assert read_ledger(job_place(tmp_path, "job", database)) is None


def test_a_job_that_is_forgotten_is_kept_under_another_name(connect, database, tmp_path):
    ledger = connect()
    with ledger.transaction():
        fill(ledger)
    before = kept(ledger)

    forget_job(job_place(tmp_path, "job", database), ".forgotten-1-job")

    assert jobs(database) == []
    assert kept(ledger) == [[], [], [], None, []]
    assert kept(connect(".forgotten-1-job")) == before


# A database that is away


def took(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    with pytest.raises(StateError):
        work()
    return time.monotonic() - began


def test_a_port_where_nobody_listens_is_told_at_once():
    port = refused_port()

    with pytest.raises(
        StateError, match=f"postgresql://me@127.0.0.1:{port}/ops cannot be used now: .*refused"
    ):
        PostgresLedger(f"postgresql://me:secret@127.0.0.1:{port}/ops", "job", lambda: 30.0)


@pytest.mark.parametrize("seconds", [0.0, 0.7, 1.5])
def test_a_database_that_says_nothing_holds_up_nobody_for_longer_than_there_is_time(seconds):
    with silent_port() as port:
        for hosts in (f"127.0.0.1:{port}", f"localhost:{port}", f"127.0.0.1:{port},127.0.0.1:{port}"):
            assert (
                took(lambda h=hosts: PostgresLedger(f"postgresql://{h}/ops", "job", lambda: seconds))
                < seconds + 1
            )


def test_the_next_of_several_servers_is_tried_when_the_first_says_nothing(postgres, database):
    name = urlsplit(database).path
    with silent_port() as port, Proxy(f"{postgres.home}/.s.PGSQL.5432") as proxy:
        url = f"postgresql://postgres@127.0.0.1:{port},127.0.0.1:{proxy.port}{name}"
        with closing(PostgresLedger(url, "job", lambda: 2.0)) as ledger, ledger.transaction():
            fill(ledger)


def deadline(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: max(end - time.monotonic(), 0.0)


def in_the_middle(ledger: PostgresLedger, proxy: Proxy) -> None:
    with ledger.transaction():
        fill(ledger)
        proxy.swallows.set()
        ledger.states("a")


def while_copying(ledger: PostgresLedger, proxy: Proxy) -> None:
    def endless() -> Iterator[Record]:
        yield RECORD
        proxy.swallows.set()
        yield from (RECORD for _ in range(1000))

    with ledger.transaction():
        ledger.add_records("run1", endless())


def at_the_end(ledger: PostgresLedger, proxy: Proxy) -> None:
    with ledger.transaction():
        fill(ledger)
        proxy.swallows.set()


def at_the_beginning(ledger: PostgresLedger, proxy: Proxy) -> None:
    proxy.swallows.set()
    with ledger.transaction():
        pass


@pytest.mark.parametrize("moment", [at_the_beginning, in_the_middle, while_copying, at_the_end])
def test_a_database_that_falls_silent_at_any_moment_holds_up_nobody(postgres, database, moment):
    with Proxy(f"{postgres.home}/.s.PGSQL.5432") as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}{urlsplit(database).path}"
        ledger = PostgresLedger(url, "job", deadline(1.0))
        with closing(ledger):
            assert took(lambda: moment(ledger, proxy)) < 2


def test_work_that_makes_progress_is_not_cut_off_at_the_deadline(connect):
    ledger = connect(seconds=0)

    with ledger.transaction():
        ledger.add_records("run1", (RECORD for _ in range(100_000)))
        ledger.add_run(RUN, {"x": ERROR}, "")

    with ledger.transaction():
        assert len(ledger.records("run1", "x", 0)) == 100_000


# Secrets


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cr3t@127.0.0.1:1/ops",
        "postgresql://127.0.0.1:1/ops?user=me&password=s3cr3t",
        "postgresql://me:s3cr3t@127.0.0.1:1/ops?nonsense=1",
        "postgresql://me:s3cr3t@127.0.0.1:1/ops?s3cr3t",
        "postgresql://me:s3cr3t@127.0.0.1:nonsense/ops",
        "postgresql://me:s3cr3t@[::1/ops",
        "postgresql://me:s3cr3t@/ops?host=/nowhere",
        "postgresql://me:%25s3cr3t@s3cr3t.invalid/ops",
        "postgresql://me:s3cr3t@127.0.0.1:1/%zz",
    ],
)
def test_no_message_shows_a_password(url, tmp_path):
    place = job_place(tmp_path, "job", url)

    with pytest.raises(StateError) as refused:
        open_ledger(place, lambda: 1.0)

    said = "".join((str(refused.value), repr(place), str(place), f"{place}")).replace("s3cr3t.invalid", "")
    assert "s3cr3t" not in said
    assert refused.value.__context__ is None or refused.value.__suppress_context__


# Programs


class Fleet:
    """A job whose ledger is in a database, and programs of one host."""

    def __init__(self, job: Job, url: str) -> None:
        self.job = job
        self.url = url
        self.env = {"MAILSPONGE_STATE": url, "XDG_STATE_HOME": str(job.home / "xdg")}
        self.place = job_place(state_directory(url, self.env), job.name, url)

    def runs(self, *lines: str, **env: str) -> str:
        """Run a program; returns what it said on standard error."""
        done = self.job.log(*lines, env={**self.env, **env})
        assert done.status == 0, done.err
        return done.err

    def fails(self, **env: str) -> str:
        return self.runs('with source("x"): log.error("down")', **env)

    def status(self, **env: str) -> Any:
        done = self.job.command("status", "--json", **{**self.env, **env})
        assert done.status == 0, done.err
        return json.loads(done.out)

    @contextmanager
    def ledger(self) -> Iterator[PostgresLedger]:
        with closing(PostgresLedger(self.url, self.job.name)) as ledger, ledger.transaction():
            yield ledger


@pytest.fixture
def fleet(job: Job, database: str) -> Fleet:
    return Fleet(job, database)


def test_programs_share_a_ledger_and_nothing_but_their_journals_is_on_their_host(fleet):
    with SmtpServer() as server:
        for _ in range(3):
            assert fleet.fails(MAILSPONGE_MAILHOST=server.url) == ""

        assert [mail.message["Subject"] for mail in server.mails] == ["job: x has failed 3 runs in a row"]
    assert list(fleet.place.runs.iterdir()) == []
    assert not fleet.place.ledger.exists()
    assert not fleet.job.state.exists()
    (x,) = [row for row in fleet.status() if row["source"] == "x"]
    assert (x["state"], x["streak"]) == ("hard", 3)
    assert x["host"]


def test_what_waits_while_the_database_is_away_is_folded_in_order_and_told_once(fleet):
    away = fleet.url.replace("?host=", f"?port={refused_port()}&host=")
    # The same database, in whose directory the journals wait.
    place = job_place(state_directory(away, fleet.env), "job", away)
    with SmtpServer() as server:
        for _ in range(3):
            said = fleet.fails(MAILSPONGE_STATE=away, MAILSPONGE_MAILHOST=server.url)
            assert "What is in the journals is kept, and the next run folds it" in said
        assert len(list(place.runs.iterdir())) == 3
        assert server.mails == []

        place.directory.parent.rename(fleet.place.directory.parent)
        assert fleet.runs('with source("y"): pass', MAILSPONGE_MAILHOST=server.url) == ""
        assert fleet.fails(MAILSPONGE_MAILHOST=server.url) == ""

        assert [mail.message["Subject"] for mail in server.mails] == ["job: x has failed 3 runs in a row"]
    with fleet.ledger() as ledger:
        runs = ledger.runs(10)
        assert [folded.verdicts for folded in runs] == [
            {"": 0, "x": ERROR},
            {"": 0, "y": 0},
            *[{"": 0, "x": ERROR}] * 3,
        ]
        numbers = [folded.run.number for folded in runs]
        assert numbers == sorted(numbers, reverse=True)
        assert ledger.states(runs[0].run.host)["x"].runs_failed == 4
    assert list(fleet.place.runs.iterdir()) == []


def test_a_database_that_says_nothing_does_not_hold_up_a_programs_end(fleet):
    program = (
        PREAMBLE.replace("timeout=20", "timeout=2") + 'log.error("down")\nimport time\nprint(time.time())\n'
    )
    with silent_port() as port:
        url = f"postgresql://me:s3cr3t@127.0.0.1:{port}/ops"
        done = ended(fleet.job.start(program, env={**fleet.env, "MAILSPONGE_STATE": url}))
        held_up = time.time() - float(done.out)

    assert done.status == 0
    assert held_up < 3
    assert "127.0.0.1 does not answer. What is in the journals is kept" in done.err
    assert "s3cr3t" not in done.err


def test_without_the_driver_a_program_says_what_to_install_and_its_journals_wait(fleet):
    hide = fleet.job.home / "hide"
    hide.mkdir()
    (hide / "psycopg.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'psycopg'\", name='psycopg')"
    )

    said = fleet.fails(PYTHONPATH=f"{hide}:{SOURCES}")

    assert "pip install 'mailsponge[postgres]'" in said
    assert len(list(fleet.place.runs.iterdir())) == 1
    assert fleet.fails() == ""
    with fleet.ledger() as ledger:
        assert len(ledger.runs(10)) == 2


def test_children_find_the_run_of_their_parent(fleet):
    fleet.runs(
        "import subprocess",
        "log.error('from the parent')",
        "child = \"import logging, mailsponge; h = mailsponge.SpongeHandler('job', 'me@example.org')\\n\"",
        "child += \"logging.basicConfig(handlers=[h]); logging.error('from the child')\"",
        "assert os.environ['MAILSPONGE_RUN'].count('postgresql:') == 0",
        "subprocess.run([sys.executable, '-c', child], check=True)",
    )

    with fleet.ledger() as ledger:
        ((run, *_),) = ledger.runs(10)
        assert [r.text for r in ledger.records(run.id, None, 0)] == ["from the parent", "from the child"]


@pytest.mark.parametrize("command", ["status", "check"])
def test_a_password_among_the_arguments_is_refused_and_not_repeated(fleet, command):
    done = fleet.job.command(command, "--state", "postgresql://me:s3cr3t@db.example.org/ops", **fleet.env)

    assert done.status == 2
    assert "is seen by everybody on this machine; put it into ~/.pgpass" in " ".join(done.err.split())
    assert "s3cr3t" not in done.err


def test_commands_work_on_a_job_that_only_the_database_knows(fleet, tmp_path):
    for _ in range(3):
        fleet.fails()
    elsewhere = {**fleet.env, "XDG_STATE_HOME": str(tmp_path / "elsewhere")}

    def told(*arguments: str) -> str:
        done = fleet.job.command(*arguments, **elsewhere)
        assert done.status in (0, 1), done.err
        return done.out + done.err

    assert "x" in told("status", "job")
    assert "down" in told("show", "job", "x")
    assert "finished" in told("history", "job")
    assert "has failed 3 runs in a row" in told("outbox")
    assert "silent until" in told("silence", "job", "x", "--for", "1 day")
    assert "acknowledged" in told("ack", "job", "x")
    assert "NEW" in told("replay", "job")
    assert "job: " in told("check", "job")
    assert "x is forgotten" in told("forget", "job", "x")
    assert "job is forgotten; the database keeps it as .forgotten-" in told("forget", "job", "--yes")
    assert fleet.status() == []


def test_without_an_answer_commands_say_what_is_wrong(fleet):
    away = f"postgresql://me@127.0.0.1:{refused_port()}/ops"

    for command in (["status"], ["check"], ["history", "job"], ["outbox"]):
        done = fleet.job.command(*command, **{**fleet.env, "MAILSPONGE_STATE": away})
        assert done.status == 1
        assert "cannot be used now" in done.err
        assert "Traceback" not in done.err


def random_text(length: int) -> str:
    return "".join(random.Random(length).choices(string.ascii_letters, k=length))


def test_a_program_whose_source_has_an_endless_name_is_folded(fleet):
    name = random_text(300_000)

    assert fleet.runs(f"with source({name!r}): log.error('a\\0b')") == ""

    with fleet.ledger() as ledger:
        ((run, verdicts, _),) = ledger.runs(10)
        assert verdicts == {"": 0, name: ERROR}
        assert [r.text for r in ledger.records(run.id, name, 0)] == ["a\0b"]
