"""The address of a database: what may be shown of it, and which directory belongs to it."""

from __future__ import annotations

import pytest

from mailsponge import database_url
from mailsponge.errors import UsageError

SHOWN = {
    "postgresql://db.example.org/ops": "postgresql://db.example.org/ops",
    "postgres://db.example.org/ops": "postgresql://db.example.org/ops",
    "postgresql://me@db.example.org:5433/ops": "postgresql://me@db.example.org:5433/ops",
    "postgresql://me:secret@db.example.org/ops?sslmode=require": "postgresql://me@db.example.org/ops",
    "postgresql://me:se%40cret@one,two:5433/ops": "postgresql://me@one,two:5433/ops",
    "postgresql://:secret@[::1]/ops": "postgresql://[::1]/ops",
    "postgresql:///ops?host=/run/postgresql&password=secret": "postgresql:///ops",
    "postgresql://": "postgresql:///",
}


@pytest.mark.parametrize(("url", "shown"), SHOWN.items())
def test_neither_password_nor_settings_are_shown(url, shown):
    assert database_url.shown(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s@cret@db/ops",
        "postgresql://me:s/ecret@db/ops",
        "postgresql://me:s?ecret@db/ops",
        "postgresql://db/ops?password=se@cret",
        "postgresql://me:secret@db/ops\n",
        "postgresql://me:se\0cret@db/ops",
    ],
)
def test_what_could_be_misread_is_refused_and_not_shown(url):
    with pytest.raises(UsageError, match="not understood: write postgresql://user@db") as refused:
        database_url.checked(url)

    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://me@db/ops", []),
        ("postgresql://me:@db/ops", []),
        ("postgresql://me:se%63ret@db/ops", ["se%63ret", "secret"]),
        ("postgresql://db/ops?password=one&sslpassword=two&user=me", ["one", "two"]),
    ],
)
def test_passwords_are_found_wherever_they_are(url, secrets):
    assert database_url.passwords(url) == secrets
    assert database_url.has_password(url) == bool(secrets)


def test_only_such_a_url_is_a_database():
    assert database_url.is_database("postgresql://db/ops")
    assert database_url.is_database("postgres://db/ops")
    for other in ("postgresql", "/var/lib/postgresql:", "", None, "mysql://db/ops"):
        assert not database_url.is_database(other)


DIRECTORIES = {
    "postgresql://db.example.org/ops": "postgresql-db.example.org-ops",
    "postgresql://me:secret@db.example.org/ops?sslmode=require": "postgresql-db.example.org-ops",
    "postgresql://db.example.org:5433/ops": "postgresql-db.example.org:5433-ops",
    "postgresql://me@/ops?host=%2Frun%2Fpg": "postgresql-ops-/run/pg",
    "postgresql://me@db.example.org": "postgresql-db.example.org-me",
    "postgresql://?service=sponge": "postgresql-sponge",
    "postgresql://db?dbname=ops": "postgresql-db-ops",
}


@pytest.mark.parametrize(("url", "name"), DIRECTORIES.items())
def test_a_directory_is_a_databases_and_not_a_logins(url, name):
    assert database_url.directory_name(url) == name
