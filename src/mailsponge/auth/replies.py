"""What a client is told of its login, each sentence once (RFC 4954 section 6)."""

from __future__ import annotations

import math
from typing import Final

from mailsponge.mail.reply import Reply

GRANTED: Final = Reply(235, "2.7.0", "Logged in")
DENIED: Final = Reply(535, "5.7.8", "That name and that password do not belong together; nobody is logged in")
"""Whatever the reason: a wrong name, a wrong password, or a message that is none."""
LATER: Final = Reply(454, "4.7.0", "Too many are logging in just now; please try again in a minute")


def too_many(seconds: float) -> Reply:
    """The address has guessed too often; another try may go on in so many seconds."""
    minutes = math.ceil(seconds / 60)
    return Reply(
        454,
        "4.7.0",
        f"Too many wrong passwords from your address; please try again in {minutes} "
        f"minute{'' if minutes == 1 else 's'}",
    )
