"""Settings that cannot be: a ValueError that shows what could, at once, and nothing begun."""

from __future__ import annotations

import pytest

from kit.programs import Job

MAKE = """\
from mailsponge import SpongeHandler
try:
    SpongeHandler({arguments})
except ValueError as error:
    print(error)
"""


def refusal(job: Job, arguments: str, **env: str) -> str:
    """What a program is told that makes a handler like this."""
    done = job.run(MAKE.format(arguments=arguments), env=env)
    assert (done.status, done.err) == (0, "")
    assert not job.state.exists()
    return done.out


@pytest.mark.parametrize(
    "patience",
    [
        '"soon"',
        '""',
        '"3"',
        '"0 runs"',
        '"5 of 3 runs"',
        '"3 runs or"',
        '"-1 runs"',
        '"1.5 runs"',
        "3",
        "{}",
        '{"ERROR": "soon"}',
    ],
)
def test_a_wrong_patience_is_refused_with_the_grammar(job: Job, patience: str):
    said = refusal(job, f'"job", "me@example.org", patience={patience}')

    assert "patience" in said
    assert '"3 runs"' in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ('"", "me@example.org"', "give the job a name"),
        ('None, "me@example.org"', "give the job a name"),
        ('"job"', "MAILSPONGE_TO"),
        ('"job", []', "MAILSPONGE_TO"),
        ('"job", "no address at all"', "no mail address"),
        ('"job", "me@example.org\\nBcc: x@example.org"', "no mail address"),
        ('"job", "me@example.org", fromaddr="<me>"', "no mail address"),
        ('"job", "me@example.org", timeout=0', "timeout"),
        ('"job", "me@example.org", timeout=-1', "timeout"),
        ('"job", "me@example.org", timeout=float("nan")', "timeout"),
        ('"job", "me@example.org", timeout=float("inf")', "timeout"),
        ('"job", "me@example.org", timeout=1e12', "timeout"),
        ('"job", "me@example.org", timeout="soon"', "timeout"),
        ('"job", "me@example.org", recover_after=0', "recover_after"),
        ('"job", "me@example.org", remind="now and then"', "remind"),
        ('"job", "me@example.org", common_cause=2', "common_cause"),
        ('"job", "me@example.org", mailhost="http://example.org"', "mailhost"),
        ('"job", "me@example.org", mailhost="smtp://example.org:99999"', "mailhost"),
        ('"job", "me@example.org", credentials="user:password"', "credentials"),
        ('"job", "me@example.org", level="LOUD"', "LOUD"),
    ],
)
def test_what_cannot_be_is_refused_and_named(job: Job, arguments: str, says: str):
    assert says in refusal(job, arguments)


def test_a_password_in_a_url_is_refused_and_not_repeated(job: Job):
    said = refusal(job, '"job", "me@example.org", mailhost="smtp://me:hunter2@example.org"')

    assert "MAILSPONGE_PASSWORD" in said
    assert "hunter2" not in said


def test_a_password_file_that_is_not_there_is_refused_and_named(job: Job):
    said = refusal(
        job,
        '"job", "me@example.org", mailhost="smtp://me@example.org"',
        MAILSPONGE_PASSWORD_FILE="/nowhere/password",
    )

    assert "MAILSPONGE_PASSWORD_FILE /nowhere/password" in said


def test_a_wrong_setting_in_the_middle_leaves_the_run_as_it_was(job: Job):
    done = job.log(
        'log.info("before")',
        "try: SpongeHandler('job', 'me@example.org', patience='soon')",
        "except ValueError: print('refused')",
        'log.info("after")',
    )

    assert done.out == "refused\n"
    assert job.texts() == ["before", "after"]
    assert job.endings() == ["finished"]


def test_mailsponge_run_says_what_is_wrong_and_does_not_start_the_command(job: Job):
    done = job.command("run", "job", "--to", "me@example.org", "--patience", "soon", "--", "touch", "started")

    assert done.status == 2
    assert "patience 'soon'" in done.err
    assert "Traceback" not in done.err
    assert not (job.home / "started").exists()
