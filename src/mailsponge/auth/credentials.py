"""A name and a password as they came over the wire, made ready to be compared, or not."""

from __future__ import annotations

from mailsponge.auth import saslprep
from mailsponge.auth.exchange import CheckPassword, Denied
from mailsponge.errors import UsageError

PASSWORD_LIMIT = 1024
"""Octets of a password in UTF-8. Nobody types more, and whoever sends more wants to see the server work."""
NAME_LIMIT = 1024
"""Octets of a name: a local part and a domain have 255 each, and that is room enough for quotes."""


def credentials(name: bytes, password: bytes, authzid: bytes = b"") -> CheckPassword | Denied:
    """Prepare both (RFC 4616 section 2). ``authzid``: whom to act as, which can only be oneself.

    What is wrong is said before anything is looked up, so that it says nothing about who lives here.
    """
    if len(password) > PASSWORD_LIMIT:
        return Denied("the password is longer than any here")
    try:
        prepared = CheckPassword(prepared_name(name), saslprep.query(password.decode()))
        acts_as = prepared_name(authzid) if authzid else prepared.name
    except UnicodeDecodeError:
        return Denied("the name or the password is not UTF-8")
    except UsageError as error:
        return Denied(f"the name or the password cannot be: {error}")
    if not prepared.password:
        return Denied("the password is empty")
    if acts_as != prepared.name:
        return Denied("it asks to act as somebody else, which nobody may")
    return prepared


def prepared_name(name: bytes) -> str:
    """A name in its one spelling. Raises UsageError, UnicodeDecodeError."""
    if len(name) > NAME_LIMIT:
        raise UsageError("it is longer than any name here")
    prepared = saslprep.query(name.decode())
    if not prepared:
        raise UsageError("it is empty")
    return prepared
