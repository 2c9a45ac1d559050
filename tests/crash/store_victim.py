"""A server that is made to be killed: accepts messages without end and says on standard output which ones are durable.

    python store_victim.py DATA SEED [STEP]

For each message that its `done` called durable, a line "id sha256". With STEP it kills itself right before the
STEP-th write or sync of the disk.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from store_disks import StumblingDisk
from store_fixtures import acceptance

from mailsponge.errors import StoreError
from mailsponge.store import database
from mailsponge.store.incoming import PART
from mailsponge.store.sqlite import SqliteStore

WAITING = 8
"""Messages under way at a time, so that commits are shared."""


class DeadlyDisk(StumblingDisk):
    """Where another disk stumbles, this one ends the process."""

    def fall(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def content(rng: random.Random, number: int) -> bytes:
    """A message that can be known again; every fifth is large."""
    size = rng.randrange(PART, 2 * PART) if number % 5 == 0 else rng.randrange(10_000)
    return b"Subject: %d\r\n\r\n" % number + rng.randbytes(size)


def teller(message_id: int, written: bytes, room: threading.Semaphore) -> Callable[[StoreError | None], None]:
    """A `done` that prints, in one write, so that no line is ever half there."""

    def done(fault: StoreError | None) -> None:
        if fault is not None:
            raise fault
        os.write(1, f"{message_id} {hashlib.sha256(written).hexdigest()}\n".encode())
        room.release()

    return done


def main() -> None:
    data, seed = Path(sys.argv[1]), int(sys.argv[2])
    connect: database.Connect = database.connect
    if len(sys.argv) > 3:
        disk = DeadlyDisk()
        disk.stumble = int(sys.argv[3])
        connect = disk.connect
    store = SqliteStore(data, connect=connect)
    store.sweep()
    rng, room = random.Random(seed), threading.Semaphore(WAITING)
    for number in itertools.count():
        room.acquire()
        written, incoming = content(rng, number), store.incoming()
        for at in range(0, len(written), 65536):
            incoming.write(written[at : at + 65536])
        if number % 10 == 9:
            incoming.discard()
            room.release()
        else:
            incoming.accept(acceptance("me", "you"), teller(incoming.id, written, room))


if __name__ == "__main__":
    main()
