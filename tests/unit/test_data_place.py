"""Where mail is kept: a directory or a database, and no password in any text of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsponge.data_place import DataPlace


@pytest.mark.parametrize("value", ["/var/lib/mailsponge", Path("/var/lib/mailsponge")])
def test_a_path_is_a_directory(value):
    place = DataPlace.parse(value)

    assert (place.directory, place.url, str(place)) == (
        Path("/var/lib/mailsponge"),
        "",
        "/var/lib/mailsponge",
    )


def test_a_url_is_a_database():
    place = DataPlace.parse("postgresql://me@db.example.org/mail")

    assert (place.directory, place.url) == (None, "postgresql://me@db.example.org/mail")


def test_a_password_is_kept_and_never_shown():
    place = DataPlace.parse("postgresql://me:hunter2@db.example.org/mail?sslpassword=hunter2")

    assert "hunter2" in place.url
    assert (str(place), repr(place)) == (
        "postgresql://me@db.example.org/mail",
        "DataPlace('postgresql://me@db.example.org/mail')",
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "written as text"),
        (7, "written as text"),
        ("/var\0/mail", "written as text"),
        ("mysql://db/mail", "only PostgreSQL can be used: postgresql://user@db.example.org/name"),
        ("postgresql://me:p@ss@db/mail", "%40"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(value, told):
    with pytest.raises(ValueError, match=told) as refused:
        DataPlace.parse(value)

    assert "p@ss" not in str(refused.value)


def test_places_are_equal_that_mean_the_same():
    assert DataPlace.parse("/a") == DataPlace(Path("/a"))
    assert len({DataPlace.parse("/a"), DataPlace(Path("/a")), DataPlace.parse("postgresql://a/b")}) == 2
