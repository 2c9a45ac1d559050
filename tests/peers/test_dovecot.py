"""Dovecot beside this server, with the very settings that docs/how-to/dovecot.md shows.

It delivers what it is handed over LMTP, and shows what was put into its Maildirs.
"""

from __future__ import annotations

import re
import smtplib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docs_runner import blocks

from kit import peers
from kit.agents import agents, delivered
from kit.awaited import awaited
from kit.client import Outcome
from kit.dovecot import OWNER, PASSWORD, Dovecot, Unavailable
from kit.mail_server import PATIENCE, MailServer
from kit.orders import LARGE, LETTER
from kit.parcels import CONTENT, due, parcel
from kit.relaying import Relaying
from mailsponge.courier.lmtp import LmtpCourier, hop_of
from mailsponge.mail.outcome import Result

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "dovecot.md"
PEOPLE = ["games", "me", "you"]
BODY = CONTENT.partition(b"\r\nReceived: from there\r\n")[2]


def shown(name: str) -> str:
    """A block of the page."""
    [text] = [block.text for block in blocks(PAGE) if block.words == name]
    return text


@pytest.fixture(scope="module")
def running() -> Iterator[Dovecot]:
    """A Dovecot of our own, one for all tests here."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Dovecot(Path(folder), PEOPLE, shown("lmtp").replace("mailsponge", "nobody")) as dovecot:
                yield dovecot
        except Unavailable as reason:
            peers.missing(str(reason))


@pytest.fixture(scope="module")
def reading() -> Iterator[Dovecot]:
    """One that delivers nothing itself."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Dovecot(Path(folder), PEOPLE, shown("maildir")) as dovecot:
                yield dovecot
        except Unavailable as reason:
            peers.missing(str(reason))


@pytest.fixture
def dovecot(running: Dovecot) -> Iterator[Dovecot]:
    yield running
    for name in PEOPLE:
        running.empty(name)


@pytest.fixture
def reader(reading: Dovecot) -> Iterator[Dovecot]:
    yield reading
    for name in PEOPLE:
        reading.empty(name)


@pytest.fixture
def relaying() -> Iterator[Relaying]:
    with Relaying() as relaying:
        yield relaying


@pytest.fixture(params=["socket", "TCP"])
def lmtp(request: pytest.FixtureRequest, dovecot: Dovecot, relaying: Relaying) -> LmtpCourier:
    target = f"unix:{dovecot.socket}" if request.param == "socket" else f"127.0.0.1:{dovecot.lmtp_port}"
    return LmtpCourier(relaying.carrier, hop_of(target))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], MailServer]]:
    """Start the whole server, with what the page shows for one user."""
    started: list[MailServer] = []

    def start(deliver: str) -> MailServer:
        page = f'[domains."example.org"]\n[users.games]\ndeliver = "{deliver}"\n'
        started.append(MailServer(tmp_path, page))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        assert server.stop() == 0


def send(server: MailServer, recipient: str = "games@example.org") -> None:
    """Send a mail, and wait until it is where it should be."""
    with smtplib.SMTP("127.0.0.1", server.port, "client.example.net", timeout=PATIENCE) as smtp:
        smtp.sendmail("you@example.net", [recipient], BODY)
    awaited(re.compile(r"delivered id=").search, server.log.read_text)


def test_mail_goes_through_this_server_to_dovecot(dovecot: Dovecot, serve: Callable[[str], MailServer]):
    send(serve(f"lmtp:unix:{dovecot.socket}"))

    [letter] = dovecot.letters("games")
    assert letter.startswith(b"Return-Path: <you@example.net>\r\nDelivered-To: games@example.org\r\n")
    assert letter.endswith(b"\r\n" + BODY)


def test_mail_goes_through_this_server_into_a_maildir_that_dovecot_shows(
    reader: Dovecot, serve: Callable[[str], MailServer]
):
    send(serve("maildir:" + maildir(reader)))

    [letter] = reader.letters("games")
    assert letter.startswith(
        b"Return-Path: <you@example.net>\r\nDelivered-To: games@example.org\r\nReceived: "
    )
    assert letter.endswith(b"\r\n" + BODY)
    [file] = Path(maildir(reader), "cur").iterdir()
    assert file.stat().st_uid == OWNER.pw_uid


# LMTP


def test_dovecot_delivers_what_it_is_handed(dovecot: Dovecot, relaying: Relaying, lmtp: LmtpCourier):
    [outcome] = relaying.run(lmtp.deliver(parcel()))

    assert (outcome.result, outcome.status) == (Result.DELIVERED, "2.0.0")
    assert "Saved" in outcome.reply
    [letter] = dovecot.letters("me")
    assert letter.startswith(
        b"Return-Path: <you@example.net>\r\nDelivered-To: me@example.org\r\nReceived: from "
    )
    assert letter.count(b"Return-Path:") == 1
    assert letter.endswith(b"\r\nReceived: from there\r\n" + BODY)


