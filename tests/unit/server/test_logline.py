"""Rules of the log: one line a transaction, and nothing a stranger says can pass for a line or a field."""

from __future__ import annotations

import logging

import pytest

from mailsponge.store.memory import MemoryStore


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="mailsponge.server")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "mailsponge.server"]


def test_a_message_that_is_taken_is_one_line(post, lines):
    with post.greeted() as client:
        client.post("Subject: x\r\n")

    assert lines() == [
        "taken id=1 peer=127.0.0.1 helo=client.example from=<a@b.example> to=<me@example.org> mailbox=me bytes=12"
    ]


def test_recipients_that_were_refused_are_told_with_the_reason(post, lines):
    with post.greeted() as client:
        client.say("MAIL FROM:<>")
        client.say("RCPT TO:<me@example.net>")
        client.say("RCPT TO:<me@example.org>")
        client.say("DATA")
        client.say("x\r\n.")

    [line] = lines()
    assert "from=<> to=<me@example.org>" in line
    assert line.endswith('not-taken=1 why="<me@example.net> relaying denied: that domain is not ours"')


@pytest.mark.parametrize(("last", "word"), [("RSET", "reset"), ("QUIT", "quit"), ("EHLO again", "hello")])
def test_a_transaction_without_a_message_is_a_line_that_says_how_it_ended(post, lines, last, word):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.say("RCPT TO:<nobody@example.org>")
        client.say(last)

    [line] = lines()
    assert line.startswith("ended peer=127.0.0.1 helo=client.example from=<a@b.example> to= ")
    assert f"because={word}" in line
    assert "nobody of that name lives here" in line


def test_a_message_that_is_refused_for_what_it_is_is_told_with_the_reply(post, lines):
    with post.greeted() as client:
        client.post("one\ntwo\r\n")

    [line] = lines()
    assert line.startswith("refused peer=")
    assert 'reply="550 5.6.0 ' in line


def test_a_message_that_could_not_be_kept_is_an_error(open_post, lines, caplog):
    with open_post(make_store=lambda call: MemoryStore(call=call, room=0)) as post, post.greeted() as client:
        client.post()

    assert lines()[0].startswith("not-kept peer=")
    assert "no room left" in lines()[0]
    assert caplog.records[-1].levelno == logging.ERROR


def test_a_deadline_that_is_missed_is_a_line(open_post, rules, lines):
    with open_post(rules._replace(command_deadline=0.1)) as post, post.greeted() as client:
        client.reply()
        assert client.closed()

    assert lines() == [
        "dismissed peer=127.0.0.1 helo=client.example because=too-slow "
        'reply="421 4.4.2 Nothing came for 0.1 seconds; closing the connection"'
    ]


def test_a_deadline_that_is_missed_within_a_transaction_is_its_line(open_post, rules, lines):
    with open_post(rules._replace(command_deadline=0.2)) as post, post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.reply()
        assert client.closed()

    [line] = lines()
    assert line.startswith("ended peer=127.0.0.1 helo=client.example from=<a@b.example> to= because=too-slow")


def test_a_session_with_too_many_errors_is_a_line(open_post, rules, lines):
    with open_post(rules._replace(limits=rules.limits._replace(errors=1))) as post, post.greeted() as client:
        client.say("NONSENSE")
        client.say("NONSENSE")
        assert client.closed()

    [line] = lines()
    assert line.startswith("dismissed peer=127.0.0.1 helo=client.example because=errors reply=")


def test_a_message_for_which_there_is_no_room_is_refused_with_the_reply(open_post, rules, lines):
    with open_post(rules._replace(least_free=100), free=lambda: 0) as post, post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        client.say("NOOP")

    [line] = lines()
    assert line.startswith("refused peer=127.0.0.1 helo=client.example from=<a@b.example> to= bytes=0 reply=")


def test_a_message_that_is_announced_too_large_is_refused_with_the_reply(post, lines):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example> SIZE=999999999")
        client.say("NOOP")

    [line] = lines()
    assert line.startswith('refused peer=127.0.0.1 helo=client.example reply="552 5.3.4 ')


def test_a_connection_that_is_turned_away_is_a_line(open_post, rules, lines):
    with open_post(rules._replace(connections=1)) as post, post.greeted(), post.client() as second:
        second.reply()

    assert lines() == [
        'turned-away peer=127.0.0.1 reply="421 4.3.2 Too many connections; please come again in a minute"'
    ]


def test_a_stranger_can_neither_begin_a_line_nor_invent_a_field(post, lines):
    with post.greeted() as client:
        client.say('MAIL FROM:<"x to=<you> id=2\\"y"@b.example>')
        client.say("RCPT TO:<me@example.org>")
        client.say("DATA")
        client.say("x\r\n.")

    [line] = lines()
    assert 'from=<"x\\x20to=<you>\\x20id=2\\"y"@b.example> to=<me@example.org>' in line


def test_letters_beyond_ascii_are_escaped(post, lines):
    with post.greeted() as client:
        client.say("MAIL FROM:<s\u00f8ren@b.example> SMTPUTF8")
        client.say("RSET")

    assert "from=<s\\xf8ren@b.example>" in lines()[0]


def test_many_recipients_are_counted_not_listed(post, lines):
    with post.greeted() as client:
        client.say("MAIL FROM:<a@b.example>")
        for _ in range(25):
            client.say("RCPT TO:<me@example.org>")
        client.say("RSET")

    assert lines()[0].count("<me@example.org>") == 20
    assert ",+5 " in lines()[0]
