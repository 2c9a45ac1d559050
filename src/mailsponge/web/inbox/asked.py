"""What a request for mail asks for. What is not the asker's, and what is not there, look the same: 404."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mailsponge.store.protocol import Store
from mailsponge.store.reading import LONGEST_FOLDER, Cursor, Row
from mailsponge.web.office import office_of
from mailsponge.web.security import who

LONGEST_QUERY: Final = 500
"""Characters that are searched for."""


def store(request: Request) -> Store:
    """Where the mail is."""
    return office_of(request).store


def mailbox(request: Request) -> str:
    """The mailbox that is named, if it is the asker's."""
    name = str(request.path_params["mailbox"])
    if name not in who(request).mailboxes:
        raise HTTPException(404)
    return name


def folder(request: Request) -> str:
    """The folder that is named, which may be empty, and so not be there yet."""
    name = str(request.path_params["folder"])
    if not name.isprintable() or len(name) > LONGEST_FOLDER:
        raise HTTPException(404)
    return name


def row(request: Request) -> Row:
    """The message that is named, if it lies in the asker's mailbox, in whichever folder."""
    number = int(request.path_params["id"])
    found = store(request).row(mailbox(request), number) if number < 2**63 else None
    if found is None:
        raise HTTPException(404)
    return found


def cursor(given: Mapping[str, str], name: str) -> Cursor | None:
    """A place in a list, as `cursor_text` wrote it; None if it is anything else."""
    at, _, number = given.get(name, "").partition("_")
    try:
        moment, message = float(at), int(number)
    except ValueError:
        return None
    return Cursor(moment, message) if 0 <= moment < 1e12 and 0 < message < 2**63 else None


def cursor_text(cursor: Cursor) -> str:
    """For a link to the page after this one."""
    return f"{cursor.arrived_at!r}_{cursor.id}"


def path_of(mailbox: str, folder: str, *more: object) -> str:
    """A path of the inbox."""
    return "/".join(("/mail", *(quote(str(each), safe="") for each in (mailbox, folder, *more))))
