"""From runs to one mail: what is told, when, by whose settings, and what waits."""

from __future__ import annotations

import email
import email.policy
from contextlib import closing

import pytest
from squeeze_job import DAY, HOUR, SETTINGS, SqueezeJob, kinds, waiting

from mailsponge.clock import Deadline
from mailsponge.errors import UsageError
from mailsponge.sponge import journal
from mailsponge.sponge.lock import locked
from mailsponge.sponge.model import Kind, Mail, Outcome, Squeeze, Status
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.settings import Settings


@pytest.fixture
def job(place: JobPlace) -> SqueezeJob:
    return SqueezeJob(place)


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
    assert [taken.message_id for taken in job.taken] == [mail.message_id for mail in squeezed.mails]
    (mail,) = job.taken
    assert mail.subject == "job: x has failed 2 runs in a row"
    assert (mail.message_id, mail.toaddrs) == ("<mail1@example.org>", ("me@example.org",))
    assert b"x is down" in mail.content
    assert squeezed.reason == "x has failed 2 runs in a row; 1 mail handed over"


def test_all_is_well_is_said_and_not_mailed(job):
    job.ran(works="x")

    well = "nothing to tell: all is well"
    assert job.squeeze() == Squeeze(saved=True, reason=well, decided=well, folded=1)


def test_nothing_at_all_is_well(job):
    well = "nothing to tell: all is well"
    assert job.squeeze() == Squeeze(saved=True, reason=well, decided=well)


@pytest.mark.parametrize(
    "answer", [Outcome("sent", "250 OK"), Outcome("waiting", "451 later"), Outcome("refused", "550 no")]
)
def test_the_mails_of_a_squeeze_tell_what_became_of_them(job, answer):
    job.answer = answer
    for _ in range(2):
        job.ran(fails="x")

    squeezed = job.squeeze()

    (mail,) = squeezed.mails
    assert (mail.status, mail.attempts, mail.last_reply) == (answer.status, 1, answer.reply)
    assert [getattr(squeezed, name) for name in ("sent", "waiting", "refused")] == [
        int(answer.status == name) for name in ("sent", "waiting", "refused")
    ]


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

    message = email.message_from_bytes(job.taken[0].content, policy=email.policy.default)
    body = message.get_body(("plain",)).get_content()
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


def test_kept_settings_that_cannot_be_read_are_not_overwritten_with_those_of_the_caller(job):
    later = {**SETTINGS.to_json(), "patience": "as a later version may say it", "toaddrs": ["me@example.org"]}
    job.squeeze()
    with closing(job.ledger()) as ledger, ledger.transaction():
        ledger.put_settings(later)

    job.squeeze()

    with closing(job.ledger()) as ledger, ledger.transaction():
        assert ledger.settings() == later


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
