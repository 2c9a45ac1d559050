"""Squeeze: what ended is folded once, decided on, composed and handed over; and what goes wrong loses nothing."""

from __future__ import annotations

import email
import email.policy
import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from mailsponge.clock import Deadline
from mailsponge.errors import StateError, UsageError
from mailsponge.sponge import folder, journal
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.lock import locked
from mailsponge.sponge.model import ERROR, INFO, JOB_ITSELF, Ending, Kind, Mail, SourceState, Status
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import RECORDS_KEPT, RUNS_KEPT, Squeeze, Squeezer
from mailsponge.sponge.transport import Outcome

BEGAN = 1_700_000_000.0
HOUR = 3600.0
DAY = 86400.0

SETTINGS = Settings("job", ("me@example.org",), fromaddr="sponge@example.org", patience="2 runs")


class OpenRun:
    """A run that is going on."""

    def __init__(self, place: JobPlace, settings: Settings | None, at: float) -> None:
        self._at = at
        about = {"settings": settings.to_json()} if settings else {}

        def first_line(run: str, number: int) -> bytes:
            return journal.line(k="begin", run=run, number=number, host="laptop", t=at, **about)

        self._run = folder.begin(place, first_line)

    def write(self, *lines: bytes) -> None:
        for line in lines:
            os.write(self._run.descriptor, line)

    def fails(self, source: str = "x") -> None:
        self.write(journal.line(t=self._at + 1, l=ERROR, n="feeds", s=source, m=f"{source} is down"))

    def works(self, source: str = "x") -> None:
        self.write(
            journal.block_entered(source, self._at + 1), journal.block_left(source, self._at + 2, None)
        )

    def end(self, ending: str = "finished") -> None:
        self.write(journal.line(k="end", t=self._at + 3, ending=ending))
        self.die()

    def die(self) -> None:
        os.close(self._run.descriptor)


class Job:
    """A job whose runs are an hour apart, and a mail server that takes everything."""

    def __init__(self, place: JobPlace) -> None:
        self.place = place
        self.settings: Settings | None = SETTINGS
        self.now = BEGAN
        self.taken: list[Mail] = []
        self.answer = Outcome("sent", "250 OK")
        self._ids = 0

    def begin(self) -> OpenRun:
        self.now += HOUR
        return OpenRun(self.place, self.settings, self.now)

    def ran(self, *, fails: str = "", works: str = "", ending: str = "finished") -> None:
        """A run from its beginning to its end; sources are named by one letter."""
        run = self.begin()
        for source in works:
            run.works(source)
        for source in fails:
            run.fails(source)
        run.end(ending)

    def squeeze(self, seconds: float = 30.0, **changed: Any) -> Squeeze:
        about = {"now": lambda: self.now, "random": self._id, "send": self._send} | changed
        fallback = Settings("fallback", ("nobody@example.org",))
        return Squeezer(self.place, fallback, **about).squeeze(Deadline(seconds))

    def _id(self) -> str:
        self._ids += 1
        return f"mail{self._ids}"

    def _send(self, mail: Mail, deadline: Deadline) -> Outcome:
        self.taken.append(mail)
        return self.answer

    def ledger(self) -> SqliteLedger:
        return SqliteLedger(self.place.ledger)

    def states(self) -> dict[str, SourceState]:
        with closing(self.ledger()) as ledger, ledger.transaction():
            return ledger.states()

    def endings(self) -> list[Ending]:
        """How each run ended that the ledger knows, the first one first."""
        with closing(self.ledger()) as ledger, ledger.transaction():
            return [run.ending for run, _, _ in reversed(ledger.runs(100))]

    def texts(self, source: str) -> list[str]:
        with closing(self.ledger()) as ledger, ledger.transaction():
            runs = [run.id for run, _, _ in reversed(ledger.runs(100))]
            return [record.text for run in runs for record in ledger.records(run, source, 0)]

    def folders(self) -> list[str]:
        return sorted(path.name for path in self.place.runs.iterdir())


@pytest.fixture
def job(place: JobPlace) -> Job:
    return Job(place)


def kinds(squeezed: Squeeze) -> list[tuple[Kind, str]]:
    return [(flip.kind, flip.source) for flip in squeezed.flips]


# From runs to a mail


