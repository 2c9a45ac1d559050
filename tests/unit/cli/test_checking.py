"""``mailsponge check``: looks after what no run looks after, a line a job."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner

from kit.smtp_server import SmtpServer
from mailsponge import clock
from mailsponge.cli import main
from mailsponge.sponge import folder, journal
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Ending
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.settings import Settings


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def died(state: Path, job: str, settings: Settings | None = None) -> JobPlace:
    """A job whose program began a run and was killed."""
    place = job_place(state, job)
    kept = {"settings": settings.to_json()} if settings else {}
    run = folder.begin(
        place,
        lambda run, number: journal.line(k="begin", run=run, number=number, host="h", t=clock.now(), **kept),
    )
    os.close(run.descriptor)
    return place


def check(state: Path, *arguments: str, **env: str | None) -> click.testing.Result:
    nothing = dict.fromkeys(("MAILSPONGE_TO", "MAILSPONGE_MAILHOST", "MAILSPONGE_PASSWORD"))
    return CliRunner().invoke(
        main, ["check", *arguments], env={**nothing, "MAILSPONGE_STATE": str(state), **env}
    )


def mine(patience: str = "now", mailhost: str | None = None) -> Settings:
    return Settings("podcasts", ("me@example.org",), "sponge@example.org", mailhost, patience=patience)


def test_a_run_that_died_is_folded(state):
    place = died(state, "podcasts", mine("3 runs"))

    result = check(state)

    assert result.exit_code == 0
    assert result.stdout == "podcasts: the run died\n"
    assert result.stderr == ""
    with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
        assert [run.ending for run, _, _ in ledger.runs(10)] == [Ending.DIED]


def test_what_it_decides_is_mailed_by_the_jobs_own_settings(state):
    with SmtpServer({}) as server:
        died(state, "podcasts", mine(mailhost=f"smtp://127.0.0.1:{server.port}"))
        result = check(state, MAILSPONGE_TO="somebody@else.example", MAILSPONGE_MAILHOST="nowhere.example")

    assert result.stdout == "podcasts: the job itself has failed; 1 mail handed over\n"
    (mail,) = server.mails
    assert mail.recipients == ["me@example.org"]
    assert mail.message["Subject"] == "podcasts: the job itself has failed"


def test_where_nothing_tells_a_jobs_settings_the_environments_hold(state):
    with SmtpServer({}) as server:
        for _ in range(3):
            died(state, "Søndag på P1")
        result = check(state, MAILSPONGE_TO="me@example.org", MAILSPONGE_MAILHOST=f"127.0.0.1:{server.port}")

    assert result.exit_code == 0
    (mail,) = server.mails
    assert mail.recipients == ["me@example.org"]
    assert mail.message["Subject"] == "Søndag på P1: the job itself has failed 3 runs in a row"


def test_what_waits_is_a_failure_that_says_why(state):
    died(state, "podcasts", mine(mailhost="smtp://127.0.0.1:1"))

    result = check(state)

    assert result.exit_code == 1
    assert result.stderr.startswith("mailsponge: podcasts: 1 mail waiting: 127.0.0.1:1: ")
    assert result.stdout == "podcasts: the job itself has failed\n"


def test_a_job_that_is_well_says_so(state):
    job_place(state, "podcasts").runs.mkdir(parents=True)

    result = check(state, MAILSPONGE_TO="me@example.org")

    assert (result.exit_code, result.stdout) == (0, "podcasts: nothing to tell: all is well\n")


def test_every_job_has_its_line_and_one_can_be_asked_for(state):
    died(state, "a", mine("3 runs"))
    died(state, "b", mine("3 runs"))

    assert check(state, "b").stdout == "b: the run died\n"
    assert check(state).stdout == (
        "a: the run died\nb: nothing new to tell: the job itself: 1 failed run; patience: 3 runs\n"
        "2 jobs: 1 run folded\n"
    )


def test_where_nothing_has_run_yet_it_says_so_where_cron_does_not_listen(state):
    result = check(state)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"nothing is remembered yet in {state}: a job's first run begins it\n"


def test_of_several_jobs_it_says_at_the_end_what_was_done(state):
    with SmtpServer({"RCPT": ["250 2.1.5 ok", "550 5.1.1 nobody here"]}) as server:
        died(state, "a", mine(mailhost=server.url))
        died(state, "b", mine(mailhost=server.url))
        died(state, "c", mine(mailhost="smtp://127.0.0.1:1"))
        result = check(state)

    assert result.stdout.splitlines()[-1] == (
        "3 jobs: 3 runs folded, 1 mail handed over, 1 mail waiting, 1 mail refused for good, trouble with 2 jobs"
    )
    assert len(result.stderr.splitlines()) == 2


def test_a_server_that_is_away_is_asked_once_and_not_for_each_job(state):
    places = [died(state, job, mine(mailhost="smtp://127.0.0.1:1")) for job in "abc"]

    result = check(state)

    assert result.stderr.count("(asked a moment ago)") == 2
    for place in places:
        with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
            assert [mail.status for mail in ledger.mails()] == ["waiting"]


def test_trouble_with_one_job_holds_up_no_other(state):
    died(state, "a", mine()).lock.mkdir()
    died(state, "b", mine("3 runs"))

    result = check(state)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"mailsponge: a: the state in {state / 'a'} cannot be used: ")
    assert result.stdout == "b: the run died\n2 jobs: 1 run folded, trouble with 1 job\n"


def test_a_damaged_ledger_is_set_aside_and_said(state):
    place = died(state, "podcasts", mine("3 runs"))
    place.ledger.write_bytes(b"no ledger" * 1000)

    result = check(state)

    (aside,) = place.directory.glob("ledger.db.damaged-*")
    assert result.exit_code == 1
    assert f"it is kept as {aside}, and a new one is begun" in result.stderr
    assert result.stdout == "podcasts: the run died\n"


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"MAILSPONGE_TO": "me <me@example.org>"}, "is no mail address"),
        ({"MAILSPONGE_TO": "me@example.org", "MAILSPONGE_MAILHOST": "ftp://x"}, "mailhost 'ftp://x'"),
    ],
)
def test_an_environment_that_cannot_be_is_said_and_loses_nothing(state, env, said):
    place = died(state, "podcasts")

    result = check(state, **env)

    assert result.exit_code == 1
    assert said in result.stderr
    assert len(list(place.runs.iterdir())) == 1


def test_a_password_in_the_environments_mail_host_is_neither_shown_nor_kept(state):
    place = died(state, "podcasts")

    result = check(
        state, MAILSPONGE_TO="me@example.org", MAILSPONGE_MAILHOST="smtp://me:hunter2@mail.example.org"
    )

    assert result.exit_code == 1
    assert "a password in a URL" in result.stderr
    assert "hunter2" not in result.output
    assert not any(b"hunter2" in path.read_bytes() for path in place.directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["file", "nowhere"])
def test_a_state_directory_that_is_asked_for_has_to_be_one(tmp_path, name):
    (tmp_path / "file").write_text("")

    result = check(tmp_path, "--state", str(tmp_path / name))

    assert (result.exit_code, result.stdout) == (1, "")
    assert str(tmp_path / name) in result.stderr
    assert "--state" in result.stderr


def test_a_state_in_the_users_sponge_toml_is_looked_after(state, tmp_path):
    died(state, "podcasts", mine("3 runs"))
    (tmp_path / "mailsponge").mkdir()
    (tmp_path / "mailsponge/sponge.toml").write_text(f'state = "{state}"\n')

    result = check(state, MAILSPONGE_STATE=None, XDG_CONFIG_HOME=str(tmp_path))

    assert result.stdout == "podcasts: the run died\n"


def test_a_job_that_is_not_there_is_an_error(state):
    state.mkdir()

    result = check(state, "podcasts")

    assert result.exit_code == 1
    assert result.stderr == f"mailsponge: no job 'podcasts' in {state}; jobs there: none yet\n"
