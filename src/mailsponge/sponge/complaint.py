"""What the sponge says about itself: one line on standard error, never an exception, never a log record.

It lives in other people's programs, so its own troubles must neither end them nor come back to it through ``logging``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from mailsponge import clean

_within = threading.local()


def complain(message: str) -> None:
    """Say what is wrong on standard error, if there is one; names in it cannot drive a terminal.

    What is said while something is being said is not: a program may lead standard error back into ``logging``.
    """
    if getattr(_within, "complaint", False):
        return
    _within.complaint = True
    try:
        _say(f"mailsponge: {clean.line(message)}\n")
    finally:
        _within.complaint = False


def _say(line: str) -> None:
    # A program may have closed standard error, or be without one (pythonw); then nobody is there to be told.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream = sys.stderr
        stream.flush()
        encoding = getattr(stream, "encoding", None) or "utf-8"
        text = line.encode(encoding, "backslashreplace")
        if stream is sys.__stderr__ and stream is not None:
            # Past the buffer: what cannot be written would stay in it, fail once more when the interpreter ends, and
            # change the program's exit status.
            os.write(stream.fileno(), text)
        else:
            stream.write(text.decode(encoding))
            stream.flush()