def test_the_first_failure_is_kept_and_not_told(job):
    job.ran(fails="x")

    squeezed = job.squeeze()

    assert squeezed.saved
    assert (squeezed.mails, squeezed.flips, squeezed.warnings) == ((), (), ())
    assert job.taken == []
    assert job.states()["x"].status is Status.SOFT
    assert squeezed.reason == "nothing new to tell: x: 1 failed run; patience: 2 runs"


def test_the_failure_that_ends_patience_is_mailed(job):
    job.ran(fails="x")
    job.squeeze()
    job.ran(fails="x")

    squeezed = job.squeeze()

    assert kinds(squeezed) == [(Kind.NEW, "x")]
    assert job.taken == list(squeezed.mails)
    (mail,) = job.taken
    assert mail.subject == "job: x has failed 2 runs in a row"
    assert (mail.message_id, mail.toaddrs) == ("<mail1@example.org>", ("me@example.org",))
    assert b"x is down" in mail.content
    assert squeezed.reason == "x has failed 2 runs in a row; 1 mail handed over"


def test_all_is_well_is_said_and_not_mailed(job):
    job.ran(works="x")

    assert job.squeeze() == Squeeze(saved=True, reason="nothing to tell: all is well")


def test_nothing_at_all_is_well(job):
    assert job.squeeze() == Squeeze(saved=True, reason="nothing to tell: all is well")


def test_several_runs_are_folded_in_the_order_in_which_they_began(job):
    for letters in ("x", "", "x", "x"):
        job.ran(fails=letters, works="" if letters else "x")

    squeezed = job.squeeze()

    assert kinds(squeezed) == [(Kind.NEW, "x")]
    assert job.states()["x"].runs_failed == 2


def test_one_squeeze_sends_one_mail_for_all_there_is_to_tell(job):
    for failing in ("ab", "ab"):
        job.ran(fails=failing)
    job.squeeze()
    job.ran(fails="cb", works="a")
    job.ran(fails="cb", works="a")

    squeezed = job.squeeze()

    assert kinds(squeezed) == [(Kind.RECOVERED, "a"), (Kind.NEW, "c")]
    assert len(job.taken) == 2


def test_the_mail_shows_the_records_of_the_failure_alone(job):
    job.ran(fails="xy")
    job.ran(fails="x", works="y")

    job.squeeze()

    body = email.message_from_bytes(job.taken[0].content, policy=email.policy.default).get_content()
    assert body.count("x is down") == 1
    assert "y is down" not in body


def test_what_follows_refers_to_the_mail_that_told(job):
    job.ran(fails="x")
    job.ran(fails="x")
    job.squeeze()
    job.now += 2 * DAY
    job.ran(fails="x")
    job.squeeze()
    job.ran(works="x")
    job.squeeze()

    assert [mail.subject.partition("x ")[2] for mail in job.taken] == [
        "has failed 2 runs in a row",
        "still fails, for 2.1 days now",
        "works again after 2.1 days",
    ]
    references = [email.message_from_bytes(mail.content)["References"] for mail in job.taken]
    assert references == [None, "<mail1@example.org>", "<mail1@example.org>"]


def test_a_new_incident_begins_a_new_thread(job):
    for letters in ("x", "x", "", "x", "x", ""):
        job.ran(fails=letters, works="" if letters else "x")
        job.squeeze()

    references = [email.message_from_bytes(mail.content)["References"] for mail in job.taken]
    assert references == [None, "<mail1@example.org>", None, "<mail3@example.org>"]


def test_a_reminder_comes_without_a_run(job):
    for _ in range(3):
        job.ran(fails="x")
    job.squeeze()
    job.ran(fails="x")
    job.squeeze()

    job.now += 25 * HOUR

    assert kinds(job.squeeze()) == [(Kind.STILL, "x")]
    assert kinds(job.squeeze()) == []


# Folding once


def test_a_run_that_is_going_on_is_left_alone(job):
    run = job.begin()
    run.fails()

    job.squeeze()

    assert job.folders() == ["00000001"]
    assert job.states() == {}
    run.end()


def test_what_was_folded_is_removed(job):
    job.ran(fails="x")

    job.squeeze()

    assert job.folders() == []


def test_a_run_whose_journals_were_left_behind_is_not_folded_twice(job, monkeypatch):
    monkeypatch.setattr(folder, "remove", lambda path: None)
    job.ran(fails="x")

    for _ in range(3):
        assert job.squeeze().flips == ()

    assert job.folders() == ["00000001.over"]
    assert job.states()["x"].runs_failed == 1
    assert job.texts("x") == ["x is down"]


