"""Rules of TLS from the first byte: all that holds in the clear holds within it, and whoever breaks it is dropped."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from kit.smtp_server import CERTIFICATE as SELF_SIGNED
from mailsponge.server.role import Role

TLS_FIRST = Role("smtps", tls_first=True)
"""As submission with TLS from the first byte, but for strangers: what is looked at here is TLS alone."""


@pytest.fixture
def secure(open_post, certificate):
    with open_post(role=TLS_FIRST, certificate=certificate) as running:
        yield running


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=SELF_SIGNED)


@contextlib.contextmanager
def beneath(client) -> Iterator[socket.socket]:
    """The TCP connection under a client's TLS."""
    raw = socket.socket(fileno=client.socket.fileno())
    try:
        yield raw
    finally:
        raw.detach()


def test_smtplib_sends_a_mail_within_tls(secure):
    with smtplib.SMTP_SSL(secure.host, secure.port, local_hostname="c.example", context=trusting()) as smtp:
        smtp.sendmail("a@b.example", ["me@example.org"], "Subject: hello\n\nworld\n")

    assert b"\tby mail.example.org with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id 1\r\n" in secure.content()


def test_over_ipv6_it_is_the_same(open_post, certificate):
    with open_post(role=TLS_FIRST, certificate=certificate, host="::1") as post, post.greeted() as client:
        assert client.post().startswith("250")
        assert b"from client.example ([IPv6:::1])" in post.content()


def test_tls_1_2_is_still_spoken(secure):
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with smtplib.SMTP_SSL(secure.host, secure.port, context=context) as smtp:
        assert smtp.noop()[0] == 250
        assert smtp.sock.version() == "TLSv1.2"


def test_older_versions_are_not(secure):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSVersion"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((secure.host, secure.port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain)


def test_a_message_of_ten_megabytes_comes_through_byte_for_byte(secure):
    lines = b"Subject: much\r\n\r\n" + b"".join(
        b"%07d %s\r\n" % (number, b"x" * 60) for number in range(150_000)
    )
    with secure.greeted() as client:
        client.envelope()
        client.send(lines)
        assert client.say(".").startswith("250")

    assert secure.content().endswith(lines)
    assert len(lines) > 10_000_000


def test_commands_may_be_pipelined(secure):
    with secure.greeted() as client:
        client.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<me@example.org>\r\nDATA\r\n")
        assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "354"]


def test_one_byte_in_a_record_is_as_good_as_many(secure):
    with secure.greeted() as client:
        for byte in b"NOOP\r\n":
            client.send(bytes([byte]))
        assert client.reply().startswith("250")


def test_quit_ends_it_with_tls_own_goodbye(secure):
    with secure.greeted() as client:
        assert client.say("QUIT").startswith("221")
        assert client.closed()  # an end without it would be an SSLEOFError


def test_a_client_that_goes_is_told_goodbye_within_tls(secure):
    with secure.greeted() as client:
        assert client.socket.unwrap() is not None


def test_a_client_that_has_said_all_still_gets_its_answer(secure):
    with secure.greeted() as client:
        client.envelope()
        client.send(b"Subject: last\r\n\r\nx\r\n.\r\n")
        with beneath(client) as raw:
            raw.shutdown(socket.SHUT_WR)  # without a word of TLS

        assert client.reply().startswith("250 2.0.0 Taken as 1")


def test_an_incomplete_message_is_dropped_when_the_client_is_cut_off(secure):
    with secure.greeted() as client:
        client.envelope()
        client.send(b"half a message\r\n")

    with secure.greeted() as another:
        assert another.say("NOOP").startswith("250")
    assert secure.store.mails() == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"EHLO client.example\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 1000,
        b"\xff" * 100_000,
        b"\x16\x03\x01\xff\xff" + b"\x01" * 100_000,
        b"\x15\x03\x01\x00\x02\x02\x28",
    ],
    ids=["smtp", "http", "zeros", "ones", "an endless hello", "an alert"],
)
def test_what_is_no_hello_of_tls_is_dropped(secure, garbage):
    with socket.create_connection((secure.host, secure.port), timeout=20) as plain:
        with contextlib.suppress(ConnectionError):
            plain.sendall(garbage)
        assert _until_closed(plain)[:1] in (b"", b"\x15")  # nothing, or an alert

    with secure.greeted() as client:
        assert client.say("NOOP").startswith("250")


def _until_closed(plain: socket.socket) -> bytes:
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := plain.recv(1000):
            got += piece
    return got


def test_a_handshake_that_never_ends_is_cut_off(open_post, rules, certificate):
    hurried = rules._replace(command_deadline=0.3)
    with (
        open_post(hurried, role=TLS_FIRST, certificate=certificate) as post,
        socket.create_connection((post.host, post.port), timeout=20) as plain,
    ):
        plain.sendall(b"\x16\x03\x01\x02")
        assert _until_closed(plain) == b""


def test_garbage_after_the_handshake_ends_the_session(secure):
    with secure.greeted() as client:
        client.envelope()
        with beneath(client) as raw:
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\x00" * 32)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.reply()

    assert secure.store.mails() == []


def test_records_that_hold_nothing_buy_no_time(open_post, rules, certificate):
    hurried = rules._replace(command_deadline=0.3)
    with open_post(hurried, role=TLS_FIRST, certificate=certificate) as post, post.greeted() as client:
        told = threading.Event()
        flooding = threading.Thread(target=_flood, args=(client, told))
        flooding.start()
        reply = client.reply()
        told.set()
        flooding.join()

        assert reply.startswith("421 4.4.2")


def _flood(client, told: threading.Event) -> None:
    """Send a byte that makes no command, in a record of its own, again and again."""
    try:
        while not told.wait(0.002):
            client.send(b"N")
    except OSError:
        told.set()
