"""What a command says, cut into lines; and lines taken apart by a pattern of the user's."""

from __future__ import annotations

import logging
import re
from typing import Final, NamedTuple

from mailsponge.errors import UsageError
from mailsponge.sponge.model import CRITICAL, DEBUG, ERROR, INFO, LEVELS, WARNING

_LONGEST_LINE: Final = 1024 * 1024
"""Bytes after which a line is cut into several records: a command need not ever end one."""

_LOOKED_AT: Final = 4096
"""Characters of a line that a pattern is tried on. One that tries many ways takes longer the longer the text is."""

_GROUPS: Final = ("source", "level", "message")

_NAMES: Final = {
    **LEVELS,
    "TRACE": DEBUG,
    "NOTICE": INFO,
    "WARN": WARNING,
    "ERR": ERROR,
    "FATAL": CRITICAL,
    "CRIT": CRITICAL,
    **dict.fromkeys(("ALERT", "EMERG", "PANIC"), CRITICAL),
}
"""Python's levels, and the names that others have for them: syslog's above all."""

_HIGHEST: Final = 1000


class Parts(NamedTuple):
    """What a line says, and of what. None: the pattern did not tell."""

    message: str
    level: int | None = None
    source: str | None = None


class Pattern:
    """A regular expression with the groups ``source``, ``level`` and ``message``, or some of them.

    Raises UsageError for one that is none, or has none of these groups.
    """

    def __init__(self, text: str) -> None:
        try:
            self._expression = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"{text!r} is no regular expression: {error}; {_EXAMPLE}") from error
        if not set(_GROUPS) & self._expression.groupindex.keys():
            raise UsageError(f"{text!r} has none of the groups source, level and message; {_EXAMPLE}")

    def parts(self, line: str) -> Parts:
        """Take a line apart. What does not match stays as it is, and so does what a group says nothing of."""
        match = self._expression.search(line[:_LOOKED_AT])
        if match is None:
            return Parts(line)
        found = {name: match[name] or "" for name in _GROUPS if name in self._expression.groupindex}
        message = found.get("message", "")
        if message and match.end("message") == _LOOKED_AT:
            # It was the text that ended there, and not what the line says.
            message += line[_LOOKED_AT:]
        return Parts(message or line, _level(found.get("level", "")), found.get("source", "").strip() or None)


_EXAMPLE: Final = (
    "name what it finds with (?P<source>…), (?P<level>…) and (?P<message>…), as in "
    r"'^(?P<level>\w+) \[(?P<source>[^]]+)\] (?P<message>.*)'"
)


def _level(name: str) -> int | None:
    """The number of a level's name in any case, or of a number that can be one; None if it is no level."""
    name = name.strip().upper()
    if re.fullmatch("[0-9]{1,4}", name):
        return int(name) if 1 <= int(name) <= _HIGHEST else None
    return _NAMES.get(name)


class Lines:
    """Cuts a stream of bytes into lines, each a record.

    Args:
        log: takes the records.
        level: that of a record whose line does not tell another.
        pattern: takes lines apart; None: they stay as they are.
    """

    def __init__(self, log: logging.Logger, level: int, pattern: Pattern | None = None) -> None:
        self._log = log
        self._level = level
        self._pattern = pattern
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """Take what was read; the beginning of a line waits for its end."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._record(line.removesuffix(b"\r"))
        if len(self._rest) > _LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """The stream is over: a last line may lack its end."""
        if self._rest:
            self._record(self._rest)
        self._rest = b""

    def _record(self, line: bytes) -> None:
        if not line:
            return
        text = line.decode("utf-8", "backslashreplace")
        parts = self._pattern.parts(text) if self._pattern else Parts(text)
        extra = {"source": parts.source} if parts.source else None
        self._log.log(parts.level or self._level, "%s", parts.message, extra=extra)
