"""The account: what was said to be taken, beside what lies in the mailboxes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw
from far import BOX, NEVER, Far
from letters import MARK, Letter, Letters, token_of

from kit.postgres import Postgres
from mailsponge.data_place import DataPlace
from mailsponge.store.opening import open_beside

_TRACE = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\n"
    rb"Received: from [^\r\n]*\r\n(?:\t[^\r\n]*\r\n)+"
).match
"""The two headers that the server puts on top."""

_TOKEN = re.compile(re.escape(MARK) + rb"([^\r\n]+)").search

_HALF = """
SELECT count(DISTINCT message) FROM part
WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.id = part.message)
"""


class Found(NamedTuple):
    """A message in the store."""

    id: int
    content: bytes
    mailboxes: frozenset[str]


class Account(NamedTuple):
    """How it came out."""

    checked: int
    """Letters whose 250 was read, each looked for in every mailbox of its."""
    copies: int
    """Messages there."""
    lost: list[str]
    """Letters that were taken and are not there, or not as they were."""
    duplicates: int
    """Copies that come of sending again what was taken, when the answer had been lost: no fault of anybody's."""
    faults: list[str]
    """What is there and must not be, or not so."""


def messages(place: DataPlace) -> Iterator[Found]:
    """Everything in the mailboxes."""
    with closing(open_beside(place)) as store:
        lies_in: defaultdict[int, set[str]] = defaultdict(set)
        for entry in store.mails():
            lies_in[entry.id].add(entry.mailbox)
        for message_id, mailboxes in lies_in.items():
            yield Found(message_id, b"".join(store.content(message_id)), frozenset(mailboxes))


class Away(NamedTuple):
    """How it came out for what went on to another server."""

    checked: int
    """Letters whose 250 was read and that were to go on."""
    copies: int
    """How many came there."""
    unanswered: int
    """Copies that the other server took and said nothing of."""
    again: int
    """Copies more than there had to be, those that were sent again for want of an answer among them."""
    reports: int
    """Reports to senders of what could not be delivered."""
    lost: list[str]
    faults: list[str]


def is_report(message: Found) -> bool:
    """It is one of the server's own."""
    return message.content.startswith(b"Return-Path: <>\r\nDate: ") and b"multipart/report" in message.content


def account_away(letters: Letters, reports: Iterable[Found], far: Far, interrupted: int) -> Away:
    """The same for what went on. ``interrupted``: letters that may have been on their way whenever the server was
    killed; each may come twice, for the other server had taken it and the commit that says so was not made.
    """
    faults, lost = list(far.faults), []
    told: Counter[str] = Counter()
    for report in reports:
        found = _TOKEN(report.content)
        letter = letters.find(found[1].decode("latin-1")) if found else None
        if letter is None:
            faults.append(f"message {report.id}: a report about nothing: {report.content[:200]!r}")
        elif report.mailboxes != {letter.sender}:
            faults.append(
                f"message {report.id}: a report to {_listed(report.mailboxes)}, not to {letter.sender}"
            )
        else:
            told[letter.token] += 1
    gone = [letter for letter in letters if letter.away]
    for letter in gone:
        for name, number in ((BOX, far.copies[letter.token]), (NEVER, told[letter.token])):
            if name in letter.away and number < letter.taken:
                lost.append(
                    f"{letter.token} to {name}: 250 was said {letter.taken} times, {number} came of it"
                )
        if told[letter.token] > (letter.offered if NEVER in letter.away else 0):
            faults.append(
                f"{letter.token} was sent whole {letter.offered} times, and {told[letter.token]} reports came of it"
            )
    again = sum(max(0, far.copies[letter.token] - letter.offered) for letter in gone)
    if again > far.unanswered + interrupted:
        faults.append(
            f"{again} letters went on twice, and only {far.unanswered + interrupted} of them may have"
        )
    checked = sum(1 for letter in gone if letter.taken)
    return Away(checked, far.copies.total(), far.unanswered, again, told.total(), lost, faults)


def waiting(place: DataPlace) -> int:
    """How many messages are in the queue."""
    with closing(open_beside(place)) as store:
        return sum(1 for _ in store.queued())


def account(letters: Letters, found: Iterable[Found]) -> Account:
    """Hold the one beside the other."""
    copies: Counter[str] = Counter()
    faults = []
    for message in found:
        try:
            copies[_whose(letters, message).token] += 1
        except _Wrong as wrong:
            faults.append(f"message {message.id}: {wrong}")
    faults += [
        f"{letter.token} was sent whole {letter.offered} times and lies there {copies[letter.token]} times"
        for letter in letters
        if copies[letter.token] > letter.offered
    ]
    taken = [letter for letter in letters if letter.taken and letter.mailboxes]
    lost = [
        _shortage(letter, copies[letter.token]) for letter in taken if copies[letter.token] < letter.taken
    ]
    duplicates = sum(number - 1 for number in copies.values())
    return Account(len(taken), copies.total(), lost, duplicates, faults)


class _Wrong(Exception):
    """What is wrong with a message that is there."""


def _whose(letters: Letters, message: Found) -> Letter:
    """The letter that a message is, to the last octet and in the right places. Raises _Wrong."""
    trace = _TRACE(message.content)
    if trace is None:
        raise _Wrong("no trace on top")
    content = message.content[trace.end() :]
    letter = letters.find(token_of(content))
    if letter is None:
        raise _Wrong(f"nobody wrote this: {content[:60]!r}")
    if hashlib.sha256(content).digest() != letter.digest:
        raise _Wrong(f"{letter.token} is not as it was: {len(content)} octets of {letter.size}")
    if message.mailboxes != letter.mailboxes:
        raise _Wrong(
            f"{letter.token} lies in {_listed(message.mailboxes)}, not in {_listed(letter.mailboxes)}"
        )
    return letter


def _shortage(letter: Letter, copies: int) -> str:
    return f"{letter.token} to {_listed(letter.mailboxes)}: 250 was said {letter.taken} times, {copies} are there"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def faults_of_the_file(data: Path) -> list[str]:
    """What is wrong with the database itself, after a start that has swept and a clean stop."""
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        said = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
        half = connection.execute(_HALF).get
    return [line for line in said if line != "ok"] + ([f"parts of {half} messages in half"] if half else [])


_HALF_IN_A_DATABASE = """
SELECT count(DISTINCT message) FROM mailsponge_mail.part
WHERE NOT EXISTS (SELECT 1 FROM mailsponge_mail.message WHERE message.id = part.message)
"""


def faults_of_the_database(postgres: Postgres, url: str) -> list[str]:
    """The same for a database."""
    ((half,),) = postgres.sql(_HALF_IN_A_DATABASE, url)
    return [f"parts of {half} messages in half"] if half else []
