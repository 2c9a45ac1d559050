"""Rules of what somebody writes: how it is read, and which bytes are made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.errors import UsageError
from mailsponge.mail.address import parse
from mailsponge.web.inbox import draft
from mailsponge.web.inbox.draft import Answered, Draft, File, Thread

AT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
HOME = "example.org"
PLAIN = Draft(sender="me", to="ann@example.net", subject="Lunch", text="On Friday?")


def composed(written: Draft, thread: Thread = Thread()) -> bytes:  # noqa: B008 - a value
    return draft.composed(draft.understood(written, HOME), thread, at=AT, message_id="<1@example.org>")


def test_a_message_has_what_every_message_has():
    message = message_from_bytes(composed(PLAIN), policy=default)

    assert dict(message.items()) | {"Content-Type": ""} == {
        "Date": "Fri, 15 Jan 2027 08:00:00 +0000",
        "From": "me@example.org",
        "To": "ann@example.net",
        "Subject": "Lunch",
        "Message-ID": "<1@example.org>",
        "MIME-Version": "1.0",
        "Content-Type": "",
        "Content-Transfer-Encoding": "7bit",
    }
    assert message.get_content() == "On Friday?\r\n"


def test_a_name_alone_is_somebody_here():
    letter = draft.understood(PLAIN._replace(to="you, Bob <bob@example.com>"), HOME)

    assert letter.recipients == [parse("you@example.org"), parse("bob@example.com")]


def test_everybody_gets_it_once():
    letter = draft.understood(PLAIN._replace(cc="ann@example.net", bcc="Ann <ann@example.net>"), HOME)

    assert letter.recipients == [parse("ann@example.net")]


def test_nobody_learns_of_blind_copies():
    assert b"secret" not in composed(PLAIN._replace(bcc="secret@example.net"))


def test_letters_beyond_ascii_travel_as_ascii():
    content = composed(
        PLAIN._replace(subject="Grüße", text="Smørrebrød 🐟", to="Jörg Müller <j@example.net>")
    )
    message = message_from_bytes(content, policy=default)

    assert content.isascii()
    assert (message["Subject"], message.get_content()) == ("Grüße", "Smørrebrød 🐟\r\n")
    assert message["To"].addresses[0].display_name == "Jörg Müller"


def test_an_address_beyond_ascii_needs_smtputf8():
    letter = draft.understood(PLAIN._replace(to="jörg@example.net"), HOME)

    assert draft.needs_smtputf8(letter)
    assert "jörg@example.net".encode() in composed(PLAIN._replace(to="jörg@example.net"))


def test_a_file_is_attached_under_its_name():
    content = composed(PLAIN._replace(files=(File("grün.pdf", "application/pdf", b"%PDF\0"),)))
    (attached,) = message_from_bytes(content, policy=default).iter_attachments()

    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (
        "grün.pdf",
        "application/pdf",
        b"%PDF\0",
    )


@pytest.mark.parametrize("kind", ["", "multipart/mixed", "message/rfc822", "text/html\r\nX: y", "x"])
def test_a_kind_that_makes_no_sense_is_octets(kind: str):
    content = composed(PLAIN._replace(files=(File("a", kind, b"x"),)))

    assert b"application/octet-stream" in content


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (PLAIN._replace(to=""), "nobody is named"),
        (PLAIN._replace(to="a b@c"), "that is no address"),
        (PLAIN._replace(to="((((a@b"), "no list of addresses"),
        (PLAIN._replace(to="(" * 5000 + "a@b"), "no list of addresses"),
        (PLAIN._replace(subject="x" * 1000), "subject"),
        (PLAIN._replace(text="x" * 1_000_001), "attach it"),
        (PLAIN._replace(to="a@b.example," * 5000), "send it in parts"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_what_to_do(written: Draft, says: str):
    with pytest.raises(UsageError, match=says):
        composed(written)


@given(st.text(max_size=80), st.text(max_size=300))
def test_whatever_is_written_is_a_sound_message(subject: str, text: str):
    content = composed(PLAIN._replace(subject=subject, text=text))
    lines = content.split(b"\r\n")

    assert not any(set(line) & {0, 10, 13} for line in lines)
    assert max(map(len, lines)) <= 998
    assert message_from_bytes(content, policy=default)["To"] == "ann@example.net"


def test_no_line_of_what_is_written_begins_a_header():
    content = composed(PLAIN._replace(subject="x\r\nBcc: evil@evil.test", to='"a\r\nX: y" <a@b.example>'))

    assert {"Bcc", "X"}.isdisjoint(message_from_bytes(content).keys())


ANSWERED = Answered(
    sender="Ann <ann@example.net>",
    to="me@example.org, =?utf-8?q?Doe=2C_Jane?= <jane@example.com>",
    cc="ann@example.net, bob@example.com",
    subject="Lunch",
    message_id="<2@example.net>",
    references="<0@example.net> <1@example.net>",
    when="2027-01-15 08:00",
    text="On Friday?\n> When?",
)


def answer(*, everybody: bool, answered: Answered = ANSWERED) -> Draft:
    return draft.answer(answered, everybody=everybody, is_mine=lambda each: each.local == "me", home=HOME)


def test_an_answer_goes_to_whom_it_came_from():
    begun = answer(everybody=False)

    assert (begun.to, begun.cc, begun.subject) == ('"Ann" <ann@example.net>', "", "Re: Lunch")


def test_an_answer_to_everybody_leaves_out_its_writer_and_doubles():
    assert answer(everybody=True).cc == '"Doe, Jane" <jane@example.com>, bob@example.com'


def test_what_an_answer_begins_with_can_be_sent():
    begun = answer(everybody=True)._replace(sender="me")

    assert len(draft.understood(begun, HOME).recipients) == 3


@pytest.mark.parametrize("subject", ["Re: Lunch", "RE: Lunch", "AW: Lunch", "Re[2]: Lunch"])
def test_an_answer_is_said_to_be_one_once(subject: str):
    assert answer(everybody=False, answered=ANSWERED._replace(subject=subject)).subject == "Re: Lunch"


def test_an_answer_quotes():
    assert answer(everybody=False).text.endswith(
        "On 2027-01-15 08:00, Ann <ann@example.net> wrote:\n> On Friday?\n>> When?\n"
    )


def test_an_answer_stands_behind_what_it_answers():
    place = draft.thread(ANSWERED)
    message = message_from_bytes(composed(PLAIN, place))

    assert message["In-Reply-To"] == "<2@example.net>"
    assert message["References"].split() == ["<0@example.net>", "<1@example.net>", "<2@example.net>"]


def test_of_a_very_long_thread_the_middle_is_left_out():
    long = ANSWERED._replace(references=" ".join(f"<{n}@x>" for n in range(1000)))
    place = draft.thread(long)

    assert len(place.references) == draft.MOST_REFERENCES
    assert (place.references[0], place.references[-1]) == ("<0@x>", "<2@example.net>")


@given(st.text(max_size=100), st.text(max_size=100))
def test_no_header_of_a_stranger_makes_an_answer_impossible(field: str, subject: str):
    answered = ANSWERED._replace(
        sender=field, to=field, cc=field, subject=subject, message_id=field, references=field
    )

    answer(everybody=True, answered=answered)
    draft.thread(answered)
