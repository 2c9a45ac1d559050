"""The story of a message, in order and with its reasons, out of what is kept about it.

Nothing is kept twice: who sent it, for whom and why stands in the message's row; steps are kept of the rest alone. The
words, which may become more: came, sender, admitted, refused, complete, delivered, opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailsponge.store.protocol import Message, Step


def story(message: Message, later: Sequence[Step]) -> list[Step]:
    """All steps of a message; ``later`` are those after it was accepted."""
    return [*_beginning(message), *_accepting(message), *later]


def _beginning(message: Message) -> Iterator[Step]:
    """What the envelope and the acceptance say."""
    first = next(iter(message.steps), None)
    came = first is not None and first.what == "came"
    at = first.at if first is not None and came else message.arrived_at
    how = f" by {first.why}" if first is not None and came else ""
    yield Step(at, "came", f"from {message.peer}{how}, and called itself {message.helo}")
    sender = message.envelope.reverse_path
    yield Step(at, "sender", "<>: a report, which nobody is told of" if sender is None else f"<{sender}>")
    for reason in message.reasons:
        yield Step(at, "admitted", reason)


def _accepting(message: Message) -> Iterator[Step]:
    """What happened until it was on the disk, and where it went by that."""
    at = message.arrived_at
    for step in message.steps:
        at = step.at
        if step.what != "came":
            yield step
    for mailbox in message.mailboxes:
        yield Step(at, "delivered", f"into the mailbox {mailbox}, {message.size} bytes, by being accepted")
