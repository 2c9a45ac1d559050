"""What happens in a session is told here, once: a line to the log, and a number to the counts."""

from __future__ import annotations

from typing import Final

from mailsponge.admission import Refused
from mailsponge.errors import StoreError
from mailsponge.mail.reply import Reply
from mailsponge.server import logline
from mailsponge.server.counts import Counts, why
from mailsponge.server.doors import TOO_MANY, TOO_MANY_OF_YOURS
from mailsponge.server.transaction import Client, Transaction

_TURNED_AWAY: Final = {TOO_MANY: "connections", TOO_MANY_OF_YOURS: "address"}


class Witness:
    """One for each role of the listener; sessions share it."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = Counts()

    def taken(self, client: Client, transaction: Transaction, message_id: int) -> None:
        """The message is in the store."""
        counts = self.counts
        counts.taken += 1
        counts.bytes_taken += transaction.size
        logline.taken(client, transaction, message_id)

    def not_kept(self, client: Client, transaction: Transaction, reply: Reply, error: StoreError) -> None:
        """The store could not keep the message."""
        self.counts.messages_refused[why(reply)] += 1
        logline.not_kept(client, transaction, reply, error)

    def not_taken(self, client: Client, transaction: Transaction, reply: Reply) -> None:
        """The message was refused, at its beginning or for what it is."""
        self.counts.messages_refused[why(reply)] += 1
        logline.not_taken(client, transaction, reply)

    def not_begun(self, client: Client, reply: Reply) -> None:
        """A message was refused before its transaction could begin."""
        self.counts.messages_refused[why(reply)] += 1
        logline.not_begun(client, reply)

    def recipient_refused(self, refused: Refused) -> None:
        """One recipient was not taken; the line of its transaction will tell why."""
        self.counts.recipients_refused[why(refused.reply)] += 1

    def given_up(self, client: Client, transaction: Transaction, because: str) -> None:
        """The transaction ended without a message."""
        self.counts.abandoned[because] += 1
        logline.given_up(client, transaction, because)

    def dismissed(
        self, client: Client, transaction: Transaction | None, because: str, reply: Reply | None
    ) -> None:
        """The server ends the session: the client was too slow, or did what it must not."""
        self.counts.dismissed[because] += 1
        if transaction is not None:
            self.given_up(client, transaction, because)
        else:
            logline.dismissed(client, because, reply)

    def turned_away(self, client: Client, reply: Reply) -> None:
        """A connection was not let in."""
        self.counts.turned_away[_TURNED_AWAY.get(reply, "stopping")] += 1
        logline.turned_away(client, reply)

    def sender_refused(self, client: Client, refused: Refused) -> None:
        """A transaction could not begin, for its sender is not the client's."""
        self.counts.messages_refused["policy"] += 1
        logline.sender_refused(client, refused.reason, refused.reply)

    def logged_in(self, client: Client, user: str) -> None:
        """Somebody has logged in."""
        self.counts.logins += 1
        logline.logged_in(client, user)

    def not_logged_in(self, client: Client, because: str, reply: Reply) -> None:
        """Somebody could not prove who they are."""
        self.counts.logins_failed += 1
        logline.not_logged_in(client, because, reply)

    def no_tls(self, client: Client, because: str) -> None:
        """TLS could not be agreed on, or failed later."""
        self.counts.handshakes_failed += 1
        logline.no_tls(client, because)
