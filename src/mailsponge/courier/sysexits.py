"""What a program's exit status says of a mail that it was given (sysexits(3)), as Postfix's pipe(8) understands it."""

from __future__ import annotations

from typing import Final, NamedTuple

from mailsponge.courier.faults import deferred, delivered, failed
from mailsponge.mail.outcome import Outcome


class _Meaning(NamedTuple):
    status: str
    why: str


_MEANINGS: Final = {
    64: _Meaning("5.3.0", "it was called wrongly"),
    65: _Meaning("5.6.0", "it cannot use such a message"),
    66: _Meaning("5.3.0", "it found no input"),
    67: _Meaning("5.1.1", "it knows no such user"),
    68: _Meaning("5.1.2", "it knows no such host"),
    69: _Meaning("5.3.0", "what it needs is not available"),
    70: _Meaning("5.3.0", "it has a fault in it"),
    71: _Meaning("4.3.0", "the system has a problem"),
    72: _Meaning("5.3.0", "a file of the system's is missing"),
    73: _Meaning("5.2.0", "it cannot make a file"),
    74: _Meaning("4.3.0", "it could not read or write"),
    75: _Meaning("4.3.0", "it says: later"),
    76: _Meaning("5.5.0", "it was not understood by another program"),
    77: _Meaning("5.7.0", "it may not do that"),
    78: _Meaning("5.3.5", "its configuration is wrong"),
}
_UNKNOWN: Final = _Meaning("5.3.0", "it failed")


def outcome_of(program: str, code: int, said: str) -> Outcome:
    """What it comes to. ``code``: the exit status, or less than 0: the signal that ended it. ``said``: its words."""
    words = f": {said}" if said else ""
    if code == 0:
        return delivered(f"{program} has taken it{words}")
    if code < 0:
        return deferred(f"{program} was ended by signal {-code}{words}")
    meaning = _MEANINGS.get(code, _UNKNOWN)
    told = deferred if meaning.status.startswith("4") else failed
    return told(f"{program} ended with status {code}: {meaning.why}{words}", meaning.status)
