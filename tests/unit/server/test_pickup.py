"""Rules of what is collected: it counts as said by whose file it is, it is taken for good before it is removed, and
whoever is refused hears of it.
"""

from __future__ import annotations

import os
import pwd

import pytest

from mailsponge.server import pickup as module
from mailsponge.server.pickup import AFTER_TROUBLE, EVERY, Pickup
from mailsponge.server.pickup_directory import PickupDirectory, prepare
from mailsponge.store.memory import MemoryStore

NOBODY = pwd.getpwnam("nobody")
ME = "me@example.org"
NAMES = [f"{number:032x}" for number in range(100)]

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")


def letter(
    *recipients: str, sender: str = ME, content: bytes = b"Subject: x\r\n\r\nhello\r\n", end: bytes = b".\r\n"
) -> bytes:
    rcpt = b"".join(f"RCPT TO:<{recipient}>\r\n".encode() for recipient in recipients)
    return f"MAIL FROM:<{sender}>\r\n".encode() + rcpt + b"DATA\r\n" + content + end


class Collecting:
    """A post office, a pickup directory, and who collects from it."""

    def __init__(self, post, place) -> None:
        self.post = post
        self.place = place
        prepare(place, os.geteuid(), os.getegid())
        self.directory = PickupDirectory(place)

    def leave(self, *letters: bytes, uid: int | None = None) -> None:
        for name, each in zip(NAMES[len(self.left()) :], letters, strict=False):
            (self.place / name).write_bytes(each)
            if uid is not None:
                os.chown(self.place / name, uid, -1)

    def new(self) -> Pickup:
        """Who collects."""

        async def made() -> Pickup:
            return Pickup(self.directory, self.post.listener)

        return self.post.do(made())

    def collect(self) -> float:
        """Look once; returns how long would be waited."""
        return self.post.do(self.new().collect())

    def left(self) -> list[str]:
        return sorted(os.listdir(self.place))

    def mails(self, mailbox: str = "me") -> list[bytes]:
        """Everything in a mailbox, oldest first."""
        return [
            b"".join(self.post.store.content(entry.id)) for entry in reversed(self.post.store.mails(mailbox))
        ]


@pytest.fixture
def collecting(open_post, rules, tmp_path):
    mine = rules._replace(trusted=frozenset({0, os.getuid()}), hostnames=("box",))
    with open_post(mine) as post:
        made = Collecting(post, tmp_path / "pickup")
        yield made
        made.directory.close()


def test_a_letter_is_taken_and_removed(collecting):
    collecting.leave(letter("me@example.org"))

    assert collecting.collect() == 0.0  # there may be more
    assert collecting.left() == []
    [mail] = collecting.mails()
    user = f"local uid {os.getuid()} ({pwd.getpwuid(os.getuid()).pw_name})"
    assert f"Received: from pickup ({user})\r\n\tby mail.example.org with ESMTP id 1".encode() in mail
    assert mail.endswith(b"\r\nSubject: x\r\n\r\nhello\r\n")


def test_what_it_says_is_counted_and_logged_under_its_own_name(collecting, caplog):
    caplog.set_level("INFO")
    collecting.leave(letter("me@example.org"))
    collecting.collect()

    assert collecting.post.listener.counts["pickup"].taken == 1
    assert "taken id=1 peer=local uid=" in caplog.text
    assert "helo=pickup" in caplog.text


def test_if_there_is_nothing_it_looks_again_in_a_while(collecting):
    assert collecting.collect() == EVERY


def test_a_large_one_comes_in_pieces_and_byte_for_byte(collecting):
    content = b"Subject: x\r\n\r\n" + b"..dots and \xff\r\n" * 50_000
    sent = letter("me@example.org", content=content.replace(b"\r\n.", b"\r\n.."))
    collecting.leave(sent)
    collecting.collect()

    assert collecting.mails()[0].endswith(content)


