"""Rules of the log that hold whatever strangers say: a line is one line, and its fields are ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.admission import Admitted, Refused
from mailsponge.errors import StoreError
from mailsponge.mail.address import Address
from mailsponge.mail.reply import Reply
from mailsponge.server import logline
from mailsponge.server.transaction import Client, Transaction
from mailsponge.server.unix import LocalUser
from mailsponge.smtp.events import Mail, Recipient

TEXT = st.text(max_size=40) | st.text(alphabet='\\"\r\n\t\x1b =<>,;\u202e\u2028a', max_size=40)
REPLY = st.builds(lambda text: Reply(550, "5.7.1", text), TEXT)
STRANGER = st.builds(Client, TEXT, TEXT, login=TEXT)
PROGRAM = st.builds(Client, TEXT, TEXT, user=st.builds(LocalUser, st.integers(0, 10), TEXT))
CLIENT = STRANGER | PROGRAM
ADDRESS = st.builds(Address, TEXT, TEXT)

WORD = re.compile(r"[a-z-]+")
FIELD = re.compile(r' ([a-z-]+)=("(?:[^"\\]|\\.)*"|[^ "][^ ]*|)(?= |$)')


@st.composite
def transactions(draw) -> Transaction:
    """One with whatever a stranger may have said in it."""
    mail = Mail(draw(st.none() | ADDRESS), None, False, False)
    transaction = Transaction(mail, 0.0)
    for address in draw(st.lists(ADDRESS, max_size=3)):
        transaction.admit(Recipient(address), Admitted((draw(TEXT),), draw(TEXT)))
    for reason in draw(st.lists(TEXT, max_size=7)):
        transaction.refuse(Refused(Reply(550, "5.1.1", reason), reason))
    return transaction


def fields(line: str) -> list[str]:
    """The keys of a line's fields, in order, as a program that takes it apart would find them."""
    word = WORD.match(line)
    assert word is not None, line
    keys, at = [], word.end()
    while at < len(line):
        field = FIELD.match(line, at)
        assert field is not None, line[at:]
        keys.append(field[1])
        at = field.end()
    return keys


def told(tell: Callable[[], None]) -> str:
    """The one line that comes of it."""
    kept: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record.getMessage())

    handler, log = Keep(), logging.getLogger("mailsponge.server")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        tell()
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
    [line] = kept
    assert line.isascii()
    assert line.isprintable()
    return line


def whence(client: Client) -> list[str]:
    """The fields that say where a client came from."""
    if client.user is not None:
        return ["peer", "uid", "user"]
    return ["peer", "login"] if client.login else ["peer"]


def who(client: Client) -> list[str]:
    """The fields that say what a client said of itself and of its mail."""
    return [*whence(client), "helo", "from", "to"]


def rest(transaction: Transaction) -> list[str]:
    """The fields that say what became of a transaction."""
    mailbox = ["mailbox"] if transaction.mailboxes else []
    return [*mailbox, "bytes", *(["not-taken", "why"] if transaction.refused else [])]


@given(CLIENT, transactions())
def test_of_a_message_that_was_taken(client, transaction):
    line = told(lambda: logline.taken(client, transaction, 17))

    assert line.startswith("taken id=17 peer=")
    assert fields(line) == ["id", *who(client), *rest(transaction)]


@given(CLIENT, transactions(), REPLY)
def test_of_a_message_that_was_refused(client, transaction, reply):
    line = told(lambda: logline.not_taken(client, transaction, reply))

    assert fields(line) == [*who(client), *rest(transaction), "reply"]


@given(CLIENT, transactions(), REPLY, TEXT)
def test_of_a_message_that_could_not_be_kept(client, transaction, reply, error):
    line = told(lambda: logline.not_kept(client, transaction, reply, StoreError(error)))

    assert fields(line) == [*who(client), *rest(transaction), "reply", "error"]


@given(CLIENT, transactions())
def test_of_a_transaction_that_was_given_up(client, transaction):
    line = told(lambda: logline.given_up(client, transaction, "reset"))

    assert fields(line) == [*who(client), "because", *rest(transaction)]


@given(CLIENT, TEXT, REPLY)
def test_of_who_could_not_log_in(client, why, reply):
    line = told(lambda: logline.not_logged_in(client, why, reply))

    assert fields(line) == [*whence(client), "helo", "reply", "why"]


@given(CLIENT, TEXT)
def test_of_who_has_logged_in(client, user):
    assert fields(told(lambda: logline.logged_in(client, user))) == [*whence(client), "helo", "login"]


@given(CLIENT, TEXT, REPLY)
def test_of_a_sender_that_was_refused(client, why, reply):
    line = told(lambda: logline.sender_refused(client, why, reply))

    assert fields(line) == [*whence(client), "helo", "reply", "why"]


@given(CLIENT, TEXT)
def test_of_tls_that_was_not_agreed_on(client, why):
    assert fields(told(lambda: logline.no_tls(client, why))) == [*whence(client), "helo", "why"]


@given(CLIENT, REPLY)
def test_of_a_session_that_the_server_ended(client, reply):
    line = told(lambda: logline.dismissed(client, "too-slow", reply))

    assert fields(line) == [*whence(client), "helo", "because", "reply"]


@given(CLIENT, REPLY)
def test_of_a_message_that_could_not_begin(client, reply):
    assert fields(told(lambda: logline.not_begun(client, reply))) == [*whence(client), "helo", "reply"]


@given(CLIENT, REPLY)
def test_of_a_connection_that_was_turned_away(client, reply):
    assert fields(told(lambda: logline.turned_away(client, reply))) == [*whence(client), "reply"]


@pytest.mark.parametrize("said", ['\\" id=2 why="', "\\", '\\\\"'])
def test_a_backslash_does_not_end_a_sentence_early(said):
    transaction = Transaction(Mail(None, None, False, False), 0.0)
    transaction.refuse(Refused(Reply(550, "5.1.1", said), said))
    line = told(lambda: logline.given_up(Client("", ""), transaction, "reset"))

    assert fields(line)[-1] == "why"
    assert fields(line).count("why") == 1
