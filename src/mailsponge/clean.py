"""Text that came from somewhere else, made harmless: for a mail, a terminal or a log line.

Control characters, lone surrogates and the marks that turn the direction of writing become visible escapes. What is
left cannot drive a terminal, end a header or make a line say something else than it does.
"""

from __future__ import annotations

import re
from typing import Final

_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE_IN_A_LINE: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff{_BIDI}\ud800-\udfff]")
_UNSAFE_IN_TEXT: Final = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff{_BIDI}\ud800-\udfff]|\r(?!\n)"
)


def line(text: str) -> str:
    """One line: every control character, newlines and tabs among them, as a backslash escape."""
    return text if text.isascii() and text.isprintable() else _UNSAFE_IN_A_LINE.sub(_escaped, text)


def block(text: str) -> str:
    """Several lines: newlines and tabs stay, all else that is unsafe becomes a backslash escape; CRLF becomes LF."""
    return _UNSAFE_IN_TEXT.sub(_escaped, text).replace("\r\n", "\n")


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def shortened(text: str, most: int) -> str:
    """At most ``most`` characters, an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
