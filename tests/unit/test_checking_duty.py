"""The hourly check of jobs: what it says is told, and it never outlives the server."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest

from kit.awaited import until
from mailsponge.checking_duty import AFTER_START, EVERY, check, checking


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


def test_what_is_well_says_nothing():
    assert asyncio.run(check(python("print('backup: all is well')"))) == []


def test_what_somebody_has_to_look_at_is_told_a_line_each():
    said = "import sys; sys.stderr.write('mailsponge: backup: 1 mail waits\\nmailsponge: b\\x1b: x\\n'); sys.exit(1)"

    assert asyncio.run(check(python(said))) == ["backup: 1 mail waits", "b\\x1b: x"]


def test_a_check_that_fails_without_a_word_is_told():
    assert asyncio.run(check(python("raise SystemExit(3)"))) == ["it ended with status 3"]


def test_of_very_many_lines_the_first_are_told():
    lines = asyncio.run(check(python("import sys; sys.stderr.write('trouble\\n' * 100_000)")))

    assert len(lines) == 21
    assert lines[-1].startswith("and ")


def test_a_command_that_is_not_there_is_told():
    (line,) = asyncio.run(check(("/nowhere/python",)))

    assert line.startswith("it cannot be started: ")


def test_the_real_one_looks_at_the_jobs_of_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MAILSPONGE_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()

    assert asyncio.run(check()) == []


class Clockwork:
    """Sleeps that are over at once, until there were as many as wanted."""

    def __init__(self, sleeps: int) -> None:
        self.slept: list[float] = []
        self.over = asyncio.Event()
        self._sleeps = sleeps

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self._sleeps:
            self.over.set()
            await asyncio.Event().wait()


def test_it_is_done_soon_after_the_start_and_then_every_hour(caplog: pytest.LogCaptureFixture):
    async def two_hours() -> list[float]:
        clockwork = Clockwork(3)
        async with checking(python("import sys; sys.exit('backup: 1 mail waits')"), clockwork.sleep):
            await clockwork.over.wait()
        return clockwork.slept

    with caplog.at_level(logging.WARNING, "mailsponge.checking"):
        assert asyncio.run(two_hours()) == [AFTER_START, EVERY, EVERY]
    assert [record.getMessage() for record in caplog.records] == [
        "the hourly check of jobs: backup: 1 mail waits"
    ] * 2


def test_one_that_is_under_way_ends_with_the_server(tmp_path: Path):
    marker = tmp_path / "pid"
    code = f"import os, time; open({str(marker)!r}, 'w').write(f'{{os.getpid()}}.'); time.sleep(600)"

    async def at_once(seconds: float) -> None:
        return None

    async def begun_and_ended() -> int:
        async with checking(python(code), at_once):
            await asyncio.to_thread(until, lambda: marker.exists() and marker.read_text().endswith("."), str)
        return int(marker.read_text().rstrip("."))

    pid = asyncio.run(begun_and_ended())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
