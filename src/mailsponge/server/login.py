"""One AUTH of one session: an exchange of messages, perhaps a wait, perhaps a check in a thread, and one answer.

    AUTH ──> guesses (how long to wait) ──> exchange ··· 334, response ··· ──> checks ··· 235, 535 or 454

However it ends, the guesses are told once, also when the client has gone meanwhile: who hangs up after a wrong password
has guessed all the same.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Final

from mailsponge.auth import replies
from mailsponge.auth.check import Checks
from mailsponge.auth.directory import Directory
from mailsponge.auth.exchange import Challenge, CheckPassword, Denied, Exchange, Granted, Later, Step
from mailsponge.auth.guesses import Guesses, TooMany
from mailsponge.auth.mechanisms import begun
from mailsponge.mail.reply import Reply
from mailsponge.server import held
from mailsponge.server.transaction import Client
from mailsponge.server.witness import Witness
from mailsponge.smtp.sasl import challenge

NONCE_LENGTH: Final = 18
"""Octets that nobody can guess, in a server's part of SCRAM's nonce."""


class Logins:
    """What the logins of all sessions share."""

    __slots__ = ("checks", "guesses", "loop", "nonce")

    def __init__(
        self, loop: AbstractEventLoop, nonce: Callable[[], str], checks: Checks | None = None
    ) -> None:
        """``nonce`` makes text that nobody can guess: printable ASCII without a comma."""
        self.loop = loop
        self.nonce = nonce
        self.checks = checks or Checks(loop.call_soon_threadsafe)
        self.guesses = Guesses()


class Login:
    """One AUTH, from its command to its answer."""

    __slots__ = (
        "_answered",
        "_checking",
        "_client",
        "_directory",
        "_exchange",
        "_granted",
        "_logins",
        "_over",
        "_timer",
        "_witness",
    )

    def __init__(
        self,
        logins: Logins,
        directory: Directory,
        client: Client,
        witness: Witness,
        granted: Callable[[str], None],
        answered: Callable[[Reply], None],
    ) -> None:
        """``granted`` is told who it is; ``answered`` gets the reply where :data:`held.LOGGING_IN` was returned."""
        self._logins = logins
        self._directory = directory
        self._client = client
        self._witness = witness
        self._granted = granted
        self._answered = answered
        self._exchange: Exchange | None = None
        self._timer: TimerHandle | None = None
        self._checking = False
        self._over = False

    def begin(self, mechanism: str, initial: bytes | None, limit: int) -> Reply | int:
        """AUTH itself; ``limit``: failures an hour that an address may have."""
        logins = self._logins
        decision = logins.guesses.begin(self._client.peer, logins.loop.time(), limit)
        if isinstance(decision, TooMany):
            self._over = True
            reply = replies.too_many(decision.seconds)
            self._witness.not_logged_in(self._client, "too many wrong passwords from that address", reply)
            return reply
        self._exchange = begun(mechanism, self._directory, logins.nonce())
        assert self._exchange is not None, "the engine lets no other mechanism through"
        if not decision.seconds:
            return self._take(self._exchange.begin(initial))
        self._timer = logins.loop.call_later(decision.seconds, self._after_the_wait, initial)
        return held.LOGGING_IN

    def respond(self, data: bytes) -> Reply | int:
        """What the client answered to a challenge."""
        assert self._exchange is not None
        return self._take(self._exchange.respond(data))

    def give_up(self) -> None:
        """The client cancels, or is gone. A check under way goes on, and counts."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._over and not self._checking:
            self._over = True
            self._logins.guesses.ended(self._client.peer)

    def _after_the_wait(self, initial: bytes | None) -> None:
        assert self._exchange is not None
        answer = self._take(self._exchange.begin(initial))
        if isinstance(answer, Reply):
            self._answered(answer)

    def _take(self, step: Step) -> Reply | int:
        if isinstance(step, Challenge):
            return challenge(step.data)
        if isinstance(step, CheckPassword):
            self._checking = True
            self._logins.checks.begin(self._directory, step, self._checked)
            return held.LOGGING_IN
        return self._end(step)

    def _checked(self, verdict: Granted | Denied | Later) -> None:
        self._answered(self._end(verdict))

    def _end(self, verdict: Granted | Denied | Later) -> Reply:
        self._over = True
        guesses, peer = self._logins.guesses, self._client.peer
        if isinstance(verdict, Granted):
            guesses.ended(peer)
            self._witness.logged_in(self._client, verdict.user)
            self._granted(verdict.user)
            return replies.GRANTED
        if isinstance(verdict, Denied):
            guesses.failed(peer, self._logins.loop.time())
            reply = replies.DENIED
        else:
            guesses.ended(peer)
            reply = replies.LATER
        self._witness.not_logged_in(self._client, verdict.why, reply)
        return reply
