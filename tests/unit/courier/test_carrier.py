"""Rules of handing a message over: what a server says, does and leaves undone, and what becomes of each recipient."""

from __future__ import annotations

from functools import partial

import pytest

from kit.black_hole import refused_port, silent_port
from kit.relaying import HELLO, LIMITS, SHORT, KnownNames, Relaying, parcel
from kit.smtp_server import (
    CERTIFICATE,
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
from mailsponge.routes import Credentials, NextHop, Routes, Tls

PIPELINED = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10000000")
LARGE = [HELLO, *(b"%04d " % number + b"x" * 900 + b"\r\n" for number in range(2000))]
TOO_LARGE_FOR_BUFFERS = LARGE * 8
THIRD = 0.33


def results(outcomes) -> list[str]:
    return [str(outcome.result) for outcome in outcomes]


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
@pytest.mark.parametrize(("reply", "result"), [("451 4.3.0 later", "deferred"), ("554 5.6.0 never", "failed")])
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
        first = SmtpServer(answers, host="127.0.0.1", **rest)
        return first, SmtpServer(host="127.0.0.2", port=first.port)

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
        with SmtpServer({"content": lambda talk: talk.stopped.wait()}) as server:
            with Relaying(server.port, timeouts=LIMITS._replace(block=THIRD)) as relaying:
                [outcome] = relaying.send(TOO_LARGE_FOR_BUFFERS, "a@example.net", in_memory=False)

        assert (outcome.result, outcome.why) == (Result.DEFERRED, "127.0.0.1 takes the message too slowly")

    def test_a_server_that_is_always_busy_is_given_up_in_the_end(self):
        limits = LIMITS._replace(transaction=THIRD, least_rate=1e9)
        with SmtpServer({"RCPT": lambda talk: talk.stopped.wait(0.1) or talk.say("250 ok")}) as server:
            with Relaying(server.port, timeouts=limits) as relaying:
                outcomes = relaying.send(HELLO, *(f"u{number}@example.net" for number in range(1000)))

        assert set(results(outcomes)) == {"deferred"}
        assert "in time" in outcomes[-1].why

    def test_where_nobody_listens_that_is_known_at_once(self):
        with Relaying(refused_port()) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.4.1", True)
        assert "does not answer at 127.0.0.1: Connection refused" in outcome.why

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
        with offered({"end of data": [then("250 2.0.0 taken", farewell), "250 2.0.0 taken"]}) as server:
            with Relaying(server.port) as relaying:
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
        with offered({"RCPT": lambda talk: answer_rcpt(talk, next(taken))}) as server:
            with Relaying(server.port) as relaying:
                outcomes = relaying.send(HELLO, "a@example.net", "b@example.net", "c@example.net")

                assert results(outcomes) == ["relayed"] * 3
                assert greetings(server) == 1
                assert len(server.mails) == 2

    def test_limits_that_are_told_before_are_kept(self):
        with SmtpServer(extensions=(*PIPELINED, "LIMITS RCPTMAX=2")) as server:
            with Relaying(server.port) as relaying:
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


class TestTls:
    """What is asked of a next hop (RFC 3207, RFC 7435)."""

    OFFERED = ("PIPELINING", "STARTTLS")

    @staticmethod
    def relaying(server, tls, host="localhost", authorities=CERTIFICATE, **rest):
        hop = NextHop("next.example", host, server.port, mx=False, tls=tls, **rest)
        resolver = KnownNames({}, {"localhost": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
        return Relaying(hop=hop, resolver=resolver, authorities=authorities)

    @pytest.mark.parametrize("host", ["localhost", "other.example"])
    @pytest.mark.parametrize("authorities", [CERTIFICATE, None])
    def test_try_takes_any_certificate(self, host, authorities):
        with SmtpServer(extensions=self.OFFERED) as server:
            with self.relaying(server, Tls.TRY, host, authorities) as relaying:
                assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
                assert server.mails[0].encrypted

    def test_try_goes_without_where_it_is_not_offered(self):
        with SmtpServer() as server, self.relaying(server, Tls.TRY) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert not server.mails[0].encrypted

    @pytest.mark.parametrize(
        "answer",
        ["454 4.7.0 not now", then("220 go ahead", hangs_up), then("220 go", lambda talk: talk.say("what?"))],
        ids=["refused", "closed", "nonsense"],
    )
    def test_try_goes_without_over_a_new_connection_where_it_does_not_work(self, answer):
        with SmtpServer({"STARTTLS": answer}, extensions=self.OFFERED) as server:
            with self.relaying(server, Tls.TRY) as relaying:
                assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
                assert not server.mails[0].encrypted

    def test_never_means_never(self):
        with SmtpServer(extensions=self.OFFERED) as server, self.relaying(server, Tls.NEVER) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert "STARTTLS" not in server.commands

    def test_require_takes_a_certificate_that_proves_the_name(self):
        with SmtpServer(extensions=self.OFFERED) as server, self.relaying(server, Tls.REQUIRE) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert server.mails[0].encrypted

    @pytest.mark.parametrize(
        ("host", "authorities", "why"),
        [("other.example", CERTIFICATE, "mismatch"), ("localhost", None, "self-signed")],
    )
    @pytest.mark.parametrize("first", [False, True])
    def test_require_and_first_take_no_other(self, host, authorities, why, first):
        with SmtpServer(extensions=self.OFFERED, tls_at_once=first) as server:
            with self.relaying(server, Tls.FIRST if first else Tls.REQUIRE, host, authorities) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

                assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.7.5", True)
                assert why in outcome.why.lower()
                assert server.mails == []

    @pytest.mark.parametrize("answers", [{}, {"STARTTLS": "454 4.7.0 not now"}])
    def test_require_never_goes_without(self, answers):
        offered = self.OFFERED if answers else ()
        with SmtpServer(answers, extensions=offered) as server:
            with self.relaying(server, Tls.REQUIRE) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

                assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.7.10")
                assert server.mails == []

    def test_first_speaks_tls_from_the_first_byte(self):
        with SmtpServer(tls_at_once=True) as server, self.relaying(server, Tls.FIRST) as relaying:
            assert results(relaying.send(LARGE, "a@example.net", in_memory=False)) == ["relayed"]
            assert server.mails[0].encrypted

    def test_a_server_that_never_shakes_hands_is_given_up(self):
        with SmtpServer({"STARTTLS": then("220 go", says_nothing)}, extensions=self.OFFERED) as server:
            hop = NextHop("next.example", "127.0.0.1", server.port, mx=False, tls=Tls.REQUIRE)
            with Relaying(hop=hop, timeouts=LIMITS._replace(handshake=THIRD)) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

        assert "did not agree on TLS in time" in outcome.why

    def test_words_in_the_clear_behind_starttls_are_an_attack(self):
        injected = then("220 go ahead\r\n250 2.0.0 injected", hangs_up)
        with SmtpServer({"STARTTLS": injected}, extensions=self.OFFERED) as server:
            with self.relaying(server, Tls.REQUIRE) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

        assert outcome.result is Result.DEFERRED
        assert "attack" in outcome.why


class TestRequireTls:
    """REQUIRETLS (RFC 8689)."""

    OFFERED = ("PIPELINING", "STARTTLS", "REQUIRETLS")

    def test_goes_to_who_promises_the_same(self):
        with SmtpServer(extensions=self.OFFERED) as server:
            with TestTls.relaying(server, Tls.TRY) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net", require_tls=True)

                assert outcome.result is Result.RELAYED
                assert any(command.endswith("REQUIRETLS") for command in server.commands)

    def test_fails_with_who_does_not(self):
        with SmtpServer(extensions=TestTls.OFFERED) as server:
            with TestTls.relaying(server, Tls.TRY) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net", require_tls=True)

                assert (outcome.result, outcome.status) == (Result.FAILED, "5.7.30")
                assert server.mails == []

    def test_fails_without_tls_that_proves_the_name(self):
        with SmtpServer(extensions=self.OFFERED) as server:
            with TestTls.relaying(server, Tls.TRY, "other.example") as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net", require_tls=True)

                assert (outcome.result, outcome.status) == (Result.FAILED, "5.7.5")
                assert server.mails == []

    def test_waits_for_a_host_that_does_not_answer(self):
        with Relaying(refused_port()) as relaying:
            assert results(relaying.send(HELLO, "a@example.net", require_tls=True)) == ["deferred"]


class TestLoggingIn:
    ME = Credentials("me", "secret")
    OFFERED = ("STARTTLS", "AUTH PLAIN LOGIN")

    def test_within_tls_that_proves_the_name(self):
        with SmtpServer(extensions=self.OFFERED, password="secret") as server:
            with TestTls.relaying(server, Tls.REQUIRE, credentials=self.ME) as relaying:
                assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
                assert server.mails[0].login == ("me", "secret")

    def test_on_this_machine_in_the_clear(self):
        with SmtpServer(extensions=("AUTH PLAIN",), password="secret") as server:
            with TestTls.relaying(server, Tls.NEVER, credentials=self.ME) as relaying:
                assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
                assert server.mails[0].login == ("me", "secret")

    def test_with_a_wrong_password_waits_and_says_what_to_do(self):
        with SmtpServer(extensions=self.OFFERED, password="other") as server:
            with TestTls.relaying(server, Tls.REQUIRE, credentials=self.ME) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.7.8", True)
        assert "check the user and the password" in outcome.why
        assert "secret" not in repr(outcome)

    def test_where_it_is_not_offered_waits(self):
        with SmtpServer(extensions=("STARTTLS",)) as server:
            with TestTls.relaying(server, Tls.REQUIRE, credentials=self.ME) as relaying:
                [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.7.8")


class TestWhatAServerCannotTake:
    """RFC 6152 section 3, RFC 6531 section 3.2, RFC 1870."""

    BLACKBIRD = "Subject: Amsel\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsüß\r\n".encode()

    def test_octets_beyond_ascii_are_encoded_for_who_takes_none(self):
        with SmtpServer() as server, Relaying(server.port) as relaying:
            assert results(relaying.send(self.BLACKBIRD, "a@example.net", eight_bit=True)) == ["relayed"]
            assert server.mails[0].message.get_content() == "süß\r\n"
            assert server.mails[0].content.isascii()

    def test_who_takes_them_gets_them_as_they_are(self):
        with SmtpServer(extensions=PIPELINED) as server, Relaying(server.port) as relaying:
            assert results(relaying.send(self.BLACKBIRD, "a@example.net")) == ["relayed"]
            assert server.mails[0].content == self.BLACKBIRD
            assert any("BODY=8BITMIME" in command for command in server.commands)

    def test_what_cannot_be_encoded_fails(self):
        with SmtpServer() as server, Relaying(server.port) as relaying:
            [outcome] = relaying.send("Subject: süß\r\n\r\nsüß\r\n".encode(), "a@example.net", eight_bit=True)

        assert (outcome.result, outcome.status) == (Result.FAILED, "5.6.3")

    def test_a_domain_beyond_ascii_has_a_name_in_ascii(self):
        with SmtpServer() as server, Relaying(server.port) as relaying:
            assert results(relaying.send(HELLO, "you@bücher.example", smtputf8=True)) == ["relayed"]
            assert server.mails[0].recipients == ["you@xn--bcher-kva.example"]

    @pytest.mark.parametrize(
        ("content", "recipient"),
        [(HELLO, "sø@example.net"), ("Subject: süß\r\n\r\n".encode(), "you@example.net")],
    )
    def test_what_has_no_name_in_ascii_fails(self, content, recipient):
        with SmtpServer() as server, Relaying(server.port) as relaying:
            [outcome] = relaying.send(content, recipient, smtputf8=True)

        assert (outcome.result, outcome.status) == (Result.FAILED, "5.6.7")

    def test_who_knows_smtputf8_gets_it_as_it_is(self):
        with SmtpServer(extensions=PIPELINED) as server, Relaying(server.port) as relaying:
            assert results(relaying.send(HELLO, "sø@example.net", smtputf8=True)) == ["relayed"]
            assert server.mails[0].recipients == ["sø@example.net"]

    def test_a_message_that_is_too_large_fails(self):
        with SmtpServer(extensions=("SIZE 100000",)) as server, Relaying(server.port) as relaying:
            [outcome] = relaying.send(LARGE, "a@example.net")

        assert (outcome.result, outcome.status) == (Result.FAILED, "5.3.4")


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

    @pytest.mark.parametrize("after", [0, 1000])
    def test_waits_and_the_server_does_not_have_it(self, offered, after):
        with offered() as server, Relaying(server.port) as relaying:
            [outcome] = relaying.deliver(self.spoilt(after))

            assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.3.0", False)
            assert "the disk is gone" in outcome.why
            assert server.mails == []


def test_two_ways_of_one_parcel_are_both_gone():
    with SmtpServer() as one, SmtpServer() as two:
        routes = Routes(
            NextHop("one", "127.0.0.1", one.port, mx=False), {"b.example": NextHop("two", "127.0.0.1", two.port, mx=False)}
        )
        with Relaying(routes=routes) as relaying:
            outcomes = relaying.send(HELLO, "1@a.example", "2@b.example", "3@a.example")

            assert results(outcomes) == ["relayed"] * 3
            assert [mail.recipients for mail in one.mails] == [["1@a.example", "3@a.example"]]
            assert [mail.recipients for mail in two.mails] == [["2@b.example"]]