def test_a_run_left_behind_is_removed_by_the_next_squeeze(job, monkeypatch):
    with monkeypatch.context() as cut_off:
        cut_off.setattr(folder, "remove", lambda path: None)
        job.ran(fails="x")
        job.squeeze()

    job.squeeze()

    assert job.folders() == []
    assert job.states()["x"].runs_failed == 1


def test_a_squeeze_cut_off_before_its_commit_changed_nothing(job, monkeypatch):
    def die(*_: object) -> None:
        raise SystemExit

    job.ran(fails="x")
    job.ran(fails="x")
    with monkeypatch.context() as cut_off:
        cut_off.setattr(SqliteLedger, "prune", die)
        with pytest.raises(SystemExit):
            job.squeeze()
    assert job.states() == {}
    assert job.taken == []

    assert kinds(job.squeeze()) == [(Kind.NEW, "x")]
    assert job.texts("x") == ["x is down", "x is down"]


def test_a_run_that_died_is_folded_as_such(job):
    run = job.begin()
    run.works()
    run.die()

    job.squeeze()

    assert job.endings() == [Ending.DIED]
    assert job.states()[JOB_ITSELF].status is Status.SOFT
    assert job.states()["x"].last_verdict is None


def test_a_run_folded_late_changes_history_and_not_state(job):
    late = job.begin()
    late.fails()
    job.ran(works="x")
    job.squeeze()
    before = job.states()

    late.end()
    squeezed = job.squeeze()

    assert job.states() == before
    assert job.endings() == [Ending.FINISHED] * 2
    assert job.texts("x") == ["x is down"]
    assert squeezed.reason == "folded late: it changes the history, not the state"


def test_a_run_folded_late_does_not_bring_old_settings_back(job):
    late = job.begin()
    job.settings = Settings("job", ("new@example.org",), patience="now")
    job.ran(works="x")
    job.squeeze()

    late.end()
    job.squeeze()
    job.settings = None
    job.ran(fails="x")
    job.squeeze()

    assert [mail.toaddrs for mail in job.taken] == [("new@example.org",)]


def test_a_child_that_outlives_its_run_becomes_a_stray_run_of_its_own(job):
    run = job.begin()
    (path,) = job.place.runs.iterdir()
    child = folder.join(path)
    assert child is not None
    os.write(child, journal.line(k="joined", run="child", host="laptop", t=job.now))
    run.works()
    run.end()
    job.squeeze()
    assert job.endings() == [Ending.FINISHED]

    os.write(child, journal.line(t=job.now, l=ERROR, n="feeds", s="x", m="said by the child"))
    os.close(child)
    job.squeeze()

    assert job.endings() == [Ending.FINISHED, Ending.STRAY]
    assert job.texts("x") == ["said by the child"]
    assert job.states()["x"].status is Status.SOFT
    assert job.states()[JOB_ITSELF].status is Status.OK


# Settings


def test_settings_are_learned_from_the_run_and_kept(job):
    job.ran(works="x")
    job.squeeze()

    with closing(job.ledger()) as ledger, ledger.transaction():
        assert Settings.from_json(ledger.settings()) == SETTINGS


def test_settings_that_were_kept_hold_for_a_run_that_tells_none(job):
    job.ran(works="x")
    job.squeeze()
    job.settings = None
    job.ran(fails="x")
    job.ran(fails="x")

    job.squeeze()

    assert job.taken[0].toaddrs == ("me@example.org",)


def test_where_nothing_tells_the_settings_those_of_the_caller_hold(job):
    job.settings = None
    for _ in range(3):
        job.ran(fails="x")

    job.squeeze()

    assert job.taken[0].toaddrs == ("nobody@example.org",)
    assert job.taken[0].subject == "fallback: x has failed 3 runs in a row"


def test_settings_of_a_run_that_cannot_be_read_are_said_and_those_of_before_hold(job):
    job.ran(works="x")
    job.squeeze()
    run = job.begin()
    run.write(
        journal.line(k="settings", settings={"job": "job", "toaddrs": ["me@example.org"], "patience": "soon"})
    )
    run.end()

    (warning,) = job.squeeze().warnings

    assert warning.startswith("patience 'soon'")
    assert warning.endswith("; the settings of before are used")
    with closing(job.ledger()) as ledger, ledger.transaction():
        assert Settings.from_json(ledger.settings()) == SETTINGS


