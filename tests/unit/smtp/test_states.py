"""The table of transitions is complete, and the engine goes where it says."""

from __future__ import annotations

from typing import Any

import pytest

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import (
    AuthResponse,
    Bad,
    Chunk,
    Content,
    EndOfChunk,
    Offer,
    Question,
    Server,
    challenge,
)
from mailsponge.smtp.states import COMMANDS, LMTP_TABLE, TABLE, State, Step, Unwanted, Verb

COMMAND_STATES = (
    State.GREETED,
    State.READY,
    State.SENDER,
    State.RECIPIENTS,
    State.CHUNKED,
    State.SPOILT,
)
SAID = {
    Verb.EHLO: b"EHLO client.example\r\n",
    Verb.HELO: b"HELO client.example\r\n",
    Verb.LHLO: b"LHLO client.example\r\n",
    Verb.MAIL: b"MAIL FROM:<a@example.org>\r\n",
    Verb.RCPT: b"RCPT TO:<b@example.net>\r\n",
    Verb.DATA: b"DATA\r\n",
    Verb.BDAT: b"BDAT 2\r\n\r\n",
    Verb.RSET: b"RSET\r\n",
    Verb.NOOP: b"NOOP\r\n",
    Verb.VRFY: b"VRFY me\r\n",
    Verb.HELP: b"HELP\r\n",
    Verb.STARTTLS: b"STARTTLS\r\n",
    Verb.AUTH: b"AUTH PLAIN\r\n",
    Verb.QUIT: b"QUIT\r\n",
}
OFFERS = {Verb.STARTTLS: Offer(starttls=True), Verb.AUTH: Offer(auth=("PLAIN",))}
WAY = {
    State.GREETED: (),
    State.READY: (Verb.EHLO,),
    State.SENDER: (Verb.EHLO, Verb.MAIL),
    State.RECIPIENTS: (Verb.EHLO, Verb.MAIL, Verb.RCPT),
    State.CONTENT: (Verb.EHLO, Verb.MAIL, Verb.RCPT, Verb.DATA),
    State.CHUNKED: (Verb.EHLO, Verb.MAIL, Verb.RCPT, Verb.BDAT),
    State.SPOILT: (Verb.EHLO, Verb.MAIL, Verb.BDAT),
}
REFUSED = Reply(550, "5.0.0", "No")
AUTHENTICATED = Reply(235, "2.7.0", "Welcome")
STEPS = [
    (state, verb)
    for state in COMMAND_STATES
    for verb in COMMANDS
    if verb is not Verb.BDAT and isinstance(TABLE[state][verb], Step)
]
OUT_OF_ORDER = [
    (state, verb) for state in COMMAND_STATES for verb in COMMANDS if not isinstance(TABLE[state][verb], Step)
]
UNWANTED = [state for state in COMMAND_STATES if isinstance(TABLE[state][Verb.BDAT], Unwanted)]
WANTED = [state for state in COMMAND_STATES if state not in UNWANTED]


def asked(server: Server, verb: Verb) -> Question:
    """Say a command; returns the question it comes to."""
    server.receive_data(SAID[verb])
    while not isinstance(event := server.next_event(), Question):
        assert isinstance(event, Chunk | Content)
    return event


def brought_to(state: State, offer: Offer = Offer()) -> Server:  # noqa: B008 - immutable
    server = Server("mail.example.org", offer=offer)
    server.greet()
    for verb in WAY[state]:
        server.send(asked(server, verb).reply)
    assert server.state is state
    return server


def test_every_state_has_a_row() -> None:
    assert set(TABLE) == set(LMTP_TABLE) == set(State)


@pytest.mark.parametrize("table", [TABLE, LMTP_TABLE])
@pytest.mark.parametrize("state", COMMAND_STATES)
def test_where_commands_are_read_every_command_has_a_cell(table: Any, state: State) -> None:
    assert set(table[state]) == set(COMMANDS)


def test_where_no_commands_are_read_none_has_a_cell() -> None:
    assert set(TABLE[State.CONNECTED]) == {Verb.GREETING}
    assert set(TABLE[State.CONTENT]) == {Verb.END_OF_DATA}
    assert set(TABLE[State.CHUNK]) == {Verb.END_OF_CHUNK, Verb.END_OF_DATA}
    assert set(TABLE[State.SECURING]) == {Verb.TLS_STARTED}
    assert set(TABLE[State.AUTHENTICATING]) == {Verb.RESPONSE}
    assert set(TABLE[State.CLOSED]) == set()


@pytest.mark.parametrize(("state", "verb"), STEPS)
def test_a_command_that_is_taken_leads_where_the_table_says(state: State, verb: Verb) -> None:
    server = brought_to(state, OFFERS.get(verb, Offer()))
    question = asked(server, verb)
    server.send(AUTHENTICATED if verb is Verb.AUTH else question.reply)
    assert server.state is TABLE[state][verb].taken  # type: ignore[union-attr]


@pytest.mark.parametrize(("state", "verb"), STEPS)
def test_a_command_that_is_refused_leads_where_the_table_says(state: State, verb: Verb) -> None:
    server = brought_to(state, OFFERS.get(verb, Offer()))
    asked(server, verb)
    server.send(REFUSED)
    assert server.state is TABLE[state][verb].refused  # type: ignore[union-attr]


