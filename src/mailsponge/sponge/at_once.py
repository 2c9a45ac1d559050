"""One record, one mail, now: put into the outbox, and handed over from there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, getaddresses

from mailsponge import clean, clock
from mailsponge.clock import Clock, Deadline
from mailsponge.sponge import folder, outbox
from mailsponge.sponge.digest.message import encoded
from mailsponge.sponge.ledger.opening import open_ledger
from mailsponge.sponge.model import Mail, storable
from mailsponge.sponge.places import JobPlace
from mailsponge.sponge.sender import new_message_id

_LONGEST_SUBJECT = 160


def one_record(
    subject: str, text: str, fromaddr: str, toaddrs: Sequence[str], now: Clock = clock.now
) -> Mail:
    """A mail of plain text, exactly what it is given. Names before addresses are for its headers alone."""
    at, recipients = now(), getaddresses(list(toaddrs))
    ((name, sender),) = getaddresses([fromaddr])[:1] or [("", fromaddr)]
    message_id = new_message_id(sender, "localhost", folder.random_name)
    subject_line = clean.shortened(clean.line(subject), _LONGEST_SUBJECT)
    utf8 = not all(address.isascii() for address in (sender, *(address for _, address in recipients)))
    message = EmailMessage(policy=SMTP.clone(utf8=utf8, cte_type="7bit", refold_source="none"))
    # Put in as they are: see :mod:`.digest.message`.
    message.set_raw("From", _named(name, sender))
    message.set_raw("To", ",\r\n ".join(_named(*each) for each in recipients))
    message.set_raw("Subject", encoded(subject_line))
    message.set_raw("Date", format_datetime(clock.local(at)))
    message.set_raw("Message-ID", message_id)
    message.set_raw("Auto-Submitted", "auto-generated")
    plain = text.isascii() and "\0" not in text and "\r" not in text
    message.set_content(storable(text), cte=None if plain else "quoted-printable")
    addresses = tuple(address for _, address in recipients)
    return Mail(message_id, at, subject_line, sender, addresses, message.as_bytes())


def _named(name: str, address: str) -> str:
    return formataddr((clean.line(name), address)) if address.isascii() else address


def mail_at_once(place: JobPlace, mail: Mail, send: outbox.Send, deadline: Deadline) -> str:
    """Put a mail into the job's outbox and hand over what is there; what trouble there was with that.

    Raises OSError and StateError if it cannot be kept; it was not sent then.
    """
    folder.make_directories(place)
    ledger, trouble = open_ledger(place, deadline.left)
    with closing(ledger):
        with ledger.transaction():
            ledger.add_mail(mail)
        drained = outbox.drain(ledger, send, deadline, clock.now)
    told = str(drained) if drained.waiting or drained.refused else ""
    return "; ".join(filter(None, (trouble, told)))
