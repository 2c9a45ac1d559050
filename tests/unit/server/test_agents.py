"""Rules of agents: each becomes the recipient of a letter, and no word of the server's makes it do anything else."""

from __future__ import annotations

import json
import os
import re
import select
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from kit.agents import GAMES, Waiting, agents, delivered
from kit.orders import LETTER, ORDER
from mailsponge.courier.letter import laid_out
from mailsponge.mail.outcome import Outcome, Result
from mailsponge.server.agents import AT_ONCE, DELIVER, LATE, Agents

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")

PATIENCE = 30.0
MAIL = 8


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that every user gets at, with one in it that is the recipient's."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        (Path(directory) / "games").mkdir(mode=0o700)
        os.chown(Path(directory) / "games", GAMES.pw_uid, GAMES.pw_gid)
        yield Path(directory) / "games"


def test_a_letter_is_its_recipients(home: Path):
    outcome = delivered(agents(f"maildir:{home}/Maildir"))

    assert outcome == Outcome(Result.DELIVERED, "2.0.0", f"into {home}/Maildir")
    [file] = (home / "Maildir" / "new").iterdir()
    assert file.read_bytes() == LETTER
    assert (file.stat().st_uid, file.stat().st_gid) == (GAMES.pw_uid, GAMES.pw_gid)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_mailbox_in_var_mail_is_made_for_its_group_too(home: Path):
    spool = home.parent / "mail"
    spool.mkdir()
    os.chown(spool, 0, MAIL)
    spool.chmod(0o2775)
    outcome = delivered(agents(f"mbox:{spool}/games"))

    assert outcome.result is Result.DELIVERED
    assert os.listdir(spool) == ["games"]
    made = (spool / "games").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (GAMES.pw_uid, MAIL, 0o660)


def test_nothing_of_roots_is_left(home: Path):
    program = home / "program"
    program.write_text(f"#!/bin/sh\nexec cat /proc/self/status > {home}/status\n")
    program.chmod(0o755)
    outcome = delivered(agents(f"pipe:{program}"))

    assert outcome.result is Result.DELIVERED, outcome
    uid, gid, status = GAMES.pw_uid, GAMES.pw_gid, (home / "status").read_text()
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.MULTILINE)
    assert re.search(rf"^Gid:\t{gid}\t{gid}\t{gid}\t{gid}$", status, re.MULTILINE)
    assert re.search(rf"^Groups:\t{gid} $", status, re.MULTILINE)
    assert re.search(r"^Cap(Prm|Eff):\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^SigBlk:\t0+$", status, re.MULTILINE)
    assert re.search(r"^Umask:\t0077$", status, re.MULTILINE)


def test_a_program_finds_no_descriptor_but_the_usual_three():
    said = delivered(agents("pipe:/bin/ls /proc/self/fd")).why

    assert said.endswith(" has taken it: 0 1 2 3")  # 3 is the directory that ls reads


def test_what_the_recipient_may_not_write_stays_as_it_is(home: Path):
    (home.parent / "roots").mkdir(mode=0o755)
    (home / "Maildir").symlink_to(home.parent / "roots")
    outcome = delivered(agents(f"maildir:{home}/Maildir"))

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.5")
    assert "Permission denied" in outcome.why
    assert os.listdir(home.parent / "roots") == []


def test_who_lives_here_since_the_start_has_to_wait_for_another(home: Path):
    outcome = delivered(agents(f"maildir:{home}/Maildir"), user="nobody")

    assert outcome.result is Result.DEFERRED
    assert "start it anew" in outcome.why


@pytest.mark.parametrize(
    ("user", "deliver"), [("root", "maildir:/root/Maildir"), ("root", "pipe:/usr/bin/touch /root/x")]
)
def test_nothing_is_delivered_as_root(user: str, deliver: str):
    outcome = delivered(agents(deliver, user), user=user)

    assert outcome.result is Result.DEFERRED
    assert not Path("/root/Maildir").exists()
    assert not Path("/root/x").exists()


def test_a_way_that_the_start_did_not_know_is_not_gone(home: Path):
    outcome = delivered(agents("mailbox"))

    assert outcome.result is Result.DEFERRED
    assert "start it anew" in outcome.why


# A server that somebody has taken over


@pytest.mark.parametrize(
    "request_",
    [b"", b"{}", b"null", b"\xff", b"[" * 8000, msgspec.json.encode({"user": "games", "command": "/bin/sh"})],
)
def test_a_request_that_is_none_is_told_and_does_no_harm(home: Path, request_: bytes):
    working = agents(f"maildir:{home}/Maildir")
    waiting = Waiting(working)
    waiting.request = DELIVER + request_
    waiting.start()

    assert waiting.outcome().result is Result.DEFERRED
    assert os.listdir(home) == []
    assert delivered(working).result is Result.DELIVERED