@pytest.mark.parametrize(("state", "verb"), OUT_OF_ORDER)
def test_a_command_out_of_order_is_bad_and_leads_where_the_table_says(state: State, verb: Verb) -> None:
    server = brought_to(state)
    cell = TABLE[state][verb]
    reply, then = cell if isinstance(cell, Unwanted) else (cell, state)
    event = asked(server, verb)
    assert event == Bad(reply)  # type: ignore[arg-type]
    server.send(event.reply)
    assert server.state is then


@pytest.mark.parametrize(("state", "verb"), OUT_OF_ORDER)
def test_out_of_order_is_503_but_for_missing_recipients_and_other_protocols(state: State, verb: Verb) -> None:
    cell = TABLE[state][verb]
    reply = cell.reply if isinstance(cell, Unwanted) else cell
    no_recipient = state is State.SENDER and verb in (Verb.DATA, Verb.BDAT)
    assert reply.code == (554 if no_recipient else 500 if verb is Verb.LHLO else 503)  # type: ignore[union-attr]
    assert reply.enhanced == "5.5.1"  # type: ignore[union-attr]


@pytest.mark.parametrize("state", WANTED)
def test_a_chunk_that_is_wanted_is_read_at_once(state: State) -> None:
    server = brought_to(state)
    server.receive_data(b"BDAT 9\r\n")
    assert isinstance(server.next_event(), Chunk)
    assert server.state is State.CHUNK


@pytest.mark.parametrize("answer", [None, REFUSED, Reply(451, "4.3.0", "Later")])
def test_the_end_of_a_chunk_leads_on_or_spoils_the_transaction(answer: Reply | None) -> None:
    server = brought_to(State.RECIPIENTS)
    question = asked(server, Verb.BDAT)
    assert isinstance(question, EndOfChunk)
    server.send(answer or question.reply)
    cell = TABLE[State.CHUNK][Verb.END_OF_CHUNK]
    assert server.state is (cell.refused if answer else cell.taken)  # type: ignore[union-attr]


@pytest.mark.parametrize("answer", [AUTHENTICATED, REFUSED, challenge(b"more")])
def test_a_response_leads_where_the_table_says(answer: Reply) -> None:
    server = brought_to(State.READY, OFFERS[Verb.AUTH])
    asked(server, Verb.AUTH)
    server.send(challenge(b""))
    assert server.state is State.AUTHENTICATING
    server.receive_data(b"bWU=\r\n")
    assert server.next_event() == AuthResponse(b"me")
    server.send(answer)
    assert server.state is (State.AUTHENTICATING if answer.code == 334 else State.READY)


def test_lmtp_differs_in_hello_and_in_the_answer_to_a_missing_recipient() -> None:
    for state in COMMAND_STATES:
        differing = {verb for verb in COMMANDS if TABLE[state][verb] != LMTP_TABLE[state][verb]}
        hellos = {Verb.EHLO, Verb.HELO, Verb.LHLO}
        if state is State.GREETED:  # there the advice is to say LHLO
            hellos |= {Verb.MAIL, Verb.RCPT, Verb.DATA, Verb.BDAT, Verb.STARTTLS, Verb.AUTH}
        assert differing == hellos | ({Verb.DATA, Verb.BDAT} if state is State.SENDER else set())
        assert LMTP_TABLE[state][Verb.LHLO] == TABLE[state][Verb.EHLO]


@pytest.mark.parametrize("answer", [None, REFUSED, Reply(451, "4.3.0", "Later")])
def test_the_end_of_data_uses_the_transaction_up_whatever_the_answer(answer: Reply | None) -> None:
    server = brought_to(State.CONTENT)
    server.receive_data(b".\r\n")
    event = server.next_event()
    server.send(answer or event.reply)  # type: ignore[attr-defined]
    assert server.state is State.READY


def test_the_greeting_leads_to_greeted_and_a_refusal_in_its_place_to_the_end() -> None:
    server = Server("mail.example.org")
    assert server.state is State.CONNECTED
    server.greet()
    assert server.state is State.GREETED
    unfriendly = Server("mail.example.org")
    assert unfriendly.send(Reply(554, None, "Not today")) == b"554 Not today\r\n"
    assert unfriendly.state is State.CLOSED


@pytest.mark.parametrize("state", [*COMMAND_STATES, State.CONTENT])
def test_421_ends_the_session_from_anywhere_asked_or_not(state: State) -> None:
    server = brought_to(state)
    assert server.send(Reply(421, "4.3.2", "Shutting down")) == b"421 4.3.2 Shutting down\r\n"
    assert server.state is State.CLOSED
    with pytest.raises(ProtocolError):
        server.send(Reply(421, "4.3.2", "Shutting down"))


@pytest.mark.parametrize("state", COMMAND_STATES)
@pytest.mark.parametrize("verb", COMMANDS)
def test_421_ends_the_session_in_answer_to_any_command(state: State, verb: Verb) -> None:
    server = brought_to(state)
    asked(server, verb)
    server.send(Reply(421, "4.3.2", "Shutting down"))
    assert server.state is State.CLOSED
