"""A relay for tests: a carrier with time limits that a test can wait for, told by the test what DNS says.

with Relaying(server.port) as relaying:
    [outcome] = relaying.send(HELLO, "you@example.net")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mailsponge.courier.carrier import Carrier
from mailsponge.courier.conversation import Caller
from mailsponge.courier.exchangers import Lookup
from mailsponge.courier.idle import Reuse
from mailsponge.courier.relay import RelayCourier
from mailsponge.courier.resolving import DnsTrouble, Mx, NoSuchName
from mailsponge.courier.timeouts import Timeouts
from mailsponge.courier.trust import trust
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.mail.outcome import Outcome
from mailsponge.mail.trace_header import return_path
from mailsponge.routes import NextHop, Routes
from mailsponge.server.loop import new_loop
from mailsponge.store.protocol import Due, Parcel

T = TypeVar("T")

SENDER = parse("me@example.org")
HELLO = b"From: me@example.org\r\nSubject: Hello\r\n\r\nGood morning.\r\n.\r\n.. and dots\r\n"
LARGE = [HELLO, *((b"%04d " % number + b"x" * 900 + b"\r\n") * 100 for number in range(20))]
"""A message of 2 MB, in pieces."""
LIMITS = Timeouts(
    connect=5, greeting=5, hello=5, handshake=5, mail=5, rcpt=5, data=5, block=5, end=5, transaction=20
)
"""For servers that answer: more than they need."""
SHORT = Timeouts(*[0.2] * 9, transaction=5)
"""For those that do not: what a test has time for."""


def results(outcomes: Sequence[Outcome]) -> list[str]:
    """What they come to, in a word each."""
    return [str(outcome.result) for outcome in outcomes]


class KnownNames:
    """A resolver that knows what it was told: lists of records, or what is raised instead. All else does not exist."""

    def __init__(
        self,
        mx: Mapping[str, Sequence[tuple[int, str]] | Exception] | None = None,
        addresses: Mapping[str, Sequence[str] | Exception] | None = None,
    ) -> None:
        self._mx = dict(mx or {})
        self._addresses = dict(addresses or {})
        self.asked: list[str] = []

    async def exchangers(self, domain: str) -> Sequence[Mx]:
        self.asked.append(domain)
        if domain not in self._mx and domain in self._addresses:
            return []
        return [Mx(*record) for record in self._known(self._mx, domain)]

    async def addresses(self, host: str) -> Sequence[str]:
        return self._known(self._addresses, host)

    async def named(self, host: str) -> Sequence[str]:
        return self._known(self._addresses, host)

    @staticmethod
    def _known(known: Mapping[str, Sequence[T] | Exception], name: str) -> Sequence[T]:
        answer = known.get(name, NoSuchName(name))
        if isinstance(answer, Exception):
            raise answer
        return answer


NO_DNS = DnsTrouble("no name server answers in time")


def lookup(
    resolver: object,
    own_names: Sequence[str] = ("mail.example.org",),
    is_own: Callable[[str, int], bool] = lambda address, port: False,
    shuffled: Callable[[Sequence[Mx]], Sequence[Mx]] = lambda records: records,
) -> Lookup:
    """What finding hosts needs; nothing is shuffled unless a test wants it."""
    return Lookup(resolver, own_names, is_own, shuffled)  # type: ignore[arg-type]


def parcel(
    content: bytes | Sequence[bytes], *recipients: str, in_memory: bool = True, **envelope: object
) -> Parcel:
    """A message that waits for these, with the Return-Path that the store keeps on top of it."""
    addresses = tuple(parse(recipient, smtputf8=True) for recipient in recipients)
    sender = envelope.pop("reverse_path", SENDER)
    pieces = [return_path(sender), *([content] if isinstance(content, bytes) else content)]  # type: ignore[arg-type]
    pieces[:2] = [b"".join(pieces[:2])]

    def read() -> Iterator[bytes]:
        yield from pieces

    dues = tuple(
        Due(at + 1, at, address, "", address.domain, 0, False) for at, address in enumerate(addresses)
    )
    return Parcel(
        1,
        Envelope(sender, addresses, **envelope),
        0.0,
        sum(map(len, pieces)),
        dues,
        read,
        in_memory,  # type: ignore[arg-type]
    )


class Relaying:
    """A relay with an event loop of its own.

    Args:
        port: where the next hop is, on 127.0.0.1; with a ``hop``, that instead.
        hop: the one that everything goes to.
        resolver: what DNS says.
        authorities: whose certificates are believed.
    """

    def __init__(
        self,
        port: int = 25,
        *,
        hop: NextHop | None = None,
        resolver: object = None,
        timeouts: Timeouts = LIMITS,
        reuse: Reuse = Reuse(),  # noqa: B008 - immutable
        authorities: Path | None = None,
        routes: Routes | None = None,
    ) -> None:
        self._loop = new_loop()
        nonces = (f"a-nonce-that-is-no-secret-{number}" for number in range(100))
        caller = Caller(
            "mail.example.org",
            trust(authorities),
            timeouts,
            lambda: next(nonces),
            memoryview(bytearray(65536)),
        )
        self.carrier = Carrier(caller, lookup(resolver or KnownNames()), reuse)
        self.routes = routes or Routes(hop or NextHop("next.example", "127.0.0.1", port, mx=False))
        self.courier = RelayCourier(self.carrier, lambda: self.routes)

    def __enter__(self) -> Relaying:
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.courier.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(self, work: Awaitable[T]) -> T:
        """Do it, and whatever else is due."""
        return self._loop.run_until_complete(work)

    def send(self, content: bytes | Sequence[bytes], *recipients: str, **rest: object) -> Sequence[Outcome]:
        """Deliver a message to these."""
        return self.deliver(parcel(content, *recipients, **rest))  # type: ignore[arg-type]

    def deliver(self, sent: Parcel) -> Sequence[Outcome]:
        """Deliver a parcel."""
        return self.run(self.courier.deliver(sent))
