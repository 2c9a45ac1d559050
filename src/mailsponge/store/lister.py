"""A server's own thread that reads what has arrived for the lists: soon, and a little at a time.

It gives way between portions, so that a mail server which is busy stays one.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from mailsponge.errors import StoreError
from mailsponge.store.reading import Inbox

log = logging.getLogger(__name__)

LOOKED_EVERY: Final = 0.5
"""Seconds: who looks at their inbox sees a message that soon."""
_AT_A_TIME: Final = 50
_BREATH: Final = 0.02
"""Seconds between portions."""
_AFTER_A_FAULT: Final = 60.0
"""Seconds: a store that cannot do it now is not asked all the time."""


class Lister:
    """Indexes until it is closed. What fails is logged, and tried again later."""

    def __init__(self, inbox: Inbox, every: float = LOOKED_EVERY) -> None:
        self._inbox = inbox
        self._every = every
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailsponge lister", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Once the portion that is being read is done; to be called before the store is closed. A second time does
        nothing.
        """
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            pause = self._index()

    def _index(self) -> float:
        """Some of it; how long to wait afterwards."""
        try:
            return _BREATH if self._inbox.index(_AT_A_TIME) else self._every
        except StoreError as error:
            log.warning("mail that has arrived is in no list of the web inbox yet: %s", error)
        except Exception:
            log.exception("mail that has arrived is in no list of the web inbox yet")
        return _AFTER_A_FAULT
