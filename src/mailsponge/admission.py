"""Who may send what to whom, and why not: the whole policy on one page.

Mail is taken for those who live here, from anyone. Mail for anyone else is refused while the sender still listens, so
that nobody becomes a relay and no bounce has to be invented later. Nobody is trusted for the address they connect from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mailsponge.accounts import Absent, Accounts
from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply


class Admitted(NamedTuple):
    """The recipient is taken."""

    mailboxes: tuple[str, ...]
    """Where a message to it goes."""
    reason: str
    """For the log and for what is kept with the message."""


class Refused(NamedTuple):
    """The recipient is not taken."""

    reply: Reply
    reason: str
    """For the log; the reply says the same to the sender."""


@lru_cache(maxsize=1000)
def recipient(accounts: Accounts, address: Address) -> Admitted | Refused:
    """Decide about one forward-path. ``%`` and ``!`` in a local part mean nothing: they are looked up like any name.

    The same accounts always decide the same, so decisions are remembered: most mail is for the same few people.
    """
    found = accounts.mailboxes_for(address)
    match found:
        case Absent.NOT_OUR_DOMAIN:
            return Refused(_relaying_denied(address), f"<{address}> relaying denied: {found.value}")
        case Absent.NO_SUCH_USER:
            return Refused(_no_such_user(address), f"<{address}> unknown: {found.value}")
        case _:
            return Admitted(found.mailboxes, f"<{address}> {found.how}")


def _relaying_denied(address: Address) -> Reply:
    return Reply(
        550, "5.7.1", f"<{address}>: relaying denied; this server takes mail for its own domains only"
    )


def _no_such_user(address: Address) -> Reply:
    return Reply(550, "5.1.1", f"<{address}>: nobody of that name lives here; check the part before the @")
