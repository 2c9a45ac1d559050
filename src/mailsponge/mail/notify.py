"""Which news of a recipient the sender of a message wishes to have (RFC 3461 section 4.1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from mailsponge.mail.envelope import Envelope


class Action(StrEnum):
    """What a report says of a recipient (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"  # handed to a server that does not tell more
    EXPANDED = "expanded"  # delivered to a list, whose own affair it is from there


_WISH: Final = {
    Action.FAILED: "FAILURE",
    Action.DELAYED: "DELAY",
    Action.DELIVERED: "SUCCESS",
    Action.RELAYED: "SUCCESS",
    Action.EXPANDED: "SUCCESS",
}
_UNSAID: Final = frozenset(("FAILURE", "DELAY"))
"""What a sender hears of who says nothing."""


def is_wanted(envelope: Envelope, recipient: int, action: Action) -> bool:
    """Whether the sender is to hear of it. Nobody hears of a message with the null reverse-path, whatever it wishes."""
    if envelope.reverse_path is None:
        return False
    wishes = envelope.recipient_wishes
    notify = wishes[recipient].notify if recipient < len(wishes) else None
    return _WISH[action] in (_UNSAID if notify is None else notify)
