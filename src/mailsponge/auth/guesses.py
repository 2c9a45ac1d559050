"""Guessing passwords, made slow and then impossible: for one address (IPv4), or one /64 network (IPv6).

What an address got wrong is forgotten little by little, all of it within an hour. A quarter of the limit is free, for
people mistype and programs go on with last year's password; then each try has to wait, longer each time; at the limit,
tries are refused until enough is forgotten.

It goes by the address and not by the user, so that nobody can lock another one out by guessing badly. A login that
succeeds takes nothing back, or a guesser with an account of their own could begin afresh whenever they liked; nor does
it add anything, so an office behind one address may log in as often as it wants.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from mailsponge.neighbourhood import neighbourhood

FORGOTTEN_IN: Final = 3600.0
"""Seconds in which as many failures are forgotten as the limit allows."""
LONGEST_WAIT: Final = 15.0
"""Seconds. Clients wait half a minute and more for an answer."""
ADDRESSES: Final = 10_000
"""Addresses remembered at most, some 4 MB; beyond, the one forgotten is the one not heard of for longest."""


class Wait(NamedTuple):
    """The try may go on after so many seconds, most often none."""

    seconds: float


class TooMany(NamedTuple):
    """The try is refused; in so many seconds another may go on."""

    seconds: float


def decide(failures: float, trying: int, limit: int) -> Wait | TooMany:
    """What becomes of one more try. ``failures``: those not forgotten yet; ``trying``: tries that have not ended.

    Below the free quarter, tries at the same time are only that. Above it each may be a guess, and counts as one, or
    many at once would get past the limit.
    """
    free = max(limit // 4, 1)
    counted = failures + trying if failures >= free else failures
    if counted >= limit:
        return TooMany((counted - limit) * FORGOTTEN_IN / limit + 1)
    return Wait(0.0 if counted < free else min(2.0 ** int(counted - free), LONGEST_WAIT))


class Guesses:
    """What is remembered of each address. Times are seconds by any clock that never goes back.

    After each :meth:`begin` that was not refused comes one :meth:`failed` or one :meth:`ended`.
    """

    __slots__ = ("_addresses", "_remembered")

    def __init__(self, addresses: int = ADDRESSES) -> None:
        self._addresses = addresses
        self._remembered: OrderedDict[str | bytes, _Remembered] = OrderedDict()

    def begin(self, peer: str, now: float, limit: int) -> Wait | TooMany:
        """Ask for one try from the IP address ``peer``; ``limit``: failures an hour."""
        remembered = self._of(neighbourhood(peer), now)
        remembered.forget(now, limit)
        decision = decide(remembered.failures, remembered.trying, limit)
        if isinstance(decision, Wait):
            remembered.trying += 1
        return decision

    def failed(self, peer: str, now: float) -> None:
        """The try was a wrong name, a wrong password, or nonsense."""
        remembered = self._of(neighbourhood(peer), now)
        remembered.trying = max(remembered.trying - 1, 0)
        remembered.failures += 1

    def ended(self, peer: str) -> None:
        """The try succeeded, could not be decided, or was given up before anything was looked at."""
        key = neighbourhood(peer)
        remembered = self._remembered.get(key)
        if remembered is not None:
            remembered.trying = max(remembered.trying - 1, 0)
            if not remembered.trying and not remembered.failures:
                del self._remembered[key]

    def __len__(self) -> int:
        return len(self._remembered)

    def _of(self, key: str | bytes, now: float) -> _Remembered:
        """What is remembered of an address, which has been heard of just now."""
        remembered = self._remembered.setdefault(key, _Remembered(now))
        self._remembered.move_to_end(key)
        if len(self._remembered) > self._addresses:
            self._remembered.popitem(last=False)
        return remembered


class _Remembered:
    __slots__ = ("at", "failures", "trying")

    def __init__(self, now: float) -> None:
        self.failures = 0.0
        self.at = now
        """When it was last looked how much is forgotten."""
        self.trying = 0

    def forget(self, now: float, limit: int) -> None:
        """Forget as much as the time since allows."""
        self.failures = max(self.failures - (now - self.at) * limit / FORGOTTEN_IN, 0.0)
        self.at = now
