"""Rules of an mbox: all of a user's mail in one file, locked, and never torn."""

from __future__ import annotations

import errno
import fcntl
import mailbox
import os
import stat
import subprocess
import sys
import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.orders import LETTER, ORDER, deliver, myself
from mailsponge.courier import mbox as module
from mailsponge.courier.mbox import Mbox, entry
from mailsponge.mail.outcome import Result

ENTRY = (
    b"From you@example.net Tue Nov 14 22:13:20 2023\n"
    + LETTER.replace(b"\nFrom here", b"\n>From here")
    + b"\n"
)


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "me"


@pytest.fixture
def mbox(there: Path) -> Mbox:
    return Mbox(str(there))


def subjects(there: Path) -> list[str]:
    """As another program reads them."""
    with closing(mailbox.mbox(there)) as messages:
        return [message["Subject"] for message in messages]


# What is written


def test_a_letter_begins_with_a_from_line_and_ends_with_an_empty_one(mbox: Mbox, there: Path):
    outcome = deliver(mbox)

    assert (outcome.result, outcome.why) == (Result.DELIVERED, f"into {there}")
    assert there.read_bytes() == ENTRY


def test_python_reads_back_what_was_written(mbox: Mbox, there: Path):
    for number in range(3):
        deliver(mbox, b"Subject: %d\n\nFrom the beginning.\n" % number, message=number)

    assert subjects(there) == ["0", "1", "2"]


def test_the_null_reverse_path_is_mailer_daemon():
    assert b"".join(entry(ORDER._replace(sender=""), [])).startswith(b"From MAILER-DAEMON Tue Nov 14")


def test_a_sender_is_one_word():
    made = b"".join(entry(ORDER._replace(sender='"a b"@example.net'), []))
    assert made.startswith(b'From "a_b"@example.net Tue Nov 14')


LINES = st.sampled_from(
    [b"From x", b">From x", b">>>From x", b"From", b"Fro", b"From:", b" From x", b"", b">", b"a"]
)


@given(st.lists(LINES), st.lists(st.integers(0, 60)))
def test_lines_that_look_like_a_beginning_get_a_mark_wherever_pieces_end(lines: list[bytes], cuts: list[int]):
    whole = b"".join(line + b"\n" for line in lines)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(places)]
    marked = b"".join(
        (b">" if line.lstrip(b">").startswith(b"From ") else b"") + line + b"\n" for line in lines
    )
    assert b"".join(entry(ORDER, pieces)).partition(b"\n")[2].rstrip(b"\n") == marked.rstrip(b"\n")


def test_a_mailbox_that_another_program_left_without_an_end_gets_one(mbox: Mbox, there: Path):
    there.write_bytes(b"From x\n\nHello")
    deliver(mbox)

    assert there.read_bytes() == b"From x\n\nHello\n\n" + ENTRY


def test_a_letter_without_an_end_gets_one(mbox: Mbox, there: Path):
    deliver(mbox, b"Subject: x\n\nHello")

    assert there.read_bytes().endswith(b"\nHello\n\n")


def test_a_new_mailbox_is_the_recipients_alone(mbox: Mbox, there: Path):
    deliver(mbox)

    assert stat.S_IMODE(there.stat().st_mode) == 0o600


# A second attempt


def test_a_second_attempt_finds_the_letter_at_the_end(mbox: Mbox, there: Path):
    deliver(mbox, message=1, letter=b"Subject: before\n\n")
    deliver(mbox)
    before = there.read_bytes()

    outcome = deliver(mbox, again=True)
    assert outcome.result is Result.DELIVERED
    assert "nobody heard the end of" in outcome.why
    assert there.read_bytes() == before


@pytest.mark.parametrize("earlier", [b"", b"From x Tue\nSubject: before\n\nHello.\n\n"])
@pytest.mark.parametrize("kept", [*range(5, len(ENTRY), 7), len(ENTRY) - 1])
def test_a_second_attempt_mends_what_a_loss_of_power_left(mbox: Mbox, there: Path, earlier: bytes, kept: int):
    there.write_bytes(earlier + ENTRY[:kept])
    deliver(mbox, again=True)

    assert there.read_bytes() == earlier + ENTRY


@pytest.mark.parametrize(
    "other", [ENTRY[:-10] + b"another.\n\n", ENTRY + b"From x Tue\n\nHello.\n\n", b"From x\n\n"]
)
def test_a_second_attempt_takes_no_other_message_for_its_own(mbox: Mbox, there: Path, other: bytes):
    there.write_bytes(other)
    deliver(mbox, again=True)

    assert there.read_bytes() == other + ENTRY


# Locks


