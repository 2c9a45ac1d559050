"""The one cookie: 256 random bits that name a session, or a visitor who has not logged in.

SameSite=Strict: no other site's page, link or form makes a browser send it. Within TLS it has the prefix ``__Host-``,
so that no neighbour under the same domain can set it; without, browsers do not allow the prefix.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Final

NAME: Final = "mailsponge"
MAX_AGE: Final = 30 * 86_400
"""Seconds. The server forgets a session sooner than that, or then."""

_is_identity = re.compile("[A-Za-z0-9_-]{43}").fullmatch


def new() -> str:
    """An identity that nobody has had before."""
    return secrets.token_urlsafe(32)


def name(secure: bool) -> str:
    """What the cookie is called."""
    return f"__Host-{NAME}" if secure else NAME


def identity_in(cookies: Mapping[str, str], secure: bool) -> str:
    """Whom the cookie names; empty if there is none that could be ours."""
    found = cookies.get(name(secure), "")
    return found if _is_identity(found) else ""


def header(identity: str, secure: bool) -> str:
    """A Set-Cookie header (RFC 6265) that has a browser keep it; an empty identity has it forget."""
    age = MAX_AGE if identity else 0
    within_tls = "; Secure" if secure else ""
    return f"{name(secure)}={identity}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{within_tls}"
