"""Rules of the listener, over real sockets: what is taken, what is refused, and what it says."""

from __future__ import annotations

import smtplib
import socket

import pytest

from mailsponge.errors import StoreError, StoreReadOnly
from mailsponge.store.memory import MemoryStore
from mailsponge.store.protocol import Acceptance


def test_a_mail_that_is_taken_lies_in_the_mailbox_with_its_trace_on_top(post):
    with smtplib.SMTP(post.host, post.port, local_hostname="client.example") as smtp:
        smtp.sendmail("a@b.example", ["me@example.org"], "Subject: hello\n\nworld\n")

    assert post.content("me") == (
        b"Return-Path: <a@b.example>\r\n"
        b"Received: from client.example ([127.0.0.1])\r\n"
        b"\tby mail.example.org with ESMTP id 1\r\n"
        b"\tfor <me@example.org>;\r\n" + _date(post.content("me")) + b"Subject: hello\r\n\r\nworld\r\n"
    )


def _date(content: bytes) -> bytes:
    [line] = [
        line for line in content.splitlines(keepends=True) if line.startswith(b"\t") and b"2026" in line
    ]
    return line


def test_the_reply_to_a_message_names_its_id(post):
    with post.greeted() as client:
        assert client.post() == "250 2.0.0 Taken as 1\r\n"
        assert client.post() == "250 2.0.0 Taken as 2\r\n"


