"""The story of a message, in order and with its reasons, out of what is kept about it.

Nothing is kept twice: who sent it, for whom and why stands in the message's row, how each delivery went in its own;
steps are kept of the rest alone. The words, which may become more: came, sender, admitted, refused, complete,
delivered, queued, deferred, relayed, failed, reported, held, released, retried, withdrawn, opened, deleted, waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mailsponge.mail.outcome import Result
from mailsponge.store import course
from mailsponge.store.course import Course
from mailsponge.store.protocol import HopDown, Message, Step


def story(
    message: Message,
    later: Sequence[Step],
    courses: Sequence[Course] = (),
    down: Mapping[str, HopDown] | None = None,
) -> list[Step]:
    """All steps of a message; ``later`` are those after it was accepted, ``courses`` its deliveries.

    The last ones tell what still waits, and stand at the moment when that is tried again. ``down``: the next hops that
    nothing gets through to.
    """
    ended = [step for step in map(course.ended, courses) if step is not None]
    down = down or {}
    waits = [course.waits(message.id, each, down.get(each.delivery.next_hop)) for each in courses]
    return [
        *_beginning(message),
        *_accepting(message, courses),
        *sorted([*ended, *later], key=_moment),
        *sorted((step for step in waits if step is not None), key=_moment),
    ]


def _moment(step: Step) -> float:
    return step.at


def _beginning(message: Message) -> Iterator[Step]:
    """What the envelope and the acceptance say."""
    first = next(iter(message.steps), None)
    came = first is not None and first.what == "came"
    at = first.at if first is not None and came else message.arrived_at
    how = f" by {first.why}" if first is not None and came else ""
    called = f", and called itself {message.helo}" if message.helo else ""
    yield Step(at, "came", f"from {message.peer}{how}{called}")
    sender = message.envelope.reverse_path
    yield Step(at, "sender", "<>: a report, which nobody is told of" if sender is None else f"<{sender}>")
    for reason in message.reasons:
        yield Step(at, "admitted", reason)


def _accepting(message: Message, courses: Sequence[Course]) -> Iterator[Step]:
    """What happened until it was on the disk, and where it went by that, or has still to go."""
    at = message.arrived_at
    for step in message.steps:
        at = step.at
        if step.what != "came":
            yield step
    later = {each.delivery.user for each in courses if each.last and each.last.result is Result.DELIVERED}
    for mailbox in message.mailboxes:
        if mailbox not in later:
            yield Step(
                at, "delivered", f"into the mailbox {mailbox}, {message.size} bytes, by being accepted"
            )
    for each in courses:
        yield course.queued(each, message.envelope.recipients[each.delivery.recipient], at)
