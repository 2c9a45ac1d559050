"""Who sends a mail, and the Message-ID that it keeps."""

from __future__ import annotations

import os
from collections.abc import Callable


def new_message_id(fromaddr: str | None, host: str, random: Callable[[], str]) -> str:
    """A Message-ID for a mail being composed; it stays, however often the mail is handed over."""
    domain = fromaddr.rpartition("@")[2] if fromaddr else host
    safe = "".join(c for c in domain if c.isascii() and (c.isalnum() or c in ".-")) or "localhost"
    return f"<{random()}@{safe}>"


def user_and_host() -> tuple[str, str]:
    """Who this is, without asking the network: the user's name and the host's, of what an address may be made of."""
    host = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return _addressable(_user()) or "mailsponge", _addressable(host) or "localhost"


def _addressable(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "-._+").strip(".")


def _user() -> str:
    """As getpass.getuser() finds it; a container's user may have no name at all."""
    named = next((os.environ[v] for v in ("LOGNAME", "USER", "USERNAME") if os.environ.get(v)), None)
    if named or not hasattr(os, "getuid"):
        return named or "mailsponge"
    import pwd  # not on every system

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"
