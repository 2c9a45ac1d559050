"""Transactions: what is said in which order, and what becomes of each recipient."""

from __future__ import annotations

import pytest

from kit.smtp_driver import Driver, begin, hello, lhlo, to
from mailsponge.errors import ContentError, ProtocolError
from mailsponge.mail.address import parse
from mailsponge.smtp.client import (
    Ended,
    Ending,
    ForwardPath,
    Notify,
    Outgoing,
    Result,
    Said,
    Settled,
    State,
    Transfer,
    WantContent,
)

GROUP = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n"
TWO = to("b@example.net", "c@example.net")


def opened(*offers: str, message: Outgoing = TWO, content=(b"Hi\r\n",), way=hello) -> Driver:
    """A driver that has just begun a transaction with a server that offers this."""
    driver = Driver(way, begin(message), content=content)
    driver.hear_lines("220 Hi")
    driver.taken()
    lines = ["mail.example.org", *offers]
    driver.hear_lines(*[f"250-{line}" for line in lines[:-1]], f"250 {lines[-1]}")
    driver.events[:] = driver.events[2:]
    return driver


# The order of commands


def test_without_pipelining_each_command_waits_for_the_answer_to_the_one_before() -> None:
    driver = opened("DSN")
    said = [driver.taken()]
    for answer in ("250 OK", "250 OK", "250 OK", "354 Go", "250 OK"):
        driver.hear_lines(answer)
        said.append(driver.taken())
    assert said == [*GROUP.splitlines(keepends=True), b"Hi\r\n.\r\n", b""]
    assert driver.results == ["accepted", "accepted"]
    assert driver.client.state is State.READY


def test_with_pipelining_the_envelope_is_one_group() -> None:
    driver = opened("PIPELINING")
    assert driver.sent == [GROUP]
    driver.taken()
    assert driver.hear_lines("250 OK", "250 OK", "250 OK", "354 Go") == [WantContent()]
    assert driver.taken() == b"Hi\r\n.\r\n"
    driver.hear_lines("250 2.0.0 Taken")
    assert [(o.recipient.local, o.result, o.status, o.at) for o in driver.outcomes] == [
        ("b", Result.ACCEPTED, "2.0.0", Said.END_OF_DATA),
        ("c", Result.ACCEPTED, "2.0.0", Said.END_OF_DATA),
    ]


def test_no_more_commands_are_on_their_way_than_any_connection_can_hold() -> None:
    many = to(*[f"r{n}@example.net" for n in range(1000)])
    driver = opened("PIPELINING", message=many)
    unanswered = most = groups = 0
    while not driver.outcomes:
        groups += bool(driver.sent)
        unanswered += driver.taken().count(b"\r\n")
        most = max(most, unanswered)
        if driver.client.state is State.CONTENT:
            driver.hear_lines("250 OK")
        elif driver.client.state is State.RECIPIENTS and unanswered == 1:
            unanswered = 0
            driver.hear_lines("354 Go")
        else:
            unanswered -= 1
            driver.hear_lines("250 OK")
    assert most == 100
    assert groups <= 22  # half of them at a time, not a command for each answer
    assert driver.results == ["accepted"] * 1000


def test_without_pipelining_data_is_not_said_when_nobody_was_taken() -> None:
    driver = opened("DSN")
    for answer in ("250 OK", "550 No", "550 No"):
        driver.taken()
        driver.hear_lines(answer)
    assert driver.taken() == b""
    assert driver.results == ["permanent", "permanent"]


def test_without_pipelining_nobody_is_named_when_the_sender_was_refused() -> None:
    driver = opened("DSN")
    driver.taken()
    driver.hear_lines("550 5.7.1 Not you")
    assert driver.taken() == b""
    assert [(o.result, o.status, o.at) for o in driver.outcomes] == [
        (Result.PERMANENT, "5.7.1", Said.MAIL)
    ] * 2
    assert driver.client.state is State.READY


def test_354_although_nobody_was_taken_is_answered_with_a_lone_dot() -> None:
    driver = opened("PIPELINING")
    driver.taken()
    driver.hear_lines("250 OK", "550 No", "451 Later", "354 Go")
    assert driver.taken() == b".\r\n"
    assert driver.outcomes == ()
    driver.hear_lines("250 Taken")
    assert driver.results == ["permanent", "temporary"]
    assert driver.client.state is State.READY


def test_354_although_the_sender_was_refused_is_answered_with_a_lone_dot() -> None:
    driver = opened("PIPELINING")
    driver.taken()
    driver.hear_lines("451 Later", "250 OK", "250 OK", "354 Go")
    assert driver.taken() == b".\r\n"
    driver.hear_lines("250 Taken")
    assert [(o.result, o.at) for o in driver.outcomes] == [(Result.TEMPORARY, Said.MAIL)] * 2


