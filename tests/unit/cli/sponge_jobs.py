"""Jobs with a history, for the tests of commands that look at one: real ledgers, written as a program writes them."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click.testing
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "sponge"))

from squeeze_job import HOUR, OpenRun

from mailsponge.cli import main
from mailsponge.clock import Deadline
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Incident, Silence
from mailsponge.sponge.places import job_place
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer
from mailsponge.sponge.transport import Outcome

BEGAN = 1_700_000_000.0
"""Tue 14 Nov 2023, 22:13:20 UTC."""


class RememberedJob:
    """A job whose runs are an hour apart.

    Args:
        state: the state directory.
        name: the job.
        patience: as in its settings.
    """

    def __init__(self, state: Path, name: str = "podcasts", patience: str = "2 runs") -> None:
        self.place = job_place(state, name)
        self.place.directory.mkdir(parents=True)
        self.now = BEGAN
        self._state = state
        self._settings = Settings(name, ("me@example.org",), fromaddr="a@example.org", patience=patience)

    def ran(self, *fails: str, works: tuple[str, ...] = (), ending: str = "finished") -> None:
        """A run from its beginning to its end, folded."""
        run = OpenRun(self.place, self._settings, self.now)
        for source in works:
            run.works(source)
        for source in fails:
            run.fails(source)
        run.end(ending, at=self.now + 90)
        self.now += HOUR
        squeezer = Squeezer(
            self.place,
            self._settings,
            now=lambda: self.now,
            send=lambda mail, deadline: Outcome("sent", "250 OK"),
        )
        squeezer.squeeze(Deadline(30))

    def command(self, *arguments: str) -> click.testing.Result:
        """Run ``mailsponge`` on this state directory."""
        return CliRunner().invoke(main, arguments, env={"MAILSPONGE_STATE": str(self._state), "TZ": "UTC"})

    def incident(self, source: str) -> Incident:
        with closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return ledger.incidents().get(source, Incident())

    def silences(self) -> list[Silence]:
        with closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return ledger.silences()

    def sources(self) -> set[str]:
        with closing(SqliteLedger(self.place.ledger)) as ledger, ledger.transaction():
            return set(ledger.states())
