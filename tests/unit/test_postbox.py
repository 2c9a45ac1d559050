"""Rules of where a program finds the post office."""

from __future__ import annotations

import os

import pytest

from mailsponge import postbox


@pytest.mark.parametrize(
    ("environ", "places"),
    [
        ({}, [postbox.SOCKET]),
        ({"XDG_RUNTIME_DIR": "/run/user/1000"}, ["/run/user/1000/mailsponge/submit", postbox.SOCKET]),
        ({"XDG_RUNTIME_DIR": "here"}, [postbox.SOCKET]),
    ],
)
def test_the_users_own_socket_comes_before_the_machines(environ, places):
    assert postbox.sockets(environ) == places


@pytest.mark.parametrize(
    ("environ", "places"),
    [
        ({"HOME": "/home/me"}, [postbox.PICKUP, "/home/me/.local/share/mailsponge/pickup"]),
        ({"HOME": "/home/me", "XDG_DATA_HOME": "/data"}, [postbox.PICKUP, "/data/mailsponge/pickup"]),
        (
            {"HOME": "/home/me", "MAILSPONGE_DATA": "/mine"},
            ["/mine/pickup", postbox.PICKUP, "/home/me/.local/share/mailsponge/pickup"],
        ),
        (
            {"HOME": "/home/me", "MAILSPONGE_DATA": "postgresql://me:secret@db.example.org/mail"},
            [postbox.PICKUP, "/home/me/.local/share/mailsponge/pickup"],
        ),
        ({"HOME": "/home/me", "MAILSPONGE_PICKUP": "/there", "MAILSPONGE_DATA": "/mine"}, ["/there"]),
    ],
)
def test_what_is_named_comes_before_the_machines_pickup_directory_and_that_before_ones_own(
    environ, places, monkeypatch
):
    monkeypatch.setenv("HOME", environ["HOME"])

    assert list(postbox.pickups(environ)) == places


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/null", path)])
def test_what_is_no_socket_is_not_trusted(tmp_path, make):
    make(tmp_path / "submit")

    assert not postbox.is_trusted(str(tmp_path / "submit"))
    assert not postbox.is_trusted(str(tmp_path / "nothing"))
