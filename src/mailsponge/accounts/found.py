"""What a look-up of an address comes to."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from mailsponge.mail.address import Address


class Onward(NamedTuple):
    """A way that mail goes which does not end in a mailbox of the post office."""

    address: Address
    """Where it goes: an address elsewhere, or that of someone who lives here, with what followed a plus."""
    user: str
    """Who lives here and gets it, in whatever way their mail is delivered; empty: it goes elsewhere."""


class Found(NamedTuple):
    """An address of someone who lives here."""

    mailboxes: tuple[str, ...]
    """Distinct names of mailboxes of the post office."""
    how: str
    """How the address leads there, for people: ``user me``, ``alias team leads to me and you``, ``plus address of me``,
    ``catch-all of example.org leads to me``."""
    onward: tuple[Onward, ...] = ()
    """The other ways, each once. There is at least one mailbox or one of these."""
    people: frozenset[str] = frozenset()
    """Users who the address is one of, among others or alone: their mail comes from it, or would if they did not have
    it forwarded."""


class Absent(Enum):
    """Why an address leads nowhere."""

    NO_SUCH_USER = "nobody of that name lives here"
    NOT_OUR_DOMAIN = "that domain is not ours"
