"""The table of transitions is complete, and the engine goes where it says."""

from __future__ import annotations

import pytest

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import Bad, Server
from mailsponge.smtp.states import COMMANDS, TABLE, State, Step, Verb

COMMAND_STATES = (State.GREETED, State.READY, State.SENDER, State.RECIPIENTS)
LINES = {
    Verb.EHLO: "EHLO client.example",
    Verb.HELO: "HELO client.example",
    Verb.MAIL: "MAIL FROM:<a@example.org>",
    Verb.RCPT: "RCPT TO:<b@example.net>",
    Verb.DATA: "DATA",
    Verb.RSET: "RSET",
    Verb.NOOP: "NOOP",
    Verb.VRFY: "VRFY me",
    Verb.HELP: "HELP",
    Verb.QUIT: "QUIT",
}
WAY = {
    State.GREETED: (),
    State.READY: (Verb.EHLO,),
    State.SENDER: (Verb.EHLO, Verb.MAIL),
    State.RECIPIENTS: (Verb.EHLO, Verb.MAIL, Verb.RCPT),
    State.CONTENT: (Verb.EHLO, Verb.MAIL, Verb.RCPT, Verb.DATA),
}
REFUSED = Reply(550, "5.0.0", "No")
STEPS = [
    (state, verb) for state in COMMAND_STATES for verb in COMMANDS if isinstance(TABLE[state][verb], Step)
]
OUT_OF_ORDER = [(state, verb) for state in COMMAND_STATES for verb in COMMANDS if (state, verb) not in STEPS]


def brought_to(state: State) -> Server:
    server = Server("mail.example.org")
    server.greet()
    for verb in WAY[state]:
        server.receive_data(LINES[verb].encode() + b"\r\n")
        server.send(server.next_event().reply)  # type: ignore[attr-defined]
    assert server.state is state
    return server


def test_every_state_has_a_row() -> None:
    assert set(TABLE) == set(State)


@pytest.mark.parametrize("state", COMMAND_STATES)
def test_where_commands_are_read_every_command_has_a_cell(state: State) -> None:
    assert set(TABLE[state]) == set(COMMANDS)


def test_where_no_commands_are_read_none_has_a_cell() -> None:
    assert set(TABLE[State.CONNECTED]) == {Verb.GREETING}
    assert set(TABLE[State.CONTENT]) == {Verb.END_OF_DATA}
    assert set(TABLE[State.CLOSED]) == set()


@pytest.mark.parametrize(("state", "verb"), STEPS)
def test_a_command_that_is_taken_leads_where_the_table_says(state: State, verb: Verb) -> None:
    server = brought_to(state)
    server.receive_data(LINES[verb].encode() + b"\r\n")
    server.send(server.next_event().reply)  # type: ignore[attr-defined]
    assert server.state is TABLE[state][verb].taken  # type: ignore[union-attr]


@pytest.mark.parametrize(("state", "verb"), STEPS)
def test_a_command_that_is_refused_leads_where_the_table_says(state: State, verb: Verb) -> None:
    server = brought_to(state)
    server.receive_data(LINES[verb].encode() + b"\r\n")
    server.next_event()
    server.send(REFUSED)
    assert server.state is TABLE[state][verb].refused  # type: ignore[union-attr]


@pytest.mark.parametrize(("state", "verb"), OUT_OF_ORDER)
def test_a_command_out_of_order_is_bad_and_leads_nowhere(state: State, verb: Verb) -> None:
    server = brought_to(state)
    server.receive_data(LINES[verb].encode() + b"\r\n")
    event = server.next_event()
    assert event == Bad(TABLE[state][verb])  # type: ignore[arg-type]
    server.send(event.reply)  # type: ignore[attr-defined]
    assert server.state is state


@pytest.mark.parametrize(("state", "verb"), OUT_OF_ORDER)
def test_out_of_order_is_503_and_554_where_no_recipient_was_taken(state: State, verb: Verb) -> None:
    no_recipient = (state, verb) == (State.SENDER, Verb.DATA)
    assert TABLE[state][verb].code == (554 if no_recipient else 503)  # type: ignore[union-attr]
    assert TABLE[state][verb].enhanced == "5.5.1"  # type: ignore[union-attr]


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


@pytest.mark.parametrize("state", [State.GREETED, State.READY, State.SENDER, State.RECIPIENTS, State.CONTENT])
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
    server.receive_data(LINES[verb].encode() + b"\r\n")
    server.next_event()
    server.send(Reply(421, "4.3.2", "Shutting down"))
    assert server.state is State.CLOSED
