"""A squeezer for a command: it knows the job's own settings, and which mail servers were away a moment ago."""

from __future__ import annotations

from typing import Final

from mailsponge.clock import Deadline
from mailsponge.sponge import transport
from mailsponge.sponge.defaults import defaults
from mailsponge.sponge.mailhost import Credentials, MailHost, credentials, parse
from mailsponge.sponge.model import Mail, Outcome
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.sender import user_and_host
from mailsponge.sponge.settings import Settings, addresses
from mailsponge.sponge.squeeze import Squeezer
from mailsponge.sponge.transport import HandOver

SECONDS: Final = 30.0
"""For one job. A command has no program to hold up, but it has to come to an end."""

_FAIR: Final = 5.0
"""Seconds that a server must have had before its silence is held against it."""


class Servers:
    """Mail servers as one command comes to know them: who was away is not waited for again by the next job."""

    def __init__(self, hand_over: HandOver = transport.hand_over) -> None:
        self._hand_over = hand_over
        self._away: dict[MailHost, str] = {}

    def hand_over(self, mail: Mail, host: MailHost, login: Credentials | None, deadline: Deadline) -> Outcome:
        """Hand a mail over; at once it waits on, if its server was away when another job asked."""
        if host in self._away:
            return Outcome("waiting", f"{self._away[host]} (asked a moment ago)", server_is_there=False)
        had = deadline.left()
        outcome = self._hand_over(mail, host, login, deadline)
        if not outcome.server_is_there and had >= _FAIR:
            self._away[host] = outcome.reply
        return outcome


def squeezer(place: JobPlace, servers: Servers) -> Squeezer:
    """A squeezer of a job. Where nothing tells its settings, the environment's hold. Raises UsageError."""
    user, host = user_and_host()
    otherwise = defaults()
    # As its URL, which has no password: these settings are kept.
    fallback = Settings(
        place.name,
        addresses(otherwise.to) or (f"{user}@{host}",),
        mailhost=parse(otherwise.mailhost).url,
        mask=otherwise.mask,
        keep_records=otherwise.keep_records,
        keep_runs=otherwise.keep_runs,
    )
    return Squeezer(place, fallback, _login, hand_over=servers.hand_over)


def _login(mailhost: str | None) -> Credentials | None:
    return credentials(parse(mailhost), None)
