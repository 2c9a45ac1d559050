"""Any command, wrapped: its output passes through as it comes and is kept, and its end is the wrapper's."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from kit.programs import Job, ended, wait_until
from mailsponge import source
from mailsponge.sponge import command
from mailsponge.sponge.command import NOT_EXECUTABLE, NOT_FOUND
from mailsponge.sponge.lines import Lines, Pattern
from mailsponge.sponge.source import current


class Kept(logging.Handler):
    """Keeps the records it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append((record.levelname, record.getMessage()))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def passed() -> dict[int, bytes]:
    """What was passed through, by stream."""
    return {1: b"", 2: b""}


@pytest.fixture
def run(kept: Kept, passed: dict[int, bytes]) -> Callable[..., int]:
    """Runs a shell script."""

    def through(descriptor: int, piece: bytes) -> None:
        passed[descriptor] += piece

    return lambda script, *arguments: command.run(["sh", "-c", script, *arguments], kept, through)


def test_standard_output_is_info_and_standard_error_a_warning(run, kept, passed):
    assert run("echo one; echo two >&2") == 0

    assert sorted(kept.records) == [("INFO", "one"), ("WARNING", "two")]
    assert passed == {1: b"one\n", 2: b"two\n"}


@pytest.mark.parametrize("status", [1, 2, 42, 127, 255])
def test_a_status_other_than_0_is_an_error_and_the_wrappers_own(run, kept, status):
    assert run(f"exit {status}") == status

    assert kept.records == [("ERROR", f"ended with status {status}")]