@pytest.mark.parametrize("detail", ["../../x", "/etc", ".", "x\0y"])
@pytest.mark.parametrize("user", ["games", "../games", "games/..", "\0"])
def test_no_word_of_a_request_becomes_a_path(home: Path, user: str, detail: str):
    delivered(
        agents(f"maildir:{home}/Maildir"), user=user, detail=detail, domain="../..", recipient="../../x@y"
    )

    assert set(os.listdir(home)) <= {"Maildir"}
    assert set(os.listdir(home.parent)) == {"games"}


def test_a_letter_that_is_no_file_is_not_waited_for(home: Path):
    working = agents(f"maildir:{home}/Maildir")
    waiting = Waiting(working)
    reading, writing = os.pipe()
    with waiting.theirs:
        working.start(waiting.request, [reading, os.dup(waiting.theirs.fileno())])
    assert waiting.outcome().result is Result.DEFERRED
    os.close(writing)


@pytest.mark.parametrize("count", [0, 1])
def test_a_request_without_its_descriptors_starts_nothing(home: Path, count: int):
    working = agents(f"maildir:{home}/Maildir")
    working.start(DELIVER + msgspec.json.encode(ORDER), [os.open("/dev/null", os.O_RDONLY)] * count)

    assert working.patience is None


def test_an_answer_that_is_no_socket_hangs_nobody(home: Path):
    working = agents(f"maildir:{home}/Maildir")
    waiting = Waiting(working)
    with laid_out([LETTER], len(LETTER)) as letter:
        working.start(waiting.request, [os.dup(letter), os.open("/dev/null", os.O_RDONLY)])
    waiting.all_end()
    waiting.ours.close()
    waiting.theirs.close()
    assert len(os.listdir(home / "Maildir" / "new")) == 1


# Those that hang


@contextmanager
def hanging(home: Path, clock: list[float]) -> Iterator[tuple[Agents, Waiting, int]]:
    """An agent whose program hangs; the program's process."""
    os.mkfifo(home / "begun")
    os.chown(home / "begun", GAMES.pw_uid, GAMES.pw_gid)
    program = home / "program"
    program.write_text(f"#!/bin/sh\necho $$ > {home}/begun\nexec sleep 1000\n")
    program.chmod(0o755)
    working = agents(f"pipe:{program}", monotonic=lambda: clock[0])
    waiting = Waiting(working)
    waiting.start()
    yield working, waiting, int((home / "begun").read_text())


def test_an_agent_that_hangs_is_killed_and_that_is_told(home: Path):
    clock = [0.0]
    with hanging(home, clock) as (working, waiting, program):
        assert working.patience == LATE
        clock[0] = LATE
        working.look_after()
        os.kill(program, 9)
        outcome = waiting.outcome()

    assert outcome.result is Result.DEFERRED
    assert "ended without a word (-9)" in outcome.why


def test_a_program_that_the_server_does_not_wait_for_any_more_is_killed(home: Path):
    with hanging(home, [0.0]) as (_, waiting, program):
        descriptor = os.pidfd_open(program)
        waiting.ours.close()
        assert select.select([descriptor], [], [], PATIENCE)[0], "it still runs"
        os.close(descriptor)
        waiting.all_end()


def test_one_that_hangs_keeps_no_other_from_being_delivered(home: Path):
    with hanging(home, [0.0]) as (working, waiting, _):
        (home / "program").write_text("#!/bin/sh\nexit 0\n")
        assert working.patience is not None
        other = Waiting(working)
        other.start()
        other.ours.settimeout(PATIENCE)
        assert json.loads(other.ours.recv(20_000))[0] == "delivered"
        waiting.ours.close()
        other.ours.close()
        waiting.all_end()


def test_there_is_a_bound_on_how_many_work(home: Path):
    with hanging(home, [0.0]) as (working, waiting, _):
        working._working.update(
            dict.fromkeys(range(-AT_ONCE, -1), working._working[next(iter(working._working))])
        )
        outcome_of = Waiting(working)
        outcome_of.start()
        assert json.loads(outcome_of.ours.recv(20_000))[0] == "deferred"
        for process in range(-AT_ONCE, -1):
            del working._working[process]
        outcome_of.ours.close()
        waiting.ours.close()
        waiting.all_end()
