"""How words of strangers stand in a log line of ``key=value`` fields: none can begin a line, or pass for a field.

Control characters, all beyond ASCII and, inside a value, spaces are escaped; sentences stand in quotes.
"""

from __future__ import annotations

import logging
import re
import time
from functools import lru_cache
from typing import Final

from mailsponge.mail.reply import printable

_HARMLESS = re.compile("[!-~]*").fullmatch


@lru_cache(maxsize=1000)
def value(text: str) -> str:
    """A value that has brackets of its own around it, or cannot begin with a quote."""
    return text if _HARMLESS(text) else printable(text).replace(" ", "\\x20")


def bare(text: str) -> str:
    """A value without brackets around it: it must not begin as a sentence does."""
    shown = value(text)
    return shown if shown[:1] != '"' else f"\\x22{shown[1:]}"


def sentence(text: str) -> str:
    """Words with spaces between them, in quotes."""
    # Backslashes first: after one of a stranger's, the quote that ends the sentence would not count as its end.
    return '"' + printable(text.replace("\\", "\\\\")).replace('"', '\\"') + '"'


class _Line(logging.LogRecord):
    """A record of a line of ours, without what it costs to find out where in the program it was logged."""

    def __init__(self, name: str, text: str) -> None:
        self.__dict__.update(_LIKE_ALL)
        self.name = name
        self.msg = text
        self.created = time.time()
        self.msecs = self.created % 1 * 1000


_LIKE_ALL: Final = vars(logging.LogRecord("", logging.INFO, __file__, 0, "", (), None))


def say(log: logging.Logger, text: str) -> None:
    """Log one line, to whoever listens at INFO; ask ``log.isEnabledFor`` before it is composed."""
    log.handle(_Line(log.name, text))
