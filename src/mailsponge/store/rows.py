"""What stands in the columns of a message and of a delivery, as values, and the other way round.

Lists are JSON: a message comes in one row, and nobody asks for a part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mailsponge.mail.address import Address
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.store.course import WITHDRAWN, Course
from mailsponge.store.protocol import Acceptance, Delivery, Step

Row = tuple[Any, ...]

CONTENT_REMOVED: Final = -1
"""In place of the number of parts."""

MAILBOXES: Final = 10
"""Where a message's row has the mailboxes that it is delivered into; and what stands there if there are none."""
NONE: Final = "[]"

COURSE: Final = (
    "recipient, address, user, next_hop, attempts, next_attempt_at, held, result, status, why, reply, by, at"
)
"""The columns that `course` takes."""

_ORDINARY: Final = 4
"""Fields of an envelope that have columns of their own."""

_SAYS_NO_MORE: Final = Envelope(None, ())[_ORDINARY:]

_encode = msgspec.json.Encoder().encode
_any = msgspec.json.Decoder().decode
address = msgspec.json.Decoder(Address).decode
_addresses = msgspec.json.Decoder(tuple[Address, ...]).decode
names = msgspec.json.Decoder(tuple[str, ...]).decode
steps = msgspec.json.Decoder(tuple[Step, ...]).decode


def json(value: object) -> str:
    """As a column has it."""
    return _encode(value).decode()


def message(message_id: int, acceptance: Acceptance, size: int, parts: int, tail: bytes) -> Row:
    """The row of a message, column by column."""
    envelope, mailboxes, arrived_at, peer, helo, reasons, happened, deliveries = acceptance
    reverse_path, recipients, eight_bit, smtputf8, *_ = envelope
    more = envelope[_ORDINARY:]
    return (
        message_id,
        arrived_at,
        size,
        None if reverse_path is None else json(reverse_path),
        json(recipients),
        eight_bit,
        smtputf8,
        peer,
        helo,
        json(reasons),
        json(mailboxes),
        parts,
        tail,
        json(happened),
        None if more == _SAYS_NO_MORE else json(more),
        json(deliveries) if deliveries else None,
    )


def envelope(
    reverse_path: str | None, recipients: str, eight_bit: int, smtputf8: int, wishes: str | None = None
) -> Envelope:
    """An envelope, from its five columns."""
    ordinary = (
        None if reverse_path is None else address(reverse_path),
        _addresses(recipients),
        bool(eight_bit),
        bool(smtputf8),
    )
    if wishes is None:
        return Envelope(*ordinary)
    said = msgspec.convert([None, [], False, False, *_any(wishes)], Envelope)
    return Envelope(*ordinary, *said[_ORDINARY:])


def course(row: Sequence[Any]) -> Course:
    """How a delivery has gone so far, from the columns of `COURSE`."""
    recipient, to, user, next_hop, attempts, next_attempt_at, held, result, status, why, reply, by, at = row
    was = None if status is None else Outcome(_result(result), status, why, reply, by)
    return Course(
        delivery=Delivery(recipient, address(to), user, next_hop),
        attempts=attempts,
        next_attempt_at=next_attempt_at,
        held=bool(held),
        last=was,
        at=at or 0.0,
        withdrawn=result == WITHDRAWN,
    )


def _result(text: str) -> Result:
    """What was withdrawn had been deferred before."""
    return Result.DEFERRED if text == WITHDRAWN else Result(text)
