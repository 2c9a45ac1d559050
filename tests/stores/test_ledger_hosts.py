"""Hosts that squeeze one job at the same time: no record lost, no run counted twice, one mail."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from kit.programs import SOURCES, Job, ended
from kit.smtp_server import SmtpServer
from mailsponge.clock import Deadline
from mailsponge.sponge import folder, journal
from mailsponge.sponge.ledger.postgres import PostgresLedger
from mailsponge.sponge.model import ERROR, OK, Mail, Outcome, Squeeze
from mailsponge.sponge.places import job_place
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer

SETTINGS = Settings("job", ("me@example.org",), fromaddr="sponge@example.org", patience="3 runs")
PATIENCE = 60.0

Send = Callable[[Mail, Deadline], Outcome]


class Host:
    """A host with a state directory of its own, as far as journals go."""

    def __init__(self, name: str, home: Path, url: str) -> None:
        self.name = name
        self.place = job_place(home / name, "job", url)

    def runs(self, fails: bool = True, records: int = 3) -> None:
        """One run from its beginning to its end."""
        settings, at = SETTINGS.to_json(), time.time()

        def first_line(run: str, number: int) -> bytes:
            return journal.line(k="begin", run=run, number=number, host=self.name, t=at, settings=settings)

        run = folder.begin(self.place, first_line)
        lines = [journal.line(t=at, l=ERROR, n="feeds", s="x", m=f"{self.name} {n}") for n in range(records)]
        well = [journal.block_entered("x", at), journal.block_left("x", at, None)]
        for line in [*(lines if fails else well), journal.line(k="end", t=at, ending="finished")]:
            os.write(run.descriptor, line)
        os.close(run.descriptor)

    def squeeze(self, send: Send) -> Squeeze:
        return Squeezer(self.place, SETTINGS, send=send).squeeze(Deadline(PATIENCE))


class Taken:
    """A mail server that takes everything, and counts."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.subjects: list[str] = []

    def __call__(self, mail: Mail, deadline: Deadline) -> Outcome:
        self.ids.append(mail.message_id)
        self.subjects.append(mail.subject)
        return Outcome("sent", "250 OK")


@contextmanager
def inside(url: str) -> Iterator[PostgresLedger]:
    with closing(PostgresLedger(url, "job")) as ledger, ledger.transaction():
        yield ledger


def at_once(hosts: list[Host], work: Callable[[Host], object]) -> None:
    with ThreadPoolExecutor(len(hosts)) as pool:
        for done in [pool.submit(work, host) for host in hosts]:
            done.result()


def test_hosts_that_squeeze_at_once_lose_nothing_and_tell_once(database, tmp_path):
    hosts = [Host(f"host{n}", tmp_path, database) for n in range(8)]
    taken = Taken()

    def fail_five_times(host: Host) -> None:
        for _ in range(5):
            host.runs()
            host.squeeze(taken)

    at_once(hosts, fail_five_times)

    assert taken.subjects == ["job: x has failed 3 runs in a row"]
    with inside(database) as ledger:
        runs = ledger.runs(1000)
        assert Counter(folded.run.host for folded in runs) == {host.name: 5 for host in hosts}
        texts = Counter(r.text for folded in runs for r in ledger.records(folded.run.id, "x", 0))
        assert texts == {f"{host.name} {n}": 5 for host in hosts for n in range(3)}
        assert [ledger.states(host.name)["x"].runs_failed for host in hosts] == [5] * 8
        assert ledger.incidents()["x"].failing == tuple(host.name for host in hosts)
    assert all(list(host.place.runs.iterdir()) == [] for host in hosts)

    def works(host: Host) -> None:
        host.runs(fails=False)
        host.squeeze(taken)

    at_once(hosts, works)

    assert [subject.partition(" after")[0] for subject in taken.subjects[1:]] == ["job: x works again"]
    assert len(set(taken.ids)) == 2


def test_a_connection_that_is_lost_while_a_mail_is_handed_over_does_not_send_it_twice(
    database, postgres, tmp_path
):
    host, taken = Host("host", tmp_path, database), Taken()

    def send(mail: Mail, deadline: Deadline) -> Outcome:
        postgres.end_sessions(database)
        return taken(mail, deadline)

    for _ in range(4):
        host.runs()
        assert host.squeeze(send).warnings == ()

    assert taken.subjects == ["job: x has failed 3 runs in a row"]


