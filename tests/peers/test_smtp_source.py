"""Postfix's load generator: twenty sessions at once lose nothing, mix nothing up, and count right."""

from __future__ import annotations

import re

import pytest

MESSAGES = 500

LINES = [b"%d%s\r\n" % ((line + 1) % 10, b"X" * 77) for line in range(51)]
FILLER = b"".join(LINES) + b"X" * 16 + b"\r\n"
"""What smtp-source writes for -l 4096: numbered lines of 80 bytes, the last one cut."""


@pytest.fixture
def smtp_source(office, run, peer):
    program = peer("smtp-source")

    def send(*options: str):
        return run(
            program, "-s", "20", "-m", str(MESSAGES), "-l", "4096", *options,
            "-f", "person@example.net", "-t", "me@example.org", f"{office.host}:{office.port}",
        )  # fmt: skip

    return send


@pytest.mark.parametrize("options", [(), ("-d",)], ids=["connection-a-message", "connections-reused"])
def test_twenty_sessions_at_once_deliver_every_message_once(smtp_source, office, options):
    succeeded, said = smtp_source(*options)

    assert succeeded, said
    mails = office.mails("me")
    assert len(mails) == MESSAGES
    assert len({mail["id"] for mail in mails}) == MESSAGES


def test_messages_of_sessions_at_once_do_not_mix(smtp_source, office):
    smtp_source("-d")

    for mail in office.mails("me")[:: MESSAGES // 5]:
        head, body = office.message(mail).split(b"\r\n\r\n", 1)
        assert len(re.findall(rb"^Message-Id:", head, re.MULTILINE | re.IGNORECASE)) == 1
        assert body == FILLER


def test_an_unknown_recipient_stops_it_with_550_5_1_1(office, run, peer):
    target = ("-f", "person@example.net", "-t", "nobody@example.org", f"{office.host}:{office.port}")
    succeeded, said = run(peer("smtp-source"), "-m", "1", *target)

    assert not succeeded
    assert "550 5.1.1" in said