def test_names_of_this_machine_are_names_of_home(collecting):
    collecting.leave(letter("me@box", "you@mail.example.org", sender="me@box"))
    collecting.collect()

    message = collecting.post.store.message(1)
    assert str(message.envelope.reverse_path) == "me@example.org"
    assert [str(each) for each in message.envelope.recipients] == ["me@example.org", "you@example.org"]


@as_root
def test_whose_it_is_says_the_kernel_and_not_the_letter(collecting):
    collecting.leave(letter("me@example.org", sender="boss@example.org"), uid=NOBODY.pw_uid)
    collecting.collect()

    assert collecting.left() == []
    [report] = collecting.mails()  # nobody has no mailbox here, so postmaster hears of it
    assert b"550 5.7.1 <boss@example.org>: that is not your address, for you are nobody here" in report


@as_root
def test_whoever_has_no_right_to_another_name_may_send_in_their_own(collecting):
    collecting.leave(letter("me@example.org", sender="nobody@box"), uid=NOBODY.pw_uid)
    collecting.collect()

    assert f"(local uid {NOBODY.pw_uid} (nobody))".encode() in collecting.mails()[0]


# What is refused.


def test_the_sender_hears_of_a_recipient_that_is_refused(collecting):
    collecting.leave(letter("you@example.org", "who@example.org"))
    collecting.collect()

    assert collecting.left() == []
    assert len(collecting.mails("you")) == 1
    [report] = collecting.mails("me")
    assert report.startswith(b"Return-Path: <>\r\n")
    assert b"\r\nTo: me@example.org\r\nSubject: Not for all: a message that was left here\r\n" in report
    assert b"550 5.1.1 <who@example.org>: nobody of that name lives here" in report
    assert b"> Subject: x\r\n> \r\n> hello" in report


def test_and_of_one_that_nobody_got(collecting):
    collecting.leave(letter("who@example.org"))
    collecting.collect()

    assert collecting.left() == []
    [report] = collecting.mails("me")
    assert b"Subject: Not sent: a message that was left here" in report


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"Subject: x\n\nbare\r\n", b"bare LF"),
        (b"Subject: x\r\n\r\n\0\r\n", b"NUL"),
        (b"X: " + b"y" * 120_000 + b"\r\n\r\n", b"5.3.4"),
    ],
    ids=["bare LF", "NUL", "header"],
)
def test_and_of_a_message_that_is_refused_for_what_it_is(collecting, content, because):
    collecting.leave(letter("me@example.org", content=content))
    collecting.collect()

    assert collecting.left() == []
    [report] = collecting.mails()
    assert b"could not be sent:" in report
    assert because.lower() in report.lower()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello\r\n" * 1000,
        b"MAIL FROM:<me@example.org>\r\n",
        letter("me@example.org", end=b""),
        letter("me@example.org", end=b".\n"),
        letter("me@example.org", end=b".\r"),
        b"RCPT TO:<me@example.org>\r\nDATA\r\nhello\r\n.\r\n",
        b"NOOP\r\n" * 5000,
        b"x" * 300_000,
        b"\xff\xfe\r\n" * 3,
        b"AUTH PLAIN AG1lAHg=\r\nSTARTTLS\r\nVRFY me\r\n",
        b"MAIL FROM:<me@example.org\r\n" + letter("you@example.org"),
    ],
    ids=lambda said: repr(said[:20]),
)
def test_what_is_no_letter_is_removed_and_somebody_hears_of_it(collecting, said):
    collecting.leave(said)
    collecting.collect()

    assert collecting.left() == []
    assert len(collecting.mails("me")) + len(collecting.mails("you")) >= 1


def test_nothing_in_a_message_that_is_not_wanted_is_a_command(collecting):
    inner = letter("you@example.org", content=b"smuggled\r\n")
    collecting.leave(letter("who@example.org", content=inner, end=b""))
    collecting.collect()

    assert collecting.mails("you") == []


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n\0.\r\n"])
def test_nor_is_what_follows_a_false_end(collecting, end):
    inner = letter("you@example.org", content=b"smuggled\r\n")
    collecting.leave(letter("me@example.org", content=b"\r\nhello" + end + inner))
    collecting.collect()

    assert collecting.mails("you") == []


