"""``mailq``: what waits, as Postfix lists it, or a JSON object a line, with Postfix's names; and ``sendmail -q``.

Here the whole of the server's side is loaded: it is a person who looks, and not often.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mailsponge import clean, clock
from mailsponge.data_place import DataPlace
from mailsponge.errors import StoreError, UsageError
from mailsponge.sendmail.flags import Flags, Misused
from mailsponge.sendmail.say import say
from mailsponge.store.protocol import Queue, Queued, Waiting

CONFIGURATION = Path("/etc/mailsponge.toml")
"""Where that of the machine's own server is looked for, if the user has none of their own."""

_TITLE = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------"
_WIDTH = 76


def show(flags: Flags) -> int:
    """List what waits; returns the program's status. Raises Misused."""
    with _queue(flags) as queue:
        if isinstance(queue, int):
            return queue
        lines = as_json(queue.queued(), clock.now()) if flags.json else listed(queue.queued(), clock.now())
        for line in lines:
            print(line)
    return os.EX_OK


def flush(flags: Flags) -> int:
    """Have what waits tried at once: all, one message, or what is for a domain. Raises Misused."""
    with _queue(flags) as queue:
        if isinstance(queue, int):
            return queue
        try:
            _retry(queue, flags.flush[:1], flags.flush[1:].strip())
        except StoreError as error:
            return say(str(error), os.EX_UNAVAILABLE)
    return os.EX_OK


def _retry(queue: Queue, kind: str, what: str) -> None:
    """Raises Misused, StoreError."""
    if not kind:
        queue.retry_all()
    elif kind == "R":
        for message in list(queue.queued()):
            if any(waiting.address.domain == what.lower() for waiting in message.recipients):
                queue.retry(message.id)
    elif what.isascii() and what.isdecimal() and int(what) < 2**63:
        queue.retry(int(what))
    else:
        raise Misused(f"-qI takes the number of a message, as mailq shows it, and not {what}")


@contextmanager
def _queue(flags: Flags) -> Iterator[Queue | int]:
    """The queue; or the status of the program that may not see it, or finds none."""
    try:
        from mailsponge.cli.stores import opened
    except ModuleNotFoundError as error:
        yield say(f"{error.name} is missing: pip install 'mailsponge[server]'", os.EX_UNAVAILABLE)
        return
    with ExitStack() as open_until_the_end:
        found: Queue | int
        try:
            found = open_until_the_end.enter_context(opened(*_where(flags)))
        except PermissionError as error:
            found = say(
                f"{error.filename} is for the user to see who runs the server: ask as them, or as root",
                os.EX_NOPERM,
            )
        except UsageError as error:
            found = say(str(error), os.EX_CONFIG)
        except StoreError as error:
            found = say(str(error), os.EX_UNAVAILABLE)
        yield found


def _where(flags: Flags) -> tuple[DataPlace | None, Path | None]:
    """Where mail was said to be, and the configuration that says it. Raises UsageError."""
    from mailsponge.config import Machine

    if flags.data or flags.config:
        place = DataPlace.parse(flags.data) if flags.data else None
        return place, Path(flags.config) if flags.config else None
    mine = Machine.here()
    kept = mine.data.directory
    is_mine = mine.data_from == "MAILSPONGE_DATA" or (kept is not None and (kept / "store.db").exists())
    return None, CONFIGURATION if not is_mine and CONFIGURATION.exists() else None


def listed(queue: Iterable[Queued], now: float) -> Iterator[str]:
    """The lines of Postfix's own list: what waits, why, and for whom; ``now`` is in seconds since the epoch."""
    number = size = 0
    for message in queue:
        yield "" if number else _TITLE
        yield from _entry(message, now)
        number += 1
        size += message.size
    if number:
        yield f"\n-- {size // 1024} Kbytes in {number} Request{'s' if number > 1 else ''}."
    else:
        yield "Mail queue is empty"


def _entry(message: Queued, now: float) -> Iterator[str]:
    state = {"active": "*", "hold": "!", "deferred": " "}[_state(message, now)]
    arrived = time.strftime("%a %b %d %H:%M:%S", time.localtime(message.arrived_at))
    yield f"{f'{message.id}{state}':<11} {message.size:7} {arrived}  {clean.line(_sender(message))}"
    why = ""
    for waiting in message.recipients:
        if _why(waiting) and _why(waiting) != why:
            why = _why(waiting)
            yield f"({why})".rjust(_WIDTH)
        yield f"{'':41}{clean.line(str(waiting.address))}"


def as_json(queue: Iterable[Queued], now: float) -> Iterator[str]:
    """A JSON object a line, with the names that Postfix's ``postqueue -j`` has, and more."""
    for message in queue:
        yield json.dumps(
            {
                "queue_name": _state(message, now),
                "queue_id": str(message.id),
                "arrival_time": int(message.arrived_at),
                "message_size": message.size,
                "forced_expire": False,
                "sender": _sender(message),
                "recipients": [_recipient(waiting) for waiting in message.recipients],
            }
        )


def _recipient(waiting: Waiting) -> dict[str, object]:
    reason = {"delay_reason": waiting.last_reply} if waiting.last_reply else {}
    return {
        "address": str(waiting.address),
        **reason,
        "attempts": waiting.attempts,
        "next_attempt_at": clock.iso(waiting.next_attempt_at),
    }


def _state(message: Queued, now: float) -> str:
    """Postfix's word: ``hold`` if all of it is held, ``active`` if some of it is due, else ``deferred``."""
    tried = [waiting for waiting in message.recipients if not waiting.held]
    if not tried:
        return "hold"
    return "active" if any(waiting.next_attempt_at <= now for waiting in tried) else "deferred"


def _why(waiting: Waiting) -> str:
    return clean.line(waiting.last_reply)


def _sender(message: Queued) -> str:
    return str(message.reverse_path) if message.reverse_path is not None else "MAILER-DAEMON"
