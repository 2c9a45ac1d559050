"""What the sponge says about itself: one line on standard error, never an exception, never a log record.

It lives in other people's programs, so its own troubles must neither end them nor come back to it through ``logging``.
"""

from __future__ import annotations

import contextlib
import sys


def complain(message: str) -> None:
    """Say what is wrong on standard error, if there is one."""
    # A program may have closed standard error, or be without one (pythonw); then nobody is there to be told.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        text = message.encode("utf-8", "backslashreplace").decode("utf-8")
        sys.stderr.write(f"mailsponge: {text}\n")
        sys.stderr.flush()
