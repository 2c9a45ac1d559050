"""What a session goes by from its first byte to its last: one value, replaced as a whole by a reload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mailsponge.accounts import Accounts
from mailsponge.config import Config
from mailsponge.smtp.limits import Limits


class Rules(NamedTuple):
    """The configuration as the listener needs it."""

    hostname: str
    accounts: Accounts
    limits: Limits
    """The engine's."""
    command_deadline: float
    """Seconds for a whole command, for the next piece of a message, and for the peer to read what it is told."""
    message_deadline: float
    """Seconds from DATA to the end of the message."""
    connections: int
    connections_per_address: int
    trusted: frozenset[int] = frozenset({0})
    """The uids of local users who choose the sender."""
    hostnames: tuple[str, ...] = ()
    """What this machine is called beside ``hostname``: a local user's sender may be there."""

    @classmethod
    def of(
        cls, config: Config, accounts: Accounts, trusted: Iterable[int] = (), hostnames: Iterable[str] = ()
    ) -> Rules:
        """Take what the listener needs out of the configuration; ``trusted`` are uids beside root's."""
        limits = config.limits
        return cls(
            config.hostname,
            accounts,
            Limits(int(limits.message_size), limits.recipients, limits.command_line, limits.errors),
            float(limits.command_deadline),
            float(limits.message_deadline),
            limits.connections,
            limits.connections_per_address,
            frozenset({0, *trusted}),
            tuple(hostnames),
        )