def test_each_recipient_has_an_outcome(dovecot: Dovecot, relaying: Relaying, lmtp: LmtpCourier):
    wanted = parcel(due(), due("nobody@example.org", "nobody", 2), due("you@example.org", "you", 3))
    outcomes = relaying.run(lmtp.deliver(wanted))

    assert [outcome.result for outcome in outcomes] == [Result.DELIVERED, Result.FAILED, Result.DELIVERED]
    assert outcomes[1].status == "5.1.1"
    assert "User doesn't exist: nobody" in outcomes[1].reply
    assert (len(dovecot.letters("me")), len(dovecot.letters("you"))) == (1, 1)


def test_connections_are_used_again(dovecot: Dovecot, relaying: Relaying, lmtp: LmtpCourier):
    before = dovecot.log().count("Connect from")
    for _ in range(5):
        relaying.run(lmtp.deliver(parcel()))

    assert dovecot.log().count("Connect from") == before + 1
    assert len(dovecot.letters("me")) == 5


def test_a_large_message_arrives_whole(dovecot: Dovecot, relaying: Relaying, lmtp: LmtpCourier):
    content = LARGE.replace(b"\n", b"\r\n")
    relaying.run(lmtp.deliver(parcel(content=b"Return-Path: <you@example.net>\r\n" + content)))

    [letter] = dovecot.letters("me")
    assert letter.endswith(content)


def test_a_dovecot_that_is_down_puts_it_off(relaying: Relaying, tmp_path: Path):
    courier = LmtpCourier(relaying.carrier, hop_of(f"unix:{tmp_path}/lmtp"))
    [outcome] = relaying.run(courier.deliver(parcel()))

    assert outcome.result is Result.DEFERRED
    assert outcome.hop_down


# Maildir


def crlf(letter: bytes) -> bytes:
    return letter.replace(b"\n", b"\r\n")


def test_dovecot_shows_what_lies_in_the_maildir(reader: Dovecot):
    for number in range(3):
        assert delivered(agents("maildir:" + maildir(reader)), message=number).result is Result.DELIVERED

    assert reader.letters("games") == [crlf(LETTER)] * 3


def test_dovecot_and_this_server_deliver_into_the_same_maildir(
    dovecot: Dovecot, relaying: Relaying, lmtp: LmtpCourier
):
    relaying.run(lmtp.deliver(parcel(due("games@example.org", "games"))))
    delivered(agents("maildir:" + maildir(dovecot)))

    letters = dovecot.letters("games")
    assert len(letters) == 2
    assert crlf(LETTER) in letters


def test_a_second_attempt_finds_what_dovecot_has_taken_into_cur(reader: Dovecot):
    delivered(agents("maildir:" + maildir(reader)))
    reader.letters("games")
    assert len(list(Path(maildir(reader), "cur").iterdir())) == 1
    outcome = delivered(agents("maildir:" + maildir(reader)), again=True)

    assert "since an attempt that nobody heard the end of" in outcome.why
    assert len(reader.letters("games")) == 1


def test_a_folder_that_dovecot_has_made_is_reached_by_what_follows_the_plus(reader: Dovecot):
    delivered(agents("maildir:" + maildir(reader)), message=1)
    reader.make_folder("games", "Lists.python")
    delivered(agents("maildir:" + maildir(reader)), detail="Lists.python")

    assert reader.letters("games", "Lists.python") == [crlf(LETTER)]


def test_mbsync_takes_it_all_to_another_machine(
    reader: Dovecot, run: Callable[..., Outcome], peer: Callable[[str], str], tmp_path: Path
):
    for number in range(3):
        delivered(agents("maildir:" + maildir(reader)), message=number)
    settings = tmp_path / "mbsyncrc"
    settings.write_text(
        f"IMAPStore far\nHost 127.0.0.1\nPort {reader.imap_port}\nUser games\nPass {PASSWORD}\nSSLType None\n"
        f"AuthMechs LOGIN\n\nMaildirStore near\nPath {tmp_path}/\nInbox {tmp_path}/near\n\n"
        "Channel all\nFar :far:\nNear :near:\nCreate Near\n"
    )
    outcome = run(peer("mbsync"), "-c", settings, "all")

    assert outcome.succeeded, outcome.said
    synced = [file.read_bytes() for file in (tmp_path / "near" / "new").iterdir()]
    assert len(synced) == 3
    head, body = LETTER.split(b"\n\n")
    assert all(
        letter.startswith(head) and letter.endswith(b"\n\n" + body) for letter in synced
    )  # it adds a line


def maildir(dovecot: Dovecot) -> str:
    return str(dovecot.home("games") / "Maildir")
