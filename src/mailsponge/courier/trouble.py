"""Why nothing can be handed to a host just now: found out before a message began, and so a reason to try another."""

from __future__ import annotations

from typing import Final

from mailsponge import clean
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.mail.reply import Reply
from mailsponge.smtp.outcomes import status, words

NOT_ANSWERED: Final = "4.4.1"
LOST: Final = "4.4.2"
NO_DNS: Final = "4.4.3"
NO_TLS: Final = "4.7.10"
BAD_TLS: Final = "4.7.5"
NO_LOGIN: Final = "4.7.8"
SPOKE_NONSENSE: Final = "4.5.0"
"""Enhanced codes by RFC 3463, RFC 4954 section 6 and the registry of RFC 5248."""

REPLY_LIMIT: Final = 1000
"""Characters of a reply that are kept with an outcome; a server may say 64 kB."""


class Trouble(Exception):
    """Nothing can be handed to this host. ``outcome`` is what that means for every recipient."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome

    @property
    def is_policy(self) -> bool:
        """The host does not want this one, whatever it brings, and says that it is meant so: 5yz with 5.7.z, to the
        greeting or to hello.
        """
        return self.outcome.reply.startswith("5") and self.outcome.status.startswith(("4.7.", "5.7."))


class TlsTrouble(Trouble):
    """There is no TLS with this host, or none that proves its name."""


def trouble(host: str, code: str, why: str) -> Trouble:
    """One that was found out here. ``why`` is a sentence without the host."""
    return Trouble(down(host, code, why))


def tls_trouble(host: str, code: str, why: str) -> TlsTrouble:
    """The same, of TLS."""
    return TlsTrouble(down(host, code, why))


def refusal(host: str, said: str, reply: Reply) -> Trouble:
    """The host refuses the session itself. Its own code is kept, with the class of what may work later."""
    code = "4" + status(reply)[1:]
    shown = shown_reply(reply)
    return Trouble(
        Outcome(Result.DEFERRED, code, f"{host} answered {said} with: {shown}", shown, host, hop_down=True)
    )


def down(host: str, code: str, why: str) -> Outcome:
    """Deferred, with all else that goes that way."""
    return Outcome(Result.DEFERRED, code, f"{host} {why}", by=host, hop_down=True)


def shown_reply(reply: Reply) -> str:
    """A reply in one line, no longer than is of use."""
    return clean.shortened(words(reply), REPLY_LIMIT)
