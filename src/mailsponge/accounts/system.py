"""The users of this machine as recipients: those who could log in, and not the many that services run as.

Who asks for a name here may be anybody on the network. A name is looked at before the system is asked for it, so that
nothing strange reaches whatever the system asks in turn (files, LDAP), and an answer is remembered for a minute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mailsponge.accounts.deliver import Deliver

REMEMBERED: Final = 60.0
"""Seconds that an answer is good for."""
ANSWERS: Final = 1000
"""Answers that are remembered."""
UIDS: Final = (1000, 60000)
"""The first and the last uid of people, where login.defs(5) does not say."""

_IS_NAME = re.compile(r"[a-z_][a-z0-9_-]*+(?:\.[a-z0-9_-]++)*+").fullmatch
_NAME_LENGTH: Final = 32
_NO_LOGIN: Final = ("nologin", "false")
_UID = re.compile(r"^[ \t]*+(UID_MIN|UID_MAX)[ \t]++([0-9]{1,9})[ \t]*+$", re.MULTILINE | re.ASCII).findall


class Entry(NamedTuple):
    """What the system knows of a user (passwd(5))."""

    uid: int
    shell: str


class SystemUsers:
    """Who could log in to this machine."""

    def __init__(
        self, find: Callable[[str], Entry | None], clock: Callable[[], float], uids: tuple[int, int] = UIDS
    ) -> None:
        """``find`` asks the system for a name, ``clock`` gives seconds, ``uids`` are the first and last of people."""
        self._find = find
        self._clock = clock
        self._first, self._last = uids
        self._known: dict[str, tuple[float, bool]] = {}

    def knows(self, name: str) -> bool:
        """Whether somebody of exactly that name, in lower case, could log in, and is no service."""
        if len(name) > _NAME_LENGTH or not _IS_NAME(name):
            return False
        now = self._clock()
        until, answer = self._known.get(name, (now, False))
        if until <= now:
            answer = self._is_a_person(name)
            if len(self._known) >= ANSWERS:
                self._known.clear()
            self._known[name] = now + REMEMBERED, answer
        return answer

    def _is_a_person(self, name: str) -> bool:
        entry = self._find(name)
        if entry is None or not self._first <= entry.uid <= self._last:
            return False
        return entry.shell.rpartition("/")[2] not in _NO_LOGIN


def uids(login_defs: str) -> tuple[int, int]:
    """The first and the last uid of people, by the text of ``/etc/login.defs``."""
    said = {name: int(number) for name, number in _UID(login_defs)}
    return said.get("UID_MIN", UIDS[0]), said.get("UID_MAX", UIDS[1])


class Residents(NamedTuple):
    """At which of our domains system users get mail, and how."""

    ways: Mapping[str, Deliver]
    """By domain, in each of its spellings; ``{user}`` stands for everyone's name."""
    knows: Callable[[str], bool]
    """Whether somebody of that name, in lower case, is a user of this machine."""

    def domain_of(self, name: str, domain: str) -> str:
        """Where somebody gets mail: at ``domain``, or if that is empty at the first where system users do; ``""``:
        nowhere.
        """
        domain = domain or next(iter(self.ways), "")
        return domain if domain in self.ways and self.knows(name) else ""

    def way(self, name: str, domain: str) -> Deliver | None:
        """How somebody's mail is delivered that is for this domain, or for one where an alias leads to them; None: they
        are not there any more.
        """
        at = self.domain_of(name, domain if domain in self.ways else "")
        return self.ways[at].for_user(name) if at else None
