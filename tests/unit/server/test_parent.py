"""Rules of the process that keeps root's rights: letters are delivered by agents, and it never waits for one."""

from __future__ import annotations

import os
import pwd
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to keep")

PROGRAM = Path(__file__).parents[2] / "kit" / "parent_and_child.py"
PATIENCE = 30.0
GAMES = pwd.getpwnam("games")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, GAMES.pw_uid, GAMES.pw_gid)
        yield Path(directory)


@pytest.fixture
def hangs(home: Path) -> Path:
    """A program that hangs, and says that it has begun."""
    os.mkfifo(home / "begun")
    os.chown(home / "begun", GAMES.pw_uid, GAMES.pw_gid)
    program = home / "program"
    program.write_text(f"#!/bin/sh\necho $$ > {home}/begun\nexec sleep 1000\n")
    program.chmod(0o755)
    return program


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def said(*arguments: str) -> tuple[str, int]:
    """All that the child says, and the status of the parent."""
    with start(*arguments) as process:
        return process.communicate(timeout=PATIENCE)[0], process.returncode


def test_the_child_has_letters_delivered_as_their_recipients(home: Path):
    assert said(f"maildir:{home}/Maildir", "deliver", "certificate", "deliver") == (
        f"delivered 2.0.0 into {home}/Maildir\nopened A certific\nopened A certific\n"
        f"delivered 2.0.0 into {home}/Maildir\n",
        0,
    )
    [file] = (home / "Maildir" / "new").iterdir()
    assert file.stat().st_uid == GAMES.pw_uid


def test_certificates_are_opened_while_an_agent_hangs(home: Path, hangs: Path):
    with start(f"pipe:{hangs}", "deliver-later", "wait", "certificate") as process:
        begun(home)
        assert process.communicate("", timeout=PATIENCE)[0].startswith("opened A certific\n")


@pytest.mark.parametrize(("end", "status"), [((), 0), (("die",), 128 + 9)])
def test_with_the_child_all_programs_end(home: Path, hangs: Path, end: tuple[str, ...], status: int):
    with start(f"pipe:{hangs}", "deliver-later", "wait", *end) as process:
        descriptor = os.pidfd_open(begun(home))
        process.communicate("", timeout=PATIENCE)
        assert process.returncode == status
    assert select.select([descriptor], [], [], PATIENCE)[0], "it still runs"
    os.close(descriptor)


def begun(home: Path) -> int:
    """Wait until the program runs; its process."""
    return int((home / "begun").read_text())
