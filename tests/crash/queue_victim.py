"""A server with a queue that is made to be killed: it accepts, tries, settles, reports and tidies without end, and says
on standard output what is durable.

    python queue_victim.py DATA SEED [STEP]

A line "accepted id" for each message, and "settled delivery result attempts" for each delivery that came to its end.
Every message has two deliveries: one goes out, at times only at the second try, and one fails, of which the sender is
told: "Message-ID: <about-DELIVERY>". With STEP it kills itself right before the STEP-th write or sync of the disk.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from queue_fixtures import DEFERRED, FAILED, HOP, RELAYED, claim, dues, to, wanted
from store_fixtures import Outcome, hand_over
from store_victim import DeadlyDisk

from mailsponge.mail.outcome import Outcome as Came
from mailsponge.store import database
from mailsponge.store.incoming import PART
from mailsponge.store.protocol import Due, Parcel, Report, Settlement
from mailsponge.store.sqlite import SqliteStore

FAILS, REPORTS = "fails.example", "reports.example"
AT_ONCE = 4
"""Messages that are accepted together."""
NOW = 2000.0


class Victim:
    """What waited when it was started is tried as well."""

    def __init__(self, store: SqliteStore, rng: random.Random) -> None:
        self._store = store
        self._rng = rng

    def accept(self) -> None:
        """Some messages; every fifth is large, and of many parts' size is every report about it."""
        waiting = []
        for _ in range(AT_ONCE):
            size = self._rng.choice((10, 100, 1000, 5000, PART + 10))
            accepted = wanted([*to("a@example.net"), *to("b@fails.example")])
            waiting.append(hand_over(self._store, self._rng.randbytes(size), accepted))
        for incoming, outcome in waiting:
            said = outcome.wait()
            assert said is None, said
            say(f"accepted {incoming.id}")

    def go_out(self) -> None:
        """Every third attempt comes to nothing yet."""
        for hop in (HOP, REPORTS):
            parcels = claim(self._store, hop, now=NOW)
            later = [due for due in dues(parcels) if not due.attempts and due.id // 2**20 % 3 == 0]
            settlements = [
                Settlement(due.id, DEFERRED, NOW, NOW)
                if due in later
                else Settlement(due.id, RELAYED, NOW, None)
                for due in dues(parcels)
            ]
            self._settle(settlements, ())
            ended(RELAYED, [due for due in dues(parcels) if due not in later])

    def fail(self) -> None:
        """Each with a report about it."""
        parcels = claim(self._store, FAILS, now=NOW)
        settlements = [Settlement(due.id, FAILED, NOW, None) for due in dues(parcels)]
        self._settle(settlements, [self._report(parcel) for parcel in parcels])
        ended(FAILED, dues(parcels))

    def _report(self, parcel: Parcel) -> Report:
        number = parcel.dues[0].id
        content = b"Message-ID: <about-%d>\r\n\r\n" % number + b"".join(parcel.content())
        return Report(wanted(to("sender@reports.example")), content, (number,))

    def _settle(self, settlements: Sequence[Settlement], reports: Sequence[Report]) -> None:
        outcome = Outcome()
        self._store.settle(settlements, reports, outcome)
        said = outcome.wait()
        assert said is None, said

    def tidy(self) -> None:
        while self._store.tidy(0.0):
            pass


def ended(came: Came, some: Sequence[Due]) -> None:
    for due in some:
        say(f"settled {due.id} {came.result.value} {due.attempts + 1}")


def say(line: str) -> None:
    """In one write, so that no line is ever half there."""
    os.write(1, f"{line}\n".encode())


def main() -> None:
    data, seed = Path(sys.argv[1]), int(sys.argv[2])
    connect: database.Connect = database.connect
    if len(sys.argv) > 3:
        disk = DeadlyDisk()
        disk.stumble = int(sys.argv[3])
        connect = disk.connect
    store = SqliteStore(data, connect=connect)
    store.sweep()
    victim = Victim(store, random.Random(seed))
    for number in itertools.count():
        victim.accept()
        victim.go_out()
        victim.fail()
        if number % 3 == 2:
            victim.tidy()


if __name__ == "__main__":
    main()
