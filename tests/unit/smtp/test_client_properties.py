"""Whatever a server says, in whatever pieces: the same events, one outcome a recipient, and never an exception; and two
engines that talk to each other pass every message on byte for byte.
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.client_target import HELLO, SEEDS, fuzz_one
from kit.smtp_driver import Driver, Peer, begin, converse, cut, hello, lhlo, offering, play, quit_, to
from mailsponge.mail.reply import Reply
from mailsponge.smtp import EndOfData, Hello, Mail, Question, Recipient
from mailsponge.smtp.client import Result, Transfer

CUTS = st.lists(st.integers(0, 400), max_size=20)
OFFERS = st.lists(
    st.sampled_from(["PIPELINING", "CHUNKING", "SIZE 100", "LIMITS RCPTMAX=2", "8BITMIME"]), unique=True
)
CODES = st.sampled_from([250, 250, 250, 251, 334, 354, 354, 421, 450, 452, 500, 550, 552])
ANSWER = st.builds(
    lambda codes, tail: b"".join(b"%d x\r\n" % code for code in codes) + tail,
    st.lists(CODES, min_size=1, max_size=6),
    st.sampled_from([b"", b"", b"", b"2", b"250-x\r\n", b"\n", b"x\r\n"]),
)
MESSAGES = st.sampled_from(
    [
        to("b@example.net"),
        to("b@example.net", "c@example.net", "d@example.com"),
        to("b@example.net", "sø@example.net", size=9),
        to("b@example.net", eight_bit=True),
        to(*[f"r{n}@example.net" for n in range(105)]),
    ]
)
LINES = st.lists(st.sampled_from([b"Hello", b"", b".", b"..", b".x", b"x" * 30, "sø".encode()]), max_size=12)
CONTENT = st.builds(
    lambda lines, rest: b"".join(line + b"\r\n" for line in lines) + rest,
    LINES,
    st.sampled_from([b"", b".", b"x"]),
)
NOISE = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [b"\r\n", b"250 ", b"250-", b"354 Go\r\n", b"250 OK\r\n", b"550 5.1.1 No\r\n", b"220 Hi\r\n"]
        ),
    ),
    max_size=60,
).map(b"".join)
SPOILT = st.builds(
    lambda seed, at, instead: seed[: at % len(seed)] + instead + seed[at % len(seed) + 1 :],
    st.sampled_from(SEEDS),
    st.integers(0),
    st.sampled_from([b"", b"\r", b"\n", b"\0", b"250 x\r\n", b"5", b"421 x\r\n"]),
)


def offered(offers: list[str]) -> bytes:
    return b"".join(b"250-%s\r\n" % line.encode() for line in ["x", *offers]) + b"250 HELP\r\n"


def pieces(content: bytes) -> tuple[bytes, ...]:
    return (content[:3], content[3:4], content[4:])


def answered(driver: Driver, codes: list[int], end: bytes, cuts: list[int]) -> Driver:
    """Let a server answer as often as it was asked, and say something else in the end; cut into these pieces."""
    wishes = iter(codes)
    while not driver.ended and driver.client._owed:
        asked = [code for _, code in zip(driver.client._owed, wishes, strict=False)]
        if not asked:
            break
        for piece in cut(b"".join(b"%d 2.0.0 x\r\n" % code for code in asked), cuts):
            driver.hear(piece)
    for data in (*cut(end, cuts), b""):
        if not driver.ended:
            driver.hear(data)
    return driver


@given(
    OFFERS,
    st.sampled_from([hello, lhlo]),
    MESSAGES,
    st.lists(CODES, max_size=40),
    st.sampled_from([b"", b"2", b"250-x\r\n", b"x\r\n250 x\r\n", b"250 x\n", b"421 x\r\n250 x\r\n"]),
    CUTS,
)
@settings(max_examples=300)
def test_answers_mean_the_same_in_any_pieces(offers, way, message, codes, end, cuts) -> None:
    """Of a server that answers what it was not asked yet, it shows only when the answer comes in time to be seen."""

    def played(cuts: list[int]) -> Driver:
        driver = Driver(way, begin(message), begin(message), quit_, content=pieces(b"Hi.\r\n..\r\n"))
        for said in (b"220 x\r\n", offered(offers)):
            for piece in cut(said, cuts):
                driver.hear(piece)
        return answered(driver, codes, end, cuts)

    whole, in_pieces = played([]), played(cuts)
    assert in_pieces.events == whole.events
    assert in_pieces.taken() == whole.taken()


@given(OFFERS, st.sampled_from([hello, lhlo]), MESSAGES, st.lists(ANSWER, max_size=8))
@settings(max_examples=300)
def test_every_recipient_gets_exactly_one_outcome_in_order(offers, way, message, answers) -> None:
    begun = []

    def transaction(client) -> bytes:
        begun.extend(path.address for path in message.recipients)
        return client.begin(message)

    driver = Driver(way, transaction, transaction, content=pieces(b"Hi.\r\n..\r\n"))
    play(driver, [b"220 x\r\n", offered(offers), *answers])
    assert [outcome.recipient for outcome in driver.outcomes] == begun


@given(st.sampled_from([(), ("PIPELINING",), None]), st.lists(CONTENT, min_size=1, max_size=3), CUTS)
def test_every_message_arrives_byte_for_byte(offers, contents: list[bytes], cuts: list[int]) -> None:
    for content in contents:
        peer = Peer() if offers is None else Peer(offering(*offers))
        driver = Driver(
            hello, begin(to("b@example.net")), begin(to("c@example.net")), quit_, content=pieces(content)
        )
        converse(driver, peer, cuts)
        whole = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
        assert peer.messages == [whole, whole]
        assert driver.results == ["accepted", "accepted"]
        assert peer.closed


@given(
    st.sampled_from([(), ("PIPELINING",)]),
    st.lists(st.sampled_from([250, 250, 450, 452, 550]), min_size=12, max_size=12),
    CUTS,
)
def test_both_sides_agree_on_who_gets_a_message(offers, codes: list[int], cuts: list[int]) -> None:
    """What the server refused was refused, and whom it took the message for was accepted: no more and no fewer."""
    wishes = iter(codes)
    named: list[str] = []
    accepted: list[str] = []

    def decide(question: Question) -> Reply:
        if isinstance(question, Hello):
            return Reply(250, None, "mail.example.org", *offers)
        code = (
            next(wishes, 250) if isinstance(question, (Mail, Recipient, EndOfData)) else question.reply.code
        )
        reply = question.reply if code == 250 or not question.reply.positive else Reply(code, None, "No")
        if isinstance(question, Mail):
            named.clear()
        elif isinstance(question, Recipient) and reply.positive:
            named.append(question.address.local)
        elif isinstance(question, EndOfData) and reply.positive:
            accepted.extend(named)
        return reply

    plan = [begin(to(*[f"{letter}{n}@example.net" for n in range(3)])) for letter in "abc"]
    driver = Driver(hello, *plan, quit_)
    converse(driver, Peer(decide), cuts)
    assert [o.recipient.local for o in driver.outcomes if o.result is Result.ACCEPTED] == accepted
    assert len(driver.outcomes) == 9


@given(CONTENT, st.sampled_from(Transfer))
def test_a_message_is_the_same_whichever_way_it_goes(content: bytes, transfer: Transfer) -> None:
    driver = Driver(hello, begin(to("b@example.net", transfer=transfer)), content=pieces(content))
    driver.hear(HELLO[:8])
    driver.hear(HELLO[8:])
    driver.taken()
    driver.hear(b"250 OK\r\n250 OK\r\n" + (b"354 Go\r\n" if transfer is Transfer.DATA else b""))
    wire = driver.taken()
    if transfer is Transfer.DATA:
        assert wire.endswith(b".\r\n")
        lines = wire[:-3].split(b"\r\n")
        message = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    else:
        message = b""
        while wire:
            head, _, wire = wire.partition(b"\r\n")
            size = int(head.split()[1])
            message, wire = message + wire[:size], wire[size:]
    assert message == (content if content.endswith(b"\r\n") or not content else content + b"\r\n")


@given(st.one_of(SPOILT, NOISE, NOISE.map(HELLO.__add__)), st.integers(0, 2**32))
@settings(max_examples=500)
def test_whatever_a_server_says_nothing_is_raised_and_nobody_is_forgotten(data: bytes, seed: int) -> None:
    fuzz_one(data, random.Random(seed))
