"""A DNS server for tests: it answers by UDP and TCP what it was told to, refuses, or says nothing.

    with DnsServer({"example.net MX": ["10 mx.example.net."], "mx.example.net A": ["127.0.0.1"]}) as dns:
        resolver = Dns([(dns.host, dns.port)])

A name that is not told of does not exist. What is said of a question is a list of records, of a kind each if it is
another than was asked for (``"CNAME a.example."``); or one of the words below.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Mapping, Sequence

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SERVFAIL = "SERVFAIL"
SILENT = "SILENT"
TRUNCATED = "TRUNCATED"
"""Over UDP, that is; over TCP the answer is whole: ``(TRUNCATED, [...])``."""
NONSENSE = "NONSENSE"

Answer = Sequence[str] | str | tuple[str, Sequence[str]]


class DnsServer:
    """On a port of its own; ``asked`` is what it was asked, over UDP and TCP.

    Args:
        answers: by question, ``name TYPE``.
        ttl: seconds that everything holds.
    """

    host = "127.0.0.1"

    def __init__(self, answers: Mapping[str, Answer], ttl: int = 60) -> None:
        self.answers = dict(answers)
        self.ttl = ttl
        self.asked: list[str] = []
        self._servers: list[socketserver.BaseServer] = []
        self._threads: list[threading.Thread] = []
        tcp, udp = self._both()
        self.port = int(tcp.server_address[1])
        self._serve(tcp)
        self._serve(udp)

    def __enter__(self) -> DnsServer:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def _both(self) -> tuple[socketserver.TCPServer, socketserver.UDPServer]:
        """Two servers on the same port."""
        while True:
            tcp = _Tcp((self.host, 0), _over_tcp(self))
            try:
                return tcp, _Udp(tcp.server_address, _over_udp(self))
            except OSError:  # that one is taken
                tcp.server_close()

    def _serve(self, server: socketserver.BaseServer) -> None:
        self._servers.append(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        self._threads.append(thread)
        thread.start()

    def answer(self, packet: bytes, over: str) -> bytes | None:
        """What is sent back, if anything is."""
        query = dns.message.from_wire(packet)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append(f"{name} {kind} {over}")
        told = self.answers.get(f"{name} {kind}")
        response = dns.message.make_response(query, recursion_available=True)
        if isinstance(told, tuple):
            records = told[1]
            if over == "udp":
                response.flags |= dns.flags.TC
                return response.to_wire()
            told = records
        if told == SILENT:
            return None
        if told == NONSENSE:
            return packet[:2] + b"nonsense"
        if told == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif told is not None:
            self._add(response, name, kind, told)
        elif not any(known.startswith(f"{name} ") for known in self.answers):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if not response.answer:
            soa = f"ns.example. root.example. 1 60 60 60 {self.ttl}"
            zone = f"{name.rpartition('.')[2]}."
            response.authority.append(dns.rrset.from_text(zone, self.ttl, "IN", "SOA", soa))
        return response.to_wire(max_size=65535)

    def _add(self, response: dns.message.Message, name: str, kind: str, records: Sequence[str]) -> None:
        owner = f"{name}."
        for record in records:
            first, _, rest = record.partition(" ")
            if first == "CNAME":
                response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", "CNAME", rest))
                owner = rest
            else:
                response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", kind, record))


class _Udp(socketserver.ThreadingUDPServer):
    pass


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


def _over_udp(server: DnsServer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, socket = self.request
            response = server.answer(packet, "udp")
            if response is not None:
                socket.sendto(response, self.client_address)

    return Handler


def _over_tcp(server: DnsServer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = int.from_bytes(self.rfile.read(2))
            response = server.answer(self.rfile.read(length), "tcp")
            if response is not None:
                self.wfile.write(len(response).to_bytes(2) + response)

    return Handler
