"""What PostgreSQL says went wrong, in words that tell what to do about it."""

from __future__ import annotations

import pytest

from mailsponge.errors import StoreError, StoreFull, StoreReadOnly

psycopg = pytest.importorskip("psycopg")

from mailsponge.store.postgres.faults import is_away, store_error, unreachable  # noqa: E402

WHERE = "postgresql://db.example.org/mail"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("DiskFull", "no room left on the database server's disk: make some"),
        ("TooManyConnections", "raise its max_connections"),
        ("ReadOnlySqlTransaction", "read-only.*target_session_attrs=read-write"),
        ("AdminShutdown", "taken again once it is back"),
        ("CrashShutdown", "taken again once it is back"),
        ("LockNotAvailable", "kept it locked for 10 seconds"),
        ("InsufficientPrivilege", "does not let this user do that: grant the right"),
        ("UndefinedTable", "start `mailsponge serve`"),
        ("OperationalError", "the connection was lost"),
        ("InternalError", "could not do what was asked"),
    ],
)
def test_each_fault_says_where_what_and_what_to_do(kind: str, told: str) -> None:
    error = getattr(psycopg.errors, kind)("the server's words")
    with pytest.raises(StoreError, match=rf"^{WHERE}: .*{told}.*the server's words") as raised:
        raise store_error(WHERE, error, "the server's words")
    assert isinstance(raised.value, StoreFull) == (kind == "DiskFull")
    assert isinstance(raised.value, StoreReadOnly) == (kind == "ReadOnlySqlTransaction")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("FATAL:  sorry, too many clients already", "raise its max_connections"),
        ("FATAL:  the database system is starting up", "once it is back"),
        ("fe_sendauth: no password supplied", "PGPASSWORD"),
        ('FATAL:  no pg_hba.conf entry for host "192.0.2.1"', "pg_hba.conf has to allow"),
        ('FATAL:  database "mail" does not exist', "createdb"),
        ("Connection refused", "cannot be reached now"),
    ],
)
def test_a_closed_door_says_who_can_open_it(said: str, told: str) -> None:
    assert told in str(unreachable(WHERE, said))


def test_what_is_said_already_is_said_once() -> None:
    fault = StoreError("no")
    assert store_error(WHERE, fault, "no") is fault


@pytest.mark.parametrize(
    ("kind", "away"),
    [
        ("OperationalError", True),
        ("AdminShutdown", True),
        ("LockNotAvailable", True),
        ("DiskFull", False),
        ("UniqueViolation", False),
    ],
)
def test_only_where_nothing_can_be_done_the_others_need_not_try(kind: str, away: bool) -> None:
    assert is_away(store_error(WHERE, getattr(psycopg.errors, kind)("x"), "x")) == away
    assert is_away(unreachable(WHERE, "x"))
    assert not is_away(None)
