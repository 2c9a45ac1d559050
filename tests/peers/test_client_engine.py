"""The client's engine over a plain socket: to smtp-sink, which speaks SMTP and LMTP and fails as asked, and to our own
post office.
"""

from __future__ import annotations

import email
import email.policy
import socket

import pytest

from kit import smtp_sink
from kit.smtp_driver import Driver, begin, hello, lhlo, quit_, to
from mailsponge.smtp.client import Ended, Ending, ForwardPath, Notify, Offered, Outgoing, Return

MESSAGE = b"Subject: dots\r\n\r\n.\r\n..\r\n.word\r\n\r\nlast.\r\n"
BIG = b"Subject: big\r\n\r\n" + b"".join(b".%07d %s\r\n" % (n, b"x" * 60) for n in range(30_000))
TWO = to("b@example.org", "c@example.org")


@pytest.fixture
def sink(peer, tmp_path):
    """smtp-sink with these options, its folder of mails beside it."""
    program = peer("smtp-sink")
    return lambda *options: smtp_sink.listening(program, tmp_path / "mails", *options)


def talk(port: int, driver: Driver) -> Driver:
    """Carry bytes between the two until the session is over."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not driver.ended:
            driver.hear(connection.recv(65_536))
            connection.sendall(driver.taken())
    return driver


def bodies(folder) -> list[str]:
    """The messages that smtp-sink was given, without what it puts before them; it ends lines with LF, and adds an
    empty one.
    """
    mails = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in folder.iterdir()
    ]
    return [mail.get_payload().removesuffix("\n") for mail in mails]


@pytest.mark.parametrize("options", [(), ("-p",), ("-e",)], ids=["pipelined", "step by step", "HELO"])
@pytest.mark.parametrize("message", [MESSAGE, BIG], ids=["dots", "2MB"])
def test_what_is_sent_arrives(sink, tmp_path, options, message) -> None:
    pieces = [message[at : at + 50_000] for at in range(0, len(message), 50_000)]
    with sink(*options) as port:
        driver = talk(port, Driver(hello, begin(TWO), begin(TWO), quit_, content=pieces))

    assert driver.results == ["accepted"] * 4
    body = message.decode().replace("\r\n", "\n").partition("\n\n")[2]
    assert bodies(tmp_path / "mails") == [body, body]


def test_in_lmtp_each_recipient_is_answered(sink, tmp_path) -> None:
    with sink("-L") as port:
        driver = talk(port, Driver(lhlo, begin(TWO), begin(TWO), quit_, content=[MESSAGE]))

    assert driver.results == ["accepted"] * 4
    assert len(bodies(tmp_path / "mails")) == 2


def test_wishes_for_reports_are_understood(sink, tmp_path) -> None:
    wish = ForwardPath(
        TWO.recipients[0].address, frozenset((Notify.SUCCESS, Notify.DELAY)), "rfc822;b+c@example.org"
    )
    message = Outgoing(None, (wish,), size=len(MESSAGE), eight_bit=True, ret=Return.HEADERS, envid="a+b c")
    with sink() as port:
        driver = talk(port, Driver(hello, begin(message), quit_, content=[MESSAGE]))

    assert "DSN" in next(event for event in driver.events if isinstance(event, Offered)).offers
    assert driver.results == ["accepted"]
    [path] = (tmp_path / "mails").iterdir()
    kept = path.read_text()
    assert "RET=HDRS ENVID=a+2Bb+20c" in kept
    assert "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@example.org" in kept


@pytest.mark.parametrize("pipelining", [(), ("-p",)], ids=["pipelined", "step by step"])
@pytest.mark.parametrize("command", ["mail", "rcpt", "data", "."])
@pytest.mark.parametrize(("option", "result"), [("-r", "temporary"), ("-f", "permanent")])
def test_what_is_refused_is_refused_and_the_session_goes_on(
    sink, tmp_path, pipelining, command, option, result
) -> None:
    with sink(*pipelining, option, command) as port:
        driver = talk(port, Driver(hello, begin(TWO), begin(TWO), quit_, content=[MESSAGE]))

    assert driver.results == [result] * 4
    assert isinstance(driver.events[-1], Ended)
    assert driver.events[-1].ending is Ending.QUIT


@pytest.mark.parametrize("command", ["connect", "ehlo", "mail", "rcpt", "data", "."])
def test_a_server_that_hangs_up_leaves_everybody_for_later(sink, command) -> None:
    with sink("-q", command) as port:
        driver = talk(port, Driver(hello, begin(TWO), quit_, content=[MESSAGE]))

    assert driver.results == ([] if command in ("connect", "ehlo") else ["temporary"] * 2)
    assert isinstance(driver.events[-1], Ended)
    assert driver.events[-1].ending in (Ending.GONE, Ending.CLOSING)


def test_what_is_sent_to_our_own_post_office_lands_byte_for_byte(office) -> None:
    message = Outgoing(
        to("x@example.net").recipients[0].address,
        to("me@example.org", "nobody@example.org").recipients,
        size=len(BIG),
    )
    driver = talk(office.port, Driver(hello, begin(message), quit_, content=[BIG[:100_001], BIG[100_001:]]))

    assert driver.results == ["accepted", "permanent"]
    assert driver.outcomes[1].status == "5.1.1"
    assert office.sole_message() == BIG