def test_what_is_known_of_an_acceptance_is_kept_with_it(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<> BODY=8BITMIME")
        client.say("RCPT TO:<team@example.org>")
        client.say("RCPT TO:<me@localhost>")
        client.say("DATA")
        client.say("x\r\n.")

    message = post.store.message(1)
    assert message.envelope.reverse_path is None
    assert list(map(str, message.envelope.recipients)) == ["team@example.org", "me@localhost"]
    assert message.envelope.eight_bit
    assert message.mailboxes == ("me", "you")
    assert message.reasons == (
        "<team@example.org> alias team leads to me and you",
        "<me@localhost> user me",
    )
    assert (message.peer, message.helo, message.arrived_at) == ("127.0.0.1", "client.example", 1769844600.0)


@pytest.mark.parametrize(
    ("hello", "mail", "word"),
    [
        ("HELO c", "MAIL FROM:<a@b.example>", b"with SMTP id"),
        ("EHLO c", "MAIL FROM:<a@b.example>", b"with ESMTP id"),
        ("EHLO c", "MAIL FROM:<a@b.example> SMTPUTF8", b"with UTF8SMTP id"),
    ],
)
def test_the_trace_tells_how_the_mail_came(post, hello, mail, word):
    with post.client() as client:
        client.reply()
        for line in (hello, mail, "RCPT TO:<me@example.org>", "DATA"):
            client.say(line)
        client.say("x\r\n.")

    assert word in post.content()


def test_with_several_recipients_the_trace_tells_none_of_the_others(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.say("RCPT TO:<me@example.org>")
        client.say("RCPT TO:<you@example.org>")
        client.say("DATA")
        client.say("x\r\n.")

    assert b"for <" not in post.content("me")


def test_a_bare_postmaster_is_always_taken(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<>")

        assert client.say("RCPT TO:<Postmaster>").startswith("250 2.1.5")


def test_a_stranger_here_is_refused(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")

        assert client.say("RCPT TO:<nobody@example.org>").startswith(
            "550 5.1.1 <nobody@example.org>: nobody of that"
        )
        assert client.say("RCPT TO:<me@example.org>").startswith("250")


@pytest.mark.parametrize("sender", ["", "me@example.org", "x@elsewhere.example", "x@[127.0.0.1]"])
@pytest.mark.parametrize(
    "recipient",
    [
        "to@elsewhere.example",
        "to@elsewhere.example@example.org",
        "to@example.org@elsewhere.example",
        "to@elsewhere.example@[127.0.0.1]",
        '"to@elsewhere.example"@[127.0.0.1]',
        '"to@elsewhere.example"@example.org',
        '"to@elsewhere.example"',
        '"to%elsewhere.example"',
        '"to%elsewhere.example"@example.org',
        "to%elsewhere.example@example.org",
        "to%elsewhere.example@[127.0.0.1]",
        "to%elsewhere.example",
        "elsewhere.example!to",
        "elsewhere.example!to@example.org",
        "elsewhere.example!to@[127.0.0.1]",
        "@[127.0.0.1]:to@elsewhere.example",
        "@example.org:to@elsewhere.example",
        "@example.org,@example.net:to@elsewhere.example",
        "@example.org:me@example.org",
        "to@elsewhere.example.",
        "me@example.org.",
        "to@[192.0.2.1]",
        "root@elsewhere.example",
        "postmaster@elsewhere.example",
    ],
)
def test_no_form_of_an_address_makes_a_relay(post, sender, recipient):
    with post.greeted() as client:
        client.say(f"MAIL FROM:<{sender}>")

        assert client.say(f"RCPT TO:<{recipient}>")[0] == "5"
        assert client.say("DATA").startswith("554")


@pytest.mark.parametrize(
    "command", ["XCLIENT ADDR=127.0.0.1", "PROXY TCP4 127.0.0.1 127.0.0.1 1 25", "XFORWARD NAME=x"]
)
def test_a_stranger_cannot_say_who_it_is(post, command):
    with post.greeted() as client:
        assert client.say(command)[0] == "5"


def test_a_client_that_tries_out_names_is_sent_away(open_post, rules):
    with open_post(rules._replace(limits=rules.limits._replace(errors=3))) as post, post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        for name in ("anna", "bert", "carl"):
            assert client.say(f"RCPT TO:<{name}@example.org>").startswith("550 5.1.1")

        assert client.say("RCPT TO:<dora@example.org>").startswith("421 4.7.0")
        assert client.closed()


def test_refused_names_count_anew_after_a_message_that_was_taken(open_post, rules):
    with open_post(rules._replace(limits=rules.limits._replace(errors=2))) as post, post.greeted() as client:
        for _ in range(3):
            client.say("MAIL FROM:<a@b.example>")
            client.say("RCPT TO:<gone@example.org>")
            client.say("RCPT TO:<gone@example.org>")
            client.say("RCPT TO:<me@example.org>")
            client.say("DATA")

            assert client.say("x\r\n.").startswith("250")


def test_a_message_that_is_too_large_is_refused_and_nothing_is_kept(open_post, rules):
    with (
        open_post(rules._replace(limits=rules.limits._replace(message_size=100))) as post,
        post.greeted() as client,
    ):
        assert client.post("x" * 200 + "\r\n").startswith("552 5.3.4")
        assert post.store.mails() == []
        assert client.post("small\r\n").startswith("250")


def test_a_bare_newline_in_a_message_is_refused_and_nothing_is_kept(post):
    with post.greeted() as client:
        assert client.post("one\ntwo\r\n").startswith("550 5.6.0")
        assert post.store.mails() == []


def test_a_full_disk_is_a_temporary_failure_and_goes_by(open_post):
    with open_post(make_store=lambda call: MemoryStore(call=call, room=0)) as post, post.greeted() as client:
        assert client.post() == "452 4.3.1 The disk here is full; please send the message again later\r\n"
        post.store.room = None

        assert client.post().startswith("250")


class OnlyRead(MemoryStore):
    """Its disk can only be read."""

    def take(self, message_id: int, acceptance: Acceptance, content: bytes) -> StoreError | None:
        return StoreReadOnly("mounted read-only")


def test_a_disk_that_can_only_be_read_is_a_temporary_failure_too(open_post):
    with open_post(make_store=lambda call: OnlyRead(call=call)) as post, post.greeted() as client:
        assert client.post().startswith("452 4.3.0 Nothing can be written to the disk here just now")


def test_a_store_that_fails_is_a_temporary_failure(post):
    with post.greeted() as client:
        post.store.close()

        assert (
            client.post()
            == "451 4.3.0 The message could not be kept just now; please send it again later\r\n"
        )


def test_after_a_reset_nothing_of_the_transaction_is_left(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.say("RCPT TO:<me@example.org>")
        client.say("RSET")
        client.say("MAIL FROM:<c@d.example>")
        client.say("RCPT TO:<you@example.org>")
        client.say("DATA")
        client.say("x\r\n.")

    assert post.store.mails("me") == []
    assert post.store.message(1).reasons == ("<you@example.org> user you",)


def test_a_second_hello_drops_the_transaction(post):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.say("RCPT TO:<me@example.org>")
        client.say("EHLO again.example")

        assert client.say("DATA").startswith("503")


@pytest.mark.parametrize("hello", ["EHLO client.example", "HELO client.example"])
def test_pipelining_after_hello_is_refused_and_the_connection_closed(post, hello):
    with post.client() as client:
        client.reply()
        client.send(f"{hello}\r\nMAIL FROM:<a@b.example>\r\n".encode())

        assert client.reply().startswith("503 5.5.0")
        assert client.closed()


def test_pipelining_after_data_is_refused_and_nothing_is_kept(post):
    with post.greeted() as client:
        client.send(
            b"MAIL FROM:<a@b.example>\r\nRCPT TO:<me@example.org>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
        )

        assert [client.reply()[:9] for _ in range(3)] == ["250 2.1.0", "250 2.1.5", "503 5.5.0"]
        assert client.closed()
        assert post.store.mails() == []


def test_pipelining_where_it_is_allowed_is_answered_in_order(post):
    with post.greeted() as client:
        client.send(
            b"MAIL FROM:<a@b.example>\r\nRCPT TO:<no@example.org>\r\nRCPT TO:<me@example.org>\r\nDATA\r\n"
        )
        assert [client.reply()[:3] for _ in range(4)] == ["250", "550", "250", "354"]

        client.send(b"x\r\n.\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nQUIT\r\n")
        assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]
        assert client.closed()


def test_a_client_that_has_closed_its_side_still_gets_its_replies(post):
    with post.client() as client:
        client.reply()
        client.say("HELO c")
        client.envelope()
        client.send(b"x\r\n.\r\n")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.reply().startswith("250 2.0.0")
        assert client.closed()
    assert len(post.store.mails("me")) == 1


def test_a_message_whose_sender_goes_away_is_dropped(post):
    with post.greeted() as client:
        client.envelope()
        client.send(b"half a message\r\n")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.closed()
    assert post.store.mails() == []


def test_it_listens_on_ipv6_too(open_post):
    with open_post(host="::1") as post, post.greeted() as client:
        assert client.post().startswith("250")
        assert b"from client.example ([IPv6:::1])" in post.content()


def test_rules_that_were_replaced_count_for_new_sessions_alone(post, rules):
    with post.greeted() as old:
        post.listener.rules = rules._replace(hostname="new.example")
        with post.client() as new:
            assert new.reply().startswith("220 new.example ")
        assert old.say("EHLO again").startswith("250-mail.example.org")


def test_replies_are_not_held_back_to_be_sent_together(post):
    async def nodelay() -> list[int]:
        transports = [guest._transport for guest in post.listener._guests]
        return [
            transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for transport in transports
        ]

    with post.greeted():
        assert post.do(nodelay()) == [1]