def test_kept_settings_that_cannot_be_read_do_not_stop_the_squeeze(job):
    job.ran(fails="x")
    job.squeeze()
    with closing(job.ledger()) as ledger, ledger.transaction():
        ledger.put_settings({**SETTINGS.to_json(), "patience": "as a later version may say it"})
    job.ran(fails="x")

    squeezed = job.squeeze()

    assert "as a later version may say it" in squeezed.warnings[0]
    assert kinds(squeezed) == [(Kind.NEW, "x")]


# Handing over


def waiting(job: Job) -> list[str]:
    with closing(job.ledger()) as ledger, ledger.transaction():
        return [mail.message_id for mail in ledger.mails("waiting")]


def test_what_cannot_be_handed_over_waits_and_goes_with_the_next_squeeze(job):
    job.answer = Outcome("waiting", "localhost:25: connection refused", server_is_there=False)
    job.ran(fails="x")
    job.ran(fails="x")

    squeezed = job.squeeze()

    assert squeezed.saved
    assert squeezed.warnings == ("1 mail waiting: localhost:25: connection refused",)
    assert squeezed.reason.endswith("; 1 mail waiting: localhost:25: connection refused")
    assert waiting(job) == ["<mail1@example.org>"]

    job.answer = Outcome("sent", "250 OK")
    later = job.squeeze()
    assert later.reason.endswith("; 1 mail handed over")
    assert later.warnings == later.mails == ()
    assert job.taken[0].content == job.taken[1].content
    assert waiting(job) == []


def test_told_means_committed_to_the_outbox(job):
    job.answer = Outcome("waiting", "away", server_is_there=False)
    job.ran(fails="x")
    job.ran(fails="x")
    job.squeeze()
    job.ran(fails="x")

    assert job.squeeze().flips == ()
    assert job.states()["x"].status is Status.HARD


def test_a_mail_that_was_refused_is_worth_a_warning(job):
    job.answer = Outcome("refused", "550 no such user")
    job.ran(fails="x")
    job.ran(fails="x")

    assert job.squeeze().warnings == ("1 mail refused for good: 550 no such user",)
    assert job.squeeze().warnings == ()


def test_the_state_is_safe_before_anything_is_sent(job):
    def look_then_die(mail: Mail, deadline: Deadline) -> Outcome:
        assert waiting(job) == [mail.message_id]
        assert job.folders() == []
        raise SystemExit

    job.ran(fails="x")
    job.ran(fails="x")

    with pytest.raises(SystemExit):
        job.squeeze(send=look_then_die)

    assert waiting(job) == ["<mail1@example.org>"]


def test_the_jobs_lock_is_not_held_over_the_network(job):
    def look(mail: Mail, deadline: Deadline) -> Outcome:
        with locked(job.place.lock, lambda: 0.0) as free:
            assert free
        return Outcome("sent", "250 OK")

    job.ran(fails="x")
    job.ran(fails="x")

    assert job.squeeze(send=look).reason.endswith("1 mail handed over")


def test_an_outbox_that_cannot_be_used_takes_nothing_from_what_was_saved(job):
    job.place.outbox_lock.mkdir()
    job.ran(fails="x")
    job.ran(fails="x")

    squeezed = job.squeeze()

    assert squeezed.saved
    assert squeezed.warnings[0].startswith("mails wait, as the outbox cannot be used: ")
    assert waiting(job) == ["<mail1@example.org>"]


def no_password(mailhost: str | None) -> None:
    raise UsageError("MAILSPONGE_PASSWORD_FILE /nowhere: No such file or directory")


@pytest.mark.parametrize(
    ("login", "said"),
    [(lambda mailhost: None, "127.0.0.1:1: "), (no_password, "MAILSPONGE_PASSWORD_FILE /nowhere: ")],
)
def test_without_a_sender_of_ones_own_the_settings_mail_host_is_used(job, login, said):
    job.settings = Settings("job", ("me@example.org",), patience="now", mailhost="smtp://127.0.0.1:1")
    job.ran(fails="x")

    (warning,) = job.squeeze(send=None, login=login).warnings

    assert warning.startswith(f"1 mail waiting: {said}")


# Trouble


def test_a_job_that_another_process_squeezes_is_left_to_it(job):
    job.ran(fails="x")

    with locked(job.place.lock, lambda: 0.0):
        squeezed = job.squeeze(seconds=0)

    assert squeezed == Squeeze(
        reason="another process squeezes this job; the next run folds what this one logged"
    )
    assert job.folders() == ["00000001"]


