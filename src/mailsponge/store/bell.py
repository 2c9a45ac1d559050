"""How a server hears of what others do to its queue: they count each change, and it looks at that number."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from mailsponge.errors import StoreError

log = logging.getLogger(__name__)

LOOKED_EVERY = 1.0
"""Seconds: a person who has released a message does not wait longer for something to happen."""


class Bell:
    """A thread that looks now and then whether a number has changed, and calls ``then`` each time it has."""

    def __init__(
        self, number: Callable[[], int], then: Callable[[], None], every: float = LOOKED_EVERY
    ) -> None:
        self._number = number
        self._then = then
        self._every = every
        self._seen = number()
        self._hurry = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="mailsponge store bell", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Do not wait until it is time."""
        self._hurry.set()

    def close(self) -> None:
        """Look no more. A second time does nothing."""
        self._closed = True
        self._hurry.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            self._hurry.wait(self._every)
            self._hurry.clear()
            if not self._closed:
                self._look()

    def _look(self) -> None:
        try:
            number = self._number()
            if number != self._seen:
                self._then()
                self._seen = number
        except StoreError as error:
            log.warning("cannot see whether somebody has changed the queue: %s", error)
        except Exception:
            log.exception("a change of the queue could not be told")
