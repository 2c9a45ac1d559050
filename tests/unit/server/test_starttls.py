"""Rules of STARTTLS: nothing that was said before it counts, and nothing can be slipped in around it."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading

import pytest

from kit.smtp_server import CERTIFICATE as SELF_SIGNED
from mailsponge.server.role import LOCAL, SMTP, SUBMISSION


@pytest.fixture
def post(open_post, certificate):
    with open_post(certificate=certificate) as running:
        yield running


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=SELF_SIGNED)


def test_smtplib_changes_to_tls_and_sends(post):
    with smtplib.SMTP(post.host, post.port, local_hostname="c.example") as smtp:
        smtp.starttls(context=trusting())
        smtp.sendmail("a@b.example", ["me@example.org"], "Subject: hello\n\nworld\n")

    assert b"with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id 1" in post.content()


def test_it_is_offered_where_there_is_a_certificate_and_not_again_within_tls(post):
    with post.client() as client:
        client.reply()
        assert "250-STARTTLS\r\n" in client.say("EHLO c.example")
    with post.secured() as client:
        assert "STARTTLS" not in client.say("EHLO c.example")
        assert client.say("STARTTLS").startswith("503")


def test_it_is_not_offered_without_a_certificate(open_post):
    with open_post() as post, post.client() as client:
        client.reply()
        assert "STARTTLS" not in client.say("EHLO c.example")
        assert client.say("STARTTLS").startswith("502")


def test_it_is_not_offered_through_the_unix_socket(open_post, certificate, tmp_path):
    with (
        open_post(role=LOCAL, place=tmp_path / "submit", certificate=certificate) as post,
        post.client() as client,
    ):
        client.reply()
        assert "STARTTLS" not in client.say("EHLO c.example")


def test_hello_has_to_be_said_again(post):
    with post.greeted() as client:
        assert client.say("STARTTLS").startswith("220 ")
        client.change_to(_within_tls(client.socket))

        assert client.say("MAIL FROM:<a@b.example>").startswith("503")


def _within_tls(plain: socket.socket) -> ssl.SSLSocket:
    return trusting().wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    "slipped_in",
    [b"RSET\r\n", b"EHLO evil.example\r\n", b"M", b"\x16\x03\x01\x00\x05hello", b"\r\n", b"\x00"],
    ids=["a command", "hello", "a byte", "a hello of TLS", "a line end", "a zero"],
)
def test_what_comes_behind_it_in_the_clear_ends_the_session(post, slipped_in):
    with post.greeted() as client:
        client.send(b"STARTTLS\r\n" + slipped_in)

        assert client.reply().startswith("503 5.5.0")
        assert client.closed()


@pytest.mark.parametrize("slipped_in", [b"RSET\r\n", b"MAIL FROM:<a@b.example>\r\n" * 100])
def test_what_comes_in_the_clear_after_the_220_is_never_carried_out(post, slipped_in):
    with post.greeted() as client:
        assert client.say("STARTTLS").startswith("220 ")
        with contextlib.suppress(ConnectionError):
            client.send(slipped_in)

        assert _until_closed(client.socket)[:1] in (b"", b"\x15")  # nothing, or an alert of TLS


def _until_closed(plain: socket.socket) -> bytes:
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := plain.recv(1000):
            got += piece
    return got


def test_a_message_comes_through_byte_for_byte(post):
    text = b"Subject: much\r\n\r\n" + b"x" * 998 + b"\r\n" + b"line\r\n" * 300_000
    with post.secured() as client:
        client.envelope()
        client.send(text)
        assert client.say(".").startswith("250")

    assert post.content().endswith(text)


def test_a_client_that_never_begins_tls_is_cut_off(open_post, rules, certificate):
    hurried = rules._replace(command_deadline=0.3)
    with open_post(hurried, certificate=certificate) as post, post.greeted() as client:
        assert client.say("STARTTLS").startswith("220 ")

        assert _until_closed(client.socket) == b""


def test_a_server_that_stops_does_not_wait_for_a_handshake(post):
    with post.greeted() as client:
        assert client.say("STARTTLS").startswith("220 ")
        stopping = threading.Thread(target=post.stop)
        stopping.start()

        assert _until_closed(client.socket) == b""
        stopping.join()


def test_within_tls_a_server_that_stops_says_so(post):
    with post.secured() as client:
        stopping = threading.Thread(target=post.stop)
        stopping.start()

        assert client.reply().startswith("421 4.3.2")
        assert client.closed()
        stopping.join()


def test_a_certificate_that_was_taken_away_is_told(post):
    with post.greeted() as client:
        post.listener.certificate = None

        assert client.say("STARTTLS").startswith("454 4.7.0")
        assert client.post().startswith("250")


def test_where_people_log_in_mail_waits_for_that(open_post, certificate):
    with open_post(role=SUBMISSION, certificate=certificate) as post:
        with post.greeted() as client:
            assert client.say("MAIL FROM:<me@example.org>").startswith("530")
        with post.secured() as client:
            assert client.say("MAIL FROM:<me@example.org>").startswith("530")


def test_what_is_offered_depends_on_the_way_in_alone():
    assert SMTP.offer(certificate=True).starttls
    assert not SMTP.offer(certificate=False).starttls
    assert not SMTP.offer(certificate=True).auth_required
    assert SUBMISSION.offer(certificate=True).auth_required
