"""The whole program with a database that servers share."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from kit.postgres import Postgres
from kit.serve import FREE, PATIENCE, Serve, send

pytest.importorskip("psycopg")

Start = Callable[[], Serve]


@pytest.fixture
def url(database: str) -> str:
    """With a password, which the database does not ask for, and nobody must ever see."""
    return database.replace("postgres@", "postgres:hunter2@")


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    """Starts servers on the same database, and ends those that still run."""
    started: list[Serve] = []

    def serve() -> Serve:
        started.append(Serve(url, *FREE))
        return started[-1]

    yield serve
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.ended()


def mails(url: str) -> list[int]:
    command = [sys.executable, "-m", "mailsponge", "mail", "list", "--json", "--data", url]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
    return [mail["id"] for mail in json.loads(done.stdout)]


def test_servers_that_share_a_database_share_the_mailboxes(start: Start, url: str) -> None:
    servers = [start(), start()]
    for server in servers:
        send(server.port(), "postmaster@localhost")
    assert len(mails(url)) == 2
    for server in servers:
        status, said = server.end()
        assert status == 0
        assert "data postgresql://postgres@/test" in said
        assert "hunter2" not in said
        assert "Traceback" not in said


def test_a_database_that_is_away_is_a_451_and_all_is_well_when_it_is_back(
    start: Start, postgres: Postgres, database: str, url: str
) -> None:
    port = start().port()
    send(port, "postmaster@localhost")
    with postgres.away(database), smtplib.SMTP("127.0.0.1", port, timeout=2 * PATIENCE) as smtp:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail("a@b.example", ["postmaster@localhost"], "Subject: not now\n\n")
        assert refused.value.smtp_code == 451
        assert b"hunter2" not in refused.value.smtp_error  # type: ignore[operator]
    send(port, "postmaster@localhost")
    assert len(mails(url)) == 2


def test_what_a_killed_server_took_the_others_have(start: Start, url: str) -> None:
    killed, other = start(), start()
    for _ in range(5):
        send(killed.port(), "postmaster@localhost")
    killed.end(signal.SIGKILL)
    send(other.port(), "postmaster@localhost")
    assert len(mails(url)) == 6


def test_a_database_that_cannot_be_reached_is_told_with_status_1_and_without_its_password() -> None:
    status, said = Serve("postgresql://me:hunter2@127.0.0.1:1/mail", *FREE).ended()
    assert status == 1
    assert "postgresql://me@127.0.0.1:1/mail: it cannot be reached now" in said
    assert "hunter2" not in said
    assert "Traceback" not in said


def test_servers_share_the_secret_that_decoys_are_made_from(url: str) -> None:
    from mailsponge.data_place import DataPlace
    from mailsponge.store.opening import open_store, shared_secret

    place = DataPlace(url=url)
    open_store(place, node="test").close()
    assert shared_secret(place, "login-secret", b"first") == b"first"
    assert shared_secret(place, "login-secret", b"second") == b"first"
