"""Word from node to node that something can be tried now: LISTEN and NOTIFY, in a session and a thread of their own.

Word is sent after the commit that it is about, not in it: PostgreSQL lets only one transaction commit at a time that
notifies, which would end group commit between nodes. What gets lost on the way is found when a runner looks by itself.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from typing import Final

import msgspec
import psycopg

from mailsponge.errors import StoreError
from mailsponge.store.postgres.connection import Connection, Database

log = logging.getLogger(__name__)

CHANNEL: Final = "mailsponge_mail"
LOOK: Final = ""
"""Says: there is so much that nobody can list it, look for yourselves."""

LONGEST: Final = 7900
"""Bytes of one notification; PostgreSQL takes 7999."""
_MOST: Final = 8
"""Notifications at a time, above which it is left to the others to look."""
_PAUSE: Final = 0.05
"""Seconds between sendings: what comes up meanwhile goes together."""
_RETRY: Final = 1.0
"""Seconds between attempts to get a session."""

_NOTIFY: Final = b"SELECT pg_notify(%s, %s)"

_encode = msgspec.json.Encoder().encode
_names = msgspec.json.Decoder(list[str]).decode


def payloads(next_hops: Collection[str]) -> list[str]:
    """Next hops as a few notifications, each a JSON list; or `LOOK`."""
    sent: list[str] = []
    some: list[str] = []
    size = 0
    for name in sorted(next_hops):
        needs = len(_encode(name)) + 1
        if needs > LONGEST:
            return [LOOK]
        if size + needs > LONGEST:
            sent.append(_encode(some).decode())
            some, size = [], 0
        some.append(name)
        size += needs
    sent += [_encode(some).decode()] if some else []
    return sent if len(sent) <= _MOST else [LOOK]


def heard(payload: str) -> list[str] | None:
    """The next hops in a notification; None: look for yourself. Anybody in the database may notify, of anything."""
    if payload == LOOK:
        return None
    try:
        return _names(payload)
    except msgspec.DecodeError:
        return None


class Wakeups:
    """Tells ``listener`` what other nodes, or people, have made ready, and them what this one has.

    ``look`` finds out what waits, where nobody could say; it may raise StoreError. Both are called on its own thread.
    """

    def __init__(
        self,
        database: Database,
        listener: Callable[[Collection[str]], None],
        look: Callable[[], Collection[str]],
    ) -> None:
        self._database = database
        self._listener = listener
        self._look = look
        self._pending: set[str] = set()
        self._turn = threading.Lock()
        self._closed = False
        self._is_deaf = False
        self._heard: list[str] = []
        self._bell, self._button = socket.socketpair()
        for end in self._bell, self._button:
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mailsponge store wakeups", daemon=True)
        self._thread.start()

    def send(self, next_hops: Collection[str]) -> None:
        """Tell the other nodes. Never blocks."""
        with self._turn:
            self._pending.update(next_hops)
        self._press()

    def close(self) -> None:
        """Send what is left, and end the thread."""
        self._closed = True
        self._press()
        self._thread.join()
        self._bell.close()
        self._button.close()

    def _press(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            self._button.send(b"!")

    def _run(self) -> None:
        while not self._closed:
            try:
                with closing(self._database.connect("mailsponge wakeups")) as connection:
                    self._converse(connection)
            except (psycopg.Error, StoreError) as error:
                if not self._is_deaf:
                    log.warning("no word from other nodes for now: %s", self._database.worded(error))
            else:
                continue
            self._is_deaf = True
            self._wait(_RETRY)

    def _converse(self, connection: Connection) -> None:
        """Until the session is lost, or all is said."""
        connection.add_notify_handler(lambda notification: self._note(connection, notification))
        # Nobody is promised anything by a notification: it needs no fsync.
        connection.execute("SET synchronous_commit = off")
        connection.execute(f"LISTEN {CHANNEL}".encode())
        self._is_deaf = False
        self._heard.append(LOOK)  # what was sent before this
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while True:
                self._pass_on()
                sent = self._send(connection)
                if self._closed:
                    return
                if sent:
                    self._wait(_PAUSE)
                    continue
                for key, _ in selector.select():
                    if key.fileobj is self._bell:
                        self._silence()
                    else:
                        connection.execute("SELECT")  # what has come is handed to us by this

    def _note(self, connection: Connection, notification: psycopg.Notify) -> None:
        if notification.pid != connection.info.backend_pid:
            self._heard.append(notification.payload)

    def _pass_on(self) -> None:
        """Tell what was heard, and look where that is not enough."""
        told, self._heard = [heard(payload) for payload in self._heard], []
        if not told:
            return
        names = {name for names in told for name in names or ()}
        if None in told:
            names.update(self._look())
        if names:
            self._tell(names)

    def _tell(self, names: Collection[str]) -> None:
        try:
            self._listener(names)
        except Exception:
            log.exception("nobody could be told what may be tried: whoever waited for it is gone")

    def _send(self, connection: Connection) -> bool:
        with self._turn:
            pending, self._pending = self._pending, set()
        try:
            for payload in payloads(pending) if pending else ():
                connection.execute(_NOTIFY, (CHANNEL, payload))
        except psycopg.Error:  # it is said in the next session
            with self._turn:
                self._pending |= pending
            raise
        return bool(pending)

    def _silence(self) -> None:
        with suppress(BlockingIOError):
            self._bell.recv(4096)

    def _wait(self, seconds: float) -> None:
        """Or until it is closed."""
        until = time.monotonic() + seconds
        for left in _left(until):
            if self._closed:
                return
            with selectors.DefaultSelector() as selector:
                selector.register(self._bell, selectors.EVENT_READ)
                if not selector.select(left):
                    return
            self._silence()


def _left(until: float) -> Iterator[float]:
    while (left := until - time.monotonic()) > 0:
        yield left
