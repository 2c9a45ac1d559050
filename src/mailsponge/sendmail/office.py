"""The server of this machine, as this program finds it; and this machine and its user, as the server knows them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mailsponge import postbox
from mailsponge.sendmail.wire import NoAnswer, Wire


class Person:
    """Who started the program: their ``login`` as the server will know it, by the uid and whatever the environment
    says, and their full ``name``, or ``""``.
    """

    __slots__ = ("login", "name")

    def __init__(self, login: str, name: str) -> None:
        self.login = login
        self.name = name


def connected(environ: Mapping[str, str]) -> Wire:
    """A session with the server. Raises NoAnswer that says where none is, and what to do."""
    if environ.get("MAILSPONGE_SUBMIT"):
        return Wire(environ["MAILSPONGE_SUBMIT"], host())
    places = postbox.sockets(environ)
    because = []
    for place in places:
        if postbox.is_trusted(place):
            try:
                return Wire(place, host())
            except NoAnswer as error:
                because.append(str(error))
        elif os.path.lexists(place):
            because.append(f"{place} is not used: it is neither root's nor yours")
    raise NoAnswer("; ".join(because) or f"no server has its Unix socket at {' or '.join(places)}")


def host() -> str:
    """What this machine calls itself."""
    return hostlike(os.uname().nodename)


def hostlike(name: str) -> str:
    """A host's name that can stand in an address; else ``localhost``."""
    name = name.lower().rstrip(".")
    return (
        name if name and name.isascii() and name.replace("-", "").replace(".", "").isalnum() else "localhost"
    )


def me(environ: Mapping[str, str]) -> Person:
    """Who this is."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return Person(f"uid{os.getuid()}", environ.get("NAME", ""))
    full_name = entry.pw_gecos.partition(",")[0].replace("&", entry.pw_name.capitalize())
    return Person(entry.pw_name, environ.get("NAME") or full_name)