def test_a_database_that_goes_while_a_mail_is_handed_over_makes_it_go_twice_with_the_same_id(
    database, postgres, tmp_path
):
    host, taken = Host("host", tmp_path, database), Taken()
    for _ in range(2):
        host.runs()
        host.squeeze(taken)
    host.runs()

    with ExitStack() as at_the_end:

        def send(mail: Mail, deadline: Deadline) -> Outcome:
            at_the_end.enter_context(postgres.away(database))
            return taken(mail, deadline)

        done = host.squeeze(send)

    assert done.saved
    assert "mails wait, as the outbox cannot be used" in done.warnings[0]
    assert list(host.place.runs.iterdir()) == []
    host.squeeze(taken)
    host.squeeze(taken)
    assert len(taken.ids) == 2
    assert len(set(taken.ids)) == 1


def test_only_one_host_hands_a_mail_over(database, tmp_path):
    one, other = (Host(name, tmp_path, database) for name in ("one", "other"))
    taken = Taken()

    def send(mail: Mail, deadline: Deadline) -> Outcome:
        other.runs(fails=False)
        assert other.squeeze(taken).saved
        assert taken.ids == []
        return taken(mail, deadline)

    for _ in range(3):
        one.runs()
        one.squeeze(send)

    assert len(taken.ids) == 1


def test_a_host_whose_journals_cannot_be_read_is_not_taken_for_another(database, tmp_path, monkeypatch):
    hosts = [Host(f"host{n}", tmp_path, database) for n in range(2)]
    for host in hosts:
        # The same number on both, and no first line that tells whose it is.
        run = host.place.runs / "00000007"
        folder.make_directories(host.place)
        run.mkdir()
        (run / "owner.jsonl").write_bytes(b"\xff\n")
        monkeypatch.setattr("mailsponge.sponge.squeeze.user_and_host", lambda name=host.name: ("me", name))
        host.squeeze(Taken())

    with inside(database) as ledger:
        assert sorted(folded.run.host for folded in ledger.runs(10)) == ["host0", "host1"]


def test_a_state_directory_that_was_lost_does_not_make_a_hosts_runs_late(database, tmp_path):
    taken = Taken()
    for n in range(3):
        host = Host("host", tmp_path / str(n), database)
        host.runs()
        host.squeeze(taken)

    assert taken.subjects == ["job: x has failed 3 runs in a row"]


def test_numbers_go_on_when_the_clock_goes_back(database, tmp_path, monkeypatch):
    host = Host("host", tmp_path, database)
    moments = iter([5000.0, 4000.0, 4000.0, 6000.0])
    monkeypatch.setattr("mailsponge.clock.now", lambda: next(moments))

    assert [folder.draw_number(place) for place in _with_numbers(host, 4)] == [
        5_000_000,
        5_000_001,
        5_000_002,
        6_000_000,
    ]


def _with_numbers(host: Host, times: int) -> Iterator[object]:
    host.place.numbers.mkdir(parents=True)
    yield from [host.place] * times


# Real processes, each of which takes its host for another

HOSTNAME = """\
import os
_uname = os.uname
def uname():
    fields = list(_uname())
    fields[1] = os.environ["HOST"]
    return os.uname_result(fields)
os.uname = uname
"""

PROGRAM = """\
import logging
from mailsponge import SpongeHandler, source
handler = SpongeHandler("job", "me@example.org", patience="2 runs", timeout=30)
logging.basicConfig(level="INFO", handlers=[handler])
for n in range(3):
    with source("x"):
        for line in range(100):
            logging.info("line %s", line)
        logging.error("down")
    handler.squeeze()
"""


@pytest.mark.parametrize("processes", [8])
def test_processes_of_many_hosts_tell_once(job: Job, database, processes):
    patched = job.home / "patched"
    patched.mkdir()
    (patched / "sitecustomize.py").write_text(HOSTNAME)
    with SmtpServer() as server:
        started = [
            job.start(
                PROGRAM,
                env={
                    "HOST": f"host{n}",
                    "PYTHONPATH": f"{patched}:{SOURCES}",
                    "MAILSPONGE_STATE": database,
                    "MAILSPONGE_MAILHOST": server.url,
                    "XDG_STATE_HOME": str(job.home / f"state{n}"),
                },
            )
            for n in range(processes)
        ]
        done = [ended(process, PATIENCE) for process in started]

        assert [(each.status, each.err) for each in done] == [(0, "")] * processes
        assert [mail.message["Subject"] for mail in server.mails] == ["job: x has failed 2 runs in a row"]
    with inside(database) as ledger:
        failed = [folded for folded in ledger.runs(1000) if folded.verdicts.get("x", OK) != OK]
        assert Counter(folded.run.host for folded in failed) == {f"host{n}": 3 for n in range(processes)}
        assert sum(folded.run.records for folded in failed) == processes * 3 * 101
