"""The client's table of transitions is complete, and the engine goes where it says."""

from __future__ import annotations

import pytest

from kit.smtp_driver import Driver, begin, hello, to
from mailsponge.errors import ProtocolError
from mailsponge.smtp.client import Client, Plain
from mailsponge.smtp.client_states import INSTEAD, TABLE, Said, State, fits

HELLO = "250-mail.example.org\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN"
PLAIN = Plain("me", "secret")
SAYS = {
    Said.EHLO: hello,
    Said.LHLO: lambda client: client.lhlo("client.example"),
    Said.STARTTLS: lambda client: client.starttls(),
    Said.AUTH: lambda client: client.authenticate(PLAIN),
    Said.MAIL: begin(to("b@example.net")),
    Said.RSET: lambda client: client.reset(),
    Said.NOOP: lambda client: client.noop(),
    Said.QUIT: lambda client: client.quit(),
}
"""What a driver can say by itself."""
WAY = {
    State.CONNECTED: (),
    State.UNWELCOME: ("554 No",),
    State.GREETED: ("220 Hi",),
    State.READY: ("220 Hi", HELLO),
    State.HANDSHAKE: ("220 Hi", HELLO, "220 Go"),
    # A transaction of which nobody was taken is left open at the server.
    State.SENDER: ("220 Hi", HELLO, "250 OK\r\n550 No\r\n554 No"),
    State.RECIPIENTS: ("220 Hi", HELLO, "250 OK\r\n250 OK\r\n451 No"),
    State.CONTENT: ("220 Hi", HELLO, "250 OK\r\n250 OK\r\n354 Go"),
    State.CLOSED: ("421 No",),
}
TAKES = {Said.EHLO: HELLO, Said.LHLO: HELLO, Said.STARTTLS: "220 Go", Said.QUIT: "221 Bye"}
IDLE = tuple(
    state for state in WAY if state not in (State.CONNECTED, State.CONTENT, State.CLOSED, State.HANDSHAKE)
)
MAY = [(state, said) for state in IDLE for said in SAYS if said in TABLE[state] and said is not Said.MAIL]
MAY_NOT = [
    (state, said)
    for state in WAY
    for said in SAYS
    if said not in TABLE[state]
    and (state, said) not in ((State.SENDER, Said.MAIL), (State.RECIPIENTS, Said.MAIL))
]


def brought_to(state: State) -> Client:
    """A client whose session stands there."""
    client = Client(secure=state is not State.HANDSHAKE)
    second = SAYS[Said.STARTTLS] if state is State.HANDSHAKE else SAYS[Said.MAIL]
    for answer, say in zip(WAY[state], (lambda client: None, hello, second), strict=False):
        say(client)
        client.receive_data(f"{answer}\r\n".encode())
        listen(client)
    assert client.state is state
    return client


def listen(client: Client) -> None:
    while type(client.next_event()).__name__ not in ("NeedData", "Ended"):
        pass


def test_every_state_has_a_row_and_says_what_to_do_instead() -> None:
    assert set(TABLE) == set(INSTEAD) == set(State)


def test_every_step_leads_from_and_to_states_that_can_be_reached() -> None:
    reached = {step.taken for row in TABLE.values() for step in row.values()}
    reached |= {step.refused for row in TABLE.values() for step in row.values()}
    assert reached | {State.CONNECTED} == set(State)


@pytest.mark.parametrize(("state", "said"), MAY)
def test_what_is_taken_leads_where_the_table_says(state: State, said: Said) -> None:
    client = brought_to(state)
    if said is Said.STARTTLS:
        client = not_yet_secure()
    SAYS[said](client)
    client.receive_data((TAKES.get(said, "250 OK") + "\r\n").encode())
    listen(client)
    assert client.state is TABLE[state][said].taken


@pytest.mark.parametrize(("state", "said"), MAY)
def test_what_is_refused_leads_where_the_table_says(state: State, said: Said) -> None:
    client = brought_to(state)
    if said is Said.STARTTLS:
        client = not_yet_secure()
    SAYS[said](client)
    client.receive_data(b"550 No\r\n")
    listen(client)
    assert client.state is TABLE[state][said].refused


def not_yet_secure() -> Client:
    driver = Driver(hello)
    driver.hear_lines("220 Hi")
    driver.hear_lines(HELLO)
    return driver.client


@pytest.mark.parametrize(("state", "said"), MAY_NOT)
def test_what_may_not_be_said_is_a_mistake_of_the_program(state: State, said: Said) -> None:
    client = brought_to(state)
    with pytest.raises(ProtocolError, match=r"; |next_event"):
        SAYS[said](client)
    assert client.state is state


@pytest.mark.parametrize("state", [state for state in WAY if state is not State.CLOSED])
def test_421_ends_the_session_from_anywhere_asked_or_not(state: State) -> None:
    client = brought_to(state)
    client.receive_data(b"421 4.3.2 Shutting down\r\n")
    listen(client)
    assert client.state is State.CLOSED


@pytest.mark.parametrize(
    ("replies", "state"),
    [
        ("250 OK\r\n250 OK\r\n354 Go", State.CONTENT),
        ("250 OK\r\n550 No\r\n354 Go", State.VOID),
        ("550 No\r\n550 No\r\n354 Go", State.VOID),
        ("550 No\r\n250 OK\r\n354 Go", State.VOID),
        ("550 No\r\n503 No\r\n503 No", State.READY),
        ("250 OK\r\n550 No\r\n554 No", State.SENDER),
        ("250 OK\r\n250 OK\r\n451 No", State.RECIPIENTS),
    ],
)
def test_a_pipelined_group_leads_where_its_replies_say(replies: str, state: State) -> None:
    client = brought_to(State.READY)
    SAYS[Said.MAIL](client)
    client.receive_data(f"{replies}\r\n".encode())
    listen(client)
    assert client.state is state


@pytest.mark.parametrize("said", Said)
def test_a_refusal_fits_everything_and_354_the_command_data_alone(said: Said) -> None:
    assert fits(said, 451)
    assert fits(said, 550)
    assert fits(said, 354) == (said is Said.DATA)
    assert fits(said, 334) == (said is Said.AUTH)
    assert fits(said, 250) == (said is not Said.DATA)
