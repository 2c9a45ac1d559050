"""A mail in the making: a job, flips and records, and the mail as its reader's program sees it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from mailsponge.sponge import digest
from mailsponge.sponge.digest import LogOf, compose
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.model import ERROR, Flip, Kind, Mail, Record
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


def mail(settings: Settings, flips: Sequence[Flip], *records: Record) -> Mail:
    return compose(settings, flips, log_of(*records), NOW, "<1@example.org>", ("me", "laptop"))


def log_of(*records: Record) -> LogOf:
    """As a ledger gives a log."""
    ledger = MemoryLedger()
    ledger.add_records("run", [record._replace(source="x") for record in records])
    return lambda _: ledger.excerpt("run", "x", digest.FIRST_RECORDS, digest.LAST_RECORDS)


def read(content: bytes) -> EmailMessage:
    """The mail as its reader's program sees it."""
    return email.message_from_bytes(content, policy=email.policy.default)


def text_of(settings: Settings, flips: Sequence[Flip], *records: Record) -> str:
    return body_of(read(mail(settings, flips, *records).content))


def body_of(message: EmailMessage) -> str:
    return str(message.get_content()).replace("\r\n", "\n")
