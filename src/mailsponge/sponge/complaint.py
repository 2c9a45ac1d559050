"""What the sponge says about itself: one line on standard error, never an exception, never a log record.

It lives in other people's programs, so its own troubles must neither end them nor come back to it through ``logging``.
"""

from __future__ import annotations

import contextlib
import os
import sys


def complain(message: str) -> None:
    """Say what is wrong on standard error, if there is one."""
    # A program may have closed standard error, or be without one (pythonw); then nobody is there to be told.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream = sys.stderr
        stream.flush()
        encoding = getattr(stream, "encoding", None) or "utf-8"
        text = f"mailsponge: {message}\n".encode(encoding, "backslashreplace")
        if stream is sys.__stderr__ and stream is not None:
            # Past the buffer: what cannot be written would stay in it, fail once more when the interpreter ends, and
            # change the program's exit status.
            os.write(stream.fileno(), text)
        else:
            stream.write(text.decode(encoding))
            stream.flush()