def test_a_state_that_cannot_be_used_is_a_state_error_and_loses_nothing(job):
    job.ran(fails="x")
    job.place.lock.mkdir()

    with pytest.raises(StateError, match=f"the state in {job.place.directory} cannot be used"):
        job.squeeze()

    job.place.lock.rmdir()
    assert job.squeeze().saved
    assert job.states()["x"].runs_failed == 1


def test_a_damaged_ledger_is_set_aside_and_the_runs_are_folded_into_a_new_one(job):
    job.ran(fails="x")
    job.squeeze()
    job.place.ledger.write_bytes(b"no ledger" * 1000)
    job.ran(fails="y")

    squeezed = job.squeeze()

    (aside,) = job.place.directory.glob("ledger.db.damaged-*")
    assert aside.read_bytes() == b"no ledger" * 1000
    assert squeezed.saved
    (warning,) = squeezed.warnings
    assert warning.endswith(f"it is kept as {aside}, and a new one is begun")
    assert set(job.states()) == {"y", JOB_ITSELF}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE source SET state = '{'", "UPDATE setting SET value = 'null,'", "DROP TABLE outbox"],
)
def test_damage_that_shows_only_deep_inside_is_met_alike(job, statement):
    job.ran(fails="x")
    job.squeeze()
    with closing(sqlite3.connect(job.place.ledger, isolation_level=None)) as database:
        database.execute(statement)
    damaged = job.place.ledger.read_bytes()
    job.ran(fails="y")
    job.ran(fails="y")

    squeezed = job.squeeze()

    (aside,) = job.place.directory.glob("ledger.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert str(aside) in squeezed.warnings[0]
    assert kinds(squeezed) == [(Kind.NEW, "y")]
    assert job.folders() == []


def test_a_damaged_journal_fails_no_source_and_its_text_is_kept(job):
    run = job.begin()
    run.works()
    run.write(b'{"t":1,"l":40,"m":"half a li\n', b"\0\0\0\n", journal.line(t=None, l={}, s=[]))
    run.end()

    assert job.squeeze().saved
    assert job.endings() == [Ending.FINISHED]
    assert job.states()["x"].status is Status.OK
    assert [text.partition(":")[0] for text in job.texts(JOB_ITSELF)] == ["a damaged line of the journal"] * 3


def test_old_records_are_forgotten_before_old_runs_and_never_the_states(job):
    job.ran(fails="x")
    job.squeeze()

    job.now += RECORDS_KEPT + 2 * HOUR
    job.squeeze()
    assert job.texts("x") == []
    assert len(job.endings()) == 1

    job.now += RUNS_KEPT
    job.squeeze()
    assert job.endings() == []
    assert job.states()["x"].runs_failed == 1


def test_of_many_flips_the_reason_names_a_few(job):
    job.settings = Settings("job", ("me@example.org",), patience="2 runs", common_cause=1.0)
    for _ in range(2):
        job.ran(fails="abcde", works="z")

    assert job.squeeze().reason.startswith(
        "a has failed 2 runs in a row, b has failed 2 runs in a row, c has failed 2 runs in a row and 2 more; "
    )


def test_of_many_that_fail_the_reason_names_one(job):
    job.ran(fails="ab", works="z")

    assert (
        job.squeeze().reason == "nothing new to tell: a: 1 failed run; patience: 2 runs (and 1 more failing)"
    )


def test_a_common_cause_is_the_reason(job):
    job.ran(fails="abcde")

    assert job.squeeze().reason.startswith("5 of 5 sources that worked before failed together")


def test_everything_it_makes_is_its_owners_alone(tmp_path):
    job = Job(job_place(tmp_path / "new" / "state", "job"))
    before = os.umask(0)
    try:
        job.ran(fails="x", works="y")
        job.squeeze()
        run = job.begin()
    finally:
        os.umask(before)

    made = [job.place.directory.parent, *job.place.directory.parent.rglob("*")]
    assert {path.name: path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {
        "state": 0o700,
        "job": 0o700,
        "runs": 0o700,
        "numbers": 0o700,
        "00000002": 0o700,
    }
    assert {path.stat().st_mode & 0o777 for path in made if path.is_file()} == {0o600}
    run.end()


def test_info_alone_is_kept_too(job):
    run = job.begin()
    run.write(journal.line(t=1.0, l=INFO, n="feeds", s="x", m="fetched"))
    run.end()

    job.squeeze()

    assert job.texts("x") == ["fetched"]
