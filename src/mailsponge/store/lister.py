"""A server's own thread that reads what has arrived for the lists: soon, and a little at a time.

To read mail takes the interpreter from whoever takes mail in. So while very much arrives it reads a few of the newest,
and the rest when that is over.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from mailsponge import clock
from mailsponge.errors import StoreError
from mailsponge.store.protocol import Store

log = logging.getLogger(__name__)

LOOKED_EVERY: Final = 0.5
"""Seconds: who looks at their inbox sees a message that soon."""
_AT_A_TIME: Final = 50
_BREATH: Final = 0.02
"""Seconds between portions."""
_MUCH: Final = 200.0
"""Messages a second that arrive, above which there are better things to do..."""
_FEW: Final = 5
"""... than to read more than these each time."""
_AFTER_A_FAULT: Final = 60.0
"""Seconds: a store that cannot do it now is not asked all the time."""


class Lister:
    """Indexes until it is closed. What fails is logged, and tried again later."""

    def __init__(
        self, store: Store, every: float = LOOKED_EVERY, monotonic: clock.Clock = clock.monotonic
    ) -> None:
        self._store = store
        self._every = every
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._arrived = store.commits.messages
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
        much = self._much_arrives()
        try:
            read = self._store.index(_FEW if much else _AT_A_TIME)
            return self._every if much or not read else _BREATH
        except StoreError as error:
            log.warning("mail that has arrived is in no list of the web inbox yet: %s", error)
        except Exception:
            log.exception("mail that has arrived is in no list of the web inbox yet")
        return _AFTER_A_FAULT

    def _much_arrives(self) -> bool:
        """Since the last look."""
        now, arrived = self._monotonic(), self._store.commits.messages
        much = arrived - self._arrived > _MUCH * max(now - self._looked_at, _BREATH)
        self._looked_at, self._arrived = now, arrived
        return much
