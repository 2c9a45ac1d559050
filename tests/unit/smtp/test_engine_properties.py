"""Whatever comes, in whatever pieces: the same events, and never an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailsponge.mail.reply import Reply
from mailsponge.smtp import Bad, Closed, Content, EndOfData, Limits, Mail, Question, State

SMALL = Limits(message_size=60, recipients=2, command_line=64, errors=6)
CUTS = st.lists(st.integers(0, 400), max_size=30)

ADDRESSES = st.sampled_from(
    [
        b"a@example.org",
        b'"a b"@example.org',
        b"a@[IPv6:::1]",
        "sø@blå.example".encode(),
        b"@a:b@c",
        b"a@",
        b"postmaster",
    ]
)
TEXT_LINES = st.sampled_from([b"Hello", b"", b".", b"..", b".x", b"x" * 30, "sø".encode()])
COMMANDS = st.one_of(
    st.sampled_from(
        [b"EHLO x", b"HELO x", b"EHLO", b"RSET", b"NOOP", b"NOOP x", b"VRFY me", b"HELP", b"QUIT", b"FROB"]
    ),
    st.builds(
        lambda address, rest: b"MAIL FROM:<" + address + b">" + rest,
        st.one_of(ADDRESSES, st.just(b"")),
        st.sampled_from([b"", b" SIZE=10", b" SIZE=99", b" SMTPUTF8", b" BODY=8BITMIME SMTPUTF8", b" FOO=1"]),
    ),
    ADDRESSES.map(lambda address: b"RCPT TO:<" + address + b">"),
    st.lists(TEXT_LINES, max_size=4).map(lambda lines: b"\r\n".join([b"DATA", *lines, b"."])),
)
TRANSACTION = st.builds(
    lambda lines: b"\r\n".join(
        [b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.net>", b"DATA", *lines, b"."]
    ),
    st.lists(TEXT_LINES, max_size=6),
)
DIALOGUE = st.lists(st.one_of(COMMANDS, TRANSACTION), max_size=12).map(
    lambda lines: b"".join(line + b"\r\n" for line in [b"EHLO client.example", *lines])
)
SPOILERS = st.sampled_from([b"", b"\r", b"\n", b"\0", b".", b"\xff", b"\r\n"])
MUTATIONS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), SPOILERS), max_size=5)
NOISE = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from([b"\r\n", b"\n", b".", b"\r\n.\r\n", b"DATA\r\n", b"MAIL FROM:<"]),
    )
).map(b"".join)


def mutated(dialogue: bytes, mutations: list[tuple[int, int, bytes]]) -> bytes:
    """The dialogue with some bytes taken out and some put in."""
    for at, length, instead in mutations:
        at %= len(dialogue) + 1
        dialogue = dialogue[:at] + instead + dialogue[at + length :]
    return dialogue


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream, cut there."""
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[begin:end] for begin, end in zip(edges, edges[1:])]  # noqa: B905, RUF007


def assert_pieces_do_not_matter(sessions: Any, stream: bytes, cuts: list[int], limits: Limits) -> None:
    whole = sessions.after([stream], limits)
    cut = sessions.after(pieces(stream, cuts), limits)
    assert cut.events == whole.events
    assert cut.said == whole.said
    assert whole.events[-1] == Closed()


@given(DIALOGUE, CUTS)
def test_a_dialogue_means_the_same_in_any_pieces(sessions: Any, dialogue: bytes, cuts: list[int]) -> None:
    assert_pieces_do_not_matter(sessions, dialogue, cuts, Limits())


@given(DIALOGUE, MUTATIONS, CUTS)
@settings(max_examples=300)
def test_a_spoilt_dialogue_means_the_same_in_any_pieces(
    sessions: Any, dialogue: bytes, mutations: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    assert_pieces_do_not_matter(sessions, mutated(dialogue, mutations), cuts, SMALL)


@given(NOISE, CUTS)
def test_noise_means_the_same_in_any_pieces(sessions: Any, noise: bytes, cuts: list[int]) -> None:
    assert_pieces_do_not_matter(sessions, b"EHLO x\r\n" + noise, cuts, SMALL)


@given(DIALOGUE, MUTATIONS)
def test_byte_by_byte_is_no_different(
    sessions: Any, dialogue: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    stream = mutated(dialogue, mutations)
    assert_pieces_do_not_matter(sessions, stream, list(range(len(stream))), SMALL)


@given(DIALOGUE, MUTATIONS)
def test_every_question_has_one_answer_and_every_answer_a_form(
    sessions: Any, dialogue: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    session = sessions.after([mutated(dialogue, mutations)], SMALL)
    assert len(session.answers) == sum(isinstance(event, Question) for event in session.events)
    for line in session.said.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert line[3:4] in b" -"
        assert line.isascii()
        assert len(line) <= 510


@given(DIALOGUE, MUTATIONS, st.lists(st.sampled_from([250, 354, 421, 452, 550]), max_size=20))
def test_whatever_a_program_answers_only_its_own_mistakes_raise(
    sessions: Any, dialogue: bytes, mutations: list[tuple[int, int, bytes]], codes: list[int]
) -> None:
    wishes = iter(codes)

    def decide(question: Question) -> Reply:
        code = next(wishes, question.reply.code)
        fits = code >= 400 or (code == question.reply.code and question.reply.positive)
        return Reply(code, None, "As you wish") if fits else question.reply

    session = sessions.open(SMALL, decide)
    session.say(mutated(dialogue, mutations))
    session.say(b"")
    assert session.server.state is State.CLOSED


@given(DIALOGUE, MUTATIONS)
def test_content_stands_between_data_and_its_end_and_within_the_limit(
    sessions: Any, dialogue: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    session = sessions.after([mutated(dialogue, mutations)], SMALL)
    names = [type(event).__name__ for event in session.events]
    for before, name, after in zip(["", *names], names, [*names[1:], ""], strict=False):
        if name == "Content":
            assert before == "Data"
            assert after in ("EndOfData", "Closed")
        if name == "EndOfData":
            assert before in ("Data", "Content")
    assert all(len(event.data) <= SMALL.message_size for event in session.events_of(Content))


@given(st.lists(TEXT_LINES, max_size=20))
def test_a_message_arrives_as_it_was_sent(sessions: Any, lines: list[bytes]) -> None:
    session = sessions.in_data()
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    session.say(stuffed + b".\r\n")
    message = b"".join(line + b"\r\n" for line in lines)
    assert session.events == ([Content(message)] if message else []) + [EndOfData(None)]


@given(NOISE)
def test_noise_in_a_message_never_becomes_a_command(sessions: Any, noise: bytes) -> None:
    session = sessions.in_data()
    before_any_end = (b"\r\n" + noise).partition(b"\r\n.\r\n")[0][2:]
    session.say(before_any_end + b"x\r\n")
    assert session.events_of(Mail) == session.events_of(Bad) == []
    assert session.server.state is State.CONTENT
