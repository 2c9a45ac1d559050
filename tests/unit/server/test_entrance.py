"""Rules of opening addresses: all or none, and a refusal says what to do."""

from __future__ import annotations

import socket

import pytest

from mailsponge.config import Endpoint
from mailsponge.errors import UsageError
from mailsponge.server.entrance import opened
from mailsponge.server.role import LOCAL, SMTP, SUBMISSION

ANY = Endpoint("127.0.0.1", 0)


def test_an_entrance_says_what_it_is_for_and_where_it_really_is(tmp_path):
    entrances = opened([(SMTP, ANY), (LOCAL, tmp_path / "submit")])

    port = entrances[0].socket.getsockname()[1]
    assert list(map(str, entrances)) == [f"smtp 127.0.0.1:{port}", f"local {tmp_path}/submit"]
    for entrance in entrances:
        entrance.close()


def test_ipv6_and_ipv4_stand_side_by_side():
    [four] = opened([(SMTP, Endpoint("0.0.0.0", 0))])
    [six] = opened([(SMTP, Endpoint("::", four.place.port))])

    assert four.socket.family == socket.AF_INET
    assert six.socket.family == socket.AF_INET6
    four.close()
    six.close()


def test_a_port_that_is_taken_is_told_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1:{port}: port {port} is taken"):
            opened([(SMTP, Endpoint("127.0.0.1", port))])


def test_when_one_address_cannot_be_had_none_is_listened_on(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError):
            opened([(LOCAL, tmp_path / "submit"), (SMTP, ANY), (SUBMISSION, Endpoint("127.0.0.1", port))])

    assert not (tmp_path / "submit").exists()


def test_an_address_of_another_machine_is_told():
    with pytest.raises(UsageError, match="this machine has no such address"):
        opened([(SMTP, Endpoint("192.0.2.1", 0))])
