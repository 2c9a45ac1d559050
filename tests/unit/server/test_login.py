"""Rules of logging in, over real sockets: who may, how often one may be wrong, and in whose name one may send then."""

from __future__ import annotations

import base64
import contextlib
import logging
import smtplib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kit.programs import wait_until
from mailsponge.auth import hashing
from mailsponge.auth.directory import Directory
from mailsponge.auth.verifiers import Verifiers
from mailsponge.server.certificate import Certificate
from mailsponge.server.role import SMTP, SUBMISSION, SUBMISSIONS
from mailsponge.smtp.client_auth import ScramSha256

SALT = bytes(16)
PASSWORD = "correct horse"


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


@pytest.fixture(scope="module")
def verifiers() -> Verifiers:
    return Verifiers(hashing.argon2id(PASSWORD, SALT), hashing.scram(PASSWORD, SALT, 4096))


@pytest.fixture
def with_password(rules: Any, verifiers: Verifiers) -> Any:
    """Rules by which ``me`` can log in, and nobody else."""
    return rules._replace(directory=Directory(rules.accounts, {"me": verifiers}, b"secret"))


@pytest.fixture
def office(open_post: Any, with_password: Any, certificate: Certificate) -> Iterator[Any]:
    """Submission with TLS from the first byte."""
    with open_post(with_password, role=SUBMISSIONS, certificate=certificate) as running:
        yield running


@pytest.fixture
def greeted() -> Iterator[Callable[..., Any]]:
    """Comes to a post office and says hello; leaves when the test is over."""
    with contextlib.ExitStack() as stack:
        yield lambda office: stack.enter_context(office.greeted())


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[str]]:
    """The lines of the log that begin with a word."""
    caplog.set_level(logging.INFO, "mailsponge.server")
    return lambda word: [line for line in caplog.messages if line.startswith(f"{word} ")]


def test_who_has_logged_in_may_send_and_the_trace_says_so(greeted, office, lines):
    client = greeted(office)
    assert client.say(f"AUTH PLAIN {plain('me', PASSWORD)}") == "235 2.7.0 Logged in\r\n"
    for line in ("MAIL FROM:<me@example.org>", "RCPT TO:<you@example.org>"):
        assert client.say(line).startswith("250 ")
    assert client.say("DATA").startswith("354 ")
    assert client.say("Subject: hello\r\n\r\nhello\r\n.").startswith("250 ")

    assert b"with ESMTPSA (TLSv1.3 " in office.content("you")
    assert lines("logged-in")[0].endswith(" login=me")
    assert " login=me " in lines("taken")[0]
    [mail] = office.store.mails("you")
    assert "by ESMTPSA, logged in as me, " in office.store.trace(mail.id)[0].why


def test_smtplib_logs_in_by_every_mechanism_that_it_knows(office):
    for mechanism in ("auth_plain", "auth_login"):
        with smtplib.SMTP() as peer:
            peer.sock = office.connect()
            peer.getreply()
            peer.ehlo()
            peer.user, peer.password = "me@example.org", PASSWORD
            name = mechanism.removeprefix("auth_").upper()
            assert peer.auth(name, getattr(peer, mechanism))[0] == 235


def test_scram_proves_the_password_and_the_server_without_sending_it(greeted, office):
    scram = ScramSha256("me", PASSWORD, "nonce-of-the-client")
    client = greeted(office)
    said = client.say(f"AUTH SCRAM-SHA-256 {base64.b64encode(scram.begin() or b'').decode()}")
    while said.startswith("334 "):
        said = client.say(base64.b64encode(scram.answer(base64.b64decode(said[4:]))).decode())

    assert said.startswith("235 ")
    assert scram.believes


def test_ehlo_offers_the_mechanisms_where_one_can_log_in_and_only_within_tls(
    open_post, with_password, certificate
):
    with open_post(with_password, role=SUBMISSION, certificate=certificate) as office:
        with office.client() as client:
            client.reply()
            assert "AUTH" not in client.say("EHLO client.example")
            assert client.say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("538 ")
        with office.secured() as client:
            assert "AUTH SCRAM-SHA-256 PLAIN LOGIN" in client.say("EHLO client.example")


def test_where_strangers_bring_mail_nobody_logs_in(open_post, with_password, certificate):
    with (
        open_post(with_password, role=SMTP, certificate=certificate) as office,
        office.secured() as client,
    ):
        assert "AUTH" not in client.say("EHLO client.example")
        assert client.say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("502 ")


def test_without_a_login_nothing_is_taken(greeted, office):
    assert greeted(office).say("MAIL FROM:<me@example.org>").startswith("530 5.7.0 ")


