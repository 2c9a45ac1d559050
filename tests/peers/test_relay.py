"""The relay and real servers: smtp-sink that fails as asked, Postfix, and our own post office by all of its ways in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit import house as ways
from kit import peers, smtp_sink
from kit.house import PASSWORD, House, Way
from kit.post import Post, trace_and_message
from kit.relaying import HELLO, LARGE, KnownNames, Relaying, results
from kit.smtp_server import CERTIFICATE
from mailsponge.mail.envelope import EnvelopeWishes, RecipientWishes
from mailsponge.mail.outcome import Result
from mailsponge.routes import Credentials, NextHop, Tls
from private_postfix import PrivatePostfix, Unavailable

LOCALHOST = KnownNames({}, {"localhost": ["127.0.0.1"]})


@pytest.fixture
def sink(peer: Callable[[str], str], tmp_path: Path):
    """smtp-sink with these options."""
    program = peer("smtp-sink")
    return lambda *options: smtp_sink.listening(program, tmp_path / "mails", *options)


class TestSmtpSink:
    @pytest.mark.parametrize(
        "options", [(), ("-p",), ("-e",), ("-8",)], ids=["", "no PIPELINING", "HELO", "7 bit"]
    )
    def test_takes_what_is_relayed(self, sink, tmp_path: Path, options):
        with sink(*options) as port, Relaying(port) as relaying:
            for _ in range(3):
                assert results(relaying.send(HELLO, "a@example.net", "b@example.net")) == ["relayed"] * 2
            assert results(relaying.send(LARGE, "a@example.net", in_memory=False)) == ["relayed"]

        assert len(list((tmp_path / "mails").iterdir())) == 4

    @pytest.mark.parametrize("pipelining", [(), ("-p",)], ids=["pipelined", "step by step"])
    @pytest.mark.parametrize("command", ["mail", "rcpt", "data", "."])
    @pytest.mark.parametrize(("option", "result"), [("-r", "deferred"), ("-f", "failed")])
    def test_refuses_a_message(self, sink, pipelining, command, option, result):
        with sink(*pipelining, option, command) as port, Relaying(port) as relaying:
            for _ in range(2):
                outcomes = relaying.send(HELLO, "a@example.net", "b@example.net")

                assert results(outcomes) == [result] * 2
                assert not any(outcome.hop_down for outcome in outcomes)

    @pytest.mark.parametrize("command", ["connect", "ehlo"])
    @pytest.mark.parametrize("option", ["-r", "-f"])
    def test_refuses_a_session(self, sink, command, option):
        # To EHLO, smtp-sink says 500 with -f, and then takes HELO.
        with sink(option, f"{command},helo") as port, Relaying(port) as relaying:
            [outcome] = relaying.send(HELLO, "a@example.net")

        assert (outcome.result, outcome.hop_down) == (Result.DEFERRED, True)

    @pytest.mark.parametrize("command", ["connect", "ehlo", "mail", "rcpt", "data", "."])
    def test_hangs_up(self, sink, command):
        with sink("-q", command) as port, Relaying(port) as relaying:
            outcomes = relaying.send(HELLO, "a@example.net", "b@example.net")

        assert results(outcomes) == ["deferred"] * 2
        assert all(outcome.hop_down and outcome.status == "4.4.2" for outcome in outcomes), outcomes

    def test_speaks_lmtp(self, sink, tmp_path: Path):
        with sink("-L") as port:
            hop = NextHop("here", "127.0.0.1", port, mx=False, lmtp=True)
            with Relaying(hop=hop) as relaying:
                assert results(relaying.send(HELLO, "a@example.net", "b@example.net")) == ["relayed"] * 2


def to(house: House, way: Way, tls: Tls, *, lmtp: bool = False) -> NextHop:
    """The house as a next hop, by one of its ways in."""
    address = house.address(way)
    host = "localhost" if address.host == "127.0.0.1" else address.host
    credentials = Credentials("me", PASSWORD) if way.mechanism else None
    return NextHop(way.name, host, address.port, False, tls, lmtp, credentials)


class TestOurOwnServer:
    @pytest.mark.parametrize(
        ("way", "tls"),
        [
            (ways.PLAIN, Tls.NEVER),
            (ways.PLAIN._replace(protocol="ESMTPS"), Tls.TRY),
            (ways.STARTTLS, Tls.REQUIRE),
            (ways.IPV6, Tls.NEVER),
            (ways.LMTP, Tls.NEVER),
            (ways.LMTP_STARTTLS, Tls.REQUIRE),
            (ways.LMTP_SOCKET, Tls.NEVER),
            (ways.SUBMISSION, Tls.REQUIRE),
            (ways.SUBMISSIONS, Tls.FIRST),
        ],
        ids=lambda given: given.name,
    )
    def test_takes_what_is_relayed_by_every_way_in(self, house: House, post: Post, way: Way, tls: Tls):
        hop = to(house, way, tls, lmtp=way.protocol.startswith("LMTP"))
        with Relaying(hop=hop, resolver=LOCALHOST, authorities=CERTIFICATE) as relaying:
            outcomes = relaying.send(HELLO, "me@example.org", "you@example.org")
            outcomes += relaying.send(LARGE, "me@example.org", in_memory=False)

        assert results(outcomes) == ["relayed"] * 3, outcomes
        large, small = post.letters("me")
        trace, message = trace_and_message(small)
        assert f" with {way.protocol} " in trace
        assert message == HELLO
        assert trace_and_message(large)[1] == b"".join(LARGE)

    def test_refuses_whom_it_does_not_know(self, house: House, post: Post):
        with Relaying(hop=to(house, ways.PLAIN, Tls.TRY), resolver=LOCALHOST) as relaying:
            taken, refused = relaying.send(HELLO, "me@example.org", "nobody@example.org")

        assert taken.result is Result.RELAYED
        assert taken.reports
        assert (refused.result, refused.status) == (Result.FAILED, "5.1.1")

    def test_takes_tls_or_nothing_within_tls(self, house: House, post: Post):
        with Relaying(
            hop=to(house, ways.STARTTLS, Tls.TRY), resolver=LOCALHOST, authorities=CERTIFICATE
        ) as relaying:
            assert results(relaying.send(HELLO, "me@example.org", require_tls=True)) == ["relayed"]

    def test_takes_names_beyond_ascii(self, house: House, post: Post):
        with Relaying(hop=to(house, ways.PLAIN, Tls.NEVER), resolver=LOCALHOST) as relaying:
            assert results(relaying.send(HELLO, "søren@example.org", smtputf8=True)) == ["relayed"]

        assert len(post.letters("søren")) == 1


SETTINGS = f"""\
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
message_size_limit = 5000000
smtpd_relay_restrictions = reject_unauth_destination
debug_peer_list = 127.0.0.1
smtpd_tls_security_level = may
smtpd_tls_chain_files = {CERTIFICATE}
"""


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    """A Postfix of our own that takes mail for a and b at bench.example; it logs what is said, word by word."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # Postfix works as somebody else
        try:
            with PrivatePostfix(Path(folder), ["a", "b"], SETTINGS) as running:
                yield running
        except Unavailable as reason:
            peers.missing(str(reason))


