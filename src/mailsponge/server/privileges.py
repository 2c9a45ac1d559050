"""Root's rights: who the server runs as, and leaving them for good."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
from typing import Final, NamedTuple

from mailsponge.errors import ConfigError

OWN_USER: Final = "mailsponge"
"""Whom a server that root starts runs as, unless the configuration names another."""

_PR_SET_NO_NEW_PRIVS: Final = 38


class Account(NamedTuple):
    """A user of this machine that a server can run as."""

    name: str
    uid: int
    gid: int


def runs_as(wanted: str, *, exposed: bool, uid: int) -> Account | None:
    """Whom to run as; None: whoever this is.

    ``wanted``: the configuration's word, empty if it says nothing. ``exposed``: others than this machine's own programs
    can connect, or only root can open the port. ``uid``: who starts it. Raises ConfigError that says what to do.
    """
    if uid != 0:
        _check_already(wanted, uid)
        return None
    if not wanted and not exposed:
        return None
    account = _account(wanted or OWN_USER)
    if account is None:
        raise ConfigError(_no_such_user(wanted))
    return account if account.uid != 0 else None


def leave_root(account: Account) -> None:
    """Become the user, and see to it that there is no way back. Raises RuntimeError if there is one."""
    os.initgroups(account.name, account.gid)
    os.setgid(account.gid)
    os.setuid(account.uid)
    os.umask(0o077)
    for way_back in (os.setuid, os.seteuid):
        try:
            way_back(0)
        except PermissionError:
            continue
        raise RuntimeError(f"root's rights could be taken back after becoming {account.name}")
    _forbid_new_rights()


def _check_already(wanted: str, uid: int) -> None:
    account = _account(wanted) if wanted else None
    if wanted and (account is None or account.uid != uid):
        raise ConfigError(
            f"user is {wanted}, and only root can become another user: start the server as root or as {wanted}"
        )


def _account(name: str) -> Account | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def _no_such_user(wanted: str) -> str:
    name = wanted or OWN_USER
    why = (
        f"user is {wanted}, who is no user of this machine"
        if wanted
        else "strangers can reach this server, and it is not to have root's rights"
    )
    return (
        f"{why}: make a user for it with `useradd --system --home-dir /var/lib/mailsponge "
        f'--shell /usr/sbin/nologin {name}`, or set user = "root" to keep root\'s rights on purpose'
    )


def _forbid_new_rights() -> None:
    """Nothing that is started from here may gain rights by a setuid bit (prctl(2)); where there is such a thing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
