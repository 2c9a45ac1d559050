"""Sends a message that comes in on standard input: by the server's socket, or, without a server, by its pickup
directory. And says of recipients whether they would be taken.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from mailsponge.sendmail import content, header, office
from mailsponge.sendmail.addresses import BadAddress, addresses, qualified
from mailsponge.sendmail.flags import Flags, Misused
from mailsponge.sendmail.handover import Outcome, hand_over, status, verified
from mailsponge.sendmail.letter import Letter
from mailsponge.sendmail.office import Person
from mailsponge.sendmail.say import say
from mailsponge.sendmail.wire import NoAnswer

TYPE_CHECKING = False  # as typing has it, which takes a while to load
if TYPE_CHECKING:
    from typing import BinaryIO

_OFFERED = frozenset({"8BITMIME", "SMTPUTF8", "DSN"})
"""What the server offers that will collect from the pickup directory."""
_RECIPIENTS_OF_A_FILE = 100
"""Any server takes so many in one transaction (RFC 5321 section 4.5.3.1.8)."""
_NOWHERE = """\
not sent: {}
and it cannot wait for a server: {}
Start one, `mailsponge serve`, with [local] socket in its configuration, or name its socket as MAILSPONGE_SUBMIT"""


def send(flags: Flags, environ: Mapping[str, str]) -> int:
    """Send what comes in on standard input; returns the program's status.

    Raises Misused, BadAddress and TooLarge; OSError when it cannot be read.
    """
    if sys.stdin is None:
        return say("there is no message: standard input is closed", os.EX_NOINPUT)
    draft = _Draft(flags, sys.stdin.buffer, office.me(environ))
    try:
        wire = office.connected(environ)
    except NoAnswer as error:
        letter = draft.letter(office.host())
        return _told(flags, letter, Outcome(letter.recipients, str(error)), environ)
    try:
        letter = draft.letter(office.hostlike(wire.hostname))
        outcome = hand_over(letter, wire)
    finally:
        wire.close()
    return _told(flags, letter, outcome, environ)


def verify(flags: Flags, environ: Mapping[str, str]) -> int:
    """Say of each recipient what the server would; returns the program's status.

    Raises Misused, BadAddress and NoAnswer.
    """
    recipients = _named(flags)
    me = office.me(environ)
    wire = office.connected(environ)
    try:
        origin = office.hostlike(wire.hostname)
        letter = Letter(_sender(flags, origin, me), [qualified(each, origin) for each in recipients], b"")
        letter.smtputf8 = _needs_smtputf8(letter, b"")
        told = verified(letter, wire)
    finally:
        wire.close()
    for recipient, reply in told:
        print(f"{recipient}: {reply}")
    return next((status(reply) for _, reply in told if not reply.positive), os.EX_OK)


class _Draft:
    """A message as it came in. It becomes a letter when it is known what domain stands for this machine."""

    def __init__(self, flags: Flags, source: BinaryIO, me: Person) -> None:
        """Raises Misused, BadAddress and TooLarge; OSError when it cannot be read."""
        self._flags = flags
        self._me = me
        head, self._body = content.divided(content.read(source, dot_ends=not flags.dot_is_data))
        self._fields = header.fields(head)
        more = header.recipients(self._fields) if flags.from_header else []
        self._recipients = [*_named(flags), *more]
        if not self._recipients:
            raise Misused("to whom? The message's header names nobody in To, Cc or Bcc")

    def letter(self, origin: str) -> Letter:
        """The letter; ``origin`` is the domain of addresses that have none. Raises Misused."""
        flags = self._flags
        sender = _sender(flags, origin, self._me)
        head = header.kept(self._fields) if flags.gateway else self._completed(sender, origin)
        # Each once, however often they are named.
        recipients = list(dict.fromkeys(qualified(each, origin) for each in self._recipients))
        letter = Letter(sender, recipients, b"".join((head, b"\r\n", self._body)))
        letter.eight_bit = flags.eight_bit or not (head.isascii() and self._body.isascii())
        letter.smtputf8 = _needs_smtputf8(letter, head) if flags.smtputf8 is None else flags.smtputf8
        letter.notify, letter.ret, letter.envid = flags.notify, flags.ret, flags.envid
        return letter

    def _completed(self, sender: str, origin: str) -> bytes:
        flags, me = self._flags, self._me
        name = flags.name if flags.name is not None else me.name if flags.sender is None else ""
        known = header.Known(
            sender or f"{me.login}@{origin}", name, _date(), f"<{os.urandom(12).hex()}@{origin}>"
        )
        return header.completed(self._fields, known)


def _named(flags: Flags) -> list[str]:
    """Whom the command line names. Raises BadAddress."""
    return [address for word in flags.recipients for address in addresses(word)]


def _sender(flags: Flags, origin: str, me: Person) -> str:
    """The reverse-path; empty for the null one. Raises Misused."""
    if flags.sender is None:
        return f"{me.login}@{origin}"
    if flags.sender.strip() in ("", "<>"):
        return ""
    try:
        [sender] = addresses(flags.sender)
    except ValueError as error:
        because = error if isinstance(error, BadAddress) else "it takes one address"
        raise Misused(f"-f: {because}") from None
    return qualified(sender, origin)


def _date() -> str:
    from mailsponge import clock
    from mailsponge.mail.date import date

    return date(clock.local(clock.now()))


def _needs_smtputf8(letter: Letter, head: bytes) -> bool:
    """Whether an address, or the header, is written in letters beyond ASCII, and in UTF-8 (RFC 6531)."""
    if not (letter.sender.isascii() and all(recipient.isascii() for recipient in letter.recipients)):
        return True
    if head.isascii():
        return False
    try:
        return bool(head.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _told(flags: Flags, letter: Letter, outcome: Outcome, environ: Mapping[str, str]) -> int:
    """Say what became of it, and leave what is left; returns the program's status."""
    for recipient, reply in outcome.refused:
        say(f"{recipient}: {reply}")
    if outcome.refused and (outcome.taken or outcome.left):
        say("the other recipients get it")
    if flags.verbose:
        for reply in outcome.taken:
            say(f"taken: {reply}")
    left = _leave(flags, letter, outcome, environ) if outcome.left else os.EX_OK
    return left or (status(outcome.refused[0][1]) if outcome.refused else os.EX_OK)


def _leave(flags: Flags, letter: Letter, outcome: Outcome, environ: Mapping[str, str]) -> int:
    """Leave the letter for the server to collect, for those who are left; returns the status of that."""
    from mailsponge import postbox
    from mailsponge.sendmail import pickup

    places: Sequence[str] = list(postbox.pickups(environ))
    try:
        for part in letter.to(outcome.left).parts(_RECIPIENTS_OF_A_FILE):
            place = pickup.leave(places, part.batch(_OFFERED))
            if flags.verbose:
                say(f"{outcome.why_left}; the message waits in {place}")
    except pickup.NoPickup as error:
        return say(_NOWHERE.format(outcome.why_left, error), os.EX_TEMPFAIL)
    except OSError as error:
        cannot = isinstance(error, PermissionError | NotADirectoryError)
        say(f"not sent: {outcome.why_left}; and it cannot wait in a pickup directory: {error}")
        return os.EX_CANTCREAT if cannot else os.EX_TEMPFAIL
    return os.EX_OK
