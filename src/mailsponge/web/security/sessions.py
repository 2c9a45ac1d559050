"""Who is logged in. A session is known by 256 random bits, which only its browser has: here, there is a hash of them.

A session ends when it was not used for a week, when it is a month old, when its user logs out, is gone from the
configuration or has another password, and when the user has begun so many others that it is the oldest.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from mailsponge.clock import Clock
from mailsponge.web.security import cookies

IDLE: Final = 7 * 86_400.0
"""Seconds without a request after which a session is over."""
LONGEST: Final = 30 * 86_400.0
"""Seconds after which it is over in any case."""
MOST_PER_USER: Final = 20
"""Browsers that somebody has; with one more, the one not used for longest is forgotten."""
SEEN_EVERY: Final = 3600.0
"""Seconds: how exactly the last use is kept on the disk."""


class Session(NamedTuple):
    """One browser in which somebody is logged in."""

    user: str
    stamp: str
    """Tells whether the user has another password by now (`stamps.py`)."""
    begun: float
    """Seconds since the epoch."""
    used: float


class Kept(Protocol):
    """Where sessions outlive the server."""

    def load(self) -> dict[str, Session]:
        """Sessions by the hash of their identity."""

    def save(self, sessions: dict[str, Session]) -> None:
        """Keep these, and no others. Raises StateError."""


class Nowhere:
    """Keeps nothing: sessions end with the server."""

    def load(self) -> dict[str, Session]:
        """None."""
        return {}

    def save(self, sessions: dict[str, Session]) -> None:
        """Do nothing."""


class Sessions:
    """All of them. Any thread may use it; what changes them may wait for a disk."""

    def __init__(self, kept: Kept, now: Clock, identity: Callable[[], str] = cookies.new) -> None:
        """Raises StateError when what was kept cannot be read."""
        self._kept = kept
        self._now = now
        self._new = identity
        self._turn = threading.Lock()
        self._saving = threading.Lock()
        self._sessions = {key: each for key, each in kept.load().items() if not is_over(each, now())}
        self._saved_at = now()

    def begin(self, user: str, stamp: str) -> str:
        """Log somebody in; returns the identity for their browser, which nobody has had before. Raises StateError."""
        identity, now = self._new(), self._now()
        with self._turn:
            self._make_room(user, now)
            self._sessions[hashed(identity)] = Session(user, stamp, now, now)
        self.save()
        return identity

    def find(self, identity: str) -> Session | None:
        """The session of a browser, if it has one, and note that it is used. Never waits for a disk."""
        key, now = hashed(identity), self._now()
        with self._turn:
            found = self._sessions.get(key)
            if found is None or is_over(found, now):
                return None
            self._sessions[key] = found._replace(used=now)
        return found

    def end(self, identity: str) -> None:
        """Log one browser out. Raises StateError."""
        with self._turn:
            self._sessions.pop(hashed(identity), None)
        self.save()

    @property
    def want_saving(self) -> bool:
        """Whether the disk has not heard for long which of them are used."""
        return self._now() - self._saved_at >= SEEN_EVERY

    def save(self) -> None:
        """Keep them as they are now. Raises StateError."""
        with self._saving:
            with self._turn:
                now = self._saved_at = self._now()
                alive = {key: each for key, each in self._sessions.items() if not is_over(each, now)}
                self._sessions = alive
                copy = dict(alive)
            self._kept.save(copy)

    def _make_room(self, user: str, now: float) -> None:
        own = [key for key, each in self._sessions.items() if each.user == user]
        own.sort(key=lambda key: self._sessions[key].used)
        for key in own[: max(len(own) - MOST_PER_USER + 1, 0)]:
            del self._sessions[key]


def is_over(session: Session, now: float) -> bool:
    """Whether a session has ended by itself."""
    return now - session.used >= IDLE or now - session.begun >= LONGEST


def hashed(identity: str) -> str:
    """What is known of an identity here. It is random and long: a plain hash cannot be turned around."""
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
