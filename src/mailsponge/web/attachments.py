"""What an attachment is called and how it is handed out: so that no browser runs it, whatever it pretends to be.

A file's name is a stranger's word. Shown, its marks that turn the direction of writing are seen; saved, nothing of it
is a path, hidden, or a name that a system keeps to itself.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from mailsponge import clean

LONGEST_NAME: Final = 120
"""Characters; file systems take 255 bytes."""

SHOWN_AS_THEY_ARE: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
"""Kinds that are handed out under their own name. Everything else is octets, for saving."""

BEGINNINGS: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
"""How files of these kinds begin: what is two things at once may pass for neither."""

_SEPARATORS = re.compile(r"[/\\:]")
_NEVER_IN_A_NAME = re.compile(r'[<>"|?*%]|\\(?:[xuU][0-9a-f]{2,8}|[nrt])')
_KEPT_BY_WINDOWS = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*+)?+").fullmatch

_USUAL_ENDINGS: Final = {
    "text/plain": ".txt",
    "text/html": ".html.txt",
    "message/rfc822": ".eml",
    "message/delivery-status": ".txt",
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}


def shown_name(name: str, number: int, kind: str) -> str:
    """A file's name for people: one line, its invisible marks as escapes, no folders before it."""
    last = _SEPARATORS.split(name)[-1].strip()
    if not last:
        return f"part-{number}{_USUAL_ENDINGS.get(kind, '.bin')}"
    return clean.shortened(clean.line(last), LONGEST_NAME)


def saved_name(name: str, number: int, kind: str) -> str:
    """A file's name for a disk: what could trouble a system becomes an underscore."""
    harmless = _NEVER_IN_A_NAME.sub("_", shown_name(name, number, kind)).replace("\\", "_")
    harmless = harmless.lstrip(". ").rstrip(". ") or f"part-{number}"
    return f"_{harmless}" if _KEPT_BY_WINDOWS(harmless) else harmless


def media_type(kind: str, data: bytes) -> str:
    """What a part is handed out as: itself for a picture that begins like one, else octets."""
    genuine = kind in SHOWN_AS_THEY_ARE and data.startswith(BEGINNINGS[kind])
    return kind if genuine else "application/octet-stream"


def headers(name: str) -> dict[str, str]:
    """The headers that an attachment goes out with; ``name`` is a `saved_name` (RFC 6266, RFC 8187)."""
    plain = "".join(letter if letter.isascii() else "_" for letter in name)
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }
