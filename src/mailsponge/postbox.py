"""Where a program on this machine finds the post office: its Unix socket, and its pickup directory.

A socket is trusted that root or this user made, and a directory in which nobody can touch what another has put there:
what is sent is for nobody else to read. Needs next to nothing, so that a command that uses it starts at once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

SOCKET = "/run/mailsponge/submit"
"""The Unix socket of a post office for the whole machine; a user's own has its in the runtime directory."""
PICKUP = "/var/spool/mailsponge/pickup"
"""Where programs leave mail for it while it is down; a user's own has its ``pickup`` in its data directory."""


def sockets(environ: Mapping[str, str]) -> list[str]:
    """Where a post office may have its socket: the user's own first, then the machine's."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    own = [os.path.join(runtime, "mailsponge", "submit")] if os.path.isabs(runtime) else []
    return [*own, SOCKET]


def is_trusted(path: str) -> bool:
    """Whether it is a socket that root or this user made: anybody else might read what is sent there."""
    if not hasattr(os, "getuid"):  # Windows
        return False
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid in (0, os.getuid())


def pickups(environ: Mapping[str, str]) -> Iterator[str]:
    """Where mail may be left, the first that is there before the others: what the environment names, then the
    machine's, which somebody looks after, then the user's own.
    """
    if environ.get("MAILSPONGE_PICKUP"):
        yield environ["MAILSPONGE_PICKUP"]
        return
    if environ.get("MAILSPONGE_DATA") and "://" not in environ["MAILSPONGE_DATA"]:
        yield os.path.join(os.path.expanduser(environ["MAILSPONGE_DATA"]), "pickup")
    yield PICKUP
    xdg = environ.get("XDG_DATA_HOME", "")
    data = xdg if os.path.isabs(xdg) else os.path.expanduser("~/.local/share")
    yield os.path.join(data, "mailsponge", "pickup")