@pytest.mark.parametrize(
    ("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (11, "SIGSEGV"), (signal.SIGRTMIN + 3, "signal 37")]
)
def test_a_signal_is_an_error_and_the_status_a_shell_gives_it(run, kept, number, name):
    assert run(f"kill -{int(number)} $$") == 128 + number

    assert kept.records == [("ERROR", f"ended by {name}")]


def test_a_program_that_is_not_there_is_told(kept, capfd):
    assert command.run(["no-such-program"], kept) == NOT_FOUND

    assert kept.records == [("ERROR", "no-such-program cannot be started: No such file or directory")]
    assert "no-such-program cannot be started" in capfd.readouterr().err


def test_a_program_that_may_not_be_run_is_told(kept, tmp_path):
    (tmp_path / "text").write_text("no program")

    assert command.run([str(tmp_path / "text")], kept) == NOT_EXECUTABLE
    assert command.run([str(tmp_path)], kept) == NOT_EXECUTABLE
    assert [level for level, _ in kept.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize(
    ("output", "records"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"50 %\r100 %\n", ["50 %\r100 %"]),
        (b"%s {0} %(name)s\n", ["%s {0} %(name)s"]),
        (b"S\xc3\xb8ndag\n", ["Søndag"]),
        (b"\xff\xfe bytes\n", ["\\xff\\xfe bytes"]),
        (b"a\x00b\n", ["a\x00b"]),
    ],
)
def test_lines_are_records_whatever_they_hold(run, kept, passed, tmp_path, output, records):
    (tmp_path / "output").write_bytes(output)

    run(f"cat {tmp_path}/output")

    assert [text for _, text in kept.records] == records
    assert passed[1] == output


def test_a_character_cut_in_two_by_a_pipe_is_whole_in_the_record(kept):
    log = logging.Logger("command")
    log.addHandler(kept)
    lines = Lines(log, logging.INFO)
    for piece in (b"S\xc3", b"\xb8ndag\r", b"\nlast"):
        lines.take(piece)
    lines.end()

    assert kept.records == [("INFO", "Søndag"), ("INFO", "last")]


def test_a_line_without_end_is_cut_and_nothing_of_it_is_lost(run, kept, passed):
    run("head -c 3500000 /dev/zero | tr '\\0' x")

    assert len(passed[1]) == 3_500_000
    assert "".join(text for _, text in kept.records) == "x" * 3_500_000
    assert 3 <= len(kept.records) <= 4


def test_much_output_on_both_streams_at_once_does_not_hang(run, kept, passed):
    run("yes out | head -n 30000 & yes err | head -n 30000 >&2; wait")

    assert passed[1].count(b"out\n") == passed[2].count(b"err\n") == 30_000
    assert len(kept.records) == 60_000


def test_output_passes_through_before_the_command_ends(job: Job):
    process = wrapped(job, "echo first; read answer; echo $answer")
    assert process.stdout.readline() == "first\n"
    process.stdin.write("second\n")
    process.stdin.flush()

    assert process.stdout.readline() == "second\n"
    assert ended(process).status == 0


UNTIL_A_SIGNAL = "echo ready; while :; do read x || sleep 0.01; done"


def wrapped(job: Job, script: str, **options: object) -> subprocess.Popen[str]:
    """``mailsponge run`` with a shell script."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mailsponge",
            "run",
            "job",
            "--to",
            "me@example.org",
            "--",
            "sh",
            "-c",
            script,
        ],
        env=job.environment(),
        cwd=job.home,
        **{"text": True, **streams, **options},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_are_for_the_command(job: Job, number: int):
    """It may tidy up, and then the wrapper ends as it ended, with everything it said."""
    process = wrapped(
        job,
        f"trap 'echo tidied up; exit 9' {int(number)}; {UNTIL_A_SIGNAL}",
    )
    process.stdout.readline()
    process.send_signal(number)
    done = ended(process)

    assert done.status == 9
    assert job.texts() == ["ready", "tidied up", "ended with status 9"]
    assert job.endings() == ["finished"]


def test_ctrl_c_reaches_the_command_and_the_wrapper_ends_as_it_does(job: Job):
    process = wrapped(job, f"trap 'exit 9' INT; {UNTIL_A_SIGNAL}", start_new_session=True)
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)

    assert ended(process).status == 9
    assert job.endings() == ["finished"]


def test_a_wrapper_that_is_killed_leaves_a_run_that_died_with_what_was_said(job: Job):
    process = wrapped(job, "echo one; echo two; exec sleep 1000")
    assert [process.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
    (journal,) = job.place.runs.glob("*/owner.jsonl")
    wait_until(lambda: b'"two"' in journal.read_bytes())
    process.kill()
    process.wait()
    job.squeeze()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()

    assert job.texts() == ["one", "two"]
    assert job.endings() == ["died"]


# Where the output leads


def test_output_that_nobody_reads_any_more_is_kept_all_the_same(job: Job):
    process = wrapped(job, "read go; echo one; echo two; exit 3")
    process.stdout.close()
    process.stdin.write("go\n")
    process.stdin.flush()
    process.stdin.close()

    assert process.wait(30) == 3
    process.stderr.close()
    assert job.texts() == ["one", "two", "ended with status 3"]


def test_output_that_leads_to_a_full_disk_is_kept_all_the_same(job: Job):
    with open("/dev/full", "w") as full:
        process = wrapped(job, "echo one; echo two >&2; exit 3", stdout=full, stderr=full)
        status = process.wait(30)
    process.stdin.close()

    assert status == 3
    assert sorted(job.texts()) == ["ended with status 3", "one", "two"]


def test_output_to_a_stream_that_does_not_block_is_passed_on_whole():
    """Whoever shares a terminal or a pipe with us may have made it so."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received: list[bytes] = []

    def reads() -> None:
        while piece := os.read(reading, 4096):
            received.append(piece)

    reader = threading.Thread(target=reads)
    reader.start()
    command._write_through(writing, b"x" * 1_000_000)
    os.close(writing)
    reader.join()
    os.close(reading)

    assert len(b"".join(received)) == 1_000_000


def test_the_commands_standard_input_is_the_wrappers(job: Job):
    process = wrapped(job, "cat")
    done = process.communicate("what is typed\n", timeout=30)

    assert done[0] == "what is typed\n"
    assert job.texts() == ["what is typed"]


def test_a_command_that_cannot_be_started_is_a_failed_run(job: Job):
    done = job.command("run", "job", "--to", "me@example.org", "--patience", "now", "--", "no-such-program")

    assert done.status == NOT_FOUND
    assert job.verdicts() == [{"": 40}]
    assert [mail.subject for mail in job.mails()] == ["job: the job itself has failed"]


def test_a_source_of_its_own_fails_with_the_command(job: Job):
    job.command("run", "job", "--to", "me@example.org", "--source", "nas1", "--", "sh", "-c", "exit 2")
    job.command("run", "job", "--to", "me@example.org", "--source", "nas1", "--", "true")

    assert job.verdicts() == [{"": 0, "nas1": 40}, {"": 0, "nas1": 0}]


# Streams that end late, early, or in the middle of a line


def test_a_line_that_is_not_ended_yet_is_seen_at_once(job: Job):
    process = wrapped(job, "printf 'password: '; read answer; echo ok")
    assert process.stdout.read(len("password: ")) == "password: "
    process.stdin.write("x\n")
    process.stdin.flush()
    done = ended(process)

    assert done.out == "ok\n"
    assert job.texts() == ["password: ok"]


def test_bytes_that_are_no_text_pass_through_as_they_are(job: Job):
    everything = bytes(range(256)) * 300
    (job.home / "bytes").write_bytes(everything)
    process = wrapped(job, "cat bytes; cat bytes >&2", text=False)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, everything)
    assert err.startswith(everything)
    assert job.endings() == ["finished"]


