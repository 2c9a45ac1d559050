"""What a page asks about its request: who it is, and what they filled in."""

from __future__ import annotations

from typing import NamedTuple

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request


class User(NamedTuple):
    """Somebody who has logged in."""

    name: str
    """As the configuration names them."""
    is_admin: bool = False

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """Those they may look into: their own."""
        return (self.name,)


def who(request: Request) -> User:
    """Who asks. The guard lets nobody else get at a page; if it did, this raises HTTPException (404)."""
    user = request.scope["state"].get("user")
    if not isinstance(user, User):
        raise HTTPException(404)
    return user


def admins_only(request: Request) -> User:
    """Who asks, if they may see everything. Raises HTTPException (404): for all others there is no such page."""
    user = who(request)
    if not user.is_admin:
        raise HTTPException(404)
    return user


def form(request: Request) -> FormData:
    """What was filled in, read and checked by the guard before the page is asked."""
    filled: FormData = request.scope["state"]["form"]
    return filled
