"""openssl as a client: TLS 1.2 and 1.3 are spoken and nothing older, with every start that it knows."""

from __future__ import annotations

import pytest

from kit import house as ways
from kit.house import House, Way
from kit.smtp_server import CERTIFICATE

STARTS = {"smtp": ("-starttls", "smtp"), "lmtp": ("-starttls", "lmtp"), "submissions": ()}

OLD = ("-cipher", "DEFAULT@SECLEVEL=0")
"""openssl itself would else refuse to speak anything older."""


@pytest.fixture
def connect(house: House, run, peer):
    program = peer("openssl")

    def connect(way: Way, *options: str):
        return run(
            program, "s_client", "-connect", str(house.address(way)), *STARTS[way.entrance], "-brief",
            "-CAfile", CERTIFICATE, "-verify_return_error", "-verify_hostname", "localhost", *options,
        )  # fmt: skip

    return connect


@pytest.mark.parametrize(
    "way", [ways.PLAIN, ways.IPV6, ways.LMTP, ways.SUBMISSIONS], ids=lambda way: way.name
)
@pytest.mark.parametrize(("option", "version"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_tls_1_2_and_1_3_are_spoken(connect, way: Way, option: str, version: str):
    outcome = connect(way, option)

    assert outcome.succeeded, outcome.said
    assert f"Protocol version: {version}\n" in outcome.said
    assert "Verification: OK" in outcome.said


@pytest.mark.parametrize("way", [ways.PLAIN, ways.SUBMISSIONS], ids=lambda way: way.name)
@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_nothing_older_is_spoken(connect, way: Way, option: str):
    outcome = connect(way, option, *OLD)

    assert not outcome.succeeded
    assert "alert protocol version" in outcome.said


def test_no_cipher_without_a_certificate_is_agreed_on(connect):
    outcome = connect(ways.PLAIN, "-tls1_2", "-cipher", "aNULL:@SECLEVEL=0")

    assert not outcome.succeeded
    assert "handshake failure" in outcome.said