def test_a_command_that_closes_its_streams_and_goes_on_is_waited_for(run, kept, passed):
    assert run("echo before; exec >&- 2>&-; sleep 0.2; exit 7") == 7

    assert kept.records == [("INFO", "before"), ("ERROR", "ended with status 7")]


LEAVES_SOMEBODY = "sh -c 'echo $$ >pid; {}' & echo the command itself"


@pytest.fixture
def left_behind(tmp_path, monkeypatch):
    """A directory to work in; whoever wrote its process id there is ended after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_AFTERWARDS", 0.5)
    yield
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


HELD = "it has left a process behind that may still write; what that says from now on is not kept"


@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize(
    "goes_on", ["exec sleep 1000", "while :; do echo and on; sleep 0.1; done", "exec yes on and on and on"]
)
def test_who_is_left_behind_with_the_streams_does_not_hold_up_the_wrapper(run, kept, goes_on):
    assert run(LEAVES_SOMEBODY.format(goes_on)) == 0

    texts = [text for _, text in kept.records]
    assert "the command itself" in texts
    assert texts[-1] == HELD


def test_what_is_said_shortly_after_the_end_is_kept(run, kept, passed):
    run("(sleep 0.3; echo late) & echo early")

    assert passed[1] == b"early\nlate\n"
    assert [text for _, text in kept.records] == ["early", "late"]


@pytest.mark.usefixtures("left_behind")
def test_what_the_command_said_itself_is_read_whole_however_slowly_it_is_taken(kept):
    taken = []

    def slowly(descriptor: int, piece: bytes) -> None:
        time.sleep(0.3)
        taken.append(piece)

    script = LEAVES_SOMEBODY.format("exec sleep 1000") + "; head -c 200000 /dev/zero | tr '\\0' x"
    command.run(["sh", "-c", script], kept, slowly)

    assert b"".join(taken).count(b"x") == 200_000


def test_records_of_both_streams_are_in_the_source_that_is_current(kept):
    sources = []
    kept.emit = lambda record: sources.append(current.get())  # type: ignore[method-assign]

    with source("nas1"):
        command.run(["sh", "-c", "echo one; echo two >&2; exit 1"], kept, lambda *_: None)

    assert sources == ["nas1"] * 3


def test_a_pattern_takes_lines_of_both_streams_apart(kept):
    command.run(
        ["sh", "-c", "echo ERROR one; echo INFO two >&2; echo three >&2"],
        kept,
        lambda *_: None,
        Pattern("^(?P<level>[A-Z]+) (?P<message>.*)"),
    )

    assert sorted(kept.records) == [("ERROR", "one"), ("INFO", "two"), ("WARNING", "three")]


def test_what_is_below_debug_is_kept_too(kept):
    command.run(["echo", "5 trace"], kept, lambda *_: None, Pattern("(?P<level>[0-9]) (?P<message>.*)"))

    assert kept.records == [("Level 5", "trace")]