def test_a_transaction_that_was_left_open_is_dropped_before_the_next() -> None:
    driver = opened("PIPELINING")
    driver.taken()
    driver.hear_lines("250 OK", "550 No", "550 No", "554 No")
    assert driver.client.state is State.SENDER
    driver.say(begin(TWO))
    assert driver.taken() == b"RSET\r\n" + GROUP
    driver.hear_lines("250 OK", "250 OK", "250 OK", "250 OK", "354 Go")
    driver.hear_lines("250 OK")
    assert driver.results == ["permanent", "permanent", "accepted", "accepted"]


def test_a_server_that_does_not_drop_it_is_left() -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "250 OK", "250 OK", "451 No")
    driver.say(begin(TWO))
    driver.hear_lines("500 What?", "250 OK", "250 OK", "250 OK", "354 Go")
    assert driver.results == ["temporary"] * 4
    assert isinstance(driver.events[-1], Ended)
    assert driver.events[-1].ending is Ending.OUT_OF_STEP


# What becomes of each


def test_each_recipient_gets_the_answer_that_is_its_own() -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "550 5.1.1 Nobody", "250 OK", "354 Go")
    driver.hear_lines("250 OK")
    b, c = driver.outcomes
    assert (b.result, b.status, b.at, b.why) == (Result.PERMANENT, "5.1.1", Said.RCPT, "550 5.1.1 Nobody")
    assert (c.result, c.status, c.at) == (Result.ACCEPTED, "2.0.0", Said.END_OF_DATA)


@pytest.mark.parametrize(
    ("code", "result"),
    [(250, "accepted"), (452, "temporary"), (451, "temporary"), (552, "permanent"), (554, "permanent")],
)
def test_the_answer_to_the_message_is_for_all_that_were_taken(code: int, result: str) -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "250 OK", "251 Forwarded", "354 Go")
    driver.hear_lines(f"{code} So be it")
    assert driver.results == [result] * 2
    assert {outcome.status for outcome in driver.outcomes} == {f"{code // 100}.0.0"}


def test_data_that_is_refused_refuses_those_that_were_taken() -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "250 OK", "550 No", "451 4.3.0 Later")
    assert [(o.result, o.at) for o in driver.outcomes] == [
        (Result.TEMPORARY, Said.DATA),
        (Result.PERMANENT, Said.RCPT),
    ]


@pytest.mark.parametrize(
    ("answer", "result", "overflow"),
    [
        ("452 Too many", "temporary", True),
        ("452 4.5.3 Too many", "temporary", True),
        ("552 Too many", "temporary", True),
        ("552 5.5.3 Too many", "temporary", True),
        ("452 4.3.1 Disk full", "temporary", False),
        ("552 5.2.2 Mailbox full", "permanent", False),
        ("450 4.5.3 Odd", "temporary", False),
        ("550 5.5.3 Odd", "permanent", False),
    ],
)
def test_too_many_recipients_are_for_another_transaction(answer: str, result: str, overflow: bool) -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "250 OK", answer, "354 Go")
    driver.hear_lines("250 OK")
    assert [(o.result, o.overflow) for o in driver.outcomes] == [("accepted", False), (result, overflow)]


def test_too_many_although_nobody_was_taken_is_not_tried_again_at_once() -> None:
    driver = opened("PIPELINING")
    driver.hear_lines("250 OK", "452 Too many", "452 Too many", "503 No")
    assert [(o.result, o.overflow) for o in driver.outcomes] == [("temporary", False)] * 2


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("RCPTMAX=1", ["b"]),
        ("RCPTMAX=2", ["b", "c"]),
        ("RCPTDOMAINMAX=1", ["b", "c"]),
        ("RCPTMAX=2 RCPTDOMAINMAX=1", ["b", "c"]),
    ],
)
def test_recipients_for_whom_there_is_no_room_are_not_named(limits: str, said: list[str]) -> None:
    message = to("b@example.net", "c@example.net", "d@example.com")
    driver = opened("PIPELINING", f"LIMITS {limits}", message=message)
    assert driver.taken().count(b"RCPT") == len(said)
    driver.hear_lines("250 OK", *["250 OK" for _ in said], "354 Go")
    driver.hear_lines("250 OK")
    assert [o.recipient.local for o in driver.outcomes] == ["b", "c", "d"]
    assert [o.recipient.local for o in driver.outcomes if o.result == "accepted"] == said
    assert [(o.status, o.overflow, o.reply) for o in driver.outcomes[len(said) :]] == [
        ("4.5.3", True, None) for _ in range(3 - len(said))
    ]


# What a server does not offer


