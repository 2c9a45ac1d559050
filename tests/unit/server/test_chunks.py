"""BDAT on a real socket, and the wishes of DSN, as far as the store."""

from __future__ import annotations

from mailsponge.errors import StoreError
from mailsponge.mail.envelope import EnvelopeWishes, RecipientWishes
from mailsponge.store.memory import MemoryStore


def chunk(data: bytes, last: bytes = b"") -> bytes:
    return b"BDAT %d%s\r\n" % (len(data), last) + data


def begin(client, mail: str = "", rcpt: str = "") -> None:
    assert client.say(f"MAIL FROM:<a@b.example>{mail}").startswith("250")
    assert client.say(f"RCPT TO:<me@example.org>{rcpt}").startswith("250")


def test_a_message_in_chunks_is_kept(open_post):
    with open_post() as post, post.greeted() as client:
        begin(client)
        client.send(chunk(b"Subject: hello\r\n\r"))
        assert client.reply() == "250 2.0.0 17 octets received\r\n"
        client.send(chunk(b"\nworld\r\n.\r\n", b" LAST"))
        assert client.reply().startswith("250 2.0.0 Taken as ")
        assert post.content().endswith(b"Subject: hello\r\n\r\nworld\r\n.\r\n")


def test_chunks_may_be_pipelined_and_followed_by_another_message(open_post):
    with open_post() as post, post.greeted() as client:
        whole = (
            b"MAIL FROM:<a@b.example>\r\nRCPT TO:<me@example.org>\r\n"
            + chunk(b"\r\none")
            + chunk(b"\r\n", b" LAST")
        )
        client.send(whole * 2)
        assert [client.reply()[:3] for _ in range(8)] == ["250"] * 8
        assert len(post.store.mails("me")) == 2


def test_a_chunk_that_is_not_sound_keeps_nothing(open_post):
    with open_post() as post, post.greeted() as client:
        begin(client)
        client.send(chunk(b"one\ntwo\r\n") + chunk(b"three\r\n", b" LAST"))
        assert client.reply().startswith("550 5.6.0")
        assert client.reply().startswith("503 5.5.1")
        assert client.say("RSET").startswith("250")
        assert post.store.mails("me") == []
        assert client.post().startswith("250")


def test_a_message_in_chunks_that_is_dropped_is_not_kept(open_post):
    with open_post() as post, post.greeted() as client:
        begin(client)
        client.send(chunk(b"\r\none\r\n"))
        assert client.reply().startswith("250")
        assert client.say("RSET").startswith("250")
        assert client.post().startswith("250")
        assert len(post.store.mails("me")) == 1


def test_a_full_disk_refuses_the_last_chunk_for_now(open_post):
    with open_post(make_store=lambda call: MemoryStore(call=call, room=0)) as post, post.greeted() as client:
        begin(client)
        client.send(chunk(b"\r\none\r\n", b" LAST"))
        assert client.reply().startswith("452 4.3.1")


class _NoStore(MemoryStore):
    """A store that cannot even begin."""

    def incoming(self):
        raise StoreError("the disk is gone")


def test_a_store_that_cannot_begin_refuses_the_first_chunk_when_it_has_come(open_post):
    with open_post(make_store=lambda call: _NoStore(call=call)) as post, post.greeted() as client:
        for last, replies in ((b"", ("451", "503")), (b" LAST", ("451", "503"))):
            begin(client)
            client.send(chunk(b"\r\none\r\n", last) + chunk(b"two\r\n", b" LAST"))
            assert [client.reply()[:3] for _ in replies] == list(replies)
            assert client.say("RSET").startswith("250")


def test_a_bdat_that_cannot_be_read_closes_the_connection(open_post):
    with open_post() as post, post.greeted() as client:
        begin(client)
        client.send(b"BDAT many LAST\r\nMAIL FROM:<evil@example.org>\r\n")
        assert client.reply().startswith("501 5.5.4")
        assert client.closed()


def test_what_a_sender_wishes_of_reports_reaches_the_store(open_post):
    with open_post() as post, post.greeted() as client:
        begin(client, " RET=HDRS ENVID=x+20y", " NOTIFY=NEVER ORCPT=rfc822;you@b.example")
        client.send(chunk(b"\r\none\r\n", b" LAST"))
        assert client.reply().startswith("250")
        [entry] = post.store.mails("me")
        envelope = post.store.message(entry.id).envelope
        assert envelope.wishes == EnvelopeWishes("HDRS", "x y")
        assert envelope.recipient_wishes == (
            RecipientWishes(frozenset({"NEVER"}), ("rfc822", "you@b.example")),
        )
