"""Who lives here, and where their mail goes.

deliver.py knows the ways of delivering; names.py compares names; leads.py says where one leads, and expansion.py
follows aliases to find out; system.py knows the users of this machine; accounts.py looks addresses up, and found.py is
what comes of it. etc_aliases.py reads the aliases of other mail servers.
"""

from __future__ import annotations

from mailsponge.accounts.accounts import Accounts
from mailsponge.accounts.deliver import IN_A_MAILBOX, Deliver, Kind
from mailsponge.accounts.found import Absent, Found, Onward
from mailsponge.accounts.names import Where
from mailsponge.accounts.system import SystemUsers

__all__ = [
    "IN_A_MAILBOX",
    "Absent",
    "Accounts",
    "Deliver",
    "Found",
    "Kind",
    "Onward",
    "SystemUsers",
    "Where",
]
