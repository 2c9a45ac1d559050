"""Where to go after logging in: back to a page of ours, and nowhere else."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

HOME: Final = "/"
LONGEST: Final = 1000
_HARMLESS: Final = frozenset(map(chr, range(0x21, 0x7F))) - set("\\")


def onward(wanted: str) -> str:
    """The path that was asked for, if it is one of this server's whatever a browser makes of it; else the first page.

    Browsers take ``//host``, also with a backslash, for another server's, and leave out tabs and newlines.
    """
    is_path = wanted.startswith("/") and not wanted.startswith("//")
    if not is_path or len(wanted) > LONGEST or not _HARMLESS.issuperset(wanted):
        return HOME
    return wanted


def login_for(path: str, query: str) -> str:
    """The address of the login page that leads back there."""
    wanted = onward(f"{path}?{query}" if query else path)
    return "/login" if wanted == HOME else f"/login?next={quote(wanted, safe='/')}"
