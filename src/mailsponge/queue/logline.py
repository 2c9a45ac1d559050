"""One line an attempt, ``key=value``, for a person with grep.

    relayed id=17 hop=example.net to=<you@example.net> status=2.0.0 delay=0.3 by=mx.example.net reply="250 2.0.0 Ok"
    deferred id=18 hop=example.com to=<me@example.com> status=4.4.1 delay=301.2 next=2026-01-31T07:40:00Z why="…"

What a stranger said cannot begin a new line, drive a terminal, or pass for another field (`logfields.py`).
"""

from __future__ import annotations

import logging
import textwrap
import traceback
from collections.abc import Sequence
from typing import Final

from mailsponge import clean, clock
from mailsponge.logfields import bare, say, sentence, value
from mailsponge.mail.outcome import Outcome
from mailsponge.queue.verdict import Verdict
from mailsponge.store.protocol import HopDown, Parcel

log = logging.getLogger("mailsponge.queue")

RECIPIENTS_TOLD: Final = 20
"""Recipients that a line names; the count of the others follows."""


def tried(parcel: Parcel, verdicts: Sequence[Verdict]) -> None:
    """What an attempt came to: a line for those recipients that it came to the same for."""
    if not log.isEnabledFor(logging.INFO):
        return
    if len(verdicts) == 1:
        _tried(parcel, verdicts)
        return
    alike: dict[Outcome, list[Verdict]] = {}
    for each in verdicts:
        alike.setdefault(each.settlement.outcome, []).append(each)
    for same in alike.values():
        _tried(parcel, same)


def _tried(parcel: Parcel, alike: Sequence[Verdict]) -> None:
    due, settlement, _ = alike[0]
    outcome = settlement.outcome
    again = settlement.next_attempt_at
    after = f" next={clock.iso(again)}" if again is not None else ""
    by = f" by={bare(outcome.by)}" if outcome.by else ""
    words = f" reply={sentence(outcome.reply)}" if outcome.reply else f" why={sentence(outcome.why)}"
    say(
        log,
        f"{outcome.result} id={parcel.message} hop={bare(due.next_hop)} to={_recipients(alike)} "
        f"status={bare(outcome.status)} delay={settlement.at - parcel.arrived_at:.1f}{after}{by}{words}",
    )


def _recipients(alike: Sequence[Verdict]) -> str:
    told = ",".join(f"<{value(str(each.due.address))}>" for each in alike[:RECIPIENTS_TOLD])
    more = len(alike) - RECIPIENTS_TOLD
    return f"{told},+{more}" if more > 0 else told


def hop_down(hop: str, down: HopDown) -> None:
    """Nothing gets through to a next hop."""
    if log.isEnabledFor(logging.INFO):
        say(
            log,
            f"hop-down hop={bare(hop)} until={clock.iso(down.until)} failures={down.failures} why={sentence(down.why)}",
        )


def hop_up(hop: str) -> None:
    """It answers again."""
    if log.isEnabledFor(logging.INFO):
        say(log, f"hop-up hop={bare(hop)}")


def reported(message: int, action: str, to: str) -> None:
    """The sender hears of it."""
    if log.isEnabledFor(logging.INFO):
        say(log, f"reported id={message} action={action} to=<{value(to)}>")


def not_reported(message: int, action: str, why: str) -> None:
    """The sender should hear of it, and cannot."""
    log.warning(f"not-reported id={message} action={action} why={sentence(why)}")


def store_fails(waiting: int, again_in: float, error: Exception) -> None:
    """What was done cannot be kept: someone has to look after the disk, or the database."""
    log.error(f"not-settled outcomes={waiting} again-in={again_in:.0f} error={sentence(str(error))}")


def cannot_ask(what: str, error: Exception) -> None:
    """The store could not be asked for something; that is tried again."""
    log.error(f"queue-stuck doing={what} error={sentence(str(error))}")


def mistake(message: int, hop: str, error: Exception) -> None:
    """A courier, or the composing of a report, raised what it should not have."""
    # Set in, so that no line of a stranger's words within can pass for one of the log's.
    trace = textwrap.indent(clean.block("".join(traceback.format_exception(error))), "    ")
    log.error(f"mistake id={message} hop={bare(hop)}\n{trace}")
