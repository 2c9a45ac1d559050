"""Rules of who may read along, and who is told a password: what a route, a message and a login ask of TLS."""

from __future__ import annotations

import pytest

from kit.black_hole import refused_port
from kit.relaying import HELLO, LARGE, LIMITS, KnownNames, Relaying, results
from kit.smtp_server import CERTIFICATE, SmtpServer, hangs_up, says_nothing, then
from mailsponge.mail.outcome import Result
from mailsponge.routes import Credentials, NextHop, Tls

THIRD = 0.33


def relaying_to(server, tls, host="localhost", authorities=CERTIFICATE, **rest) -> Relaying:
    """A relay whose next hop has a certificate for ``localhost``, signed by itself."""
    hop = NextHop("next.example", host, server.port, mx=False, tls=tls, **rest)
    resolver = KnownNames({}, {"localhost": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    return Relaying(hop=hop, resolver=resolver, authorities=authorities)


class TestTls:
    """What is asked of a next hop (RFC 3207, RFC 7435)."""

    OFFERED = ("PIPELINING", "STARTTLS")

    @pytest.mark.parametrize("host", ["localhost", "other.example"])
    @pytest.mark.parametrize("authorities", [CERTIFICATE, None])
    def test_try_takes_any_certificate(self, host, authorities):
        with (
            SmtpServer(extensions=self.OFFERED) as server,
            relaying_to(server, Tls.TRY, host, authorities) as relaying,
        ):
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert server.mails[0].encrypted

    def test_try_goes_without_where_it_is_not_offered(self):
        with SmtpServer() as server, relaying_to(server, Tls.TRY) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert not server.mails[0].encrypted

    @pytest.mark.parametrize(
        "answer",
        ["454 4.7.0 not now", then("220 go ahead", hangs_up), then("220 go", lambda talk: talk.say("what?"))],
        ids=["refused", "closed", "nonsense"],
    )
    def test_try_goes_without_over_a_new_connection_where_it_does_not_work(self, answer):
        with (
            SmtpServer({"STARTTLS": answer}, extensions=self.OFFERED) as server,
            relaying_to(server, Tls.TRY) as relaying,
        ):
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert not server.mails[0].encrypted

    def test_never_means_never(self):
        with SmtpServer(extensions=self.OFFERED) as server, relaying_to(server, Tls.NEVER) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert "STARTTLS" not in server.commands

    def test_require_takes_a_certificate_that_proves_the_name(self):
        with SmtpServer(extensions=self.OFFERED) as server, relaying_to(server, Tls.REQUIRE) as relaying:
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert server.mails[0].encrypted

    @pytest.mark.parametrize(
        ("host", "authorities", "why"),
        [("other.example", CERTIFICATE, "mismatch"), ("localhost", None, "self-signed")],
    )
    @pytest.mark.parametrize("first", [False, True])
    def test_require_and_first_take_no_other(self, host, authorities, why, first):
        with (
            SmtpServer(extensions=self.OFFERED, tls_at_once=first) as server,
            relaying_to(server, Tls.FIRST if first else Tls.REQUIRE, host, authorities) as relaying,
        ):
            [outcome] = relaying.send(HELLO, "a@example.net")

            assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.7.5", True)
            assert why in outcome.why.lower()
            assert outcome.why.endswith("valid here for the name in the configuration, and for now")
            assert server.mails == []

    @pytest.mark.parametrize("answers", [{}, {"STARTTLS": "454 4.7.0 not now"}])
    def test_require_never_goes_without(self, answers):
        offered = self.OFFERED if answers else ()
        with (
            SmtpServer(answers, extensions=offered) as server,
            relaying_to(server, Tls.REQUIRE) as relaying,
        ):
            [outcome] = relaying.send(HELLO, "a@example.net")

            assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.7.10")
            assert ("use another port of it" in outcome.why) == (not answers)
            assert server.mails == []

    def test_first_speaks_tls_from_the_first_byte(self):
        with SmtpServer(tls_at_once=True) as server, relaying_to(server, Tls.FIRST) as relaying:
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
        with (
            SmtpServer({"STARTTLS": injected}, extensions=self.OFFERED) as server,
            relaying_to(server, Tls.REQUIRE) as relaying,
        ):
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert outcome.result is Result.DEFERRED
        assert "attack" in outcome.why


class TestRequireTls:
    """REQUIRETLS (RFC 8689)."""

    OFFERED = ("PIPELINING", "STARTTLS", "REQUIRETLS")

    def test_goes_to_who_promises_the_same(self):
        with SmtpServer(extensions=self.OFFERED) as server, relaying_to(server, Tls.TRY) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net", require_tls=True)

            assert outcome.result is Result.RELAYED
            assert any(command.endswith("REQUIRETLS") for command in server.commands)

    def test_fails_with_who_does_not(self):
        with (
            SmtpServer(extensions=("PIPELINING", "STARTTLS")) as server,
            relaying_to(server, Tls.TRY) as relaying,
        ):
            [outcome] = relaying.send(HELLO, "a@example.net", require_tls=True)

            assert (outcome.result, outcome.status) == (Result.FAILED, "5.7.30")
            assert server.mails == []

    def test_fails_without_tls_that_proves_the_name(self):
        with (
            SmtpServer(extensions=self.OFFERED) as server,
            relaying_to(server, Tls.TRY, "other.example") as relaying,
        ):
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
        with (
            SmtpServer(extensions=self.OFFERED, password="secret") as server,
            relaying_to(server, Tls.REQUIRE, credentials=self.ME) as relaying,
        ):
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert server.mails[0].login == ("me", "secret")

    def test_on_this_machine_in_the_clear(self):
        with (
            SmtpServer(extensions=("AUTH PLAIN",), password="secret") as server,
            relaying_to(server, Tls.NEVER, credentials=self.ME) as relaying,
        ):
            assert results(relaying.send(HELLO, "a@example.net")) == ["relayed"]
            assert server.mails[0].login == ("me", "secret")

    def test_with_a_wrong_password_waits_and_says_what_to_do(self):
        with (
            SmtpServer(extensions=self.OFFERED, password="other") as server,
            relaying_to(server, Tls.REQUIRE, credentials=self.ME) as relaying,
        ):
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status, outcome.hop_down) == (Result.DEFERRED, "4.7.8", True)
        assert "check the user and the password" in outcome.why
        assert "secret" not in repr(outcome)

    def test_where_it_is_not_offered_waits(self):
        with (
            SmtpServer(extensions=("STARTTLS",)) as server,
            relaying_to(server, Tls.REQUIRE, credentials=self.ME) as relaying,
        ):
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.7.8")
