"""What a courier on this machine is told: whose letter it is, and who it is delivered as.

Everything here is a plain value, for it may cross over to another process, which asks for nothing else.
"""

from __future__ import annotations

import pwd
from typing import NamedTuple


class Order(NamedTuple):
    """One letter for one user."""

    user: str
    """Who lives here and gets it."""
    domain: str
    """The domain it was sent to, as a parsed address has it."""
    message: int
    """The store's number of it."""
    arrived_at: float
    """Seconds since the epoch."""
    sender: str
    """The reverse-path; empty: the null one."""
    recipient: str
    """The address it goes to."""
    detail: str
    """What stands behind the plus there; a stranger wrote it."""
    again: bool
    """Nobody knows whether it was delivered before: somebody may have died between that and saying so."""


class Person(NamedTuple):
    """A user of this machine."""

    name: str
    uid: int
    gid: int
    home: str

    @classmethod
    def of(cls, name: str) -> Person | None:
        """Whom the system knows by this name. May wait for whatever the system asks."""
        try:
            found = pwd.getpwnam(name)
        except (KeyError, UnicodeEncodeError):
            return None
        return cls(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)

    def path(self, text: str) -> str:
        """A path as the configuration has it; ``~/`` is their home directory."""
        return f"{self.home}/{text[2:]}" if text.startswith("~/") else text


def detail(local: str, user: str) -> str:
    """What stands behind the plus of a user's address: ``lists`` of ``me+lists``; empty where there is none."""
    name, _, rest = local.partition("+")
    return rest if name.casefold() == user.casefold() else ""
