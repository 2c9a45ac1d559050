"""A message that somebody writes in the browser: read from a form, made into bytes, or begun as an answer. No disk, no
clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, getaddresses
from typing import Final, NamedTuple

from mailsponge import clean
from mailsponge.errors import AddressError, UsageError
from mailsponge.mail.address import Address, parse
from mailsponge.mail.date import date as header_date

LONGEST_ADDRESSES: Final = 20_000
"""Characters of one field of addresses."""
LONGEST_SUBJECT: Final = 900
"""Characters: a line of a message has 998 at most (RFC 5322 section 2.1.1), and folding does not always help."""
LONGEST_TEXT: Final = 1_000_000
MOST_REFERENCES: Final = 50
QUOTED: Final = 64 * 1024
"""Characters of a message that its answer quotes."""

_NONSENSE = (
    MessageError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    AssertionError,
    RecursionError,
)
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}+>")
_ANSWER = re.compile(r"\A(?:re|aw|sv|antw)\s?(?:\[\d{1,3}\])?:\s*", re.IGNORECASE)
_KIND = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+\-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+\-]{0,60}", re.IGNORECASE)


IsMine = Callable[[Address], bool]
"""Whether an address is the writer's own."""


class Person(NamedTuple):
    """Somebody a message is for."""

    name: str
    address: Address

    def __str__(self) -> str:
        """As it is written in a form; names as they are, for people."""
        if not self.name:
            return str(self.address)
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>'


class File(NamedTuple):
    """Something attached."""

    name: str
    kind: str
    """What the browser says it is: ``application/pdf``."""
    data: bytes


class Draft(NamedTuple):
    """What somebody has written, as it stands in the form."""

    sender: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    files: tuple[File, ...] = ()


class Letter(NamedTuple):
    """A draft whose addresses are understood."""

    sender: Address
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    subject: str
    text: str
    files: tuple[File, ...]

    @property
    def recipients(self) -> list[Address]:
        """Whom it goes to: each once."""
        return list(dict.fromkeys(person.address for person in (*self.to, *self.cc, *self.bcc)))


class Thread(NamedTuple):
    """Where in a thread an answer stands (RFC 5322 section 3.6.4)."""

    in_reply_to: str = ""
    references: tuple[str, ...] = ()


def understood(draft: Draft, home: str) -> Letter:
    """Read the addresses of a draft; a name alone is somebody at ``home``, the first domain here.

    Raises UsageError, whose message tells the writer what to do.
    """
    letter = Letter(
        sender=_parsed(draft.sender, home),
        to=people(draft.to, home),
        cc=people(draft.cc, home),
        bcc=people(draft.bcc, home),
        subject=clean.line(draft.subject.strip()),
        text=draft.text,
        files=draft.files,
    )
    if not letter.recipients:
        raise UsageError("nobody is named that it could go to: write an address into To")
    if len(letter.subject) > LONGEST_SUBJECT:
        raise UsageError(f"the subject has {len(letter.subject)} characters: keep it below {LONGEST_SUBJECT}")
    if len(letter.text) > LONGEST_TEXT:
        raise UsageError(f"the text has more than {LONGEST_TEXT:,} characters: attach it as a file")
    return letter


def people(field: str, home: str) -> tuple[Person, ...]:
    """Everybody who stands in a field of addresses, between commas. Raises UsageError."""
    if len(field) > LONGEST_ADDRESSES:
        raise UsageError(
            f"a field has more than {LONGEST_ADDRESSES:,} characters of addresses: send it in parts"
        )
    found = [(name, address) for name, address in _pairs(field) if name or address]
    if not found and field.strip(" ,;\r\n\t"):
        raise UsageError(
            f"{clean.shortened(clean.line(field.strip()), 80)!r} is no list of addresses: name@domain, name@domain"
        )
    return tuple(Person(clean.line(name), _parsed(address or name, home)) for name, address in found)


def _pairs(field: str) -> list[tuple[str, str]]:
    try:
        return getaddresses([field.replace(";", ",").replace("\r", " ").replace("\n", " ")])
    except _NONSENSE:
        return []


def _parsed(text: str, home: str) -> Address:
    bare = text.strip()
    try:
        return parse(bare if "@" in bare else f"{bare}@{home}", smtputf8=True)
    except AddressError as reason:
        raise UsageError(f"that is no address: {reason}") from None


