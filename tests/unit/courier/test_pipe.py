"""Rules of programs that mail is piped to: no shell, nothing of a stranger's as an option, an end to everything."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from kit.orders import LETTER, ORDER, deliver, myself
from mailsponge.courier.letter import laid_out
from mailsponge.courier.pipe import KEPT, Pipe
from mailsponge.errors import UsageError
from mailsponge.mail.outcome import Result


@pytest.fixture
def script(tmp_path: Path):
    """Makes a program."""

    def make(text: str) -> str:
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        return str(program)

    return make


def test_the_program_gets_the_letter(script, tmp_path: Path):
    outcome = deliver(Pipe((script(f"cat > {tmp_path}/got"),)))

    assert outcome.result is Result.DELIVERED
    assert (tmp_path / "got").read_bytes() == LETTER


def test_a_program_that_does_not_read_is_no_trouble(script):
    assert deliver(Pipe((script("exit 0"),)), b"x" * 3_000_000).result is Result.DELIVERED


def test_words_go_over_as_they_are(script, tmp_path: Path):
    program = script(f'printf "%s\\n" "$@" > {tmp_path}/got')
    command = Pipe.checked((program, "a b", "$HOME;*", "{sender}", "{recipient}", "{detail}"))
    deliver(command, recipient="me+$(id)@example.org", detail="$(id)")

    said = (tmp_path / "got").read_text().splitlines()
    assert said == ["a b", "$HOME;*", "you@example.net", "me+$(id)@example.org", "$(id)"]


def test_the_null_reverse_path_is_mailer_daemon(script):
    assert "MAILER-DAEMON" in deliver(Pipe((script('echo "$1 $SENDER"'), "{sender}")), sender="").why


def test_no_address_becomes_an_option(script, tmp_path: Path):
    outcome = deliver(Pipe((script(f"touch {tmp_path}/ran"), "{sender}")), sender="-oQ/tmp@example.net")

    assert (outcome.result, outcome.status) == (Result.FAILED, "5.1.3")
    assert not (tmp_path / "ran").exists()


def test_after_two_hyphens_nothing_is_an_option(script):
    pipe = Pipe((script('echo "$2"'), "--", "{sender}"))

    assert deliver(pipe, sender="-f@example.net").why.endswith(": -f@example.net")


@pytest.mark.parametrize("word", ["{user}", "--to={recipient}", "{Sender}x{sender}", "x{}"])
def test_a_place_is_a_word_by_itself(word: str):
    with pytest.raises(UsageError, match="each as a word by itself"):
        Pipe.checked(("/bin/true", word))


def test_the_environment_says_whose_mail_it_is_and_nothing_else(script, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SECRET", "of the server")
    deliver(Pipe((script(f"/usr/bin/env > {tmp_path}/got"),)), detail="lists", person=myself(tmp_path))

    said = dict(line.split("=", 1) for line in (tmp_path / "got").read_text().splitlines())
    name = myself().name
    for shells in ("PWD", "OLDPWD", "SHLVL", "_"):
        said.pop(shells, None)
    assert said == {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "SHELL": "/bin/sh", "LANG": "C.UTF-8", "HOME": str(tmp_path),
        "USER": name, "LOGNAME": name, "SENDER": "you@example.net", "RECIPIENT": "me@example.org",
        "EXTENSION": "lists",
    }  # fmt: skip


def test_it_starts_at_home(script, tmp_path: Path):
    assert deliver(Pipe((script("pwd"),)), person=myself(tmp_path)).why.endswith(f": {tmp_path}")


def test_who_has_no_home_starts_at_the_root(script, tmp_path: Path):
    assert deliver(Pipe((script("pwd"),)), person=myself(tmp_path / "none")).why.endswith(": /")


def test_it_finds_no_descriptor_of_the_servers(script):
    with socket.socket() as held:
        held.set_inheritable(True)
        said = deliver(Pipe((script("ls -x /proc/$$/fd"),))).why

    assert str(held.fileno()) not in said.rpartition(":")[2].split()


# What its status says


@pytest.mark.parametrize(
    ("code", "result", "status"),
    [
        (0, Result.DELIVERED, "2.0.0"),
        (1, Result.FAILED, "5.3.0"),
        (64, Result.FAILED, "5.3.0"),
        (65, Result.FAILED, "5.6.0"),
        (67, Result.FAILED, "5.1.1"),
        (68, Result.FAILED, "5.1.2"),
        (69, Result.FAILED, "5.3.0"),
        (70, Result.FAILED, "5.3.0"),
        (71, Result.DEFERRED, "4.3.0"),
        (73, Result.FAILED, "5.2.0"),
        (74, Result.DEFERRED, "4.3.0"),
        (75, Result.DEFERRED, "4.3.0"),
        (77, Result.FAILED, "5.7.0"),
        (78, Result.FAILED, "5.3.5"),
        (255, Result.FAILED, "5.3.0"),
    ],
)
def test_its_status_is_understood(script, code: int, result: Result, status: str):
    outcome = deliver(Pipe((script(f"exit {code}"),)))

    assert (outcome.result, outcome.status) == (result, status)


def test_a_signal_puts_it_off(script):
    outcome = deliver(Pipe((script("kill -SEGV $$"),)))

    assert outcome.result is Result.DEFERRED
    assert "ended by signal 11" in outcome.why


def test_a_program_that_is_not_there_puts_it_off():
    outcome = deliver(Pipe(("/nowhere/program",)))

    assert (outcome.result, outcome.status) == (Result.DEFERRED, "4.3.5")
    assert "/nowhere/program: No such file" in outcome.why


# What it says


def test_its_words_are_kept_in_one_harmless_line(script):
    outcome = deliver(Pipe((script('echo no such mailbox; printf "\\033[2J" >&2; exit 67'),)))

    assert outcome.why.endswith("it knows no such user: no such mailbox \\x1b[2J")


def test_a_program_that_talks_without_end_fills_no_memory(script):
    outcome = deliver(Pipe((script("head -c 10000000 /dev/zero | tr '\\0' x; exit 75"),)))

    assert outcome.result is Result.DEFERRED
    assert KEPT <= len(outcome.why) < KEPT + 200


def test_a_child_that_outlives_it_is_not_waited_for(script):
    assert deliver(Pipe((script("sleep 1000 & exit 0"),))).result is Result.DELIVERED


# Its end


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _all_end(pids: list[int]) -> None:
    end = time.monotonic() + 30
    while any(map(_is_running, pids)):
        assert time.monotonic() < end, "what was killed still runs"


@pytest.mark.parametrize("output", ["", "exec >&- 2>&-;"])
def test_a_program_that_hangs_is_killed_with_its_children(script, tmp_path: Path, output: str):
    program = script(f"trap '' TERM; {output} sleep 1000 & echo $$ $! > {tmp_path}/pids; wait; sleep 1000")
    outcome = deliver(Pipe((program,), time_limit=0.5))

    assert outcome.result is Result.DEFERRED
    assert "was killed: it had not ended" in outcome.why
    _all_end([int(pid) for pid in (tmp_path / "pids").read_text().split()])


def test_a_program_that_nobody_waits_for_is_killed(script, tmp_path: Path):
    os.mkfifo(tmp_path / "begun")
    program = script(f"echo $$ > {tmp_path}/begun; sleep 1000")
    ours, theirs = socket.socketpair()
    outcomes = []

    def work() -> None:
        with laid_out([LETTER], len(LETTER)) as letter, theirs:
            outcomes.append(Pipe((program,)).deliver(ORDER, myself(), letter, theirs.fileno()))

    working = threading.Thread(target=work)
    working.start()
    pid = int((tmp_path / "begun").read_text())
    ours.close()
    working.join()

    assert outcomes[0].result is Result.DEFERRED
    assert not _is_running(pid)