class TestPostfix:
    @staticmethod
    def relaying(postfix: PrivatePostfix, tls: Tls) -> Relaying:
        hop = NextHop("postfix", "localhost", postfix.port, mx=False, tls=tls)
        return Relaying(hop=hop, resolver=LOCALHOST, authorities=CERTIFICATE)

    @pytest.mark.parametrize("tls", [Tls.NEVER, Tls.TRY, Tls.REQUIRE])
    def test_takes_what_is_relayed_over_a_connection_that_is_reused(self, postfix: PrivatePostfix, tls: Tls):
        with self.relaying(postfix, tls) as relaying:
            for content in (HELLO, LARGE, HELLO):
                outcomes = relaying.send(content, postfix.recipient("a"), postfix.recipient("b"))
                assert results(outcomes) == ["relayed"] * 2, outcomes
                assert all(outcome.reports for outcome in outcomes)

    def test_refuses_whom_it_does_not_know(self, postfix: PrivatePostfix):
        with self.relaying(postfix, Tls.TRY) as relaying:
            taken, refused, elsewhere = relaying.send(
                HELLO, postfix.recipient("a"), postfix.recipient("nobody"), "x@elsewhere.example"
            )

        assert taken.result is Result.RELAYED
        assert (refused.result, refused.status) == (Result.FAILED, "5.1.1")
        assert (elsewhere.result, elsewhere.status) == (Result.FAILED, "5.7.1")

    def test_refuses_what_is_too_large(self, postfix: PrivatePostfix):
        with self.relaying(postfix, Tls.TRY) as relaying:
            [outcome] = relaying.send(LARGE * 3, postfix.recipient("a"))

        assert (outcome.result, outcome.status) == (Result.FAILED, "5.3.4")

    def test_is_told_what_the_sender_wishes_of_reports(self, postfix: PrivatePostfix):
        before = len(postfix.log())
        with self.relaying(postfix, Tls.NEVER) as relaying:
            outcomes = relaying.send(
                HELLO,
                postfix.recipient("a"),
                wishes=EnvelopeWishes("HDRS", "letter-17"),
                recipient_wishes=(
                    RecipientWishes(frozenset({"SUCCESS", "DELAY"}), ("rfc822", "me@example.org")),
                ),
            )

        assert results(outcomes) == ["relayed"]
        said = postfix.log()[before:]
        assert "RET=HDRS ENVID=letter-17" in said
        assert "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;me@example.org" in said
