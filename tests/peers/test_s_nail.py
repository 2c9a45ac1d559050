"""s-nail, the mail(1) of many systems, which writes the message itself: what a person typed arrives, after a login."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path
from urllib.parse import quote

import pytest

from kit import house as ways
from kit.house import PASSWORD, House, Way
from kit.post import Post, trace_and_message
from kit.smtp_server import CERTIFICATE

WAYS = [
    ways.PLAIN._replace(protocol="SMTP"), ways.STARTTLS._replace(protocol="SMTP"),  # it says HELO unless it logs in
    ways.SUBMISSION, ways.SUBMISSION_LOGIN, ways.SUBMISSIONS,
]  # fmt: skip


@pytest.fixture
def dead_letter(tmp_path) -> Path:
    """Where it keeps what it could not send."""
    return tmp_path / "dead.letter"


@pytest.fixture
def s_nail(house: House, run, peer, dead_letter: Path):
    """Types a message to somebody; the certificate has to be one that ``trusts`` vouches for."""
    program = peer("s-nail")

    def send(
        way: Way, recipient: str = "me@example.org", password: str = PASSWORD, trusts: Path = CERTIFICATE
    ):
        return run(
            program, "-:/", "-Sv15-compat=yes", "-Ssendwait", "-Sttycharset=utf-8", f"-SDEAD={dead_letter}",
            *(f"-S{setting}" for setting in _settings(house, way, password, trusts)),
            "-r", "me@example.org", "-s", "Søndag", recipient, stdin="Det gælder også.\n".encode(),
        )  # fmt: skip

    return send


def _settings(house: House, way: Way, password: str, trusts: Path) -> list[str]:
    who = f"me:{quote(password)}@" if way.mechanism else ""
    scheme = {"smtp": "smtp", "submission": "submission", "submissions": "smtps"}[way.entrance]
    return [
        f"mta={scheme}://{who}localhost:{house.address(way).port}",
        f"smtp-auth={way.mechanism.lower() or 'none'}",
        *(["smtp-use-starttls"] if way.starttls else []),
        "tls-ca-no-defaults", f"tls-ca-file={trusts}", "tls-verify=strict",
    ]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_what_was_typed_arrives(s_nail, way: Way, post: Post):
    outcome = s_nail(way)

    assert outcome.succeeded, outcome.said
    [letter] = post.letters("me")
    trace, message = trace_and_message(letter)
    assert f" with {way.protocol} " in trace
    read = email.message_from_bytes(message, policy=email.policy.default)
    assert read["Subject"] == "Søndag"
    assert read.get_content().splitlines() == ["Det gælder også."]


@pytest.mark.parametrize(
    ("recipient", "password", "refusal"),
    [
        pytest.param("nobody@example.org", PASSWORD, "550 5.1.1", id="nobody of that name"),
        pytest.param("me@example.org", "wrong horse", "535 5.7.8", id="wrong password"),
    ],
)
def test_a_refusal_is_shown_and_the_message_is_left_to_its_writer(
    s_nail, recipient, password, refusal, dead_letter: Path, post: Post
):
    outcome = s_nail(ways.SUBMISSIONS, recipient, password)

    assert not outcome.succeeded
    assert f"SMTP server: {refusal}" in outcome.said
    assert "Det g=C3=A6lder ogs=C3=A5." in dead_letter.read_text()
    assert post.letters("me") == []


def test_a_certificate_that_nobody_vouches_for_is_not_believed(s_nail, another_authority: Path, post: Post):
    outcome = s_nail(ways.SUBMISSIONS, trusts=another_authority)

    assert not outcome.succeeded
    assert "certificate verify failed" in outcome.said
    assert post.letters("me") == []
