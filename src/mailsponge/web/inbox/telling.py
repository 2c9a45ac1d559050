"""What the reader of a message may hear of its trace.

A message is kept once, and one trace with it, whoever got it. Whom else it went to, in blind copy perhaps, is the
sender's to know, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailsponge.mail.address import Address
from mailsponge.store.protocol import Message, Step

IsTheirs = Callable[[Address], bool]
"""Whether mail to an address comes to the reader."""


class Told(NamedTuple):
    """The steps that one reader may see."""

    steps: tuple[Step, ...]
    kept_back: int
    """Steps about others that are left out."""


def told_to(user: str, message: Message, steps: Sequence[Step], is_theirs: IsTheirs) -> Told:
    """Leave out what is about others, unless it is the reader's own message; ``is_theirs`` knows the addresses whose
    mail comes to the reader.
    """
    if wrote(user, message):
        return Told(tuple(steps), 0)
    others = [address for address in message.envelope.recipients if not is_theirs(address)]
    # A list of them would be gone through for each step: enough of that.
    if not others and set(message.mailboxes) <= {user}:
        return Told(tuple(steps), 0)
    kept = tuple(
        step for step in steps if step.what in _ABOUT_ALL or _is_about(step, user, message, is_theirs)
    )
    return Told(kept, len(steps) - len(kept))


_ABOUT_ALL = frozenset(("came", "sender", "complete"))


def _is_about(step: Step, user: str, message: Message, is_theirs: IsTheirs) -> bool:
    """Whether a step is about the reader: it names an address of theirs, or their mailbox, and nobody else's."""
    if f"mailbox {user}," in f"{step.why},":
        return True
    return any(
        step.why.startswith(f"<{address}>")
        for address in message.envelope.recipients[:1000]
        if is_theirs(address)
    )


def wrote(user: str, message: Message) -> bool:
    """Whether the reader sent it, having logged in: as the listener, or this inbox, kept it."""
    first = next(iter(message.steps), None)
    return first is not None and first.what == "came" and first.why.endswith(f", logged in as {user}")