@pytest.mark.parametrize("user", ["me", "nobody", "you"])
def test_a_wrong_password_an_unknown_name_and_a_user_without_one_are_told_the_same(
    greeted, office, lines, user
):
    reply = greeted(office).say(f"AUTH PLAIN {plain(user, 'wrong')}")

    assert reply == "535 5.7.8 That name and that password do not belong together; nobody is logged in\r\n"
    assert len(lines("not-logged-in")) == 1
    assert [counts.logins_failed for counts in office.listener.counts.values()] == [1]
    assert "wrong'" not in lines("not-logged-in")[0]


def test_the_log_never_says_what_was_typed(greeted, office, lines):
    greeted(office).say(f"AUTH PLAIN {plain('hunter2-typed-as-a-name', 'hunter3')}")

    assert "hunter" not in "".join(lines("not-logged-in"))


def test_a_login_that_is_cancelled_is_none_and_another_may_follow(greeted, office):
    client = greeted(office)

    assert client.say("AUTH LOGIN").startswith("334 ")
    assert client.say("*").startswith("501 5.7.0 ")
    assert client.say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("235 ")


def test_a_sender_of_somebody_else_is_refused(greeted, office, lines):
    client = greeted(office)
    client.say(f"AUTH PLAIN {plain('me', PASSWORD)}")

    assert client.say("MAIL FROM:<you@example.org>").startswith("553-5.7.1 ")
    assert client.say("MAIL FROM:<me@elsewhere.example>").startswith("553-5.7.1 ")
    assert client.say("MAIL FROM:<me+news@example.org>").startswith("250 ")
    assert "login=me" in lines("sender-refused")[0]


@pytest.fixture
def strict(open_post: Any, with_password: Any, certificate: Certificate) -> Iterator[Any]:
    """Two wrong passwords an hour are more than an address has."""
    rules = with_password._replace(login_failures=1)
    with open_post(rules, role=SUBMISSIONS, certificate=certificate) as running:
        yield running


def test_who_guesses_too_often_has_to_come_later_from_whatever_connection(greeted, strict, lines):
    for _ in range(2):
        assert greeted(strict).say(f"AUTH PLAIN {plain('me', 'wrong')}").startswith("535 ")

    reply = greeted(strict).say(f"AUTH PLAIN {plain('me', PASSWORD)}")
    assert reply.startswith("454 4.7.0 Too many wrong passwords")
    assert "too many wrong passwords" in lines("not-logged-in")[-1]


def test_who_hangs_up_before_the_answer_has_guessed_all_the_same(greeted, strict, lines):
    greeted(strict).say(f"AUTH PLAIN {plain('me', 'wrong')}")
    client = greeted(strict)
    client.send(f"AUTH PLAIN {plain('me', 'wrong')}\r\n".encode())
    client.close()
    wait_until(lambda: len(lines("not-logged-in")) == 2)

    assert greeted(strict).say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("454 ")


def test_who_cancels_has_not_guessed(greeted, strict):
    greeted(strict).say(f"AUTH PLAIN {plain('me', 'wrong')}")
    client = greeted(strict)
    client.say("AUTH LOGIN")
    client.say("*")

    assert greeted(strict).say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("235 ")


def test_a_third_wrong_password_in_a_session_is_the_last(greeted, office):
    client = greeted(office)
    for _ in range(3):
        assert client.say(f"AUTH PLAIN {plain('me', 'wrong')}").startswith("535 ")

    assert client.say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("421 4.7.0 ")


def test_after_some_guesses_one_has_to_wait(greeted, open_post, with_password, certificate):
    rules = with_password._replace(login_failures=4)
    with open_post(rules, role=SUBMISSIONS, certificate=certificate) as office:
        client = greeted(office)
        for _ in range(2):
            client.say(f"AUTH PLAIN {plain('me', 'wrong')}")
        before = office.loop.time()
        assert client.say(f"AUTH PLAIN {plain('me', PASSWORD)}").startswith("235 ")
        assert office.loop.time() - before >= 1


def test_who_leaves_while_waiting_is_let_go(greeted, open_post, with_password, certificate):
    rules = with_password._replace(login_failures=4)
    with open_post(rules, role=SUBMISSIONS, certificate=certificate) as office:
        client = greeted(office)
        for _ in range(2):
            client.say(f"AUTH PLAIN {plain('me', 'wrong')}")
        client.send(f"AUTH PLAIN {plain('me', PASSWORD)}\r\n".encode())
        client.close()
        wait_until(lambda: not office.listener._guests)


def test_a_server_that_stops_does_not_wait_for_a_password(greeted, office):
    client = greeted(office)
    assert client.say("AUTH LOGIN").startswith("334 ")
    office.stop()

    assert client.reply().startswith("421 4.3.2 ")