@pytest.mark.parametrize(
    ("offers", "message", "status"),
    [
        (["DSN"], to("b@example.net", smtputf8=True), "5.6.7"),
        (["DSN"], to("b@example.net")._replace(reverse_path=parse("sø@x.example", smtputf8=True)), "5.6.7"),
        (["DSN"], to("b@example.net", eight_bit=True), "5.6.3"),
        (["SIZE 10"], to("b@example.net", size=11), "5.3.4"),
    ],
)
def test_what_the_server_does_not_offer_is_refused_before_a_byte_is_sent(
    offers: list[str], message: Outgoing, status: str
) -> None:
    driver = opened(*offers, message=message)
    assert driver.taken() == b""
    [outcome] = driver.outcomes
    assert (outcome.result, outcome.status, outcome.reply) == (Result.PERMANENT, status, None)
    assert driver.client.state is State.READY


def test_what_the_server_does_offer_is_asked_for() -> None:
    message = to("sø@example.net", size=11, eight_bit=True, smtputf8=True)
    driver = opened("SIZE 11", "8BITMIME", "SMTPUTF8", message=message)
    assert driver.taken() == b"MAIL FROM:<a@example.org> SIZE=11 BODY=8BITMIME SMTPUTF8\r\n"


def test_one_recipient_beyond_ascii_does_not_keep_the_others_from_theirs() -> None:
    driver = opened("PIPELINING", message=to("sø@example.net", "c@example.net"))
    assert driver.taken() == b"MAIL FROM:<a@example.org>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n"
    driver.hear_lines("250 OK", "250 OK", "354 Go")
    driver.hear_lines("250 OK")
    assert [(o.result, o.status) for o in driver.outcomes] == [("permanent", "5.6.7"), ("accepted", "2.0.0")]


def test_wishes_for_reports_are_left_out_where_they_are_not_understood() -> None:
    wish = ForwardPath(parse("b@example.net"), frozenset((Notify.SUCCESS,)), "rfc822;b@example.net")
    assert b"NOTIFY" not in opened("PIPELINING", message=Outgoing(None, (wish,), envid="x")).taken()
    said = opened("PIPELINING", "DSN", message=Outgoing(None, (wish,), envid="x")).taken()
    assert (
        said
        == b"MAIL FROM:<> ENVID=x\r\nRCPT TO:<b@example.net> NOTIFY=SUCCESS ORCPT=rfc822;b@example.net\r\nDATA\r\n"
    )


# LMTP


def test_in_lmtp_each_recipient_that_was_taken_has_an_answer_of_its_own() -> None:
    message = to("b@example.net", "c@example.net", "d@example.net")
    driver = opened("PIPELINING", message=message, way=lhlo)
    driver.hear_lines("250 OK", "250 OK", "550 No", "250 OK", "354 Go")
    assert driver.hear_lines("250 2.1.5 Delivered") == []
    driver.hear_lines("452 4.2.2 Full")
    assert [(o.result, o.status) for o in driver.outcomes] == [
        ("accepted", "2.1.5"),
        ("permanent", "5.0.0"),
        ("temporary", "4.2.2"),
    ]
    assert driver.client.state is State.READY


def test_in_lmtp_what_was_answered_stays_when_the_server_goes_away() -> None:
    driver = opened("PIPELINING", way=lhlo)
    driver.hear_lines("250 OK", "250 OK", "250 OK", "354 Go")
    driver.hear_lines("250 Delivered")
    driver.hear(b"")
    assert [(o.result, o.status) for o in driver.outcomes] == [("accepted", "2.0.0"), ("temporary", "4.4.2")]


def test_in_lmtp_354_although_nobody_was_taken_ends_the_session() -> None:
    driver = opened("PIPELINING", way=lhlo)
    driver.hear_lines("250 OK", "550 No", "550 No", "354 Go")
    assert driver.results == ["permanent", "permanent"]
    assert isinstance(driver.events[-1], Ended)


# Chunks


CHUNKING = ("PIPELINING", "CHUNKING")
SMALL = TWO._replace(size=4)


def test_a_small_message_goes_with_its_envelope() -> None:
    driver = opened(*CHUNKING, message=SMALL)
    assert driver.taken() == GROUP.replace(b"DATA\r\n", b"BDAT 4 LAST\r\nHi\r\n")
    driver.hear_lines("250 OK", "250 OK", "550 No", "250 2.0.0 Taken")
    assert [(o.result, o.at) for o in driver.outcomes] == [("accepted", Said.LAST), ("permanent", Said.RCPT)]
    assert driver.client.state is State.READY


