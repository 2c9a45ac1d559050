"""The resolver and a real DNS server, made for this: what it says, how it fails, and how often it is asked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kit.black_hole import free_port
from kit.dns_server import NONSENSE, SERVFAIL, SILENT, TRUNCATED, DnsServer
from kit.relaying import HELLO, Relaying, lookup
from kit.smtp_server import SmtpServer
from mailsponge.courier.exchangers import hosts
from mailsponge.courier.resolving import RECORDS, Dns, DnsTrouble, Mx, NoSuchName
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.routes import NextHop
from mailsponge.server.loop import new_loop

MX = {"example.net MX": ["20 B.example.net.", "10 a.example.net."]}
ADDRESSES = {
    "a.example.net A": ["127.0.0.1"],
    "a.example.net AAAA": ["::1"],
    "b.example.net A": ["127.0.0.2"],
}


@pytest.fixture(params=[new_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def run(request):
    """Do something on each of the loops that the server runs on."""
    loop = request.param()
    yield loop.run_until_complete
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def resolver(server: DnsServer, lifetime: float = 5, **more) -> Dns:
    return Dns([(server.host, server.port)], lifetime, **more)


def test_the_exchangers_of_a_domain(run):
    with DnsServer(MX) as server:
        assert run(resolver(server).exchangers("example.net")) == [
            Mx(10, "a.example.net"),
            Mx(20, "b.example.net"),
        ]


def test_a_null_mx(run):
    with DnsServer({"example.net MX": ["0 ."]}) as server:
        assert run(resolver(server).exchangers("example.net")) == [Mx(0, "")]


def test_a_domain_without_an_mx_has_none(run):
    with DnsServer({"example.net A": ["127.0.0.1"]}) as server:
        assert run(resolver(server).exchangers("example.net")) == []


def test_the_addresses_of_both_families(run):
    with DnsServer(ADDRESSES) as server:
        assert sorted(run(resolver(server).addresses("a.example.net"))) == ["127.0.0.1", "::1"]


def test_an_alias_is_followed(run):
    answers = {
        "www.example.net MX": ["CNAME example.net.", "10 a.example.net."],
        "www.example.net A": ["CNAME a.example.net.", "127.0.0.1"],
    }
    with DnsServer(answers) as server:
        assert run(resolver(server).exchangers("www.example.net")) == [Mx(10, "a.example.net")]
        assert run(resolver(server).addresses("www.example.net")) == ["127.0.0.1"]


def test_a_name_that_does_not_exist(run):
    with DnsServer({}) as server:
        with pytest.raises(NoSuchName):
            run(resolver(server).exchangers("nowhere.example"))
        with pytest.raises(NoSuchName):
            run(resolver(server).addresses("nowhere.example"))


@pytest.mark.parametrize(
    "name", ["a..example", "x" * 64 + ".example", ".".join(["abc"] * 80), "a\\999.example"]
)
def test_what_can_be_no_name_does_not_exist(run, name):
    with DnsServer({}) as server, pytest.raises(NoSuchName):
        run(resolver(server).exchangers(name))


@pytest.mark.parametrize("answer", [SERVFAIL, SILENT, NONSENSE])
def test_a_server_that_fails_is_trouble(run, answer):
    with DnsServer({"example.net MX": answer, "example.net A": answer, "example.net AAAA": answer}) as server:
        failing = resolver(server, lifetime=0.3)
        with pytest.raises(DnsTrouble):
            run(failing.exchangers("example.net"))
        with pytest.raises(DnsTrouble):
            run(failing.addresses("example.net"))


def test_where_nobody_listens_is_trouble(run):
    with DnsServer({}) as server:
        pass
    with pytest.raises(DnsTrouble):
        run(resolver(server, lifetime=0.3).exchangers("example.net"))


def test_trouble_with_one_family_does_not_matter_if_the_other_is_known(run):
    with DnsServer({**ADDRESSES, "a.example.net AAAA": SERVFAIL}) as server:
        assert run(resolver(server).addresses("a.example.net")) == ["127.0.0.1"]


def test_an_answer_that_is_too_large_for_udp_is_asked_for_over_tcp(run):
    with DnsServer({"example.net MX": (TRUNCATED, ["10 a.example.net."])}) as server:
        assert run(resolver(server).exchangers("example.net")) == [Mx(10, "a.example.net")]
        assert server.asked == ["example.net MX udp", "example.net MX tcp"]


def test_of_an_answer_without_end_only_the_beginning_is_kept(run):
    many = [f"{number} h{number}.example." for number in range(1000)]
    with DnsServer({"example.net MX": (TRUNCATED, many)}) as server:
        found = run(resolver(server).exchangers("example.net"))

    assert [record.preference for record in found] == list(range(RECORDS))


class TestMemory:
    def test_an_answer_is_asked_for_once_as_long_as_it_holds(self, run):
        now = [0.0]
        with DnsServer(MX, ttl=60) as server:
            remembering = resolver(server, time=lambda: now[0])
            for at in (0, 59, 61):
                now[0] = at
                run(remembering.exchangers("example.net"))

            assert len(server.asked) == 2

    @pytest.mark.parametrize("answers", [{}, {"example.net A": ["127.0.0.1"]}])
    def test_so_is_that_there_is_nothing(self, run, answers):
        now = [0.0]
        with DnsServer(answers, ttl=60) as server:
            remembering = resolver(server, time=lambda: now[0])
            for at in (0, 59, 61):
                now[0] = at
                try:
                    assert run(remembering.exchangers("example.net")) == []
                except NoSuchName:
                    assert not answers

            assert len(server.asked) == 2

    def test_trouble_is_forgotten_at_once(self, run):
        with DnsServer({"example.net MX": SERVFAIL}) as server:
            remembering = resolver(server)
            with pytest.raises(DnsTrouble):
                run(remembering.exchangers("example.net"))
            server.answers.update(MX)

            assert len(run(remembering.exchangers("example.net"))) == 2


def test_a_server_has_an_ip_address():
    with pytest.raises(ValueError, match="localhost"):
        Dns([("localhost", 53)])


def test_a_host_that_is_named_here_is_looked_up_as_any_program_does_it(run):
    assert "127.0.0.1" in run(Dns().named("localhost"))
    with pytest.raises(NoSuchName):
        run(Dns().named("a..b"))


def test_a_system_that_takes_its_time_over_a_name_keeps_nobody_else_waiting(run, monkeypatch):
    known = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        known.wait()
        return []

    async def story() -> str:
        names = Dns()
        waiting = [asyncio.ensure_future(names.named("host.example")) for _ in range(100)]
        read = await asyncio.to_thread(lambda: "a message")
        known.set()
        await asyncio.gather(*waiting)
        return read

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    assert run(asyncio.wait_for(story(), 10)) == "a message"


@pytest.mark.parametrize(
    ("answers", "result", "status"),
    [
        ({}, Result.FAILED, "5.1.2"),
        ({"example.net MX": ["0 ."]}, Result.FAILED, "5.1.10"),
        ({"example.net MX": SERVFAIL}, Result.DEFERRED, "4.4.3"),
        ({"example.net MX": SILENT}, Result.DEFERRED, "4.4.3"),
        ({"example.net TXT": ["x"]}, Result.FAILED, "5.1.2"),
        ({**MX, "a.example.net A": SERVFAIL, "a.example.net AAAA": SILENT}, Result.DEFERRED, "4.4.3"),
        (MX, Result.FAILED, "5.4.4"),
    ],
    ids=[
        "no domain",
        "null MX",
        "fails",
        "silent",
        "neither MX nor address",
        "hosts unknown",
        "no addresses",
    ],
)
def test_what_dns_says_decides_what_becomes_of_the_mail(run, answers, result, status):
    lifetime = 0.3 if SILENT in answers.values() else 10.0
    with DnsServer(answers) as server:
        outcome = run(
            hosts(NextHop("example.net", "example.net"), lookup(resolver(server, lifetime=lifetime)))
        )

    assert isinstance(outcome, Outcome)
    assert (outcome.result, outcome.status) == (result, status)


def test_mail_goes_to_the_hosts_that_dns_names():
    """The first host's IPv6 address does not answer, its other one closes at MAIL, and the second host takes it."""
    port = free_port("127.0.0.1", "127.0.0.2")
    with (
        SmtpServer({"MAIL": "421 4.3.2 too busy"}, port=port),
        SmtpServer(host="127.0.0.2", port=port) as second,
        DnsServer({**MX, **ADDRESSES}) as server,
        Relaying(hop=NextHop("example.net", "example.net", port), resolver=resolver(server)) as relaying,
    ):
        [outcome] = relaying.send(HELLO, "you@example.net")

        assert (outcome.result, outcome.by) == (Result.RELAYED, "b.example.net")
        assert [mail.recipients for mail in second.mails] == [["you@example.net"]]
