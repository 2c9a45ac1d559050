"""The queue's tasks, threads and timers, which end together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from mailsponge.queue.timing import Cancellable, Later

THREADS: Final = 2
"""... that the store is asked in: their own, so that nobody else's work keeps the queue waiting."""


class Chores:
    """To be made within a running event loop."""

    def __init__(self, later: Later | None) -> None:
        """``later``: the loop's own `call_later`, unless somebody else turns the clock."""
        self._loop = asyncio.get_running_loop()
        self.later: Later = later or self._loop.call_later
        self._threads = ThreadPoolExecutor(THREADS, "queue")
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, Cancellable] = {}
        self.ending = False

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function that may block."""
        return await self._loop.run_in_executor(self._threads, function, *arguments)

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done beside everything else."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after(self, seconds: float, name: str, then: Callable[[], None]) -> None:
        """Call ``then`` after so many seconds, in place of what that name stood for."""
        before = self._timers.pop(name, None)
        if before is not None:
            before.cancel()

        def ring() -> None:
            del self._timers[name]
            then()

        self._timers[name] = self.later(seconds, ring)

    def is_planned(self, name: str) -> bool:
        """Whether a timer of that name runs."""
        return name in self._timers

    async def end(self, grace: float) -> None:
        """Stop the timers, give what is under way so many seconds to end, and cut off the rest."""
        self.ending = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False)
