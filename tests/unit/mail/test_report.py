"""Rules of reports: a person understands them, a program can read them, and nothing a stranger wrote breaks them."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.mail.address import Address, parse
from mailsponge.mail.envelope import Envelope, EnvelopeWishes, RecipientWishes
from mailsponge.mail.notify import Action, is_wanted
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.mail.plain_words import plain_words
from mailsponge.mail.report import About, Composed, Told, compose
from mailsponge.mail.returned import MOST, MOST_OF_HEADER, taken

DAY = 86400.0
ARRIVED = datetime(2026, 1, 31, 7, 30, tzinfo=UTC).timestamp()
AT = ARRIVED + 301

ME, YOU, BOB = parse("me@example.org"), parse("you@example.net"), parse("bob@example.net")
UNKNOWN = Outcome(
    Result.FAILED, "5.1.1", "unknown", "550 5.1.1 <you@example.net>: No such user", "mx.example.net"
)
REFUSED = Outcome(Result.DEFERRED, "4.4.1", "192.0.2.1: connection refused")
CONTENT = (
    b"Received: from client.example\r\nMessage-ID: <1@client.example>\r\nSubject: Lunch\r\n\r\nOn Friday?\r\n"
)


def about(action: Action = Action.FAILED, **changes) -> About:
    plain = About(
        action=action,
        message=17,
        envelope=Envelope(ME, (YOU,)),
        arrived_at=ARRIVED,
        told=(Told(0, UNKNOWN if action is Action.FAILED else REFUSED),),
        tried_at=AT,
        retry_until=ARRIVED + 5 * DAY,
        subject="Lunch",
        message_id="1@client.example",
        content=CONTENT,
    )
    return plain._replace(**changes)


def composed(told: About, unique: str = "k3J9dkfj2") -> Composed:
    return compose(
        told,
        hostname="mail.example.org",
        at=AT,
        unique=unique,
        local=lambda at: datetime.fromtimestamp(at, UTC),
    )


class Read:
    """A report as a mail program sees it."""

    def __init__(self, report: Composed) -> None:
        self.raw = report.content
        self.message = email.message_from_bytes(report.content, policy=email.policy.SMTP)
        assert isinstance(self.message, EmailMessage)
        assert not self.message.defects
        self.text, self.status, self.original = list(self.message.iter_parts())

    @property
    def words(self) -> str:
        """For people, on one line."""
        return " ".join(self.text.get_content().split())

    @property
    def fields(self) -> list[Message]:
        """For programs: of the message, and of each recipient."""
        payload = self.status.get_payload()
        if isinstance(payload, list):
            return payload
        raw = self.status.get_payload(decode=True)
        assert isinstance(raw, bytes)
        return [email.message_from_bytes(block + b"\r\n\r\n") for block in raw.split(b"\r\n\r\n") if block]


def read(told: About) -> Read:
    return Read(composed(told))


def test_its_header_says_what_it_is_and_that_nobody_wrote_it():
    message = read(about()).message

    assert next(iter(message.items())) == ("Return-Path", "<>")
    assert message["From"] == '"Mail server mail.example.org" <MAILER-DAEMON@mail.example.org>'
    assert message["To"] == "me@example.org"
    assert message["Subject"] == "Your message could not be delivered: you@example.net"
    assert message["Date"] == "Sat, 31 Jan 2026 07:35:01 +0000"
    assert message["Message-ID"] == "<k3J9dkfj2@mail.example.org>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"


def test_it_stands_in_the_thread_of_its_message():
    message = read(about()).message

    assert message["In-Reply-To"] == message["References"] == "<1@client.example>"


@pytest.mark.parametrize(
    "odd", ["", "no-at", "a@b c", 'a"@b', "a@b>\r\nBcc: x@y", "ä@b", "x" * 300 + "@b", "a@b@c d"]
)
def test_a_message_id_that_makes_no_sense_is_left_out(odd):
    assert read(about(message_id=odd)).message["In-Reply-To"] is None


def test_a_person_reads_what_happened_why_and_what_to_do():
    words = read(about()).words

    assert "Your message Subject: Lunch Sent: Sat, 31 Jan 2026 07:30:00 +0000" in words
    assert "could not be delivered to you@example.net" in words
    assert (
        "Nobody of that name has a mailbox there. Check the address, above all the part before the @" in words
    )
    assert "What mx.example.net said: 550 5.1.1 <you@example.net>: No such user" in words
    assert "It is not tried any more." in words
    assert "postmaster@mail.example.org" in words


def test_whoever_is_written_to_by_a_right_address_is_not_told_to_correct_it():
    words = read(about(told=(Told(0, UNKNOWN, sent_on=True),))).words

    assert "Mail to it is sent on from here to another address" in words
    assert "Nobody of that name has a mailbox there. Tell the recipient in some other way" in words
    assert "Check the address" not in words


def test_where_mail_is_sent_on_to_is_told_by_nobody_but_the_server_there():
    gone = Outcome(
        Result.FAILED, "5.1.2", "forwarded to bob@secret.example: there is no domain secret.example"
    )
    report = read(about(told=(Told(0, gone, sent_on=True),)))

    assert b"secret" not in report.raw
    assert report.fields[1]["Diagnostic-Code"] is None


def test_a_delay_says_until_when_it_is_tried_and_that_nothing_need_be_done():
    told = read(about(Action.DELAYED))

    assert "has not been delivered yet to you@example.net The server there does not answer." in told.words
    assert "What this server noted: 192.0.2.1: connection refused" in told.words
    assert "It is tried again and again until Thu, 05 Feb 2026 07:30:00 +0000." in told.words
    assert "You need not send it again" in told.words
    assert told.message["Subject"] == "Your message has not been delivered yet: you@example.net"


def test_what_was_given_up_says_for_how_long_it_was_tried_and_what_was_said_last():
    expired = UNKNOWN._replace(
        status="5.4.7", why="could not be delivered for 5 days; last: busy", reply="450 Busy"
    )
    words = read(about(told=(Told(0, expired),))).words

    assert "What this server noted: could not be delivered for 5 days; last: busy" in words
    assert "What mx.example.net said: 450 Busy" in words


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.DELIVERED, "was delivered to you@example.net You hear of this because you"),
        (
            Action.RELAYED,
            "was handed on, to a server that does not tell what becomes of it, for you@example.net",
        ),
        (Action.EXPANDED, "was handed to a list, which sends it on, for you@example.net"),
    ],
)
def test_success_is_told_to_who_asked(action, said):
    outcome = Outcome(Result.DELIVERED, "2.1.5", "delivered")
    told = read(about(action, told=(Told(0, outcome),)))

    assert said in told.words
    assert told.fields[1]["Action"] == action
    assert told.fields[1]["Status"] == "2.1.5"
    assert told.fields[1]["Diagnostic-Code"] is None


def test_a_program_reads_all_of_it():
    wishes = (RecipientWishes(None, ("rfc822", "You+x@Example.net")),)
    envelope = Envelope(ME, (YOU,), wishes=EnvelopeWishes(None, "QQ 314"), recipient_wishes=wishes)
    first, second = read(about(envelope=envelope)).fields

    assert dict(first.items()) == {
        "Reporting-MTA": "dns; mail.example.org",
        "Original-Envelope-Id": "QQ 314",
        "Arrival-Date": "Sat, 31 Jan 2026 07:30:00 +0000",
    }
    assert dict(second.items()) == {
        "Original-Recipient": "rfc822; You+x@Example.net",
        "Final-Recipient": "rfc822; you@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550 5.1.1 <you@example.net>: No such user",
        "Last-Attempt-Date": "Sat, 31 Jan 2026 07:35:01 +0000",
        "Final-Log-ID": "17",
    }


def test_a_delay_has_an_end_for_programs_too():
    _, fields = read(about(Action.DELAYED)).fields

    assert fields["Action"] == "delayed"
    assert fields["Status"] == "4.4.1"
    assert fields["Will-Retry-Until"] == "Thu, 05 Feb 2026 07:30:00 +0000"
    assert fields["Diagnostic-Code"] == "x-mailsponge; 192.0.2.1: connection refused"
    assert fields["Remote-MTA"] is None


def test_recipients_of_one_end_share_a_report_and_what_was_said_of_them():
    told = read(about(envelope=Envelope(ME, (YOU, BOB)), told=(Told(0, UNKNOWN), Told(1, UNKNOWN))))

    assert told.message["Subject"] == "Your message could not be delivered: you@example.net and 1 more"
    assert told.words.count("What mx.example.net said") == 1
    assert [fields["Final-Recipient"] for fields in told.fields[1:]] == [
        "rfc822; you@example.net",
        "rfc822; bob@example.net",
    ]


def test_a_recipient_whose_mail_went_to_several_places_is_told_of_once():
    told = read(about(told=(Told(0, UNKNOWN), Told(0, REFUSED))))

    assert len(told.fields) == 2
    assert told.fields[1]["Status"] == "5.1.1"


def test_of_a_thousand_recipients_a_person_reads_twenty_names():
    recipients = tuple(Address(f"u{n}", "example.net") for n in range(1000))
    told = read(about(envelope=Envelope(ME, recipients), told=tuple(Told(n, UNKNOWN) for n in range(1000))))

    assert "u19@example.net and 980 more" in told.words
    assert len(told.fields) == 1001


# The message itself.


@pytest.mark.parametrize(
    ("action", "ret", "kind"),
    [
        (Action.FAILED, None, "message/rfc822"),
        (Action.FAILED, "FULL", "message/rfc822"),
        (Action.FAILED, "HDRS", "text/rfc822-headers"),
        (Action.DELAYED, None, "text/rfc822-headers"),
        (Action.DELAYED, "FULL", "text/rfc822-headers"),
        (Action.DELIVERED, "FULL", "text/rfc822-headers"),
    ],
)
def test_the_message_comes_back_as_its_sender_wished(action, ret, kind):
    told = read(about(action, envelope=Envelope(ME, (YOU,), wishes=EnvelopeWishes(ret))))

    assert told.original.get_content_type() == kind
    assert (b"On Friday?" in told.raw) is (kind == "message/rfc822")


def test_a_whole_message_comes_back_byte_for_byte():
    assert CONTENT in read(about()).raw


def test_of_a_large_one_the_header_comes_back():
    told = read(about(content=CONTENT + b"x" * MOST))

    assert told.original.get_content_type() == "text/rfc822-headers"
    assert "header of your message" in told.words


@pytest.mark.parametrize("odd", [b"\0", b"a\rb", b"a\nb"])
def test_what_may_not_be_sent_comes_back_as_its_header_alone(odd):
    told = read(about(content=b"Subject: a" + odd + b"\r\n\r\n" + odd))

    assert told.original.get_content_type() == "text/rfc822-headers"
    assert b"\0" not in told.raw


def test_eight_bits_are_declared():
    report = composed(about(content=CONTENT + "Grüße".encode()))

    assert report.eight_bit
    assert not report.smtputf8
    assert Read(report).message["Content-Transfer-Encoding"] == "8bit"
    assert Read(report).original["Content-Transfer-Encoding"] == "8bit"


def test_a_header_of_eight_bits_goes_as_seven():
    content = "Subject: Grüße\r\n\r\nHallo".encode()
    report = composed(about(Action.DELAYED, content=content, subject="Grüße"))
    told = Read(report)

    assert report.content.isascii()
    assert not report.eight_bit
    assert "Subject: Grüße" in told.words
    assert told.original.get_payload(decode=True) == "Subject: Grüße\r\n".encode()


def test_what_was_put_on_top_here_does_not_come_back():
    assert taken([b"Return-Path: <me@example.org>\r\nSub", b"ject: x\r\n\r\n"]) == b"Subject: x\r\n\r\n"


def test_no_more_of_a_message_is_read_than_can_come_back():
    def pieces():
        while True:
            read_so_far.append(1)
            yield b"x" * 10_000

    read_so_far: list[int] = []
    taken(pieces())
    assert len(read_so_far) <= (MOST + MOST_OF_HEADER) // 10_000 + 1


# Addresses beyond ASCII.


def test_who_understands_it_reads_addresses_in_their_own_letters():
    envelope = Envelope(
        parse("sören@example.org", smtputf8=True),
        (parse("bücher@example.net", smtputf8=True),),
        smtputf8=True,
    )
    report = composed(about(envelope=envelope))
    told = Read(report)

    assert report.smtputf8
    assert report.eight_bit
    assert told.status.get_content_type() == "message/global-delivery-status"
    assert told.original.get_content_type() == "message/global"
    assert "Final-Recipient: utf-8; bücher@example.net".encode() in report.content
    assert "To: <sören@example.org>".encode() in report.content


def test_who_does_not_reads_them_in_plain_letters():
    wishes = (RecipientWishes(None, ("utf-8", "bücher@example.net")),)
    report = composed(about(envelope=Envelope(ME, (YOU,), recipient_wishes=wishes)))

    assert rb"Original-Recipient: utf-8; b\x{FC}cher@example.net" in report.content
    assert not report.smtputf8


def test_a_message_that_never_needed_it_gets_a_plain_report():
    assert not composed(about(envelope=Envelope(ME, (YOU,), smtputf8=True))).smtputf8


# Hostile originals.

WORDS = (
    st.text(max_size=60)
    | st.text("é", min_size=500, max_size=1200)
    | st.text(alphabet="\r\n\t\x00\x1b :-=_k3J9dkfj2\u202e\u2028é", max_size=60)
)
BYTES = st.binary(max_size=200) | st.lists(
    st.sampled_from(
        [
            b"\r\n",
            b"\n",
            b"\r",
            b"--=_k3J9dkfj2",
            b"--",
            b"Subject: x",
            b"Content-Type: text/html",
            b" ",
            b"\0",
            b"\xff",
        ]
    ),
    max_size=20,
).map(b"".join)
OUTCOMES = st.builds(Outcome, st.sampled_from(Result), WORDS, WORDS, WORDS, WORDS)


@st.composite
def abouts(draw) -> About:
    """A report about anything that anybody might have written."""
    recipients = tuple(Address(draw(WORDS), "example.net") for _ in range(draw(st.integers(1, 3))))
    envelope = Envelope(
        Address(draw(WORDS), "example.org"),
        recipients,
        smtputf8=draw(st.booleans()),
        wishes=EnvelopeWishes(draw(st.sampled_from([None, "FULL", "HDRS"])), draw(st.none() | WORDS)),
        recipient_wishes=tuple(
            RecipientWishes(None, draw(st.none() | st.tuples(WORDS, WORDS))) for _ in recipients
        ),
    )
    return about(
        draw(st.sampled_from(Action)),
        envelope=envelope,
        told=tuple(Told(n, draw(OUTCOMES)) for n in range(len(recipients))),
        subject=draw(WORDS),
        message_id=draw(WORDS),
        content=draw(BYTES),
    )


@given(abouts())
def test_whatever_strangers_wrote_a_report_has_three_parts_and_its_own_header(told):
    report = composed(told)
    message = email.message_from_bytes(report.content)
    parts = message.get_payload()

    assert [part.get_content_maintype() for part in parts][:2] == ["text", "message"]
    assert len(parts) == 3
    assert set(message.keys()) <= {
        *("Return-Path", "Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References"),
        *("Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }
    assert len(message.keys()) == len(set(message.keys()))


@given(abouts())
def test_whatever_strangers_wrote_a_report_can_be_sent(told):
    report = composed(told)
    alone = report.content.replace(b"\r\n", b"")

    assert not re.search(rb"[\r\n\0]", alone)
    assert all(len(line) <= 998 for line in report.content.split(b"\r\n"))
    assert report.eight_bit or report.content.isascii()


@given(abouts())
def test_whatever_strangers_wrote_each_recipient_has_the_fields_that_are_ours(told):
    blocks = (
        composed(told).content.split(b"delivery-status\r\n", 1)[1].split(b"\r\n\r\n")[2 : 2 + len(told.told)]
    )
    known = {
        *("Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code"),
        *("Last-Attempt-Date", "Final-Log-ID", "Will-Retry-Until"),
    }

    for block in blocks:
        names = re.findall(rb"(?m)^([^ :\r\n]+):", block)
        assert {name.decode() for name in names} <= known
        assert names.count(b"Action") == names.count(b"Status") == names.count(b"Final-Recipient") == 1


def test_nobody_hears_of_a_report():
    with pytest.raises(ValueError, match="null reverse-path"):
        composed(about(envelope=Envelope(None, (YOU,))))


# Who hears.


@pytest.mark.parametrize(
    ("notify", "heard"),
    [
        (None, {Action.FAILED, Action.DELAYED}),
        ({"NEVER"}, set()),
        ({"FAILURE"}, {Action.FAILED}),
        ({"DELAY"}, {Action.DELAYED}),
        ({"SUCCESS"}, {Action.DELIVERED, Action.RELAYED, Action.EXPANDED}),
        ({"SUCCESS", "FAILURE"}, {Action.FAILED, Action.DELIVERED, Action.RELAYED, Action.EXPANDED}),
    ],
)
def test_a_sender_hears_what_they_wished(notify, heard):
    wishes = (RecipientWishes(None if notify is None else frozenset(notify)),)
    envelope = Envelope(ME, (YOU,), recipient_wishes=wishes)

    assert {action for action in Action if is_wanted(envelope, 0, action)} == heard


def test_who_wished_nothing_is_treated_as_who_said_nothing():
    assert is_wanted(Envelope(ME, (YOU,)), 0, Action.FAILED)
    assert not is_wanted(Envelope(None, (YOU,)), 0, Action.FAILED)


@pytest.mark.parametrize(
    ("status", "matter"),
    [
        ("5.1.1", "Nobody of that name has a mailbox there."),
        ("4.2.2", "The mailbox is full."),
        ("4.2.1", "The mailbox takes no mail just now."),
        (
            "4.7.1",
            "The server there does not take this message yet; "
            "many let a server that they do not know come again first.",
        ),
        ("5.7.1", "The server there does not take this message from you."),
        ("5.7.99", "The server there does not want it."),
        ("5.9.9", "It could not be delivered."),
        ("nonsense", "It could not be delivered."),
    ],
)
def test_status_codes_have_plain_words(status, matter):
    assert plain_words(status).matter == matter


def test_the_report_in_the_documentation_is_a_real_one():
    page = Path(__file__).resolve().parents[3] / "docs/how-to/why-did-my-mail-come-back.md"
    example = page.read_text("utf-8").split("```\n")[1]

    assert example == composed(about()).content.decode().replace("\r\n", "\n")
