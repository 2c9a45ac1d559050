"""Programs that read and lock what couriers write: neomutt, and the lockers that Debian's mail programs use."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.client import Outcome
from kit.orders import HOUSE, LETTER, deliver, myself
from mailsponge.courier import mbox as module
from mailsponge.courier.maildir import Maildir
from mailsponge.courier.mbox import Mbox
from mailsponge.courier.pipe import Pipe
from mailsponge.mail.outcome import Result

WAIT = 30.0


@pytest.fixture
def neomutt(peer: Callable[[str], str], tmp_path: Path) -> Callable[[Path], str]:
    """What neomutt finds in a mailbox: it copies every message to another one."""

    def read(there: Path) -> str:
        copied = tmp_path / "copied"
        settings = tmp_path / "neomuttrc"
        settings.write_text(
            f"set folder={tmp_path}\nset mbox_type=mbox\nset confirmappend=no\nset confirmcreate=no\n"
            'set quit=yes\nset copy=yes\nset wait_key=no\nset header_cache=""\n'
            f'push "<tag-pattern>~A<enter><tag-prefix><copy-message>{copied}<enter><quit>"\n'
        )
        controller, terminal = pty.openpty()
        done = subprocess.run(
            [peer("neomutt"), "-n", "-F", settings, "-R", "-f", there], stdin=terminal, stdout=terminal,
            stderr=terminal, timeout=WAIT, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "vt100", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        os.close(controller)
        os.close(terminal)
        assert done.returncode == 0
        return copied.read_text()

    return read


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_neomutt_reads_what_was_delivered(neomutt: Callable[[Path], str], tmp_path: Path, kind: str):
    there = tmp_path / "there"
    way = Maildir(str(there), HOUSE) if kind == "maildir" else Mbox(str(there))
    for number in range(3):
        deliver(way, b"Subject: number %d\n\nFrom the start.\nBody %d\n" % (number, number), message=number)

    copied = neomutt(there)
    for number in range(3):
        assert f"Subject: number {number}\n" in copied
        assert f"Body {number}\n" in copied
    assert copied.count("\nFrom the start.") + copied.count("\n>From the start.") == 3


# Locks


@pytest.mark.parametrize("locker", [("dotlockfile", "-l"), ("lockfile",)])
@pytest.mark.parametrize("unlock", [True, False])
def test_a_lock_of_debians_programs_is_kept(
    peer, run: Callable[..., Outcome], monkeypatch, tmp_path: Path, locker: tuple[str, ...], unlock: bool
):
    program, *option = locker
    assert run(peer(program), *option, tmp_path / "me.lock").succeeded
    if unlock:
        threading.Timer(0.2, lambda: (tmp_path / "me.lock").unlink()).start()
    else:
        monkeypatch.setattr(module, "LOCKED", 0.5)

    outcome = deliver(Mbox(str(tmp_path / "me")))
    assert outcome.result is (Result.DELIVERED if unlock else Result.DEFERRED)


@pytest.mark.parametrize("locker", [("dotlockfile", "-r", "0", "-l"), ("lockfile", "-r", "0")])
def test_debians_programs_keep_ours(
    peer, run: Callable[..., Outcome], monkeypatch, tmp_path: Path, locker: tuple[str, ...]
):
    program, *options = locker
    tried: list[Outcome] = []
    real = module._put

    def put(*arguments: int) -> bool:
        """While the mailbox is locked, somebody else wants it."""
        tried.append(run(peer(program), *options, tmp_path / "me.lock"))
        return real(*arguments)

    monkeypatch.setattr(module, "_put", put)
    assert deliver(Mbox(str(tmp_path / "me"))).result is Result.DELIVERED
    assert [outcome.succeeded for outcome in tried] == [False]
    assert run(peer(program), *options, tmp_path / "me.lock").succeeded


def test_many_programs_write_one_mailbox_and_nothing_is_lost(peer, tmp_path: Path):
    """A shell loop that appends under dotlockfile's lock, beside our deliveries."""
    there = tmp_path / "me"
    loop = (
        f"for n in 1 2 3 4 5 6 7 8 9 10; do {peer('dotlockfile')} -i 1 -r 20 -l {there}.lock || exit 1; "
        f"printf 'From x Tue\\nSubject: theirs\\n\\n\\n' >> {there}; {peer('dotlockfile')} -u {there}.lock; done"
    )
    others = [subprocess.Popen(["sh", "-c", loop]) for _ in range(2)]
    results = [deliver(Mbox(str(there)), b"Subject: ours\n\n", message=number).result for number in range(20)]
    assert [other.wait(WAIT) for other in others] == [0, 0]

    assert results == [Result.DELIVERED] * 20
    assert there.read_bytes().count(b"Subject: ours\n") == 20
    assert there.read_bytes().count(b"Subject: theirs\n") == 20


# Programs that take mail


def test_procmail_files_what_it_is_given(peer, tmp_path: Path):
    rules = tmp_path / "rules"
    rules.write_text(f"MAILDIR={tmp_path}\n:0\n* ^Subject: hello\ninbox/\n")
    rules.chmod(0o644)
    outcome = deliver(Pipe((peer("procmail"), "-m", str(rules))), person=myself(tmp_path))

    assert outcome.result is Result.DELIVERED, outcome
    [file] = (tmp_path / "inbox" / "new").iterdir()
    assert file.read_bytes() == LETTER


def test_what_procmail_cannot_do_now_is_put_off(peer, tmp_path: Path):
    rules = tmp_path / "rules"
    rules.write_text("EXITCODE=75\nHOST\n")
    rules.chmod(0o644)
    outcome = deliver(Pipe((peer("procmail"), "-m", str(rules))), person=myself(tmp_path))

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.0")
