"""STARTTLS: nothing that came in the clear is read under TLS, or remembered there (RFC 3207)."""

from __future__ import annotations

from typing import Any

import pytest

from mailsponge.errors import ProtocolError
from mailsponge.mail.reply import Reply
from mailsponge.smtp import NEED_DATA, Closed, Hello, Mail, Offer, StartTls, State

TLS = Offer(starttls=True, auth=("PLAIN",))


def secured(sessions: Any, offer: Offer = TLS) -> Any:
    """A session in which TLS has started."""
    session = sessions.ready(offer=offer)
    assert session.ask("STARTTLS").encoded.startswith(b"220 2.0.0 ")
    session.server.tls_started()
    return session


def offered(session: Any) -> tuple[str, ...]:
    return session.ask("EHLO client.example").lines[1:]


def test_it_is_offered_until_tls_is_there(sessions: Any) -> None:
    assert "STARTTLS" in offered(sessions.open(offer=TLS))
    assert "STARTTLS" not in offered(secured(sessions))
    assert "STARTTLS" not in offered(sessions.open())


def test_while_tls_is_due_there_is_nothing_to_read(sessions: Any) -> None:
    session = sessions.ready(offer=TLS)
    session.ask("STARTTLS")
    assert session.events_of(StartTls) == [StartTls()]
    assert session.server.state is State.SECURING
    assert session.server.next_event() is NEED_DATA


def test_tls_forgets_hello_and_does_not_greet_again(sessions: Any) -> None:
    session = secured(sessions)
    assert session.server.state is State.GREETED
    assert session.ask("MAIL FROM:<a@example.org>").code == 503
    assert session.ask("EHLO client.example").code == 250
    assert session.ask("MAIL FROM:<a@example.org> SIZE=1").code == 250


def test_a_second_time_it_is_refused(sessions: Any) -> None:
    session = secured(sessions)
    session.ask("EHLO client.example")
    assert session.ask("STARTTLS").code == 503


def test_refused_it_changes_nothing(sessions: Any) -> None:
    session = sessions.ready(offer=TLS, decide=lambda event: Reply(454, "4.7.0", "No certificate just now"))
    session.ask("STARTTLS")
    assert session.server.state is State.READY


@pytest.mark.parametrize(
    ("before", "line", "code"),
    [
        ("", "STARTTLS", 503),
        ("EHLO x\r\n", "STARTTLS now", 501),
        ("EHLO x\r\n", "STARTTLSX", 500),
        ("EHLO x\r\n", "START", 500),
        ("EHLO x\r\nMAIL FROM:<>\r\n", "STARTTLS", 503),
    ],
)
def test_where_it_has_no_place_it_is_refused(sessions: Any, before: str, line: str, code: int) -> None:
    session = sessions.open(offer=TLS)
    for first in before.splitlines():
        session.ask(first)
    assert session.ask(line).code == code


def test_commands_injected_behind_it_are_never_read(sessions: Any) -> None:
    session = sessions.ready(offer=TLS)
    session.say(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.org>\r\n")
    assert session.events == [StartTls(), Closed()]
    with pytest.raises(ProtocolError, match="TLS can start only"):
        session.server.tls_started()
    assert session.server.next_event() == Closed()


def test_bytes_behind_it_are_pending_for_the_driver_to_see(sessions: Any) -> None:
    session = sessions.ready(offer=TLS)
    session.server.receive_data(b"STARTTLS\r\nE")
    assert session.server.next_event() == StartTls()
    assert session.server.pending


@pytest.mark.parametrize("injected", [b"\r", b"EHLO evil\r\n", b"\x16\x03\x01"])
def test_bytes_between_the_answer_and_tls_close_the_session(sessions: Any, injected: bytes) -> None:
    session = sessions.ready(offer=TLS)
    session.ask("STARTTLS")
    session.server.receive_data(injected)
    assert session.server.held == 0
    with pytest.raises(ProtocolError, match="nothing sent before"):
        session.server.tls_started()
    session.server.receive_data(b"EHLO evil\r\n")
    assert session.server.next_event() == Closed()
    assert len(session.events_of(Hello)) == len(session.events_of(Mail)) == 0


def test_wherever_the_bytes_are_split_nothing_injected_is_read(sessions: Any) -> None:
    stream = b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.org>\r\n"
    for cut in range(1, len(stream)):
        session = sessions.ready(offer=TLS)
        session.say(stream[:cut])
        session.say(stream[cut:])
        assert session.events == [StartTls(), Closed()]


@pytest.mark.parametrize("said", ["NOOP", "EHLO x", "FROB"])
def test_tls_starts_only_after_220(sessions: Any, said: str) -> None:
    session = sessions.open(offer=TLS)
    session.ask(said)
    with pytest.raises(ProtocolError, match="220"):
        session.server.tls_started()


def test_a_client_that_leaves_instead_has_left(sessions: Any) -> None:
    session = sessions.ready(offer=TLS)
    session.ask("STARTTLS")
    session.say(b"")
    assert session.events[-1] == Closed()


@pytest.mark.parametrize("code", [250, 354, 334])
def test_only_220_takes_it(sessions: Any, code: int) -> None:
    session = sessions.ready(offer=TLS, decide=lambda event: Reply(code, None, "Yes"))
    with pytest.raises(ProtocolError, match="220"):
        session.say(b"STARTTLS\r\n")
