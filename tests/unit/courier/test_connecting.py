"""Rules of getting a connection to one of a host's addresses (RFC 8305)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from kit.black_hole import free_port, refused_port
from mailsponge.courier.connecting import Host, connect, in_turns, is_local, listens_here


class Told(asyncio.Protocol):
    """Which address it is for."""

    def __init__(self, address: str) -> None:
        self.address = address


def connected(*addresses: str, port: int, patience: float = 5) -> str:
    """The address that a connection was made to."""

    async def work() -> str:
        transport, protocol = await connect(Host("a.example", addresses), port, Told, patience)
        transport.close()
        return protocol.address

    return asyncio.run(work())


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", free_port("127.0.0.1", "127.0.0.2"))) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def full(port):
    """A port at 127.0.0.2 whose queue is full: who connects there waits, as in front of a router that drops."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.2", port))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.2", port))
        yield "127.0.0.2"
        for each in waiting:
            each.close()


def test_the_families_take_turns_and_ipv6_begins():
    assert in_turns(["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"]) == (
        "2001:db8::1",
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
    )
    assert in_turns([]) == ()


def test_the_first_address_is_taken_if_it_answers(port):
    assert connected("127.0.0.1", "127.0.0.2", port=port) == "127.0.0.1"


def test_after_one_that_refuses_the_next_is_tried_at_once(port):
    assert connected("127.0.0.2", "127.0.0.1", port=port) == "127.0.0.1"


def test_one_that_does_not_answer_does_not_hold_up_the_others(port, full):
    assert connected(full, "127.0.0.1", port=port, patience=60) == "127.0.0.1"


@pytest.mark.parametrize("others", [(), ("127.0.0.3",)])
def test_when_nobody_answers_it_says_why(port, full, others):
    with pytest.raises(OSError, match=r"no connection within 0\.1 seconds"):
        connected(full, *others, port=port, patience=0.1)


def test_a_reason_is_told_once_and_no_more_addresses_than_a_line_has_room_for():
    with pytest.raises(
        OSError, match=r"^does not answer at 127\.0\.0\.1, 127\.0\.0\.2, 127\.0\.0\.3, …: Connection refused$"
    ):
        connected("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", port=refused_port())


def test_a_unix_socket_is_an_address_too(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        assert connected(path, port=0) == path


@pytest.mark.parametrize(
    ("address", "local"),
    [("/run/lmtp", True), ("127.0.0.5", True), ("::1", True), ("192.0.2.1", False), ("10.0.0.1", False)],
)
def test_local_is_what_never_leaves_this_machine(address, local):
    assert is_local(address) is local


@pytest.mark.parametrize(
    ("address", "port", "own"),
    [("127.0.0.1", 25, True), ("127.0.0.1", 26, False), ("192.0.2.1", 25, False), ("2001:db8::1", 25, False)],
)
def test_own_is_what_this_machine_has_and_the_server_listens_on(address, port, own):
    assert listens_here([25])(address, port) is own
