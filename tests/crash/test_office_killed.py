"""The whole server killed between any two writes while it takes mail, delivers it, sends it on and sends it back: whoever
got a 250 finds the letter at its next hop, in the mailbox, or back with its sender; and where there are two, we know why.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from kit.far_away import BOX, DOMAIN, FarAway
from kit.mail_server import MailServer
from kit.office import Office, in_maildir
from kit.posted import LOST, Posted, doubles

VICTIM = Path(__file__).with_name("office_victim.py")

SETTINGS = """
[domains."example.org"]
[users.me]
[users.sender]
[users.reader]
deliver = "maildir:{folder}/reader"
[aliases]
box = "{box}"
never = "never@{domain}"
[routes]
"{domain}" = "smtp://127.0.0.1:{port}"
[queue]
first_retry = "1 s"
longest_retry = "2 s"
"""
SENDER = "sender@example.org"
ME, AWAY, NEVER, READER = (f"{name}@example.org" for name in ("me", "box", "never", "reader"))

STEPS = range(1, 76)
"""Each life of the server ends at the next one: from before the first write of all to the third letter and beyond."""
KILLED = 128 + signal.SIGKILL if os.geteuid() == 0 else -signal.SIGKILL
"""How it ends; of one that root has started, the process that keeps root's rights says so."""
ON_THEIR_WAY = 5
"""Letters that one next hop gets at a time, to begin with."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user gets at: root's own letters are delivered to nobody."""
    with tempfile.TemporaryDirectory() as made:
        if os.geteuid() == 0:
            shutil.chown(made, "nobody")
        yield Path(made)


def user() -> str | None:
    return "nobody" if os.geteuid() == 0 else None


def victim(folder: Path, far: FarAway, how: str, number: int) -> MailServer:
    settings = SETTINGS.format(folder=folder, box=BOX, domain=DOMAIN, port=far.port)
    return MailServer(folder, settings, program=(str(VICTIM), how, str(number)), user=user())


def post_until_it_is_gone(posted: Posted, server: MailServer) -> None:
    """One letter after the other, by turns of two kinds."""
    with suppress(*LOST), posted.line(server.port) as line:
        while True:
            line.post(SENDER, ME, AWAY, NEVER, READER)
            line.post(SENDER, ME, rcpt=" NOTIFY=SUCCESS,FAILURE")
            line.post(SENDER, ME, AWAY, size=300_000)


def the_account(posted: Posted, office: Office, folder: Path, far: FarAway) -> Counter[str]:
    """All that was taken is there; returns how often something was there twice, by where."""
    places = {
        ME: office.letters("me"),
        READER: in_maildir(folder / "reader"),
        AWAY: far.letters(),
        NEVER: office.reports("sender"),
    }
    for recipient, copies in places.items():
        assert posted.lost(recipient, copies) == [], recipient
        assert posted.refused_and_there(copies) == [], recipient
    wishes = [letter.token for letter in posted.to(ME) if len(letter.recipients) == 1]
    assert [token for token in wishes if token not in places[NEVER]] == []
    return Counter({recipient: doubles(copies) for recipient, copies in places.items()})


def is_sound(data: Path) -> None:
    connection = apsw.Connection(str(data / "store.db"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_killed_before_any_write_it_loses_nothing_that_got_its_250(folder: Path) -> None:
    posted, office = Posted(), None
    with FarAway() as far:
        first = victim(folder, far, "kill", 0)
        first.start()
        assert first.stop() == 0
        for step in STEPS:
            server = victim(folder, far, "kill", step)
            server.launch()
            if server.wait_until_it_listens_or_ends():
                post_until_it_is_gone(posted, server)
            assert server.ended() == KILLED
        server = victim(folder, far, "kill", 0)
        server.start()
        office = Office(server.place)
        office.wait_until_nothing_waits()
        assert server.stop() == 0
        twice = the_account(posted, office, folder, far)
    is_sound(folder / "data")
    print(f"{len(posted.taken)} of {len(posted.letters)} letters were taken; there twice: {dict(twice)}")
    assert len(posted.taken) > len(STEPS)
    # It had the letter, and we died before we had written down that it has.
    assert twice.pop(AWAY) <= len(STEPS) * ON_THEIR_WAY
    assert not +twice
