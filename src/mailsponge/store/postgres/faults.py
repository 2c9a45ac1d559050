"""What PostgreSQL says went wrong, in words that tell what to do about it.

PostgreSQL names an error by five characters (appendix A of its manual). What stops a session from being opened comes as
text alone.
"""

from __future__ import annotations

from typing import Final

import psycopg

from mailsponge.errors import StoreError, StoreFull, StoreReadOnly

BUSY_AFTER: Final = 10.0
"""Seconds that one session waits for another's lock."""

NO_ROOM: Final = "53100"
READ_ONLY: Final = "25006"
TAKEN_FOR_DEAD: Final = "MS001"
"""Our own (`schema/0001_messages.sql`): the other servers did not hear of this one in time."""

_WORDS: Final = {
    NO_ROOM: "there is no room left on the database server's disk: make some, and mail is taken again",
    "53200": "the database server is out of memory: mail is taken again once it has some",
    "53300": "it has no session left for us: raise its max_connections, or end other programs",
    READ_ONLY: "it is read-only: a standby, or made so by its administrator. Name the server that can be written, "
    "or add ?target_session_attrs=read-write to the URL",
    "55P03": f"another session has kept it locked for {BUSY_AFTER:.0f} seconds: end that session",
    "57P01": "its administrator ended the session: mail is taken again once it is back",
    "57P02": "the database server crashed: mail is taken again once it is back",
    "57P03": "it is starting or stopping: mail is taken again once it is back",
    "42501": "it does not let this user do that: grant the right, or connect as the owner of the tables",
    "42P01": "there is no mail store in it: start `mailsponge serve`, and it makes one",
    "3F000": "there is no mail store in it: start `mailsponge serve`, and it makes one",
    "MS001": "the other servers heard nothing of this one for too long, and took its work over",
    "MS002": "the parts of the message were swept away: the other servers had heard nothing of this one for too long",
}

_KINDS: Final[dict[str, type[StoreError]]] = {NO_ROOM: StoreFull, READ_ONLY: StoreReadOnly}

_AT_THE_DOOR: Final = (
    ("too many clients", _WORDS["53300"]),
    ("connection slots are reserved", _WORDS["53300"]),
    ("too many connections", _WORDS["53300"]),
    ("starting up", _WORDS["57P03"]),
    ("shutting down", _WORDS["57P03"]),
    ("password", "it does not let us in: look at PGPASSWORD, at ~/.pgpass, and at the URL"),
    ("pg_hba.conf", "it does not let us in: its pg_hba.conf has to allow this user and this host"),
    (
        "does not exist",
        "it lets nobody of that name in, or there is no such database: create it with createdb",
    ),
)

_SESSION_IS_OVER: Final = frozenset({"57P01", "57P02", "57P03"})


def store_error(shown: str, error: Exception, text: str) -> StoreError:
    """Why the store in a database could not; ``shown`` is its name, ``text`` what was said, free of secrets."""
    if isinstance(error, StoreError):
        return error
    state = getattr(error, "sqlstate", None) or ""
    kind = _KINDS.get(state, StoreError)
    lost = isinstance(error, psycopg.OperationalError) and not state
    words = _WORDS.get(state) or ("the connection was lost" if lost else "it could not do what was asked")
    said = kind(f"{shown}: {words} ({type(error).__name__}: {text})")
    said.__cause__ = error
    return said


class Unreachable(StoreError):
    """No session can be opened now."""


def unreachable(shown: str, text: str) -> Unreachable:
    """Why no session can be opened."""
    words = next((words for part, words in _AT_THE_DOOR if part in text), "it cannot be reached now")
    return Unreachable(f"{shown}: {words} ({text})")


def is_away(fault: StoreError | None) -> bool:
    """Nothing can be done in this database for now: trying the next thing would only wait as long again."""
    if fault is None or isinstance(fault, Unreachable):
        return fault is not None
    cause = fault.__cause__
    state = getattr(cause, "sqlstate", None)
    return isinstance(cause, psycopg.OperationalError) and (
        state is None or state in _SESSION_IS_OVER | {"55P03"}
    )
