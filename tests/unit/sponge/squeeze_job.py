"""A job whose runs are written as a program writes them, and squeezed with a clock and a mail server of one's own."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any

from mailsponge.clock import Deadline
from mailsponge.sponge import folder, journal
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import ERROR, Ending, Kind, Mail, Outcome, SourceState, Squeeze
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.settings import Settings
from mailsponge.sponge.squeeze import Squeezer

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

    def end(self, ending: str = "finished", at: float | None = None) -> None:
        self.write(journal.line(k="end", t=at or self._at + 3, ending=ending))
        self.die()

    def die(self) -> None:
        os.close(self._run.descriptor)


class SqueezeJob:
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

    def ledger_of_a_first_squeeze(self) -> SqliteLedger:
        self.squeeze()
        return self.ledger()

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


def kinds(squeezed: Squeeze) -> list[tuple[Kind, str]]:
    return [(flip.kind, flip.source) for flip in squeezed.flips]


def waiting(job: SqueezeJob) -> list[str]:
    with closing(job.ledger()) as ledger, ledger.transaction():
        return [mail.message_id for mail in ledger.mails("waiting")]
