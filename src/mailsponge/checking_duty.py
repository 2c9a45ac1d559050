"""The post office's duty to the sponge: once an hour it does what ``mailsponge check`` does, for its own user's jobs.

So a run that is missed, a program that died and a reminder are told without cron or a timer. It is a process of its
own: folding a large journal takes its time, and mail is not to wait for it. To end it at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from mailsponge import clean

log = logging.getLogger("mailsponge.checking")

AFTER_START: Final = 60.0
"""Seconds until the first check: a server that starts with its machine has other things to do."""
EVERY: Final = 3600.0
"""Seconds from the end of one check to the next."""
COMMAND: Final = (sys.executable, "-P", "-m", "mailsponge", "check")
"""``-P``: whatever lies in the working directory is not taken for a module."""
_GRACE: Final = 5.0
_MOST_SAID: Final = 64 * 1024
"""Octets of what it says that are read."""
_MOST_LINES: Final = 20

Sleep = Callable[[float], Awaitable[None]]


@contextlib.asynccontextmanager
async def checking(command: Sequence[str] = COMMAND, sleep: Sleep = asyncio.sleep) -> AsyncIterator[None]:
    """Check now and then for as long as the block lasts."""
    duty = asyncio.create_task(_check_for_ever(command, sleep))
    try:
        yield
    finally:
        duty.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await duty


async def _check_for_ever(command: Sequence[str], sleep: Sleep) -> None:
    await sleep(AFTER_START)
    while True:
        for line in await check(command):
            log.warning("the hourly check of jobs: %s", line)
        await sleep(EVERY)


async def check(command: Sequence[str] = COMMAND) -> list[str]:
    """Check once; returns what somebody has to look at."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return [f"it cannot be started: {error}"]
    try:
        said = await _beginning_of(process.stderr)
        status = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    lines = [clean.line(line) for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    if status != 0 and not lines:
        lines = [f"it ended with status {status}"]
    more = [f"and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return [line.removeprefix("mailsponge: ") for line in lines[:_MOST_LINES]] + more


async def _beginning_of(stream: asyncio.StreamReader | None) -> bytes:
    """The beginning of what comes; all of it is read, so that nobody who writes it has to wait."""
    assert stream is not None, "it was asked for"
    kept = b""
    while some := await stream.read(_MOST_SAID):
        kept += some[: _MOST_SAID - len(kept)]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it, gently at first."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()
