"""posttls-finger, Postfix's look at another server's TLS, finds nothing amiss.

Not through Unix sockets: as Debian 12 has it, it connects to one and goes away without a word.
"""

from __future__ import annotations

import re

import pytest

from kit import house as ways
from kit.house import House
from kit.smtp_server import CERTIFICATE


@pytest.fixture
def finger(house: House, run, peer):
    program = peer("posttls-finger")
    return lambda *arguments: run(program, *arguments).said


@pytest.mark.parametrize("way", [ways.PLAIN, ways.IPV6, ways.SUBMISSION], ids=lambda way: way.name)
def test_a_server_that_trusts_the_certificate_verifies_it(finger, house: House, way):
    host, port = house.address(way)
    said = finger("-c", "-l", "secure", "-F", CERTIFICATE, "-L", "summary", f"[{host}]:{port}", "localhost")

    assert re.search(
        r"Verified TLS connection established to \S+: TLSv1\.3 with cipher TLS_AES_256_GCM", said
    )


def test_one_that_does_not_is_told_so_and_can_go_on(finger, house: House):
    said = finger("-c", "-L", "summary", f"[127.0.0.1]:{house.port}")

    assert "certificate verification failed" in said
    assert "Untrusted TLS connection established" in said


def test_tls_from_the_first_byte(finger, house: House):
    _, port = house.address(ways.SUBMISSIONS)
    said = finger(
        "-c", "-w", "-l", "secure", "-F", CERTIFICATE, "-L", "summary", f"[127.0.0.1]:{port}", "localhost"
    )

    assert "Verified TLS connection established" in said


def test_tls_1_2_is_spoken_and_tls_1_1_is_not(finger, house: House):
    target = f"[127.0.0.1]:{house.port}"

    assert "TLS connection established to 127.0.0.1[127.0.0.1]" in finger(
        "-c", "-p", "TLSv1.2", "-L", "summary", target
    )
    refused = finger("-c", "-p", "<=TLSv1.1", "-L", "summary", target)
    assert "alert protocol version" in refused
    assert "established" not in refused


def test_lmtp_has_starttls_too(finger, house: House):
    host, port = house.address(ways.LMTP)
    said = finger("-S", "-l", "may", "-L", "verbose", f"[{host}]:{port}")

    before, _, within = said.partition("setting up TLS connection")
    assert "> STARTTLS" in before
    assert "< 220 2.0.0 Go ahead, start TLS" in before
    assert "> LHLO" in within
    assert "STARTTLS" not in within
    assert "< 221 2.0.0 Goodbye" in within
