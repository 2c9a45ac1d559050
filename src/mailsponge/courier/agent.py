"""Who delivers on this machine: this process itself, if the mail is for the user that it runs as, or for nobody whom
the system knows; else the process that has kept root's rights, by becoming the recipient.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from mailsponge.courier.faults import deferred
from mailsponge.courier.order import Order, Person
from mailsponge.courier.ways import Ways
from mailsponge.mail.outcome import Outcome

AsSomebodyElse = Callable[[Order, int, int], Outcome]
"""Has a letter delivered as its recipient; given the order, the letter and ``gone``, as a `Way` is. Blocks."""


class Agent:
    """Delivers letters. Used from any number of threads."""

    def __init__(self, ways: Ways, as_somebody_else: AsSomebodyElse | None, uid: int | None = None) -> None:
        """``as_somebody_else``: None if there is no process with root's rights. ``uid``: whom this process runs as."""
        self.ways = ways
        """May be replaced at any time."""
        self._as_somebody_else = as_somebody_else
        self._uid = os.geteuid() if uid is None else uid

    def deliver(self, order: Order, letter: int, gone: int) -> Outcome:
        """Deliver one. Blocks until it is done, or ``gone`` is readable."""
        found = self.ways.find(order)
        if isinstance(found, Outcome):
            return found
        person = found.person or Person(order.user, self._uid, os.getegid(), "/")
        if person.uid == 0:
            return deferred(_AS_ROOT.format(user=order.user), "4.3.5")
        if person.uid == self._uid:
            return found.way.deliver(order, person, letter, gone)
        if self._as_somebody_else is None:
            return deferred(_ONLY_ROOT.format(user=order.user), "4.3.5")
        return self._as_somebody_else(order, letter, gone)


_AS_ROOT = (
    "mail for {user} would be delivered with root's rights, which is never done: "
    "let an alias lead to a user who is not root, or let the server run as another user"
)
_ONLY_ROOT = "only root can write as {user}: start the server as root, which then leaves root's rights"
