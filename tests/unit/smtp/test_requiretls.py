"""REQUIRETLS (RFC 8689): a message that goes on within TLS alone, or not at all. Both sides of it."""

from __future__ import annotations

from typing import Any

import pytest

from kit.smtp_driver import Driver, begin, hello, to
from mailsponge.smtp import Mail, Offer
from mailsponge.smtp.client import Client, Result

TLS = Offer(starttls=True)
TLS_FIRST = Offer(tls_first=True)


def secured(sessions: Any) -> Any:
    """A session in which TLS has started."""
    session = sessions.ready(offer=TLS)
    session.ask("STARTTLS")
    session.server.tls_started()
    return session


def offered(session: Any) -> tuple[str, ...]:
    return session.ask("EHLO client.example").lines[1:]


def test_it_is_offered_within_tls_alone(sessions: Any) -> None:
    assert "REQUIRETLS" not in offered(sessions.open(offer=TLS))
    assert "REQUIRETLS" not in offered(sessions.open())
    assert "REQUIRETLS" in offered(secured(sessions))
    assert "REQUIRETLS" in offered(sessions.open(offer=TLS_FIRST))


@pytest.mark.parametrize("parameters", ["REQUIRETLS", "SIZE=10 requiretls"])
def test_it_is_told(sessions: Any, parameters: str) -> None:
    session = sessions.ready(offer=TLS_FIRST)
    assert session.ask(f"MAIL FROM:<a@example.org> {parameters}").code == 250
    (event,) = session.events_of(Mail)
    assert event.require_tls


def test_without_it_nothing_is_required(sessions: Any) -> None:
    session = sessions.ready(offer=TLS_FIRST)
    session.ask("MAIL FROM:<a@example.org>")
    (event,) = session.events_of(Mail)
    assert not event.require_tls


def test_in_the_clear_it_is_not_known(sessions: Any) -> None:
    session = sessions.ready(offer=TLS)
    reply = session.ask("MAIL FROM:<a@example.org> REQUIRETLS")
    assert (reply.code, reply.enhanced) == (555, "5.5.4")


def test_it_has_no_value(sessions: Any) -> None:
    session = sessions.ready(offer=TLS_FIRST)
    reply = session.ask("MAIL FROM:<a@example.org> REQUIRETLS=yes")
    assert (reply.code, reply.enhanced) == (501, "5.5.4")


def asked(*offers: str, secure: bool) -> Driver:
    """A client that wants it of a server with these offers."""
    message = to("b@example.net", require_tls=True)
    driver = Driver(hello, begin(message), client=Client(secure=secure))
    driver.hear_lines("220 mail.example.org")
    driver.taken()
    driver.hear_lines("250-mail.example.org", *[f"250-{offer}" for offer in offers], "250 HELP")
    return driver


def test_it_is_asked_for_where_it_is_offered() -> None:
    assert asked("REQUIRETLS", secure=True).taken() == b"MAIL FROM:<a@example.org> REQUIRETLS\r\n"


@pytest.mark.parametrize(("offers", "secure"), [((), True), (("REQUIRETLS",), False)])
def test_where_it_is_not_or_in_the_clear_nobody_gets_the_message(
    offers: tuple[str, ...], secure: bool
) -> None:
    driver = asked(*offers, secure=secure)
    assert driver.taken() == b""
    [outcome] = driver.outcomes
    assert (outcome.result, outcome.status, outcome.reply) == (Result.PERMANENT, "5.7.30", None)