def test_no_lock_is_left(mbox: Mbox, there: Path):
    deliver(mbox)

    assert os.listdir(there.parent) == ["me"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCKED", 0.0)


@pytest.mark.usefixtures("impatient")
def test_a_mailbox_that_another_program_has_locked_is_put_off(mbox: Mbox, there: Path):
    there.write_bytes(b"")
    (there.parent / "me.lock").write_text("0\n")

    outcome = deliver(mbox)
    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.2.0")
    assert f"see what holds {there}.lock" in outcome.why
    assert there.read_bytes() == b""
    assert (there.parent / "me.lock").exists()


@pytest.mark.usefixtures("impatient")
def test_a_mailbox_that_another_program_has_locked_in_the_kernel_is_put_off(mbox: Mbox, there: Path):
    with open(there, "wb") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        outcome = deliver(mbox)

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.2.0")
    assert os.listdir(there.parent) == ["me"]


def test_a_lock_is_waited_for(mbox: Mbox, there: Path):
    (there.parent / "me.lock").write_text("0\n")
    threading.Timer(0.1, (there.parent / "me.lock").unlink).start()

    assert deliver(mbox).result is Result.DELIVERED


def test_a_lock_that_somebody_left_who_died_is_broken(mbox: Mbox, there: Path):
    (there.parent / "me.lock").write_text("0\n")
    os.utime(there.parent / "me.lock", (0, 0))

    assert deliver(mbox).result is Result.DELIVERED
    assert os.listdir(there.parent) == ["me"]


def test_many_at_once_lose_nothing_and_tear_nothing(mbox: Mbox, there: Path):
    def several(first: int) -> None:
        for number in range(first, first + 5):
            deliver(mbox, b"Subject: %d\n\n%s\n" % (number, b"x" * 5000), message=number)

    threads = [threading.Thread(target=several, args=(first,)) for first in range(0, 20, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, subjects(there))) == list(range(20))
    assert there.read_bytes().count(b"x" * 5000 + b"\n\n") == 20


# Hostile surroundings


def test_a_link_is_not_followed(mbox: Mbox, there: Path, tmp_path: Path):
    (tmp_path / "victim").write_bytes(b"")
    there.symlink_to(tmp_path / "victim")

    outcome = deliver(mbox)
    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.5")
    assert outcome.why.startswith(f"{there}: ")
    assert "symbolic link" in outcome.why
    assert (tmp_path / "victim").read_bytes() == b""


def test_a_link_to_nothing_makes_nothing(mbox: Mbox, there: Path, tmp_path: Path):
    there.symlink_to(tmp_path / "victim")

    assert deliver(mbox).result is Result.DEFERRED
    assert not (tmp_path / "victim").exists()


def test_a_file_with_two_names_is_left_alone(mbox: Mbox, there: Path, tmp_path: Path):
    (tmp_path / "victim").write_bytes(b"")
    there.hardlink_to(tmp_path / "victim")

    outcome = deliver(mbox)
    assert outcome.result is Result.DEFERRED
    assert "has another name too" in outcome.why
    assert (tmp_path / "victim").read_bytes() == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_somebody_elses_file_is_left_alone(mbox: Mbox, there: Path):
    there.write_bytes(b"")
    os.chown(there, 65534, 65534)

    outcome = deliver(mbox)
    assert outcome.result is Result.DEFERRED
    assert "somebody else's file" in outcome.why
    assert there.read_bytes() == b""


def test_a_pipe_in_its_place_hangs_nobody(mbox: Mbox, there: Path):
    os.mkfifo(there)

    outcome = deliver(mbox)
    assert outcome.result is Result.DEFERRED
    assert "no ordinary file" in outcome.why


def test_a_directory_in_its_place_is_told(mbox: Mbox, there: Path):
    there.mkdir()

    assert deliver(mbox).result is Result.DEFERRED


def test_a_lock_that_is_a_link_is_a_lock(mbox: Mbox, there: Path, tmp_path: Path, impatient: None):
    (there.parent / "me.lock").symlink_to(tmp_path / "victim")

    assert deliver(mbox).result is Result.DEFERRED
    assert not (tmp_path / "victim").exists()


def test_a_file_that_may_not_grow_so_far_stays_as_it_was(there: Path):
    there.write_bytes(earlier := b"From x Tue\n\n" + b"x" * 60_000 + b"\n\n")
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_A_LIMIT, there], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip

    assert done.stdout == "deferred 4.2.2\n", done.stderr
    assert there.read_bytes() == earlier
    assert os.listdir(there.parent) == ["me"]


_UNDER_A_LIMIT = """
import resource, sys
from kit.orders import deliver
from mailsponge.courier.mbox import Mbox
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
outcome = deliver(Mbox(sys.argv[1]), b"x" * 50_000)
print(outcome.result, outcome.status)
"""


def test_a_disk_that_fails_leaves_it_as_it_was(mbox: Mbox, there: Path, monkeypatch: pytest.MonkeyPatch):
    deliver(mbox, message=1)
    before = there.read_bytes()
    real = os.fsync

    def fail(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    assert deliver(mbox).result is Result.DEFERRED
    assert there.read_bytes() == before
    assert os.listdir(there.parent) == ["me"]


# Where root lets a group make mailboxes


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    made = tmp_path / "mail"
    made.mkdir()
    os.chown(made, 0, 8)
    made.chmod(0o2775)
    return made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes such a directory")
def test_a_new_mailbox_in_var_mail_is_its_groups_too(spool: Path):
    deliver(Mbox(f"{spool}/me"))

    made = (spool / "me").stat()
    assert (stat.S_IMODE(made.st_mode), made.st_gid) == (0o660, 8)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes such a directory")
def test_it_is_delivered_as_that_group_but_not_where_a_user_chooses(spool: Path):
    assert Mbox(f"{spool}/me").group(myself()) == 8
    assert Mbox("~/me").group(myself(spool)) == myself().gid
