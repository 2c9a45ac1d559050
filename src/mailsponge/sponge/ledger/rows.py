"""Values as columns and back: what every ledger in a database has in common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from mailsponge.sponge.ledger.protocol import Standing
from mailsponge.sponge.model import (
    Attempt,
    Ending,
    Failures,
    Incident,
    Judged,
    Mail,
    Record,
    Run,
    SourceState,
    Status,
    storable,
)

RUN_COLUMNS: Final = "id, number, host, began_at, ended_at, ending, records, folded_at, note"
WELL_BEGINS: Final = '{"status":"ok",%'
FLAPS: Final = '%"flapping":true%'
"""Patterns for LIKE: how the state of a source that is well begins, and what stands in that of one that flaps. A text
within the state cannot look like that: its quotes are escaped.
"""
ATTEMPT_COLUMNS: Final = "highest, raised, entered, broken_off, lowest"
RECORD_COLUMNS: Final = "source, at, level, logger, text, detail, laid_out"
MAIL_COLUMNS: Final = (
    "message_id, created_at, subject, fromaddr, toaddrs, content, "
    "status, attempts, last_attempt_at, last_reply"
)


def storable_value(value: Any) -> Any:
    """The value, a text without what UTF-8 cannot say."""
    return storable(value) if isinstance(value, str) else value


def run_of(row: Sequence[Any]) -> Run:
    """A run, from its columns."""
    run_id, number, host, began_at, ended_at, ending, records, folded_at = row[:8]
    return Run(run_id, number, host, began_at, ended_at, Ending(ending), records, folded_at)


def attempt_columns(attempt: Attempt | None) -> tuple[int | None, ...]:
    """What a run showed of a source, as the columns of a table; all NULL if it was not named."""
    if attempt is None:
        return None, None, None, None, None
    return attempt.highest, attempt.raised, attempt.entered, attempt.broken_off, attempt.lowest


def attempt_of(columns: Sequence[int]) -> Attempt:
    """The reverse."""
    highest, raised, entered, broken_off, lowest = columns
    return Attempt(highest, bool(raised), bool(entered), bool(broken_off), lowest)


def record_of(row: Sequence[Any]) -> Record:
    """A record, from its columns."""
    source, at, level, logger, text, detail, laid_out = row
    return Record(source, at, level, logger, text, detail, bool(laid_out))


def mail_columns(mail: Mail) -> tuple[Any, ...]:
    """A mail as its columns."""
    return (
        mail.message_id,
        mail.created_at,
        mail.subject,
        mail.fromaddr,
        json.dumps(mail.toaddrs),
        mail.content,
        mail.status,
        mail.attempts,
        mail.last_attempt_at,
        storable(mail.last_reply),
    )


def mail_of(row: Sequence[Any]) -> Mail:
    """The reverse."""
    fields = dict(zip(MAIL_COLUMNS.split(", "), row, strict=True))
    return Mail(**{**fields, "toaddrs": tuple(json.loads(fields["toaddrs"]))})


def as_json(remembered: SourceState | Incident) -> str:
    """What the policy remembers, as a text for a column."""
    return _encoded(remembered._asdict())


_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode


def state_of(fields: dict[str, Any]) -> SourceState:
    """The reverse, for a state."""
    fields["status"] = _STATUSES[fields["status"]]
    # Most sources are well, and have neither.
    fields["streak"] = tuple([Failures(*part) for part in fields["streak"]]) if fields["streak"] else ()
    fields["window"] = tuple([Judged(*judged) for judged in fields["window"]]) if fields["window"] else ()
    return SourceState(**fields)


_STATUSES: Final = {str(status): status for status in Status}


def standings_of(rows: Sequence[tuple[str, str, str]]) -> list[Standing]:
    """How sources stand, from their names, hosts and states."""
    # One text to read rather than thousands: that takes half the time. A damaged one among them still is no JSON, or
    # makes more or fewer of them than there are.
    states = json.loads(f"[{','.join([text for _, _, text in rows])}]")
    return [
        Standing(name, host, state_of(fields)) for (name, host, _), fields in zip(rows, states, strict=True)
    ]


def incident_of(fields: dict[str, Any]) -> Incident:
    """The reverse, for an incident."""
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Incident(**{**fields, **lists})
