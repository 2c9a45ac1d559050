"""STARTTLS and a login over a real socket: what the engine says is in the clear, then encrypted, as it should be."""

from __future__ import annotations

import socket
import ssl

from kit.smtp_driver import to
from kit.smtp_server import CERTIFICATE, SmtpServer
from mailsponge.smtp.client import (
    NEED_DATA,
    Authenticated,
    Client,
    Ended,
    Ending,
    Event,
    Greeted,
    Handshake,
    Offered,
    Plain,
    Refused,
    Send,
    Settled,
    WantContent,
)

MESSAGE = b"Subject: hello\r\n\r\n.Hello.\r\n"
PLAIN = Plain("me", "correct horse")


def delivered(server: SmtpServer) -> list[Event]:
    """Log in over TLS, send, and leave; returns what happened."""
    client = Client()
    events: list[Event] = []
    connection = socket.create_connection(("127.0.0.1", server.port))
    while not any(isinstance(event, Ended) for event in events):
        event = client.next_event()
        if event is NEED_DATA:
            client.receive_data(connection.recv(65_536))
        elif isinstance(event, Send):
            connection.sendall(event.data)
        else:
            events.append(event)
        if isinstance(event, Handshake):
            connection = encrypted(connection)
            client.tls_started()
        connection.sendall(next_words(client, event))
    connection.close()
    return events


def next_words(client: Client, event: Event) -> bytes:
    """What a program says that insists on TLS and on logging in."""
    if isinstance(event, (Greeted, Handshake)):
        return client.hello("client.example")
    if isinstance(event, Offered):
        return client.authenticate(PLAIN) if client.secure else client.starttls()
    if isinstance(event, Authenticated):
        return client.begin(to("b@example.net"))
    if isinstance(event, WantContent):
        return client.end_content(MESSAGE)
    return client.quit() if isinstance(event, (Settled, Refused)) else b""


def encrypted(connection: socket.socket) -> ssl.SSLSocket:
    """The client's side of TLS; the certificate has no name that could be checked."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    context.check_hostname = False
    return context.wrap_socket(connection)


def test_a_message_goes_out_over_tls_after_a_login() -> None:
    offers = ("PIPELINING", "STARTTLS")
    with SmtpServer(
        extensions=offers, after_tls=("PIPELINING", "AUTH PLAIN"), password="correct horse"
    ) as server:
        events = delivered(server)
    [mail] = server.mails
    assert mail.content == MESSAGE
    assert mail.encrypted
    assert mail.login == ("me", "correct horse")
    [settled] = [event for event in events if isinstance(event, Settled)]
    assert [outcome.result for outcome in settled.outcomes] == ["accepted"]


def test_nothing_goes_out_when_the_login_is_refused() -> None:
    with SmtpServer(extensions=("STARTTLS",), after_tls=("AUTH PLAIN",), password="another") as server:
        events = delivered(server)
    assert server.mails == []
    assert any(isinstance(event, Refused) and event.reply.code == 535 for event in events)


def test_what_a_server_or_somebody_between_says_in_the_clear_behind_starttls_ends_it() -> None:
    """CVE-2021-38371: what is injected there must not be taken for words from inside the TLS session."""
    injected = "220 Go\r\n250-test.example\r\n250 AUTH PLAIN"
    with SmtpServer({"STARTTLS": injected}, extensions=("STARTTLS",)) as server:
        events = delivered(server)
    assert isinstance(events[-1], Ended)
    assert events[-1].ending is Ending.INJECTED
    assert not any("AUTH" in command for command in server.commands)
