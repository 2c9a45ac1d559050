"""Rules of handing a message over: what a server says, does and leaves undone, and what becomes of each recipient."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from kit.black_hole import refused_port, silent_port
from kit.relaying import HELLO, LARGE, LIMITS, SHORT, KnownNames, Relaying, parcel, results
from kit.smtp_server import (
    SmtpServer,
    drips,
    drips_lines,
    hangs_up,
    hangs_up_in_the_middle,
    says_nothing,
    then,
)
from mailsponge.courier.idle import Reuse
from mailsponge.errors import StoreError
from mailsponge.mail.outcome import Result
from mailsponge.routes import NextHop, Routes

PIPELINED = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10000000")
TOO_LARGE_FOR_BUFFERS = LARGE * 8
THIRD = 0.33


@pytest.fixture(params=[(), PIPELINED], ids=["step by step", "pipelined"])
def offered(request):
    return partial(SmtpServer, extensions=request.param)


class TestAServerThatTakesAll:
    def test_gets_the_message_without_the_return_path(self, offered):
        with offered() as server, Relaying(server.port) as relaying:
            [outcome] = relaying.send(HELLO, "you@example.net")

            assert outcome.result is Result.RELAYED
            assert outcome.reply == "250 2.0.0 taken"
            assert (outcome.by, outcome.hop_down) == ("127.0.0.1", False)
            [mail] = server.mails
            assert mail[:3] == ("me@example.org", ["you@example.net"], HELLO)

    def test_gets_it_once_for_all_of_its_recipients(self, offered):
        with offered() as server, Relaying(server.port) as relaying:
            outcomes = relaying.send(HELLO, "a@example.net", "b@example.net")

            assert results(outcomes) == ["relayed", "relayed"]
            assert [mail.recipients for mail in server.mails] == [["a@example.net", "b@example.net"]]

    def test_gets_a_report_from_nobody(self, offered):
        with offered() as server, Relaying(server.port) as relaying:
            assert results(relaying.send(HELLO, "a@example.net", reverse_path=None)) == ["relayed"]
            assert server.mails[0].sender == ""

    @pytest.mark.parametrize("in_memory", [True, False])
    def test_gets_a_large_message_whole(self, offered, in_memory):
        with offered() as server, Relaying(server.port) as relaying:
            assert results(relaying.send(LARGE, "a@example.net", in_memory=in_memory)) == ["relayed"]
            assert server.mails[0].content == b"".join(LARGE)

    def test_gets_a_small_message_that_is_on_the_disk(self, offered):
        with offered() as server, Relaying(server.port) as relaying:
            assert results(relaying.send(HELLO, "a@example.net", in_memory=False)) == ["relayed"]
            assert server.mails[0].content == HELLO


@pytest.mark.parametrize(
    ("reply", "result", "status"),
    [
        ("550 5.1.1 no such user", "failed", "5.1.1"),
        ("550 no such user", "failed", "5.0.0"),
        ("450 4.2.0 greylisted", "deferred", "4.2.0"),
        ("452 4.2.2 mailbox full", "deferred", "4.2.2"),
    ],
)
def test_what_is_said_of_one_recipient_concerns_no_other(offered, reply, result, status):
    with offered({"RCPT b@example.net": reply}) as server, Relaying(server.port) as relaying:
        taken, refused = relaying.send(HELLO, "a@example.net", "b@example.net")

    assert taken.result is Result.RELAYED
    assert (refused.result, refused.status, refused.reply, refused.hop_down) == (result, status, reply, False)
    assert f"answered RCPT with: {reply}" in refused.why


@pytest.mark.parametrize("step", ["MAIL", "DATA", "end of data"])
@pytest.mark.parametrize(
    ("reply", "result"), [("451 4.3.0 later", "deferred"), ("554 5.6.0 never", "failed")]
)
def test_a_message_that_is_refused_is_tried_nowhere_else(offered, step, reply, result):
    with offered({step: reply}) as server, offered() as other, to_both(server, other) as relaying:
        [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.reply, outcome.hop_down) == (result, reply, False)
        assert other.mails == []


def to_both(server: SmtpServer, other: SmtpServer, **rest: object) -> Relaying:
    """To the server, and if that is of no use, to the other one, which has another address of this machine."""
    resolver = KnownNames(
        {"example.net": [(1, "a.example"), (2, "b.example")]},
        {"a.example": [server.host], "b.example": [other.host]},
    )
    return Relaying(hop=NextHop("example.net", "example.net", server.port), resolver=resolver, **rest)


@pytest.fixture
def two():
    """Two servers on the same port of two addresses; the first one does as it is told."""

    def _two(answers, **rest):
        while True:
            first = SmtpServer(answers, host="127.0.0.1", **rest)
            try:
                return first, SmtpServer(host="127.0.0.2", port=first.port)
            except OSError:  # another program has that port there
                first.__exit__()

    return _two


HOST_TROUBLE = {
    "refuses the connection": {"greeting": "554 no"},
    "is busy": {"greeting": "421 4.3.2 later"},
    "refuses hello": {"EHLO": "550 5.7.1 who are you?"},
    "hangs up at once": {"greeting": hangs_up},
    "hangs up at MAIL": {"MAIL": hangs_up},
    "hangs up at RCPT": {"RCPT": hangs_up},
    "hangs up at DATA": {"DATA": hangs_up},
    "hangs up in the message": {"content": hangs_up_in_the_middle},
    "closes at MAIL": {"MAIL": "421 4.3.2 too much"},
    "speaks something else": {"greeting": "SSH-2.0-OpenSSH_9.2"},
    "lies": {"MAIL": then("250 ok", lambda talk: talk.say("250 ok\r\n250 ok\r\n250 ok"))},
}


@pytest.mark.parametrize("answers", HOST_TROUBLE.values(), ids=HOST_TROUBLE.keys())
def test_with_a_host_in_trouble_the_next_one_is_tried(two, answers):
    first, second = two(answers)
    with first, second, to_both(first, second) as relaying:
        [outcome] = relaying.send(TOO_LARGE_FOR_BUFFERS, "a@example.net", in_memory=False)

        assert (outcome.result, outcome.by) == (Result.RELAYED, "b.example"), outcome
        assert len(second.mails) == 1


@pytest.mark.parametrize("answers", HOST_TROUBLE.values(), ids=HOST_TROUBLE.keys())
def test_with_no_other_host_it_waits_and_so_does_all_that_goes_there(answers):
    with SmtpServer(answers) as server, Relaying(server.port) as relaying:
        [outcome] = relaying.send(TOO_LARGE_FOR_BUFFERS, "a@example.net", in_memory=False)

        assert (outcome.result, outcome.hop_down) == (Result.DEFERRED, True), outcome
        assert outcome.status.startswith("4.")


def test_once_the_whole_message_is_out_no_other_host_is_tried(two):
    first, second = two({"end of data": hangs_up})
    with first, second, to_both(first, second) as relaying:
        [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.4.2")
        assert second.mails == []


def test_what_one_host_has_taken_is_not_sent_to_the_next(two):
    first, second = two({"RCPT b@example.net": "421 4.3.2 too much"})
    with first, second, to_both(first, second) as relaying:
        outcomes = relaying.send(HELLO, "a@example.net", "b@example.net")

        assert results(outcomes) == ["relayed", "relayed"]
        assert first.mails == []
        assert [mail.recipients for mail in second.mails] == [["a@example.net", "b@example.net"]]


class TestARefusalOfTheMereSession:
    """RFC 5321 section 3.1: a server may refuse whoever comes."""

    @pytest.mark.parametrize("step", ["greeting", "EHLO"])
    def test_by_one_exchanger_while_another_does_not_answer_is_for_later(self, two, step):
        first, second = two({step: "554 5.7.1 not from your network"})
        with first, to_both(first, second) as relaying:
            second.__exit__()
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.7.1")

    @pytest.mark.parametrize("step", ["greeting", "EHLO"])
    def test_by_the_only_exchanger_and_meant_so_is_final(self, step):
        resolver = KnownNames({"example.net": [(1, "a.example")]}, {"a.example": ["127.0.0.1"]})
        with SmtpServer({step: "554 5.7.1 not from your network"}) as server:
            hop = NextHop("example.net", "example.net", server.port)
            with Relaying(hop=hop, resolver=resolver) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.FAILED, "5.7.1", False)
        assert "554 5.7.1 not from your network" in outcome.why

    def test_that_does_not_say_why_is_for_later(self):
        resolver = KnownNames({"example.net": [(1, "a.example")]}, {"a.example": ["127.0.0.1"]})
        with SmtpServer({"greeting": "554 no"}) as server:
            hop = NextHop("example.net", "example.net", server.port)
            with Relaying(hop=hop, resolver=resolver) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.0.0")

    def test_by_a_smarthost_is_for_its_owner_to_put_right(self):
        with SmtpServer({"greeting": "554 5.7.1 no"}) as server, Relaying(server.port) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.7.1", True)


class TestTime:
    """RFC 5321 section 4.5.3.2, with other seconds."""

    @pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end of data"])
    @pytest.mark.parametrize("how", [says_nothing, drips, drips_lines])
    def test_a_server_that_is_silent_or_only_drips_is_given_up(self, offered, step, how):
        with offered({step: how}) as server, Relaying(server.port, timeouts=SHORT) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.4.2", True)
        assert "did not answer" in outcome.why

    def test_a_server_that_does_not_read_is_given_up(self):
        with (
            SmtpServer({"content": lambda talk: talk.stopped.wait()}) as server,
            Relaying(server.port, timeouts=LIMITS._replace(block=THIRD)) as relaying,
        ):
            [outcome] = relaying.send(TOO_LARGE_FOR_BUFFERS, "a@example.net", in_memory=False)

        assert (outcome.result, outcome.why) == (Result.DEFERRED, "127.0.0.1 takes the message too slowly")

    def test_a_server_that_is_always_busy_is_given_up_in_the_end(self):
        limits = LIMITS._replace(transaction=THIRD, least_rate=1e9)
        with (
            SmtpServer({"RCPT": lambda talk: talk.stopped.wait(0.1) or talk.say("250 ok")}) as server,
            Relaying(server.port, timeouts=limits) as relaying,
        ):
            outcomes = relaying.send(HELLO, *(f"u{number}@example.net" for number in range(1000)))

        assert set(results(outcomes)) == {"deferred"}
        assert "in time" in outcomes[-1].why

    def test_where_nobody_listens_that_is_known_at_once(self):
        with Relaying(refused_port()) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.4.1", True)
        # An address that is the host's name is not said twice.
        assert outcome.why == "127.0.0.1 does not answer: Connection refused"

    def test_a_port_that_says_nothing_is_given_up(self):
        with silent_port() as port, Relaying(port, timeouts=SHORT) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert "did not answer the connection within 0.2 seconds" in outcome.why


class TestReuse:
    def test_a_connection_serves_for_several_messages(self, offered):
        with offered() as server, Relaying(server.port) as relaying:
            for _ in range(3):
                assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]

            assert greetings(server) == 1
            assert len(server.mails) == 3

    def test_after_so_many_it_is_closed_with_quit(self):
        with SmtpServer() as server, Relaying(server.port, reuse=Reuse(messages=2)) as relaying:
            for _ in range(4):
                relaying.send(HELLO, "a@example.net")

            assert greetings(server) == 2
        assert server.commands.count("QUIT") == 2

    def test_a_refused_message_does_not_spoil_it(self, offered):
        with offered({"RCPT bad@example.net": "550 5.1.1 no"}) as server, Relaying(server.port) as relaying:
            assert results(relaying.send(HELLO, "bad@example.net")) == ["failed"]
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert greetings(server) == 1

    @pytest.mark.parametrize("farewell", [hangs_up, then("421 4.4.2 idle for too long", hangs_up)])
    def test_one_that_the_server_has_closed_meanwhile_is_replaced_without_a_word(self, offered, farewell):
        with (
            offered({"end of data": [then("250 2.0.0 taken", farewell), "250 2.0.0 taken"]}) as server,
            Relaying(server.port) as relaying,
        ):
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert greetings(server) == 2

    def test_one_whose_end_is_found_out_at_mail_is_replaced_without_a_word(self):
        second_mail = iter([lambda talk: talk.say("250 ok"), hangs_up])
        answers = {"MAIL": [lambda talk: next(second_mail)(talk), "250 ok"]}
        with SmtpServer(answers) as server, Relaying(server.port) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert greetings(server) == 2

    def test_two_users_share_none(self):
        with SmtpServer() as server, Relaying(server.port) as relaying:
            relaying.send(HELLO, "a@example.net")
            other = NextHop("next.example", "127.0.0.1", server.port, mx=False, lmtp=True)
            relaying.routes = Routes(other)
            relaying.send(HELLO, "a@example.net")

            assert "LHLO mail.example.org" in server.commands

    def test_one_that_waits_too_long_is_closed_with_quit(self):
        said = threading.Event()

        def hears_quit(talk) -> None:
            said.set()
            talk.say("221 bye")

        with (
            SmtpServer({"QUIT": hears_quit}) as server,
            Relaying(server.port, reuse=Reuse(seconds=0.01)) as relaying,
        ):
            relaying.send(HELLO, "a@example.net")
            relaying.run(asyncio.to_thread(said.wait, 10))
            assert said.is_set()
            relaying.send(HELLO, "a@example.net")

            assert greetings(server) == 2

    def test_closing_says_goodbye_and_a_second_time_does_nothing(self):
        with SmtpServer() as server, Relaying(server.port) as relaying:
            relaying.send(HELLO, "a@example.net")
            relaying.run(relaying.courier.close())
            relaying.run(relaying.courier.close())
        assert server.commands[-1] == "QUIT"


def greetings(server: SmtpServer) -> int:
    return sum(command.startswith("EHLO") for command in server.commands)


class TestTooManyRecipients:
    def test_those_beyond_the_limit_go_in_a_transaction_of_their_own(self, offered):
        taken = iter(["250 ok", "250 ok", "452 4.5.3 enough", "250 ok"])
        with (
            offered({"RCPT": lambda talk: answer_rcpt(talk, next(taken))}) as server,
            Relaying(server.port) as relaying,
        ):
            outcomes = relaying.send(HELLO, "a@example.net", "b@example.net", "c@example.net")

            assert results(outcomes) == ["relayed"] * 3
            assert greetings(server) == 1
            assert len(server.mails) == 2

    def test_limits_that_are_told_before_are_kept(self):
        with (
            SmtpServer(extensions=(*PIPELINED, "LIMITS RCPTMAX=2")) as server,
            Relaying(server.port) as relaying,
        ):
            outcomes = relaying.send(HELLO, *(f"u{number}@example.net" for number in range(5)))

            assert results(outcomes) == ["relayed"] * 5
            assert [len(mail.recipients) for mail in server.mails] == [2, 2, 1]

    def test_a_server_that_takes_none_at_all_is_asked_no_more(self):
        with SmtpServer({"RCPT": "452 4.5.3 enough"}) as server, Relaying(server.port) as relaying:
            outcomes = relaying.send(HELLO, "a@example.net", "b@example.net")

        assert [(outcome.result, outcome.status) for outcome in outcomes] == [(Result.DEFERRED, "4.5.3")] * 2


def answer_rcpt(talk, reply: str) -> None:
    talk.say(reply)
    if reply.startswith("250"):
        talk.recipients.append("somebody")


class TestAMessageThatCannotBeRead:
    @staticmethod
    def spoilt(after: int):
        sent = parcel(LARGE, "a@example.net", in_memory=False)

        def content():
            for number, piece in enumerate(sent.content()):
                if number == after:
                    raise StoreError("the disk is gone")
                yield piece

        return sent._replace(content=content)

    @pytest.mark.parametrize("after", [0, 10])
    def test_waits_and_the_server_does_not_have_it(self, offered, after):
        with offered() as server, Relaying(server.port) as relaying:
            [outcome] = relaying.deliver(self.spoilt(after))

            assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.3.0", False)
            assert "the disk is gone" in outcome.why
            assert server.mails == []


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "end of data"])
def test_a_delivery_that_is_cancelled_lets_go_of_its_connection(step):
    left = threading.Event()

    def waits(talk) -> None:
        says = talk.hear()
        while says:
            says = talk.hear()
        left.set()

    with SmtpServer({step: waits}) as server, Relaying(server.port) as relaying:
        sent = parcel(HELLO, "a@example.net")
        with pytest.raises(TimeoutError):
            relaying.run(asyncio.wait_for(relaying.courier.deliver(sent), 0.1))

        relaying.run(asyncio.to_thread(left.wait, 10))
        assert left.is_set()


def test_two_ways_of_one_parcel_are_both_gone():
    with SmtpServer() as one, SmtpServer() as two:
        routes = Routes(
            NextHop("one", "127.0.0.1", one.port, mx=False),
            {"b.example": NextHop("two", "127.0.0.1", two.port, mx=False)},
        )
        with Relaying(routes=routes) as relaying:
            outcomes = relaying.send(HELLO, "1@a.example", "2@b.example", "3@a.example")

            assert results(outcomes) == ["relayed"] * 3
            assert [mail.recipients for mail in one.mails] == [["1@a.example", "3@a.example"]]
            assert [mail.recipients for mail in two.mails] == [["2@b.example"]]
