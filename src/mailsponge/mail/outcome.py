"""What became of one recipient when a courier tried to deliver: delivered, relayed, deferred or failed, as a value."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Result(StrEnum):
    """What became of it."""

    DELIVERED = "delivered"  # the recipient can read it, or whoever delivers for them has it
    RELAYED = "relayed"  # the next hop answers for it now
    DEFERRED = "deferred"  # it may work later
    FAILED = "failed"  # it never will: the sender hears of it


class Outcome(NamedTuple):
    """What one attempt came to for one recipient."""

    result: Result
    status: str
    """The enhanced status code (RFC 3463) of the result's class: 2.x.x, 4.x.x or 5.x.x."""
    why: str
    """One line for people. A stranger's words may be in it, with their control characters escaped."""
    reply: str = ""
    """What the other side said, in one line: ``550 5.1.1 No such user``. Empty if nobody was asked, or answered."""
    by: str = ""
    """The host that said so; empty: this one."""
    hop_down: bool = False
    """Nothing that goes the same way would get through now: there is no use in trying the next message at once."""
    reports: bool = False
    """Of RELAYED: the next hop knows DSN (RFC 3461), and reports of success are its affair from now on."""
