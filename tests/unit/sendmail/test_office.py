"""Rules of finding the server, and of who this is."""

from __future__ import annotations

import os
import pwd
import socket

import pytest

from kit.smtp_server import SmtpServer
from mailsponge import postbox
from mailsponge.sendmail import office
from mailsponge.sendmail.wire import NoAnswer


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """A runtime directory of one's own; the machine's server is not there."""
    monkeypatch.setattr(postbox, "SOCKET", str(tmp_path / "machine"))
    (tmp_path / "mailsponge").mkdir()
    return tmp_path


def test_the_users_own_is_found(runtime):
    with SmtpServer(path=runtime / "mailsponge" / "submit"):
        wire = office.connected({"XDG_RUNTIME_DIR": str(runtime)})
        wire.close()

    assert wire.hostname == "test.example"


def test_else_the_machines(runtime):
    with SmtpServer(path=runtime / "machine"):
        office.connected({"XDG_RUNTIME_DIR": str(runtime)}).close()


def test_also_where_a_server_died(runtime):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(runtime / "mailsponge" / "submit"))
    with SmtpServer(path=runtime / "machine"):
        office.connected({"XDG_RUNTIME_DIR": str(runtime)}).close()


def test_where_none_is_it_says_where_it_looked(runtime):
    with pytest.raises(
        NoAnswer, match=f"no server has its Unix socket at {runtime}/mailsponge/submit or {runtime}/machine"
    ):
        office.connected({"XDG_RUNTIME_DIR": str(runtime)})


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a socket away")
def test_somebody_elses_is_not_used(runtime):
    with SmtpServer(path=runtime / "machine") as server:
        os.chown(runtime / "machine", pwd.getpwnam("nobody").pw_uid, -1)
        with pytest.raises(NoAnswer, match="neither root's nor yours"):
            office.connected({})

    assert server.commands == []


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("Box", "box"),
        ("box.example.", "box.example"),
        ("", "localhost"),
        ("a b", "localhost"),
        ("a>\r\n", "localhost"),
    ],
    ids=ascii,
)
def test_a_host_that_cannot_stand_in_an_address_is_none(name, host):
    assert office.hostlike(name) == host


def test_who_this_is_says_the_uid():
    me = office.me({"LOGNAME": "somebody", "USER": "else"})

    assert me.login == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_is_a_number(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 54321)

    assert (office.me({}).login, office.me({"NAME": "Me"}).name) == ("uid54321", "Me")
