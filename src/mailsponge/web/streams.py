"""Streams of server-sent events: how many there may be, and what they say."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.concurrency import run_in_threadpool

from mailsponge.errors import MailspongeError

log = logging.getLogger("mailsponge.web")

MOST: Final = 6
"""Streams of one user at a time; the next one is told to stay away, and its page goes without."""
LOOK_EVERY: Final = 2.0
"""Seconds between looks whether something is new."""
HEARTBEAT: Final = 20.0
"""Seconds after which a stream that has nothing to say says so: proxies hang up on who is silent."""
RETRY: Final = 5000
"""Milliseconds until a browser comes back when a stream has ended."""

Version = Callable[[], int | str]
"""A word that changes when something does. Asked in a thread, often: it has to be cheap."""


class Streams:
    """Those that are open. All but `has_room` is the event loop's."""

    def __init__(
        self, most: int = MOST, look_every: float = LOOK_EVERY, heartbeat: float = HEARTBEAT
    ) -> None:
        self._most = most
        self._look_every = look_every
        self._heartbeat = heartbeat
        self._open: Counter[str] = Counter()
        self._stopping = asyncio.Event()

    def has_room(self, user: str) -> bool:
        """Whether the user may open another one."""
        return self._open[user] < self._most and not self._stopping.is_set()

    def stop(self) -> None:
        """End all of them."""
        self._stopping.set()

    async def events(
        self, user: str, version: Version, known: str | None, stays: Callable[[], bool]
    ) -> AsyncIterator[str]:
        """What a stream says. It ends when ``stays`` is not true any more: whether the user is still logged in."""
        with self._counted(user):
            yield f"retry: {RETRY}\n\n"
            silent = 0.0
            while stays() and not self._stopping.is_set():
                try:
                    found = str(await run_in_threadpool(version))
                except MailspongeError as error:
                    log.warning("a page cannot be told what is new: %s", error)
                    return
                if found != known:
                    silent = 0.0
                    if known is not None:
                        yield f"id: {found}\nevent: changed\ndata: {found}\n\n"
                    known = found
                elif silent >= self._heartbeat:
                    silent = 0.0
                    yield ": still here\n\n"
                silent += self._look_every
                await self._wait()

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), self._look_every)
        except TimeoutError:
            return

    @contextmanager
    def _counted(self, user: str) -> Iterator[None]:
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]