@pytest.mark.parametrize("message", [TWO, TWO._replace(size=100_000)])
def test_a_large_message_waits_until_somebody_is_to_get_it(message: Outgoing) -> None:
    driver = opened(*CHUNKING, message=message, content=(b"a" * 10, b"b\r\n", b""))
    driver.taken()
    driver.hear_lines("250 OK", "250 OK")
    assert driver.taken() == b""
    driver.hear_lines("550 No")
    assert driver.taken() == b"BDAT 10\r\naaaaaaaaaaBDAT 3\r\nb\r\nBDAT 0 LAST\r\n"
    driver.hear_lines("250 OK", "250 OK")
    assert driver.outcomes == ()
    driver.hear_lines("250 OK")
    assert driver.results == ["accepted", "permanent"]


def test_a_large_message_is_not_sent_to_nobody() -> None:
    driver = opened(*CHUNKING)
    driver.taken()
    driver.hear_lines("250 OK", "550 No", "550 No")
    assert driver.taken() == b""
    assert driver.results == ["permanent", "permanent"]


def test_chunks_to_nobody_are_answered_and_the_transaction_dropped() -> None:
    driver = opened(*CHUNKING, message=SMALL)
    driver.hear_lines("250 OK", "550 No", "550 No", "503 No")
    assert driver.results == ["permanent", "permanent"]
    driver.taken()
    driver.say(begin(SMALL))
    assert driver.taken().startswith(b"RSET\r\nMAIL")


def test_a_chunk_that_is_refused_refuses_the_message() -> None:
    driver = opened(*CHUNKING, message=SMALL, content=(b"a", b"b"))
    driver.hear_lines("250 OK", "250 OK", "250 OK", "452 4.3.1 Full", "250 Taken")
    assert [(o.result, o.at) for o in driver.outcomes] == [("temporary", Said.BDAT)] * 2


def test_when_a_chunk_was_refused_no_more_is_wanted() -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250-PIPELINING", "250 CHUNKING")
    client = driver.client
    client.begin(SMALL)
    assert client.next_event() == WantContent()
    client.send_content(b"a")
    driver.hear_lines("250 OK", "250 OK", "250 OK")
    assert client.wants_content
    driver.hear_lines("552 5.3.4 Too large")
    assert not client.wants_content
    assert driver.results == ["permanent", "permanent"]
    assert client.begin(TWO).startswith(b"RSET\r\n")


def test_a_refused_chunk_is_the_last_although_others_are_on_their_way() -> None:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250-PIPELINING", "250 CHUNKING")
    client = driver.client
    client.begin(SMALL)
    assert client.next_event() == WantContent()
    client.send_content(b"a")
    client.send_content(b"b")
    driver.hear_lines("250 OK", "250 OK", "250 OK", "552 5.3.4 Too large")
    assert not client.wants_content
    assert driver.outcomes == ()
    driver.hear_lines("503 What?")
    assert driver.results == ["permanent", "permanent"]


def test_a_last_chunk_that_is_refused_leaves_a_transaction_to_be_dropped() -> None:
    driver = opened(*CHUNKING, message=SMALL)
    driver.taken()
    driver.hear_lines("250 OK", "250 OK", "250 OK", "552 5.3.4 Too large")
    assert driver.results == ["permanent", "permanent"]
    assert driver.client.begin(SMALL).startswith(b"RSET\r\n")


def test_in_lmtp_the_last_chunk_has_an_answer_for_each() -> None:
    driver = opened(*CHUNKING, message=SMALL, way=lhlo)
    driver.hear_lines("250 OK", "250 OK", "250 OK", "250 Delivered", "550 Never")
    assert driver.results == ["accepted", "permanent"]


def test_how_content_goes_can_be_chosen() -> None:
    assert opened(*CHUNKING, message=TWO._replace(transfer=Transfer.DATA)).taken() == GROUP
    assert opened("CHUNKING").taken() == b"MAIL FROM:<a@example.org>\r\n"
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines("250-x", "250 PIPELINING")
    with pytest.raises(ProtocolError, match="CHUNKING"):
        driver.client.begin(TWO._replace(transfer=Transfer.BDAT))


# Content that may not be sent


@pytest.mark.parametrize("offers", [("PIPELINING",), CHUNKING])
@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n"])
def test_content_with_anything_bare_is_refused_for_good_and_the_session_is_over(
    offers: tuple[str, ...], content: bytes
) -> None:
    driver = opened(*offers, message=TWO)
    client = driver.client
    answers = ["250 OK", "250 OK", "250 OK", *(["354 Go"] if len(offers) == 1 else [])]
    client.receive_data("".join(f"{answer}\r\n" for answer in answers).encode())
    assert client.next_event() == WantContent()
    assert client.send_content(b"first\r\n") != b""
    with pytest.raises(ContentError):
        client.end_content(content)
    settled, ended = client.next_event(), client.next_event()
    assert isinstance(settled, Settled)
    assert [(o.result, o.status) for o in settled.outcomes] == [("permanent", "5.6.0")] * 2
    assert isinstance(ended, Ended)
    assert ended.ending is Ending.UNSOUND
