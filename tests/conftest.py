"""What every test may use: the kit beside this file, a job, a folder for a server, and a real PostgreSQL."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kit import postgres as servers
from kit.busy_office import open_folder
from kit.postgres import Postgres
from kit.programs import Job, pythons


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``python`` runs with each Python of this machine that the sponge is made for."""
    if "python" in metafunc.fixturenames:
        metafunc.parametrize("python", pythons().values(), ids=pythons().keys())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job nobody has run yet."""
    return Job(tmp_path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that a server's own user gets at, too."""
    with open_folder() as made:
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL, started when the first test asks for it. Where ``CI=true``, one that is missing is a failure."""
    try:
        with servers.running() as server:
            yield server
    except servers.NotHere as reason:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The URL of a database that nobody has used."""
    return postgres.database()
