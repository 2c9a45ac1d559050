"""What the program says to whoever started it."""

from __future__ import annotations

import sys


def say(text: str, status: int = 0) -> int:
    """Say it on standard error; returns the status that goes with it. Never fails: a cron job may have none."""
    from mailsponge import clean  # mostly there is nothing to say

    try:
        sys.stderr.write("".join(f"mailsponge-sendmail: {clean.line(line)}\n" for line in text.split("\n")))
    except (OSError, ValueError, AttributeError):
        return status
    return status
