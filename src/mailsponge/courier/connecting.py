"""From a host's addresses to a connection: all of them in turn, each a little later than the one before (RFC 8305).

An address that does not answer, as IPv6 often does where it is only half there, costs a quarter of a second and not
half a minute.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from itertools import zip_longest
from typing import Final, Generic, NamedTuple, TypeVar

from mailsponge import clean

DELAY: Final = 0.25
"""Seconds after which the next address is tried beside those that have not answered (RFC 8305 section 5)."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Host(NamedTuple):
    """A host that takes mail."""

    name: str
    """What its certificate has to prove, and what people are told."""
    addresses: tuple[str, ...]
    """IP addresses; or the path of a Unix socket."""


class Connected(NamedTuple, Generic[P]):
    """A connection, and who talks over it."""

    transport: asyncio.BaseTransport
    protocol: P


def in_turns(addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses in the order they are tried in: IPv6 first, and the two families by turns (RFC 8305 section 4)."""
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    pairs = zip_longest(six, four)
    return tuple(address for pair in pairs for address in pair if address is not None)


def is_local(address: str) -> bool:
    """Whether what goes there never leaves this machine: a Unix socket, or loopback."""
    return address.startswith("/") or ip_address(address).is_loopback


def listens_here(ports: Collection[int]) -> Callable[[str, int], bool]:
    """A function that tells whether an address and a port are this server's own, which listens on ``ports``: mail that
    is sent there comes back.
    """
    return lambda address, port: port in ports and _is_mine(address)


def _is_mine(address: str) -> bool:
    """Only an address that this machine has can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True


async def connect(host: Host, port: int, make: Callable[[str], P], patience: float) -> Connected[P]:
    """A connection to one of the host's addresses, the first that answers. ``make`` makes what talks to an address;
    ``patience`` is in seconds for each. Raises OSError, in words, when none answers.
    """
    attempts = [partial(_attempt, address, port, make, patience) for address in host.addresses]
    if len(attempts) == 1:
        try:
            return await attempts[0]()
        except (OSError, TimeoutError) as error:
            raise OSError(_words(host, [error], patience)) from error
    return await _race(host, attempts, patience)


async def _attempt(address: str, port: int, make: Callable[[str], P], patience: float) -> Connected[P]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patience):
        if address.startswith("/"):
            return Connected(*await loop.create_unix_connection(lambda: make(address), address))
        return Connected(*await loop.create_connection(lambda: make(address), address, port))


async def _race(
    host: Host, attempts: Sequence[Callable[[], Awaitable[Connected[P]]]], patience: float
) -> Connected[P]:
    left = iter(attempts)
    running: set[asyncio.Task[Connected[P]]] = set()
    failures: list[BaseException] = []
    try:
        more = _start(left, running)
        while running:
            done, _ = await asyncio.wait(
                running, timeout=DELAY if more else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is None:
                    running.discard(task)
                    return task.result()
                if not isinstance(error, OSError | TimeoutError):
                    raise error
                running.discard(task)
                failures.append(error)
            more = _start(left, running) if more else False
        raise OSError(_words(host, failures, patience))
    finally:
        for task in running:
            task.add_done_callback(_drop)
            task.cancel()


def _start(
    left: Iterator[Callable[[], Awaitable[Connected[P]]]], running: set[asyncio.Task[Connected[P]]]
) -> bool:
    """Begin the next attempt; whether there was one."""
    for attempt in left:
        running.add(asyncio.ensure_future(attempt()))
        return True
    return False


def _drop(task: asyncio.Task[Connected[P]]) -> None:
    """Of those that came too late, close the connection, if they have one."""
    if not task.cancelled() and task.exception() is None:
        task.result().transport.close()


def _words(host: Host, failures: Sequence[BaseException], patience: float) -> str:
    """Why nobody answered: each reason once, with the addresses, unless the host's name says them."""
    name, addresses = host
    reasons = {_reason(failure, patience): None for failure in failures}
    where = ", ".join(addresses[:3]) + (", …" if len(addresses) > 3 else "")
    return f"does not answer{'' if where == name else f' at {where}'}: {'; '.join(reasons)}"


def _reason(failure: BaseException, patience: float) -> str:
    number = failure.errno if isinstance(failure, OSError) else None
    if number is not None and number in errno.errorcode:
        return os.strerror(number)  # what asyncio says of it names the address once more
    if isinstance(failure, TimeoutError):
        return f"no connection within {patience:g} seconds"
    return clean.line(str(failure))
