"""The whole server killed between any two writes while it takes mail, delivers it, sends it on and sends it back: whoever
got a 250 finds the letter at its next hop, in the mailbox, or back with its sender; and where there are two, we know why.
"""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path

import apsw

from kit.busy_office import AWAY, BusyOffice

VICTIM = Path(__file__).with_name("office_victim.py")

STEPS = range(1, 76)
"""Each life of the server ends at the next one: from before the first write of all to the third letter and beyond."""
KILLED = 128 + signal.SIGKILL if os.geteuid() == 0 else -signal.SIGKILL
"""How it ends; of one that root has started, the process that keeps root's rights says so."""
ON_THEIR_WAY = 5
"""Letters that a next hop gets at a time, to begin with."""


def is_sound(data: Path) -> None:
    with closing(apsw.Connection(str(data / "store.db"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_killed_before_any_write_it_loses_nothing_that_got_its_250(folder: Path) -> None:
    with BusyOffice(folder) as busy:
        first = busy.server()
        first.start()
        assert first.stop() == 0
        for step in STEPS:
            server = busy.server(VICTIM, "kill", step)
            server.launch()
            if server.wait_until_it_listens_or_ends():
                busy.post_until_it_is_gone(server)
            assert server.ended() == KILLED
        last = busy.server()
        last.start()
        busy.office.wait_until_nothing_waits()
        assert last.stop() == 0
        twice = busy.account()
    is_sound(folder / "data")
    print(f"{len(busy.posted.taken)} of {len(busy.posted.letters)} letters were taken; twice: {dict(twice)}")
    assert len(busy.posted.taken) > len(STEPS)
    # It had the letter, and we died before we had written down that it has.
    assert twice.pop(AWAY) <= len(STEPS) * ON_THEIR_WAY
    assert not +twice
