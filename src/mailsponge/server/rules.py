"""What a session goes by from its first byte to its last: one value, replaced as a whole by a reload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mailsponge.accounts import Accounts
from mailsponge.auth.directory import Directory
from mailsponge.config import Config
from mailsponge.routes import Routes
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
    directory: Directory
    """Who may log in."""
    login_failures: int
    """Wrong passwords that an address may send in an hour."""
    trusted: frozenset[int] = frozenset({0})
    """The uids of local users who choose the sender."""
    hostnames: tuple[str, ...] = ()
    """What this machine is called beside ``hostname``: a local user's sender may be there."""
    command_deadline_under_load: float = 10.0
    """Seconds in place of ``command_deadline`` while most of the connections are in use."""
    least_data_rate: float = 1000.0
    """Bytes a second of a message, measured over as long as a command may take."""
    memory: int = 100_000_000
    """Bytes of messages under way that may be in memory, of all sessions together."""
    least_free: int = 100_000_000
    """Bytes of the disk that are left free."""
    routes: Routes = Routes()
    """Which way mail goes that is for elsewhere."""

    @classmethod
    def of(
        cls,
        config: Config,
        accounts: Accounts,
        directory: Directory,
        trusted: Iterable[int] = (),
        hostnames: Iterable[str] = (),
        routes: Routes | None = None,
    ) -> Rules:
        """Take what the listener needs out of the configuration; ``trusted`` are uids beside root's."""
        limits = config.limits
        return cls(
            config.hostname,
            accounts,
            Limits(
                message_size=int(limits.message_size),
                recipients=limits.recipients,
                command_line=limits.command_line,
                errors=limits.errors,
                header_size=int(limits.header_size),
            ),
            float(limits.command_deadline),
            float(limits.message_deadline),
            limits.connections,
            limits.connections_per_address,
            directory,
            limits.login_failures,
            frozenset({0, *trusted}),
            tuple(hostnames),
            command_deadline_under_load=float(limits.command_deadline_under_load),
            least_data_rate=float(limits.least_data_rate),
            memory=int(limits.memory),
            least_free=int(limits.least_free),
            routes=routes or Routes(),
        )
