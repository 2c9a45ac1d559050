"""A mail in the making: a job, flips and records, and the mail as its reader's program sees it."""

from __future__ import annotations

import email
import email.policy
import gzip
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from mailsponge.sponge.digest import compose
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import ERROR, OK, Ending, Flip, Kind, Mail, Record, Run
from mailsponge.sponge.news import News
from mailsponge.sponge.policy.deciding import flips_in_order
from mailsponge.sponge.settings import Settings

NOW = 1_700_000_000.0


def job(**fields: Any) -> Settings:
    return Settings(
        **{"job": "podcasts", "toaddrs": ("me@example.org",), "fromaddr": "sponge@example.org"} | fields
    )


def flip(
    source: str = "x", kind: Kind = Kind.NEW, said: str = "has failed 3 runs in a row", **fields: Any
) -> Flip:
    about = {
        "at": NOW,
        "since": NOW - 7200,
        "failed_run": "run",
        "thread": None,
        "reason": "patience is over",
    }
    return Flip(kind, source, said=said, **(about | fields))


def record(text: str = "HTTP 404", level: int = ERROR, detail: str = "", **fields: Any) -> Record:
    return Record(
        **{"source": "x", "at": NOW, "logger": "feeds", "laid_out": False} | fields,
        level=level,
        text=text,
        detail=detail,
    )


def mail(settings: Settings, flips: Sequence[Flip], *records: Record, **about: Any) -> Mail:
    """The mail about some flips of sources that all logged the same in the run that failed."""
    return compose(
        settings, news(settings, flips, *records, **about), NOW, "<1@example.org>", ("me", "laptop")
    )


def news(
    settings: Settings,
    flips: Sequence[Flip],
    *records: Record,
    ledger: MemoryLedger | None = None,
    digest: bool = False,
) -> News:
    """What a squeeze hands to the mail."""
    found = ledger or MemoryLedger()
    for source in dict.fromkeys(flip.source for flip in flips):
        found.add_records("run", [record._replace(source=source) for record in records])
    return News(found, settings.policy, flips_in_order(flips), digest, NOW)


def ran(
    ledger: MemoryLedger, number: int, verdicts: dict[str, int], *records: Record, note: str = ""
) -> None:
    """A run that the ledger knows."""
    name = f"run{number}"
    began = NOW - (100 - number) * 3600
    ledger.add_records(name, records)
    run = Run(name, number, "laptop", began, began + 60, Ending.FINISHED, len(records))
    ledger.add_run(run, verdicts, note)


FAILED = ERROR
WELL = OK


def read(content: bytes) -> EmailMessage:
    """The mail as its reader's program sees it."""
    return email.message_from_bytes(content, policy=email.policy.default)


def text_of(settings: Settings, flips: Sequence[Flip], *records: Record, **about: Any) -> str:
    return body_of(read(mail(settings, flips, *records, **about).content))


def html_of(settings: Settings, flips: Sequence[Flip], *records: Record, **about: Any) -> str:
    return part_of(read(mail(settings, flips, *records, **about).content), "html")


def body_of(message: EmailMessage) -> str:
    """The mail as plain text."""
    return part_of(message, "plain")


def part_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def attached(message: EmailMessage) -> str | None:
    """The log that is attached, if there is one."""
    found = [part for part in message.iter_attachments() if part.get_content_type() == "application/gzip"]
    return gzip.decompress(found[0].get_content()).decode() if found else None
