"""Rules of root's rights: whom strangers talk to never has them, unless somebody said so; and there is no way back."""

from __future__ import annotations

import os
import pwd

import pytest

from mailsponge.errors import ConfigError
from mailsponge.server import privileges
from mailsponge.server.privileges import Account, leave_root, runs_as

NOBODY = Account(*pwd.getpwnam("nobody")[:1], *pwd.getpwnam("nobody")[2:4])


def test_root_becomes_the_user_that_is_named():
    assert runs_as("nobody", exposed=False, uid=0) == NOBODY


def test_root_becomes_the_servers_own_user_where_strangers_come(monkeypatch):
    monkeypatch.setattr(privileges, "OWN_USER", "nobody")

    assert runs_as("", exposed=True, uid=0) == NOBODY


def test_without_such_a_user_it_does_not_start_where_strangers_come(monkeypatch):
    monkeypatch.setattr(privileges, "OWN_USER", "no-such-user")
    with pytest.raises(ConfigError, match=r"useradd --system .* no-such-user`, or set user = \"root\""):
        runs_as("", exposed=True, uid=0)


def test_root_stays_root_on_purpose():
    assert runs_as("root", exposed=True, uid=0) is None


def test_root_who_tries_it_out_on_this_machine_stays_root():
    assert runs_as("", exposed=False, uid=0) is None


@pytest.mark.parametrize("wanted", ["", "nobody"])
def test_anybody_else_stays_who_they_are(wanted):
    assert runs_as(wanted, exposed=True, uid=NOBODY.uid) is None


@pytest.mark.parametrize("wanted", ["root", "no-such-user"])
def test_only_root_becomes_another(wanted):
    with pytest.raises(ConfigError, match=f"start the server as root or as {wanted}"):
        runs_as(wanted, exposed=True, uid=NOBODY.uid)


def test_a_user_who_does_not_exist_is_told():
    with pytest.raises(ConfigError, match="user is no-such-user, who is no user of this machine"):
        runs_as("no-such-user", exposed=False, uid=0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to leave")
def test_there_is_no_way_back():
    child = os.fork()
    if child == 0:
        os._exit(_rights_after_leaving())
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def _rights_after_leaving() -> int:
    """How many of root's rights are left, in a process that has left them."""
    leave_root(NOBODY)
    left = 0
    for attempt in (
        lambda: os.setuid(0),
        lambda: os.setresuid(0, 0, 0),
        lambda: os.setgid(0),
        lambda: os.setgroups([0]),
        lambda: os.close(os.open("/etc/shadow", os.O_RDONLY)),
        lambda: os.kill(1, 0),
    ):
        try:
            attempt()
        except PermissionError:
            continue
        left += 1
    return left + (os.getresuid() != (NOBODY.uid,) * 3) + (0 in os.getgroups())
