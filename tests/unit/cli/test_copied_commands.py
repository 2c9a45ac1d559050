"""What a mail offers to be copied does what it says, whatever the job and its sources are called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1] / "sponge"))

from digest_parts import body_of, read
from squeeze_job import DAY, HOUR, OpenRun

from mailsponge.cli import main
from mailsponge.clock import Deadline
from mailsponge.sponge import journal
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import ERROR, Incident, Outcome, Silence, Squeeze
from mailsponge.sponge.places import job_place
from mailsponge.sponge.policy import telling
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="no bash to read the commands as a person's shell does")

NAMES = ["x", "Søndag på P1", "it's $(odd)", "--all", "line\nbreak \x1b[2J", "[brackets] *", "'"]


class CopyingJob:
    """A job with failures, whose mails' commands are copied into a shell."""

    def __init__(self, state: Path, name: str) -> None:
        self.place = job_place(state, name)
        self.place.directory.mkdir(parents=True)
        self.settings = Settings(
            name, ("me@example.org",), fromaddr="a@example.org", patience="now", expect="1 day"
        )
        self.now = 1_700_000_000.0
        self._state = state

    def ran(self, *failing: str, well: tuple[str, ...] = ("a", "b", "c")) -> Squeeze:
        self.now += HOUR
        run = OpenRun(self.place, self.settings, self.now)
        for source in well:
            run.works(source)
        for source in failing:
            run.write(journal.line(t=self.now, l=ERROR, n="feeds", s=source, m=f"{len(source)} is down"))
        run.end()
        return self.squeeze()

    def squeeze(self) -> Squeeze:
        numbers = iter(range(int(self.now), int(self.now) + 9))
        squeezer = Squeezer(
            self.place,
            self.settings,
            now=lambda: self.now,
            random=lambda: f"mail{next(numbers)}",
            send=lambda mail, deadline: Outcome("refused", "550 no"),
        )
        return squeezer.squeeze(Deadline(30))

    def copied(self, squeezed: Squeeze, command: str) -> Result:
        """Run the one line of a mail that begins like this."""
        (mail,) = squeezed.mails
        lines = [
            line for line in body_of(read(mail.content)).splitlines() if f"  mailsponge {command} " in line
        ]
        assert len(lines) == 1
        line = lines[0].partition("  mailsponge ")[2]
        done = subprocess.run([str(BASH), "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
        words = done.stdout.decode().split("\0")[:-1]
        result = CliRunner().invoke(main, words, env={"MAILSPONGE_STATE": str(self._state), "NO_COLOR": "1"})
        assert result.exit_code == 0, result.output
        return result

    def incidents(self) -> dict[str, Incident]:
        with closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return ledger.incidents()

    def silences(self) -> list[Silence]:
        with closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return ledger.silences()


@pytest.fixture(params=["podcasts", "--it's $(odd)\n*"], ids=ascii)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> CopyingJob:
    return CopyingJob(tmp_path, request.param)


@pytest.fixture(params=[*NAMES, ""], ids=ascii)
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_show_shows_what_was_logged(job, source):
    assert f"{len(source)} is down" in job.copied(job.ran(source), "show").output


def test_ack_acknowledges_that_source_alone(job, source):
    job.ran("other")
    job.copied(job.ran(source, "other"), "ack")

    acknowledged = {name for name, incident in job.incidents().items() if incident.acknowledged is not None}
    assert acknowledged == {source}


def test_silence_silences_that_source_alone(job, source):
    job.copied(job.ran(source), "silence")

    silences = job.silences()
    at = silences[0].since
    silenced = {name for name in {*NAMES, "", "other", "b"} if telling.silence_of(name, silences, at)}
    assert silenced == {source}
    assert silences[0].until - at == DAY


def test_history_shows_how_it_went(job, source):
    job.ran(source)

    assert job.copied(job.ran(well=(source, "a", "b", "c")), "history").output


def test_outbox_show_shows_the_mail_that_was_refused(job):
    (refused,) = job.ran("x").mails
    squeezed = job.ran("y")

    assert refused.message_id in job.copied(squeezed, "outbox show").output


def test_forget_forgets_what_is_gone(job):
    job.ran(well=("a", "b", "c", "x [old]"))
    job.ran("x [old]")
    for _ in range(9):
        job.now += DAY
        job.ran()

    job.copied(job.ran(), "forget")

    with closing(SqliteLedger(job.place.ledger)) as ledger, ledger.transaction():
        assert "x [old]" not in ledger.states()
