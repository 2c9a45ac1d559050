"""Every ledger there is, for the suites that run against all of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kit.postgres import Postgres
from mailsponge.sponge.ledger import Ledger
from mailsponge.sponge.ledger.memory import MemoryLedger
from mailsponge.sponge.ledger.sqlite import SqliteLedger

LEDGERS = ("sqlite", "memory", "postgres")

_job_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def _shared_database(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of each kind that nobody has written to."""
    with closing(_new_ledger(request, tmp_path)) as made:
        yield made


def _new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    if request.param == "memory":
        return MemoryLedger()
    if request.param == "sqlite":
        return SqliteLedger(tmp_path / "ledger.db")
    from mailsponge.sponge.ledger.postgres import PostgresLedger

    # A job of its own in a database that the tests share: jobs do not see each other.
    return PostgresLedger(request.getfixturevalue("_shared_database"), f"job{next(_job_numbers)}")


@pytest.fixture(params=["memory", "postgres"])
def shared_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of each kind that hosts share."""
    made = MemoryLedger(shared=True) if request.param == "memory" else _new_ledger(request, tmp_path)
    with closing(made):
        yield made
