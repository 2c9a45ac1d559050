"""One line a transaction, ``key=value``, for a person with grep.

    taken id=17 peer=192.0.2.1 helo=client.example from=<a@b.example> to=<me@here.example> mailbox=me bytes=4096

What a stranger said cannot begin a new line, drive a terminal, or pass for another field: control characters, all
beyond ASCII and spaces inside a value are escaped. Sentences (``why``, ``reply``) stand in quotes, last in the line.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from mailsponge.errors import StoreError
from mailsponge.logfields import bare, say, sentence, value
from mailsponge.mail.reply import Reply
from mailsponge.server.transaction import Client, Transaction

log = logging.getLogger("mailsponge.server")

RECIPIENTS_TOLD = 20
"""Recipients that a line names; the count of the others follows."""
HOPS_TOLD: Final = 20
"""Next hops that it names."""


def taken(client: Client, transaction: Transaction, message_id: int) -> None:
    """The message is in the store and the sender was told so."""
    if log.isEnabledFor(logging.INFO):
        _say(f"taken id={message_id} {_who(client, transaction)}{_what(transaction)}")


def not_kept(client: Client, transaction: Transaction, reply: Reply, error: StoreError) -> None:
    """The store could not keep the message: someone has to look after the disk."""
    why = sentence(str(error))
    log.error(f"not-kept {_who(client, transaction)}{_what(transaction)} reply={_said(reply)} error={why}")


def not_taken(client: Client, transaction: Transaction, reply: Reply) -> None:
    """The message was refused for what it is."""
    if log.isEnabledFor(logging.INFO):
        _say(f"refused {_who(client, transaction)}{_what(transaction)} reply={_said(reply)}")


def given_up(client: Client, transaction: Transaction, why: str) -> None:
    """The transaction ended without a message; ``why`` is one of our own words."""
    if log.isEnabledFor(logging.INFO):
        _say(f"ended {_who(client, transaction)} because={why}{_what(transaction)}")


def not_begun(client: Client, reply: Reply) -> None:
    """A message was refused before its transaction could begin."""
    if log.isEnabledFor(logging.INFO):
        _say(f"refused {_client(client)} reply={_said(reply)}")


def dismissed(client: Client, because: str, reply: Reply | None) -> None:
    """The server ended a session in which no transaction was open; ``because`` is one of our own words."""
    if log.isEnabledFor(logging.INFO):
        _say(f"dismissed {_client(client)} because={because}{f' reply={_said(reply)}' if reply else ''}")


def sender_refused(client: Client, why: str, reply: Reply) -> None:
    """A transaction could not begin, for its sender is not the client's."""
    if log.isEnabledFor(logging.INFO):
        _say(f"sender-refused {_client(client)} reply={_said(reply)} why={sentence(why)}")


def logged_in(client: Client, user: str) -> None:
    """Somebody has logged in."""
    if log.isEnabledFor(logging.INFO):
        _say(f"logged-in {_client(client)} login={bare(user)}")


def not_logged_in(client: Client, why: str, reply: Reply) -> None:
    """Somebody could not log in. What was typed is not told: people type their password where the name belongs."""
    if log.isEnabledFor(logging.INFO):
        _say(f"not-logged-in {_client(client)} reply={_said(reply)} why={sentence(why)}")


def no_tls(client: Client, why: str) -> None:
    """TLS could not be agreed on, or failed later; ``why`` is OpenSSL's word, or ours."""
    if log.isEnabledFor(logging.INFO):
        _say(f"no-tls {_client(client)} why={sentence(why)}")


def turned_away(client: Client, reply: Reply) -> None:
    """A connection was not let in."""
    if log.isEnabledFor(logging.INFO):
        _say(f"turned-away {_whence(client)} reply={_said(reply)}")


def _say(text: str) -> None:
    say(log, text)


def _who(client: Client, transaction: Transaction) -> str:
    sender = transaction.reverse_path
    return (
        f"{_client(client)} "
        f"from=<{'' if sender is None else value(str(sender))}> to={_recipients(transaction)}"
    )


def _client(client: Client) -> str:
    return f"{_whence(client)} helo={bare(client.helo)}"


def _whence(client: Client) -> str:
    if client.user is None:
        login = f" login={bare(client.login)}" if client.login else ""
        return f"peer={bare(client.peer)}{login}"
    return f"peer=local uid={client.user.uid} user={bare(client.user.name)}"


def _recipients(transaction: Transaction) -> str:
    recipients = transaction.recipients
    if len(recipients) == 1:
        return f"<{value(str(recipients[0]))}>"
    told = ",".join(f"<{value(str(address))}>" for address in recipients[:RECIPIENTS_TOLD])
    more = len(transaction.recipients) - RECIPIENTS_TOLD
    return f"{told},+{more}" if more > 0 else told


def _what(transaction: Transaction) -> str:
    mailboxes = f" mailbox={','.join(map(bare, transaction.mailboxes))}" if transaction.mailboxes else ""
    next_hops = "" if transaction.deliveries is None else _hops(transaction.deliveries.next_hops)
    refusals = (
        f" not-taken={transaction.refused} why={sentence('; '.join(transaction.refusals))}"
        if transaction.refused
        else ""
    )
    return f"{mailboxes}{next_hops} bytes={transaction.size}{refusals}"


def _hops(next_hops: Sequence[str]) -> str:
    """Where the message goes on to."""
    told = ",".join(map(bare, next_hops[:HOPS_TOLD]))
    more = len(next_hops) - HOPS_TOLD
    return f" next-hop={told}{f',+{more}' if more > 0 else ''}" if next_hops else ""


def _said(reply: Reply) -> str:
    return sentence(reply.encoded.decode("ascii").strip())
