"""How mail reaches those who live here and have it delivered on this machine: as the configuration said at the start.

The process that keeps root's rights has one of these, too, and goes by nothing else: whoever took over the server could
have letters put where mail goes anyway, and could start no other program and write no other file.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from mailsponge.accounts import Accounts, Deliver, Kind
from mailsponge.courier.faults import deferred, failed
from mailsponge.courier.maildir import House, Maildir
from mailsponge.courier.mbox import Mbox
from mailsponge.courier.order import Order, Person
from mailsponge.courier.pipe import Pipe
from mailsponge.errors import ConfigError, UsageError
from mailsponge.mail.outcome import Outcome


class Way(Protocol):
    """A way to deliver on this machine, with the rights of this process: it is the recipient's by then."""

    def deliver(self, order: Order, person: Person, letter: int, gone: int) -> Outcome:
        """Deliver. ``letter``: a descriptor of it, at its beginning. ``gone``: one that becomes readable when nobody
        waits for the outcome any more. Blocks, and never raises OSError.
        """

    def group(self, person: Person) -> int:
        """The group that it is delivered as. Raises OSError."""


class Found(NamedTuple):
    """How somebody's mail is delivered."""

    way: Way
    person: Person | None
    """Whom the system knows by their name; None: nobody."""


LOCAL: Final = frozenset({Kind.MAILDIR, Kind.MBOX, Kind.PIPE})


class Ways:
    """The ways of all. Immutable, as far as its accounts are."""

    __slots__ = ("_accounts", "_are_local", "_house")

    def __init__(self, accounts: Accounts, house: House, settings: Mapping[str, Deliver]) -> None:
        """``settings``: every setting of the configuration that says how mail is delivered, by its name for messages.

        Raises ConfigError for a command that cannot be.
        """
        self._accounts = accounts
        self._house = house
        self._are_local = any(deliver.kind in LOCAL for deliver in settings.values())
        for name, deliver in settings.items():
            if deliver.kind is Kind.PIPE:
                try:
                    _way(deliver.for_user("somebody"), house)
                except UsageError as error:
                    raise ConfigError(f"{name}: {error}") from None

    @property
    def are_local(self) -> bool:
        """Whether anybody's mail is delivered on this machine otherwise than into a mailbox of the post office."""
        return self._are_local

    def find(self, order: Order) -> Found | Outcome:
        """How a letter is delivered, or why not. May wait for whatever the system asks for a name."""
        deliver = self._accounts.deliver(order.user, order.domain)
        if deliver is None:
            return nobody(order.user)
        if deliver.kind not in LOCAL:
            return deferred(
                f"{order.user}'s mail goes another way since the configuration was changed: start the server anew"
            )
        person = Person.of(order.user)
        if person is None and deliver.target.startswith("~/"):
            return deferred(
                f"{order.user} is no user of this machine, and has no home for {deliver}: name the whole path",
                "4.3.5",
            )
        return Found(_way(deliver, self._house), person)


def nobody(user: str) -> Outcome:
    """What it comes to that somebody has gone since the mail was taken."""
    return failed(f"nobody named {user} lives here any more", "5.1.1")


def _way(deliver: Deliver, house: House) -> Way:
    match deliver.kind:
        case Kind.MAILDIR:
            return Maildir(deliver.target, house)
        case Kind.MBOX:
            return Mbox(deliver.target)
        case _:
            return Pipe.checked(tuple(shlex.split(deliver.target)))
