"""What the machine itself says, for settings that were left out. Nothing here asks the network."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mailsponge import clock
from mailsponge.accounts.system import Entry, SystemUsers, uids
from mailsponge.config.units import Endpoint
from mailsponge.data_place import DataPlace

DEFAULT_LISTEN = (Endpoint("127.0.0.1", 2525),)
DEFAULT_WEB = (Endpoint("127.0.0.1", 8025),)

LOGIN_DEFS: Final = Path("/etc/login.defs")
"""Says which uids are people's (login.defs(5))."""


class Machine(NamedTuple):
    """A machine, and the user who started the program on it."""

    hostname: str
    user: str
    data: DataPlace
    """Where data goes when nobody says: ``$MAILSPONGE_DATA``, else mailsponge in the XDG data directory."""
    data_from: str = ""
    """The variable of the environment that says so, if one does."""

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> Machine:
        """Ask this machine."""
        return cls(_hostname(), _user(environ), *_data(environ))


def system_users() -> SystemUsers:
    """The users of this machine who could log in, asked for when somebody wants to know."""
    try:
        login_defs = LOGIN_DEFS.read_text("utf-8", "replace")
    except OSError:
        login_defs = ""
    return SystemUsers(_entry, clock.monotonic, uids(login_defs))


def _entry(name: str) -> Entry | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Entry(found.pw_uid, found.pw_shell)


def is_hostname(text: str) -> bool:
    """Whether the text can stand in a greeting and a trace header: letters, digits, hyphens and dots."""
    return 0 < len(text) < 254 and text.isascii() and all(map(_is_label, text.split(".")))


def _is_label(label: str) -> bool:
    return 0 < len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() and label[0] != "-"


def _hostname() -> str:
    name = os.uname().nodename.lower().rstrip(".")
    return name if is_hostname(name) else "localhost"


def _user(environ: Mapping[str, str]) -> str:
    """Who runs this. In a container the uid may have no name: then the environment's word, else "me"."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return environ.get("LOGNAME") or environ.get("USER") or "me"


def _data(environ: Mapping[str, str]) -> tuple[DataPlace, str]:
    """Where, and the variable that says so."""
    if environ.get("MAILSPONGE_DATA"):
        return DataPlace.parse(environ["MAILSPONGE_DATA"]), "MAILSPONGE_DATA"
    xdg = environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative path in the variable is to be ignored.
    if xdg.startswith("/"):
        return DataPlace(Path(xdg) / "mailsponge"), "XDG_DATA_HOME"
    return DataPlace(Path("~/.local/share").expanduser() / "mailsponge"), ""