def composed(letter: Letter, thread: Thread, *, at: datetime, message_id: str) -> bytes:
    """The message, with CRLF at the ends of its lines; ``at`` knows its zone, ``message_id`` has its brackets.

    Bcc stands nowhere in it. Raises UsageError for what cannot stand in a message.
    """
    message = EmailMessage(policy=SMTP.clone(utf8=needs_smtputf8(letter)))
    try:
        message["Date"] = header_date(at)
        message["From"] = str(letter.sender)
        for name, those in (("To", letter.to), ("Cc", letter.cc)):
            if those:
                message[name] = ", ".join(map(_in_a_header, those))
        message["Subject"] = letter.subject
        message["Message-ID"] = message_id
        if thread.in_reply_to:
            message["In-Reply-To"] = thread.in_reply_to
            message["References"] = " ".join(thread.references)
        _put_text(message, letter.text)
        for file in letter.files:
            _attach(message, file)
        return bytes(message)
    except _NONSENSE as reason:
        raise UsageError(f"that cannot be made into a message: {clean.line(str(reason))}") from None


def needs_smtputf8(letter: Letter) -> bool:
    """Whether its headers hold addresses beyond ASCII (RFC 6531)."""
    return not all(str(address).isascii() for address in (letter.sender, *letter.recipients))


def _in_a_header(person: Person) -> str:
    address = str(person.address)
    return formataddr((person.name, address)) if address.isascii() else str(person)


def _put_text(message: EmailMessage, text: str) -> None:
    lines = "\n".join(
        clean.block(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    )
    plain = lines.isascii() and all(len(line) <= 900 for line in lines.split("\n"))
    message.set_content(lines.rstrip("\n") + "\n", cte="7bit" if plain else "quoted-printable")


def _attach(message: EmailMessage, file: File) -> None:
    kind = file.kind if _KIND.fullmatch(file.kind) else "application/octet-stream"
    maintype, _, subtype = kind.lower().partition("/")
    if maintype in ("multipart", "message"):
        maintype, subtype = "application", "octet-stream"
    message.add_attachment(
        file.data, maintype, subtype, filename=clean.line(file.name) or "file", cte="base64"
    )


class Answered(NamedTuple):
    """What an answer has to know of the message it answers."""

    sender: str
    """Who is answered: the Reply-To header, else From, undecoded."""
    to: str
    cc: str
    subject: str
    """Decoded."""
    message_id: str
    references: str
    when: str
    """Its date, for people."""
    text: str


def answer(answered: Answered, *, everybody: bool, is_mine: IsMine, home: str) -> Draft:
    """Begin an answer: to whom it came from, or to ``everybody`` but the writer, with what is answered quoted."""
    writers = _those(answered.sender, home)
    others = [*_those(answered.to, home), *_those(answered.cc, home)] if everybody else []
    known = {person.address for person in writers}
    cc = [each for each in others if each.address not in known and not is_mine(each.address)]
    return Draft(
        to=_listed(writers),
        cc=_listed(list(dict.fromkeys(cc))),
        subject=f"Re: {clean.line(_ANSWER.sub('', answered.subject, count=1))}",
        text=_quotation(answered),
    )


def thread(answered: Answered) -> Thread:
    """Where the answer stands: after all that the message before it refers to, less the middle of a very long list."""
    own = _MESSAGE_ID.findall(answered.message_id)[:1]
    before = _MESSAGE_ID.findall(answered.references)
    if not own:
        return Thread()
    kept = before if len(before) < MOST_REFERENCES else [before[0], *before[2 - MOST_REFERENCES :]]
    return Thread(own[0], (*kept, own[0]))


def _those(field: str, home: str) -> list[Person]:
    """The people in a stranger's header; none where it makes no sense."""
    found: list[Person] = []
    for name, address in _pairs(field[:LONGEST_ADDRESSES])[:500]:
        try:
            found.append(Person(clean.line(_readable(name)), _parsed(address, home)))
        except UsageError:
            continue
    return found


def _readable(name: str) -> str:
    try:
        return str(make_header(decode_header(name)))
    except _NONSENSE:
        return name


def _listed(those: Sequence[Person]) -> str:
    return ", ".join(map(str, those))


def _quotation(answered: Answered) -> str:
    who = clean.line(_readable(answered.sender))
    lines = clean.block(answered.text[:QUOTED]).rstrip().split("\n")
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return f"\n\nOn {answered.when}, {who} wrote:\n{quoted}\n"
