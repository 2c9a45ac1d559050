"""The command sendmail and a server that is down for a while: nothing is lost, and it arrives as whose it is."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.mail_server import PATIENCE, SOURCES, MailServer
from kit.post import Post
from kit.programs import wait_until

SETTINGS = """\
[local]
socket = "{folder}/run/mailsponge/submit"
{more}
[domains."example.org"]
[users.me]
"""
NOBODY = pwd.getpwnam("nobody")
SOMEBODY = pwd.getpwnam("daemon")
"""A user who is neither root nor the server's."""

AS_ANOTHER = """\
import os, sys
import encodings.ascii, encodings.idna, encodings.latin_1, pwd
from mailsponge import clean, clock, postbox
from mailsponge.mail import date
from mailsponge.sendmail import __main__, pickup, sending
uid = int(sys.argv.pop(1))
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
__main__.main()
"""
"""Another user may not be able to read the program where this one has it, so all of it is loaded first."""

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")


class Machine:
    """A post office that comes and goes, and the command that people use."""

    def __init__(self, folder: Path, more: str = "", user: str = "") -> None:
        self.folder = folder
        self.server = MailServer(folder, SETTINGS.format(folder=folder, more=more))
        if user:
            config = folder / "mailsponge.toml"
            config.write_text(f'user = "{user}"\n{config.read_text()}')

    def sendmail(
        self, *arguments: str, text: str = "Subject: hello\n\nworld\n", uid: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it, as another user if need be."""
        return subprocess.run(
            [
                sys.executable,
                *(["-c", AS_ANOTHER, str(uid)] if uid else ["-m", "mailsponge.sendmail"]),
                *arguments,
            ],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(SOURCES),
                "XDG_RUNTIME_DIR": str(self.folder / "run"),
                "MAILSPONGE_DATA": str(self.folder / "data"),
                "MAILSPONGE_PICKUP": str(self.pickup),
            },
        )

    @property
    def pickup(self) -> Path:
        return (
            self.folder / "pickup" if (self.folder / "pickup").exists() else self.folder / "data" / "pickup"
        )

    def letters(self) -> list[bytes]:
        return Post(self.server).letters("me")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where every user gets."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_what_is_sent_while_the_server_is_down_arrives_when_it_is_up(folder):
    machine = Machine(folder)
    machine.server.start()
    assert machine.sendmail("-v", "me@example.org", text="Subject: first\n\n").stderr.endswith("Taken as 1\n")
    machine.server.stop()
    for number in range(3):
        assert machine.sendmail("root", text=f"Subject: later {number}\n\n").returncode == 0
    assert len(machine.letters()) == 1
    machine.server.start()
    wait_until(lambda: not os.listdir(machine.pickup))
    assert machine.server.stop() == 0

    subjects = sorted(
        line for letter in machine.letters() for line in letter.split(b"\r\n") if b"Subject" in line
    )
    assert subjects == [b"Subject: first", *(f"Subject: later {number}".encode() for number in range(3))]


def test_what_is_left_while_the_server_is_up_is_collected_too(folder):
    machine = Machine(folder)
    machine.server.start()
    (folder / "run" / "mailsponge" / "submit").rename(folder / "out of the way")
    assert machine.sendmail("root").returncode == 0
    wait_until(lambda: machine.letters())

    assert machine.server.stop() == 0


def test_a_server_that_is_killed_while_it_collects_loses_nothing(folder):
    machine = Machine(folder)
    machine.server.start()
    machine.server.stop()
    for number in range(20):
        machine.sendmail("root", text=f"Subject: <{number}>\nMessage-ID: <{number}@x>\n\n")
    machine.server.launch()
    wait_until(lambda: len(os.listdir(machine.pickup)) < 20)
    machine.server.kill()
    machine.server.start()
    wait_until(lambda: not os.listdir(machine.pickup))
    assert machine.server.stop() == 0

    ids = [line for letter in machine.letters() for line in letter.split(b"\r\n") if b"Message-ID" in line]
    assert set(ids) == {f"Message-ID: <{number}@x>".encode() for number in range(20)}
    assert len(ids) <= 21  # one at most was taken, and not removed yet


@as_root
def test_every_user_may_leave_mail_and_nobody_else_can_see_it(folder):
    shutil.chown(folder, NOBODY.pw_uid)
    machine = Machine(folder, f'pickup = "{folder}/pickup"', user="nobody")
    machine.server.start()
    machine.server.stop()
    assert (folder / "pickup").stat().st_uid == NOBODY.pw_uid
    left = machine.sendmail("-v", "me@example.org", uid=SOMEBODY.pw_uid)
    assert left.returncode == 0, left.stderr

    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(["ls", folder / "pickup"], user=SOMEBODY.pw_uid, check=True, capture_output=True)
    machine.server.start()
    wait_until(lambda: not os.listdir(folder / "pickup"))
    assert machine.server.stop() == 0
    [letter] = machine.letters()
    assert f"(local uid {SOMEBODY.pw_uid} ({SOMEBODY.pw_name}))".encode() in letter
    assert letter.startswith(f"Return-Path: <{SOMEBODY.pw_name}@example.org>\r\n".encode())
