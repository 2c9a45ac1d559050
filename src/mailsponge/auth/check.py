"""Checks passwords that came as they are: in threads, a few at a time, and no longer a queue than can be waited for.

One check takes some 20 ms of a processor and 19 MiB on purpose (hashing.py), so it is never done where sockets are
waited for, and strangers cannot have as many at once as they like.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from argon2.exceptions import HashingError

from mailsponge.auth import hashing
from mailsponge.auth.directory import Directory
from mailsponge.auth.exchange import CheckPassword, Denied, Granted, Later

log = logging.getLogger(__name__)

THREADS: Final = 2
"""Checks at the same time. Each needs a processor, and the server wants to go on meanwhile."""
MOST: Final = 64
"""Checks that are asked for and not done, the running ones among them: more than half a second of them."""

FULL: Final = Later("too many passwords are waiting to be checked")
NO_MEMORY: Final = Later("there is no memory to check a password with")
DEFECT: Final = Later("a check has failed; the log says how")

Verdict = Granted | Denied | Later
Done = Callable[[Verdict], None]
Call = Callable[[Callable[[], None]], object]
"""Carries a callback to the thread where it belongs (asyncio: ``loop.call_soon_threadsafe``)."""


def check(directory: Directory, asked: CheckPassword) -> Verdict:
    """Compare one password. It does the same work whether there is such a user or not."""
    user, verifiers = directory.find(asked.name)
    try:
        right = hashing.matches(verifiers.for_passwords, asked.password)
    except (HashingError, MemoryError):
        return NO_MEMORY
    if user is None:
        return Denied("nobody of that name can log in")
    return Granted(user) if right else Denied(f"wrong password of {user}")


class Checks:
    """The threads, and how many checks they owe. To be used by one thread, to which ``call`` carries the answers."""

    def __init__(self, call: Call, *, threads: int = THREADS, most: int = MOST) -> None:
        self._call = call
        self._most = most
        self._owed = 0
        self._pool = ThreadPoolExecutor(threads, "passwords")

    def begin(self, directory: Directory, asked: CheckPassword, done: Done) -> None:
        """Have a password checked; ``done`` is told how it went, never before this returns."""
        self._owed += 1
        if self._owed > self._most:
            self._call(partial(self._tell, done, FULL))
        else:
            self._pool.submit(self._work, directory, asked, done)

    def close(self) -> None:
        """Drop what has not begun. Nobody is told any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, directory: Directory, asked: CheckPassword, done: Done) -> None:
        verdict: Verdict
        try:
            verdict = check(directory, asked)
        except Exception:
            # A client must not wait for ever for what a defect has ended.
            log.exception("a password could not be checked; please report this")
            verdict = DEFECT
        self._call(partial(self._tell, done, verdict))

    def _tell(self, done: Done, verdict: Verdict) -> None:
        self._owed -= 1
        done(verdict)