def test_who_sends_from_nobody_does_not_hear_of_it(collecting):
    collecting.leave(letter("who@example.org", sender=""))
    collecting.collect()

    assert collecting.left() == []
    assert collecting.mails() == []


def test_a_huge_one_is_refused_without_being_read(collecting, rules):
    collecting.leave(letter("me@example.org"))
    os.truncate(collecting.place / NAMES[0], 1 << 40)  # which takes no room on the disk
    collecting.collect()

    assert collecting.left() == []
    [report] = collecting.mails()  # who left it is root here, whose mail me gets
    assert b"it has 1099511627776 bytes, and may have" in report


def test_a_letter_with_many_refusals_is_one_report(collecting):
    collecting.leave(letter(*(f"who{number}@example.org" for number in range(50))))
    collecting.collect()

    [report] = collecting.mails()
    assert report.count(b"nobody of that name lives here") == 50


# What cannot be taken now.


def test_while_the_store_has_no_room_it_stays(open_post, rules, tmp_path):
    with open_post(rules, lambda call: MemoryStore(call=call, room=0)) as post:
        collecting = Collecting(post, tmp_path / "pickup")
        collecting.leave(letter("me@example.org"), letter("me@example.org"))

        assert collecting.collect() == AFTER_TROUBLE
        assert collecting.left() == NAMES[:2]

        post.store.room = None
        collecting.collect()
        assert collecting.left() == []
        assert len(collecting.mails()) == 2
        collecting.directory.close()


def test_a_report_that_cannot_be_kept_keeps_the_letter(open_post, rules, tmp_path):
    with open_post(rules, lambda call: MemoryStore(call=call, room=0)) as post:
        collecting = Collecting(post, tmp_path / "pickup")
        collecting.leave(letter("who@example.org"))

        assert collecting.collect() == AFTER_TROUBLE
        assert collecting.left() == NAMES[:1]
        collecting.directory.close()


def test_one_that_changes_while_it_is_read_is_not_taken(collecting, monkeypatch):
    monkeypatch.setattr(collecting.directory, "is_unchanged", lambda letter: False)
    collecting.leave(letter("you@example.org"))
    collecting.collect()

    assert collecting.mails("you") == []


def test_one_that_is_gone_before_it_is_read_is_no_trouble(collecting, monkeypatch):
    collecting.leave(letter("me@example.org"))
    found = collecting.directory.look(0.0)
    monkeypatch.setattr(collecting.directory, "look", lambda now: found)
    collecting.directory.remove(NAMES[0])

    assert collecting.collect() == 0.0


def test_rubbish_is_removed(collecting):
    (collecting.place / "x").touch()
    collecting.post.listener.clock = lambda: (collecting.place / "x").stat().st_ctime + 3601.0
    collecting.collect()

    assert collecting.left() == []


def test_rubbish_that_cannot_be_is_left(collecting):
    (collecting.place / "x" / "y").mkdir(parents=True)
    moment = (collecting.place / "x").stat().st_ctime + 3601.0
    collecting.post.listener.clock = lambda: moment

    assert collecting.collect() == EVERY
    assert collecting.left() == ["x"]


def test_trouble_with_the_directory_is_told_once(collecting, caplog, monkeypatch):
    monkeypatch.setattr(module, "AFTER_TROUBLE", 0.0)
    looks = []

    def look(now: float):
        looks.append(now)
        if len(looks) == 3:
            collecting.post.loop.call_soon_threadsafe(pickup.stop)
        raise OSError("the disk is gone")

    monkeypatch.setattr(collecting.directory, "look", look)
    pickup = collecting.new()
    collecting.post.do(pickup.run())

    assert len(looks) >= 3
    assert caplog.text.count("the disk is gone") == 1


def test_it_stops_after_the_letter_that_it_reads(collecting):
    collecting.leave(letter("me@example.org"), letter("me@example.org"))
    pickup = collecting.new()
    pickup.stop()
    collecting.post.do(pickup.run())

    assert collecting.left() == NAMES[:2]
